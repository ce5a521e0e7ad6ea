import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { readAnnotations } from './annotations.ts';

describe('annotations', () => {
  test('none ask for nothing', () => {
    assert.deepEqual(readAnnotations({}), {
      settings: { hold: false, ignoreContainers: new Set(), initContainers: false },
      problems: [],
    });
  });

  test('each is read', () => {
    const { settings, problems } = readAnnotations({
      'kube-autorollout/hold': 'true',
      'kube-autorollout/containers': 'app, worker',
      'kube-autorollout/ignore-containers': 'istio-proxy',
      'kube-autorollout/init-containers': ' true ',
      'kube-autorollout/if-not-present': 'restart',
      'kube-autorollout/last-restart': 'read elsewhere',
    });
    assert.deepEqual(problems, []);
    assert.deepEqual(settings, {
      hold: true,
      containers: new Set(['app', 'worker']),
      ignoreContainers: new Set(['istio-proxy']),
      initContainers: true,
      ifNotPresent: 'restart',
    });
  });

  test('what is said to be off is off', () => {
    const { settings, problems } = readAnnotations({
      'kube-autorollout/hold': 'false',
      'kube-autorollout/init-containers': 'false',
      'kube-autorollout/if-not-present': 'skip',
    });
    assert.deepEqual(problems, []);
    assert.deepEqual(settings, { ...readAnnotations({}).settings, ifNotPresent: 'skip' });
  });

  const bad = [
    { key: 'hold', value: 'yes', allowed: '"true" or "false"' },
    { key: 'hold', value: '', allowed: '"true" or "false"' },
    { key: 'init-containers', value: 'True', allowed: '"true" or "false"' },
    { key: 'containers', value: '', allowed: 'container names, separated by commas' },
    { key: 'containers', value: 'app;worker', allowed: 'container names, separated by commas' },
    { key: 'ignore-containers', value: 'app,', allowed: 'container names, separated by commas' },
    { key: 'ignore-containers', value: '*', allowed: 'container names, separated by commas' },
    { key: 'if-not-present', value: 'always', allowed: '"skip" or "restart"' },
  ] as const;
  for (const { key, value, allowed } of bad) {
    test(`${key}: "${value}" is quoted, with what is allowed`, () => {
      const { settings, problems } = readAnnotations({ [`kube-autorollout/${key}`]: value });
      assert.deepEqual(problems, [
        `annotation kube-autorollout/${key} is "${value}": allowed is ${allowed}`,
      ]);
      assert.deepEqual(settings, readAnnotations({}).settings);
    });
  }

  test('every bad value is told, not only the first', () => {
    const { problems } = readAnnotations({
      'kube-autorollout/hold': 'x',
      'kube-autorollout/containers': '-',
    });
    assert.equal(problems.length, 2);
  });

  test('case 61: a value of 1 MB with terminal escapes is cut and escaped', () => {
    const { problems } = readAnnotations({
      'kube-autorollout/containers': `\u001b[31m${'a,'.repeat(512 * 1024)}`,
    });
    assert.equal(problems.length, 1);
    assert.ok((problems[0] ?? '').length < 200);
    assert.match(problems[0] ?? '', /is "\\u\{1b\}\[31ma,a,/);
  });
});
