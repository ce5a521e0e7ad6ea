import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';

import { candidatesOf, ruleFor } from '../credentials/rules.ts';
import { parseReference } from '../image/reference.ts';
import { loadValid, problemsOf } from '../testing/config-files.ts';
import type { Config } from './config.ts';

function fixture(name: string): string {
  return readFileSync(new URL(`../../fixtures/configs/${name}`, import.meta.url), 'utf8');
}

const dockerConfig = (host: string): string =>
  JSON.stringify({ auths: { [host]: { username: 'janedoe', password: `for ${host}` } } });

/** What would be sent for an image, secrets shown. */
function sent(config: Config, image: string): readonly unknown[] {
  const reference = parseReference(image);
  const rule = ruleFor(config.registries, reference);
  const candidates = rule === undefined ? [] : candidatesOf(rule, reference);
  return candidates.map(({ credential }) =>
    credential.type === 'basic'
      ? [credential.username, credential.password.reveal()]
      : `Bearer ${credential.token.reveal()}`,
  );
}

describe("the example of the predecessor's README", () => {
  const desktop = 'C:/Users/<YourUser>/Desktop/kube-autorollout';
  const world = {
    environment: { REGISTRY_TOKEN: 'identity-token' },
    files: {
      [`${desktop}/docker-io/.dockerconfigjson`]: dockerConfig('https://index.docker.io/v1/'),
      [`${desktop}/ghcr-io/.dockerconfigjson`]: dockerConfig('ghcr.io'),
    },
  };

  test('loads, and means the same', async () => {
    const { config, warnings } = await loadValid(fixture('predecessor-readme.yaml'), world);
    assert.deepEqual(warnings, []);
    assert.equal(config.cronSchedule, '*/45 * * * * *');
    assert.equal(config.webserver.port, 8080);
    assert.deepEqual(config.tls.caCertificates, []);
    assert.deepEqual(config.featureFlags, {
      enableJfrogArtifactoryFallback: false,
      enableKubectlAnnotation: false,
    });
    const hub = [['janedoe', 'for https://index.docker.io/v1/']];
    assert.deepEqual(sent(config, 'nginx'), hub);
    assert.deepEqual(sent(config, 'registry-1.docker.io/o/web'), hub);
    assert.deepEqual(sent(config, 'ghcr.io/o/web'), [['janedoe', 'for ghcr.io']]);
    assert.deepEqual(sent(config, 'docker.artifactory.example.com/o/web'), [
      'Bearer identity-token',
    ]);
    assert.deepEqual(sent(config, 'a.b.artifactory.example.com/o/web'), ['Bearer identity-token']);
    assert.deepEqual(sent(config, 'quay.io/o/web'), []);
  });

  test('a missing variable is a problem, where the predecessor panics', async () => {
    assert.deepEqual(await problemsOf(fixture('predecessor-readme.yaml'), { files: world.files }), [
      'config.yaml:12:14 registries.1.secret.token: the environment variable REGISTRY_TOKEN is not set',
    ]);
  });
});

describe("a config as the predecessor's chart renders it", () => {
  const world = {
    environment: { IDENTITY_TOKEN: '0123456789' },
    files: {
      '/etc/secrets/registries/ghcr.io/.dockerconfigjson': dockerConfig('https://ghcr.io'),
      '/etc/secrets/registries/quay.io/.dockerconfigjson': dockerConfig('quay.io'),
    },
  };

  test('loads, and means the same', async () => {
    const { config, warnings } = await loadValid(fixture('predecessor-chart.yaml'), world);
    assert.deepEqual(warnings, []);
    assert.deepEqual(config.featureFlags, {
      enableJfrogArtifactoryFallback: true,
      enableKubectlAnnotation: true,
    });
    assert.deepEqual(sent(config, 'ghcr.io/o/web'), [['janedoe', 'for https://ghcr.io']]);
    assert.deepEqual(sent(config, 'r.artifactory.example.com/web'), ['Bearer 0123456789']);
    assert.deepEqual(sent(config, 'another-artifactory.example.com/r/web'), [
      ['robot', '0123456789'],
    ]);
    assert.deepEqual(sent(config, 'quay.io/o/web'), [['janedoe', 'for quay.io']]);
    assert.deepEqual(sent(config, 'public.example.com/web'), []);
  });
});

test("the chart's own config loads", async () => {
  const golden = new URL('../../fixtures/helm/predecessor-defaults.golden.yaml', import.meta.url);
  const block = /^ {2}config\.yaml: \|\n(?<text>(?: {4}.*\n)+)/m.exec(readFileSync(golden, 'utf8'));
  const { config } = await loadValid((block?.groups?.['text'] ?? '').replaceAll(/^ {4}/gm, ''));
  assert.equal(config.registries[0]?.hostnamePattern, 'ghcr.io');
  assert.deepEqual(config.registries[0]?.secret, { type: 'none' });
});
