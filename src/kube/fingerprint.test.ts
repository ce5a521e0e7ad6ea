import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { type JsonObject, mergePatch } from '../testing/kube-json.ts';
import { deployment } from '../testing/kube-objects.ts';
import { fingerprintOf } from './fingerprint.ts';

const web = deployment({
  name: 'web',
  image: 'r.test/o/web:main',
  annotations: { team: 'a' },
  replicas: 2,
});

function changed(patch: JsonObject): JsonObject {
  return mergePatch(web, patch);
}

function containersOf(...names: readonly string[]): JsonObject {
  const containers = names.map((name) => ({ name }));
  return changed({ spec: { template: { spec: { containers } } } });
}

describe('case 29: what must be the same when the PATCH goes out', () => {
  const same: readonly (readonly [string, JsonObject])[] = [
    ['status', { status: { readyReplicas: 1 } }],
    ['the version', { metadata: { resourceVersion: '2' } }],
    ['generation, which scaling counts up', { metadata: { generation: 2 } }],
    ['managed fields', { metadata: { managedFields: [{ manager: 'x' }] } }],
    [
      'annotations of the Deployment controller',
      { metadata: { annotations: { 'deployment.kubernetes.io/revision': '2' } } },
    ],
    ['another number of replicas', { spec: { replicas: 9 } }],
    ['replicas left out', { spec: { replicas: null } }],
    ['kind and apiVersion, which items of a list lack', { kind: null, apiVersion: null }],
  ];
  for (const [name, patch] of same) {
    test(`${name}: does not count`, () => {
      assert.equal(fingerprintOf(changed(patch)), fingerprintOf(web));
    });
  }

  test('the order of keys does not count, that of lists does', () => {
    assert.equal(fingerprintOf(reversed(web)), fingerprintOf(web));
    assert.notEqual(fingerprintOf(containersOf('a', 'b')), fingerprintOf(containersOf('b', 'a')));
  });

  test('no annotations are as good as none at all', () => {
    const none = changed({ metadata: { annotations: null } });
    const empty = mergePatch(none, { metadata: { annotations: {} } });
    assert.equal(fingerprintOf(empty), fingerprintOf(none));
  });

  const other: readonly (readonly [string, JsonObject])[] = [
    ['scaled to zero', { spec: { replicas: 0 } }],
    ['paused', { spec: { paused: true } }],
    ['the image', { spec: { template: { spec: { containers: [{ name: 'app', image: 'x' }] } } } }],
    ['an annotation', { metadata: { annotations: { team: 'b' } } }],
    ['a label', { metadata: { labels: { 'kube-autorollout/enabled': 'false' } } }],
    ['an owner', { metadata: { ownerReferences: [{ uid: '1' }] } }],
    ['the beginning of a deletion', { metadata: { deletionTimestamp: '2026-01-01T00:00:00Z' } }],
    ['another object of that name', { metadata: { uid: '2' } }],
    ['a field that nobody knows yet', { spec: { future: null, more: 1 } }],
  ];
  for (const [name, patch] of other) {
    test(`${name}: counts`, () => {
      assert.notEqual(fingerprintOf(changed(patch)), fingerprintOf(web));
    });
  }
});

/** The same object with its keys the other way round, all the way down. */
function reversed(value: JsonObject): JsonObject {
  const entries = Object.entries(value).toReversed();
  return Object.fromEntries(
    entries.map(([key, inner]) => [key, isMap(inner) ? reversed(inner) : inner]),
  );
}

function isMap(value: JsonObject[string]): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
