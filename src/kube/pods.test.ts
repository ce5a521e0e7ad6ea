import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';

import { isObject, type JsonObject, listAt, mergePatch } from '../testing/kube-json.ts';
import { parsePod } from './pods.ts';
import { parseReplicaSet } from './replica-sets.ts';

function fixture(name: string): JsonObject {
  const url = new URL(`../../fixtures/kubernetes/${name}`, import.meta.url);
  const document: unknown = JSON.parse(readFileSync(url, 'utf8'));
  assert.ok(isObject(document));
  return document;
}

const running = fixture('pod-running.json');

function readyWith(conditions: readonly JsonObject[]): boolean {
  return parsePod(mergePatch(running, { status: { conditions } })).ready;
}

describe('parsePod', () => {
  test('case 13: names the controller owner and the hash of the revision', () => {
    const pod = parsePod(running);
    assert.equal(pod.owner?.kind, 'ReplicaSet');
    assert.equal(pod.owner.name, `web-${pod.templateHash}`);
    assert.equal(pod.revisionHash, undefined);
    const reference = { kind: 'Thing', name: 't', uid: 'u' };
    const adopted = { metadata: { ownerReferences: [{ ...reference, controller: false }] } };
    assert.equal(parsePod(mergePatch(running, adopted)).owner, undefined);
    const [pending] = listAt(fixture('pods-pending.json'), 'items');
    assert.equal(parsePod(pending).owner?.kind, 'StatefulSet');
    assert.match(parsePod(pending).revisionHash ?? '', /^db-/);
  });

  test('case 15: tells after which change of its template a Pod of a DaemonSet was made', () => {
    const labels = { 'controller-revision-hash': '5d4f', 'pod-template-generation': '3' };
    const pod = parsePod(mergePatch(running, { metadata: { labels } }));
    assert.deepEqual([pod.revisionHash, pod.templateGeneration], ['5d4f', '3']);
    assert.equal(parsePod(running).templateGeneration, undefined);
  });

  test('case 15: is ready when its condition of that name says so', () => {
    assert.equal(readyWith([{ type: 'Ready', status: 'True' }]), true);
    const others = { type: 'Initialized', status: 'True' };
    assert.equal(readyWith([others, { type: 'Ready', status: 'False' }]), false);
    assert.equal(readyWith([others, { type: 'Ready', status: 'Unknown' }]), false);
    assert.equal(readyWith([]), false);
  });

  test('case 10: joins by the name of the container, not by order or status.image', () => {
    const app = parsePod(running).containers.find(({ name }) => name === 'app');
    assert.equal(app?.imageId, `ghcr.io/o/web@sha256:${'e'.repeat(64)}`);
  });

  test('case 17 and 19: tells init containers, sidecars and others apart, and leaves out ephemeral ones', () => {
    assert.deepEqual(
      parsePod(running).containers.map(({ name, role, imageId }) => [
        name,
        role,
        imageId.slice(-1),
      ]),
      [
        ['migrate', 'init', 'a'],
        ['proxy', 'sidecar', 'b'],
        ['app', 'container', 'e'],
        ['exporter', 'container', ''],
        ['istio-proxy', 'container', 'c'],
      ],
    );
  });

  test('case 11: an imageID that is not there yet is empty, with the reason of the wait', () => {
    const exporter = parsePod(running).containers.find(({ name }) => name === 'exporter');
    assert.deepEqual(exporter, {
      name: 'exporter',
      role: 'container',
      imageId: '',
      waiting: 'ErrImageNeverPull',
    });
    const [pending] = listAt(fixture('pods-pending.json'), 'items');
    assert.deepEqual(parsePod(pending).containers, [
      { name: 'app', role: 'container', imageId: '' },
    ]);
    assert.equal(parsePod(pending).phase, 'Pending');
    assert.equal(parsePod(pending).ready, false);
  });

  test('case 14: tells Pods that are going or gone', () => {
    assert.equal(parsePod(running).terminating, false);
    assert.equal(parsePod(running).ready, true);
    const going = { metadata: { deletionTimestamp: '2026-01-01T00:00:00Z' } };
    assert.equal(parsePod(mergePatch(running, going)).terminating, true);
    for (const phase of ['Succeeded', 'Failed', 'Unknown', 'Pending'] as const) {
      assert.equal(parsePod(mergePatch(running, { status: { phase } })).phase, phase);
    }
    assert.equal(parsePod(mergePatch(running, { status: { phase: 'New' } })).phase, 'Unknown');
    assert.equal(parsePod(mergePatch(running, { status: null })).phase, 'Pending');
  });

  test('keeps the pull Secrets, the service account’s included by then, and the age', () => {
    const pod = parsePod(running);
    assert.deepEqual(pod.pullSecrets, ['regcred']);
    assert.ok(pod.createdAt > new Date('2026-01-01'));
    assert.throws(() => parsePod(mergePatch(running, { metadata: { creationTimestamp: 'soon' } })));
  });
});

describe('parseReplicaSet', () => {
  test('case 15: reads owner, revision and hash from metadata alone', () => {
    const items = listAt(fixture('replicasets-metadata.json'), 'items').map(parseReplicaSet);
    assert.deepEqual(
      items.map(({ name, revision, templateHash }) => [name === `web-${templateHash}`, revision]),
      [
        [true, 1],
        [true, 2],
      ],
    );
    assert.equal(new Set(items.map(({ ownerUid }) => ownerUid)).size, 1);
  });

  test('a revision that is missing or no number is 0', () => {
    const metadata = { name: 'x', annotations: { 'deployment.kubernetes.io/revision': 'two' } };
    assert.equal(parseReplicaSet({ metadata }).revision, 0);
    assert.deepEqual(parseReplicaSet({ metadata: { name: 'x' } }), { name: 'x', revision: 0 });
  });
});
