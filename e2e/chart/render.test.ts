import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, test } from 'node:test';
import { z } from 'zod';
import packageJson from '../../package.json' with { type: 'json' };
import {
  chart,
  chartWithDefaults,
  fixtures,
  helm,
  Manifests,
  render,
  renderText,
  setups,
  valuesOf,
} from './helm.ts';

const text = { serializers: [String] };

const variableSchema = z.object({
  name: z.string(),
  value: z.string().optional(),
  valueFrom: z.object({ secretKeyRef: z.object({ name: z.string(), key: z.string() }) }).optional(),
});

/** The values of a container's `env`, by name; each name there once. */
function variablesOf(env: unknown): ReadonlyMap<string, unknown> {
  const variables = z.array(variableSchema).parse(env);
  const byName = new Map(
    variables.map(({ name, value, valueFrom }) => [name, value ?? valueFrom?.secretKeyRef]),
  );
  assert.equal(byName.size, variables.length);
  return byName;
}

describe('chart', () => {
  test('passes helm lint --strict with every setup', () => {
    for (const setup of setups) {
      const run = helm(['lint', '--strict', chart, '--values', valuesOf(setup)]);
      assert.ok(run.ok, `${setup}: ${run.stdout}${run.stderr}`);
    }
  });

  for (const setup of setups) {
    // After a change on purpose: node --test --test-update-snapshots e2e/chart/render.test.ts
    test(`renders ${setup} as before`, (t) => {
      t.assert.fileSnapshot(render(valuesOf(setup)), join(fixtures, `${setup}.golden.yaml`), text);
    });
  }

  test('installs the version of package.json', () => {
    const manifests = new Manifests(render(valuesOf('defaults')));
    const labels = ['metadata', 'labels', 'app.kubernetes.io/version'];
    assert.equal(manifests.get('Deployment', ...labels), packageJson.version);
  });

  test('makes nothing cluster-wide, and grants no verb on everything', () => {
    for (const setup of setups) {
      const rendered = render(valuesOf(setup));
      const namespaced = [
        'ConfigMap',
        'Deployment',
        'Pod',
        'Role',
        'RoleBinding',
        'Secret',
        'Service',
      ];
      const ofPrometheus = ['PrometheusRule', 'ServiceMonitor'];
      for (const kind of new Manifests(rendered).kinds()) {
        assert.ok(
          [...namespaced, ...ofPrometheus, 'ServiceAccount'].includes(kind),
          `${setup}: ${kind}`,
        );
      }
      assert.doesNotMatch(rendered, /verbs: .*\*|resources: .*\*/, setup);
    }
  });

  test('does not ask for Secrets where rbac.secrets.enabled is false', () => {
    const rules = JSON.stringify(
      new Manifests(render(valuesOf('pull-secrets'))).get('Role', 'rules'),
    );
    assert.doesNotMatch(rules, /secrets/);
    assert.match(rules, /deployments/);
  });
});

