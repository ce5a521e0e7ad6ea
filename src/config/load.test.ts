import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { failure, loadValid, problemsOf } from '../testing/config-files.ts';
import { formatProblem, loadConfig } from './load.ts';

const defaults = {
  cronSchedule: '0 * * * * *',
  timeZone: 'UTC',
  jitterSeconds: 10,
  runOnStart: true,
  selector: 'kube-autorollout/enabled=true',
  defaultRegistry: 'docker.io',
  registries: [],
  tls: { caCertificates: [] },
  webserver: { port: 8080 },
  pullPolicy: { ifNotPresent: 'skip' },
  platforms: [],
  convergence: { maxRestartsPerDigest: 1 },
  fieldManager: 'kube-autorollout',
  featureFlags: { enableKubectlAnnotation: false, enableJfrogArtifactoryFallback: false },
};

describe('what counts as the defaults', () => {
  const rows: readonly (readonly [name: string, text: string])[] = [
    ['comments only', '# nothing yet ${NOT_EXPANDED}\n'],
    ['an empty map', '{}'],
    ['null', '~'],
    ['a document start and nothing', '---\n'],
    [
      'sections with nothing in them',
      'cronSchedule:\ntls:\nregistries:\nwebserver: ~\nplatforms: null\nfeatureFlags:\n  enableKubectlAnnotation:\n',
    ],
    ['a byte order mark', '\uFEFFwebserver: {}'],
  ];
  for (const [name, text] of rows) {
    test(name, async () => assert.deepEqual((await loadValid(text)).config, defaults));
  }

  for (const text of ['', '\n \n']) {
    test(`but not an empty file (${JSON.stringify(text)})`, async () => {
      assert.deepEqual(await problemsOf(text), [
        'config.yaml:1:1: the config file is empty; write {} for the defaults, or name no file',
      ]);
    });
  }

  test('no file at all', async () => {
    const loaded = await loadConfig(undefined, { environment: {} });
    assert.deepEqual(loaded, { ok: true, config: defaults, warnings: [], files: [] });
  });
});

test('every key takes effect', async () => {
  const { config } = await loadValid(`
cronSchedule: "*/5 * * * *"
timeZone: Europe/Berlin
jitterSeconds: 0.5
runOnStart: false
selector: "app in (a,b),!legacy"
defaultRegistry: registry.corp:5000
webserver: { port: 0 }
pullPolicy: { ifNotPresent: restart }
platforms: [linux/amd64, linux/arm64/v8]
convergence: { maxRestartsPerDigest: 3 }
fieldManager: flux-client-side-apply
featureFlags: { enableKubectlAnnotation: true, enableJfrogArtifactoryFallback: true }
`);
  assert.deepEqual(config, {
    cronSchedule: '*/5 * * * *',
    timeZone: 'Europe/Berlin',
    jitterSeconds: 0.5,
    runOnStart: false,
    selector: 'app in (a,b),!legacy',
    defaultRegistry: 'registry.corp:5000',
    registries: [],
    tls: { caCertificates: [] },
    webserver: { port: 0 },
    pullPolicy: { ifNotPresent: 'restart' },
    platforms: [
      { os: 'linux', architecture: 'amd64' },
      { os: 'linux', architecture: 'arm64' },
    ],
    convergence: { maxRestartsPerDigest: 3 },
    fieldManager: 'flux-client-side-apply',
    featureFlags: { enableKubectlAnnotation: true, enableJfrogArtifactoryFallback: true },
  });
});

describe('the config file itself', () => {
  const rows: readonly (readonly [name: string, code: string, want: string])[] = [
    ['missing', 'ENOENT', 'config.yaml: the config file does not exist'],
    ['a folder', 'EISDIR', 'config.yaml: the config file is a folder, not a file'],
    ['forbidden', 'EACCES', 'config.yaml: the config file may not be read: permission denied'],
    ['broken', 'EIO', 'config.yaml: the config file cannot be read (EIO)'],
  ];
  for (const [name, code, want] of rows) {
    test(name, async () => {
      const loaded = await loadConfig('config.yaml', {
        environment: {},
        readFile: async (path) => Promise.reject(failure(code, path)),
      });
      assert.deepEqual(loaded.ok ? [] : loaded.problems.map(formatProblem), [want]);
    });
  }

  test('binary', async () => {
    for (const bytes of [new Uint8Array([0xff, 0xfe, 0x00]), Buffer.from('a: \0')]) {
      const loaded = await loadConfig('config.yaml', {
        environment: {},
        readFile: async () => bytes,
      });
      assert.deepEqual(loaded.ok ? [] : loaded.problems.map(formatProblem), [
        'config.yaml: the config file is no text in UTF-8',
      ]);
    }
  });
});
