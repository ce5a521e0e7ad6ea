import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { parse } from 'yaml';
import * as z from 'zod';

import { createAuthority } from '../testing/certificates.ts';
import { loadValid } from '../testing/config-files.ts';
import { knownKeys } from './issues.ts';
import { configJsonSchema, configSchema } from './schema.ts';

const example = readFileSync(new URL('../../config.example.yaml', import.meta.url), 'utf8');

/** The example with its commented rules in the place of the empty list. */
function withRules(): string {
  const lines = example.split('\n');
  const start = lines.indexOf('# registries:');
  const end = lines.indexOf('tls:');
  const rules = lines.slice(start, end).map((line) => line.replace(/^# ?/, ''));
  return [...lines.slice(0, start), ...rules, ...lines.slice(end)]
    .filter((line) => line !== 'registries: []')
    .join('\n');
}

describe('config.example.yaml', () => {
  test('says the defaults', async () => {
    const { config, warnings } = await loadValid(example);
    const { config: defaults } = await loadValid('{}');
    assert.deepEqual(config, defaults);
    assert.deepEqual(warnings, []);
    assert.deepEqual(parse(example), configSchema.parse({}));
  });

  test('shows every key', () => {
    const text = withRules();
    for (const { name } of knownKeys()) {
      assert.match(text, new RegExp(`(?:^|\\s)${name}:(?: |$)`, 'm'), name);
    }
  });

  test('has rules that load where their files are there', async () => {
    const authority = await createAuthority();
    const client = await authority.issue(['client']);
    const { config } = await loadValid(withRules(), {
      files: {
        '/etc/secrets/registries/ghcr.io/.dockerconfigjson':
          '{"auths":{"ghcr.io":{"username":"u","password":"p"}}}',
        '/etc/secrets/registries/artifactory/token': 'token\n',
        '/etc/secrets/ca/artifactory.crt': authority.certificate,
        '/etc/secrets/client/tls.crt': client.certificate,
        '/etc/secrets/client/tls.key': client.key,
      },
    });
    assert.deepEqual(
      config.registries.map(({ secret }) => secret.type),
      ['docker-config', 'credential', 'options-only'],
    );
  });

  test('names its schema to editors in its first line', () => {
    assert.match(example, /^# yaml-language-server: \$schema=\S+\n/);
  });
});

const nodeSchema = z.looseObject({
  get properties() {
    return z.record(z.string(), nodeSchema).optional();
  },
  get items() {
    return nodeSchema.optional();
  },
});
type SchemaNode = z.infer<typeof nodeSchema>;

function nodesOf(node: SchemaNode, path = ''): readonly (readonly [string, SchemaNode])[] {
  const children = Object.entries({
    ...node.properties,
    ...(node.items !== undefined && { '[]': node.items }),
  });
  return [[path, node], ...children.flatMap(([name, child]) => nodesOf(child, `${path}/${name}`))];
}

describe('the JSON Schema', () => {
  const nodes = nodesOf(nodeSchema.parse(configJsonSchema()));

  test('is of a draft that YAML language servers take', () => {
    assert.equal(configJsonSchema().$schema, 'http://json-schema.org/draft-07/schema#');
  });

  test('has a title and a sentence for every key', () => {
    assert.ok(nodes.length > 30);
    for (const [path, node] of nodes) {
      if (node['type'] !== 'object' && path.endsWith('[]')) continue;
      assert.equal(typeof node['title'], 'string', path);
      assert.match(String(node['description']), /[.]$/, path);
    }
  });

  test('refuses unknown keys everywhere', () => {
    for (const [path, node] of nodes) {
      if (node['type'] === 'object') assert.equal(node['additionalProperties'], false, path);
    }
  });

  test('says the default of every key that has one, in its sentence too', () => {
    const requiredOrChart = /hostnamePattern$|secret\/(?:name|key|mountPath|token|tokenFile)$/;
    for (const [path, node] of nodes) {
      if (path === '' || node['type'] === 'object' || path.endsWith('[]')) continue;
      if (!requiredOrChart.test(path)) assert.match(String(node['description']), /Default/, path);
    }
    const port = nodes.find(([path]) => path === '/webserver/port')?.[1];
    assert.deepEqual(
      [port?.['type'], port?.['default'], port?.['minimum'], port?.['maximum']],
      ['integer', 8080, 0, 65535],
    );
  });

  test('asks for nothing but the pattern of a rule', () => {
    assert.deepEqual(
      nodes.flatMap(([path, node]) =>
        node['required'] === undefined ? [] : [[path, node['required']]],
      ),
      [['/registries/[]', ['hostnamePattern']]],
    );
  });
});