describe('chart, for users of the predecessor', () => {
  test('keeps names and selectors, which an upgrade cannot change', () => {
    const manifests = new Manifests(render(valuesOf('predecessor-defaults')));
    const name = 'demo-kube-autorollout';
    const selector = {
      'app.kubernetes.io/name': 'kube-autorollout',
      'app.kubernetes.io/instance': 'demo',
    };
    assert.equal(manifests.get('Deployment', 'metadata', 'name'), name);
    assert.deepEqual(manifests.get('Deployment', 'spec', 'selector', 'matchLabels'), selector);
    assert.equal(manifests.get('ServiceAccount', 'metadata', 'name'), name);
    assert.equal(manifests.get('ConfigMap', 'metadata', 'name'), `${name}-config`);
    assert.equal(manifests.get('Role', 'metadata', 'name'), `${name}-role`);
    assert.equal(manifests.get('RoleBinding', 'metadata', 'name'), `${name}-rolebinding`);
    assert.equal(manifests.get('RoleBinding', 'roleRef', 'name'), `${name}-role`);
  });

  test('renders where helm upgrade --reuse-values leaves its defaults and none of ours', () => {
    const copy = chartWithDefaults(valuesOf('predecessor-defaults'));
    try {
      writeFileSync(join(copy, 'empty.yaml'), '');
      const manifests = new Manifests(render(join(copy, 'empty.yaml'), copy));
      const config = String(manifests.get('ConfigMap', 'data', 'config.yaml'));
      assert.match(config, /cronSchedule: "\*\/45 \* \* \* \* \*"/);
      assert.doesNotMatch(config, /null/);
    } finally {
      rmSync(dirname(copy), { recursive: true });
    }
  });

  test('two Opaque rules with the same key do not collide, and a literal token is not empty', () => {
    const manifests = new Manifests(render(valuesOf('opaque')));
    const config = String(manifests.get('ConfigMap', 'data', 'config.yaml'));
    const files = [...config.matchAll(/"tokenFile":"([^"]+)"/g)].map(([, file]) => file);
    assert.equal(new Set(files).size, 4, config);
    assert.doesNotMatch(config, /literal-token/, 'a ConfigMap is no place for a token');
    const token = String(manifests.get('Secret', 'data', 'registry-2'));
    assert.equal(Buffer.from(token, 'base64').toString(), 'literal-token');
  });

  test('gives a Secret by the name of its key to the values that name it, as the predecessor did', () => {
    const env = ['spec', 'template', 'spec', 'containers', 0, 'env'];
    const variables = variablesOf(
      new Manifests(render(valuesOf('variables'))).get('Deployment', ...env),
    );
    assert.deepEqual(variables.get('TOKEN'), { name: 'last', key: 'TOKEN' });
    assert.deepEqual(variables.get('ROBOT'), { name: 'robot', key: 'ROBOT' });
    assert.equal(variables.get('HOST'), 'registry.example.com', "the user's own comes first");
    assert.ok(!variables.has('UNNAMED'), 'a Secret that nothing names is a file only');
  });

  test('a literal token that holds an open "${" is no variable', () => {
    const secret = '{type: Opaque, token: "pa${ss"}';
    const rendered = renderText(
      `config: {registries: [{hostnamePattern: a.io, secret: ${secret}}]}`,
    );
    const token = String(new Manifests(rendered).get('Secret', 'data', 'registry-0'));
    assert.equal(Buffer.from(token, 'base64').toString(), 'pa${ss');
  });

  for (const [filter, level] of [
    ['info', 'info'],
    ['WARN', 'warn'],
    ['debug,kube=info', 'debug'],
    ['warn, kube_autorollout = trace', 'trace'],
    ['kube=debug', 'info'],
    ['off', 'error'],
  ] as const) {
    test(`logs at ${level} where config.logLevel is ${filter}`, () => {
      const rendered = renderText(`config: {logLevel: "${filter}"}`);
      const env = ['spec', 'template', 'spec', 'containers', 0, 'env'];
      const variables = variablesOf(new Manifests(rendered).get('Deployment', ...env));
      assert.equal(variables.get('LOG_LEVEL'), level);
    });
  }

  // The predecessor needs 10 MB, and so limits are small: the defaults of the other half must not contradict them.
  for (const [name, resources, wanted] of [
    ['a small limit', '{limits: {memory: 64Mi}}', ['64Mi', '64Mi']],
    ['a small limit in bytes', '{limits: {memory: 67108864}}', ['67108864', '67108864']],
    ['a large request', '{requests: {memory: 0.5Gi}}', ['0.5Gi', '0.5Gi']],
    ['a limit in between', '{limits: {memory: 200M}}', ['128Mi', '200M']],
    ['both', '{requests: {memory: 100Mi}, limits: {memory: 1Gi}}', ['100Mi', '1Gi']],
    ['no limit', '{limits: {memory: null}}', ['128Mi', undefined]],
  ] as const) {
    test(`takes ${name} of memory`, () => {
      const manifests = new Manifests(renderText(`resources: ${resources}`));
      const path = ['spec', 'template', 'spec', 'containers', 0, 'resources'];
      const memory = (half: string): unknown => {
        const value = manifests.get('Deployment', ...path, half, 'memory');
        return typeof value === 'number' ? String(value) : value;
      };
      assert.deepEqual([memory('requests'), memory('limits')], wanted);
    });
  }

  test('mounts certificates as folders, which follow a rotation, where that covers up nothing', () => {
    const container = ['spec', 'template', 'spec', 'containers', 0, 'volumeMounts'];
    const mounts = JSON.stringify(
      new Manifests(render(valuesOf('certificates'))).get('Deployment', ...container),
    );
    assert.match(mounts, /"mountPath":"\/etc\/secrets\/ca"/);
    assert.match(mounts, /"mountPath":"\/etc\/ssl\/certs\/three.crt",[^}]*"subPath"/);
    assert.match(mounts, /"mountPath":"\/etc\/secrets\/four.crt",[^}]*"subPath"/);
  });
});
