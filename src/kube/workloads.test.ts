import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';

import { type RolloutFacts, type WorkloadKind, workloadKinds } from '../rollout/workload.ts';
import { isObject, type JsonObject, listAt, mergePatch } from '../testing/kube-json.ts';
import { workload } from '../testing/kube-objects.ts';
import { parseWorkload } from './workloads.ts';

/** As a server would give it. */
function stored(kind: WorkloadKind, change: JsonObject = {}): JsonObject {
  const metadata = { uid: 'u', resourceVersion: '1', generation: 1 };
  const object = workload(kind, { name: 'web', image: 'r.test/o/web:main' });
  return mergePatch(mergePatch(object, { metadata }), change);
}

function fixture(name: string): JsonObject {
  const url = new URL(`../../fixtures/kubernetes/${name}`, import.meta.url);
  const document: unknown = JSON.parse(readFileSync(url, 'utf8'));
  assert.ok(isObject(document));
  return document;
}

function rollout(kind: WorkloadKind, change: JsonObject): RolloutFacts {
  return parseWorkload(kind, stored(kind, change)).rollout;
}

function print(change: JsonObject): string {
  return parseWorkload('Deployment', stored('Deployment', change)).fingerprint;
}

describe('parseWorkload', () => {
  test('reads a Deployment as a real API server lists it', () => {
    const [item] = listAt(fixture('deployments.json'), 'items');
    const { fingerprint, id, ...facts } = parseWorkload('Deployment', item);
    assert.equal(fingerprint.length, 64);
    assert.equal(id.name, 'web');
    assert.match(id.uid, /^[0-9a-f-]{36}$/);
    const { resourceVersion, observedGeneration, generation, ...rest } = facts;
    assert.match(resourceVersion, /^\d+$/);
    assert.equal(observedGeneration, generation);
    const { annotations, template, rollout: state } = rest;
    assert.deepEqual(Object.keys(annotations).toSorted(), [
      'kube-autorollout/containers',
      'kube-autorollout/last-restart',
    ]);
    assert.deepEqual(
      template.containers.map(({ name, role, pullPolicy }) => [name, role, pullPolicy]),
      [
        ['migrate', 'init', 'IfNotPresent'],
        ['proxy', 'sidecar', 'IfNotPresent'],
        ['app', 'container', 'Always'],
        ['exporter', 'container', 'Never'],
        ['model', 'volume', 'Always'],
      ],
    );
    assert.deepEqual(template.pullSecrets, ['regcred']);
    assert.deepEqual(Object.keys(template.annotations), ['kube-autorollout/restartedAt']);
    assert.equal(state.kind, 'Deployment');
  });

  test('reads an object of a list and on its own as the same', () => {
    const listed = listAt(fixture('deployments.json'), 'items')[0];
    const alone = fixture('deployment-web.json');
    assert.deepEqual(parseWorkload('Deployment', alone), parseWorkload('Deployment', listed));
  });

  test('reads a StatefulSet and a DaemonSet as a real API server lists them', () => {
    const [db] = listAt(fixture('statefulsets.json'), 'items');
    const facts = parseWorkload('StatefulSet', db).rollout;
    assert.ok(facts.kind === 'StatefulSet');
    assert.deepEqual(
      { ...facts, currentRevision: '', updateRevision: '' },
      {
        kind: 'StatefulSet',
        strategy: 'RollingUpdate',
        podManagement: 'Parallel',
        partition: 6,
        firstOrdinal: 5,
        replicas: 3,
        statusReplicas: 3,
        updatedReplicas: facts.updatedReplicas,
        readyReplicas: 0,
        currentRevision: '',
        updateRevision: '',
      },
    );
    assert.match(facts.updateRevision, /^db-/);
    const [log] = listAt(fixture('daemonsets.json'), 'items');
    const { rollout: state, template } = parseWorkload('DaemonSet', log);
    assert.deepEqual(state, {
      kind: 'DaemonSet',
      strategy: 'OnDelete',
      desired: 0,
      updated: 0,
      available: 0,
      templateGeneration: '2',
    });
    assert.deepEqual(template.platforms, [{ os: 'linux', architecture: 'arm64' }]);
  });

  test('case 25: replicas left out is 1, and 0 is 0', () => {
    for (const kind of ['Deployment', 'StatefulSet'] as const) {
      const unset = rollout(kind, { spec: { replicas: null } });
      assert.equal(unset.kind === kind && unset.replicas, 1);
      const zero = rollout(kind, { spec: { replicas: 0 } });
      assert.equal(zero.kind === kind && zero.replicas, 0);
    }
  });

  test('case 15: reads what tells a rollout in progress from a stalled one', () => {
    const condition = { type: 'Progressing', status: 'False', reason: 'ProgressDeadlineExceeded' };
    const available = { type: 'Available', status: 'False', reason: 'MinimumReplicasUnavailable' };
    const status = { observedGeneration: 3, replicas: 4, updatedReplicas: 1, availableReplicas: 2 };
    const read = (conditions: readonly JsonObject[]): RolloutFacts =>
      rollout('Deployment', { status: { ...status, conditions } });
    assert.deepEqual(read([available, condition]), {
      kind: 'Deployment',
      paused: false,
      strategy: 'RollingUpdate',
      replicas: 1,
      statusReplicas: 4,
      updatedReplicas: 1,
      availableReplicas: 2,
      progressDeadlineExceeded: true,
    });
    const going = read([{ ...condition, status: 'True', reason: 'ReplicaSetUpdated' }]);
    assert.equal(going.kind === 'Deployment' && going.progressDeadlineExceeded, false);
    const facts = parseWorkload('Deployment', stored('Deployment', { status }));
    assert.deepEqual([facts.generation, facts.observedGeneration], [1, 3]);
    const daemons = {
      desiredNumberScheduled: 3,
      updatedNumberScheduled: 2,
      numberAvailable: 1,
      numberReady: 9,
    };
    assert.deepEqual(rollout('DaemonSet', { status: daemons }), {
      kind: 'DaemonSet',
      strategy: 'RollingUpdate',
      desired: 3,
      updated: 2,
      available: 1,
    });
  });

  test('case 15: one that was just created has no status, and nobody has seen it', () => {
    const fresh = { spec: { updateStrategy: null, strategy: null, ordinals: null }, status: null };
    for (const kind of workloadKinds) {
      const { generation, observedGeneration } = parseWorkload(kind, stored(kind, fresh));
      assert.deepEqual([generation, observedGeneration], [1, 0]);
    }
    assert.deepEqual(rollout('Deployment', fresh), {
      kind: 'Deployment',
      paused: false,
      strategy: 'RollingUpdate',
      replicas: 1,
      statusReplicas: 0,
      updatedReplicas: 0,
      availableReplicas: 0,
      progressDeadlineExceeded: false,
    });
    assert.deepEqual(rollout('StatefulSet', fresh), {
      kind: 'StatefulSet',
      strategy: 'RollingUpdate',
      podManagement: 'OrderedReady',
      partition: 0,
      firstOrdinal: 0,
      replicas: 1,
      statusReplicas: 0,
      updatedReplicas: 0,
      readyReplicas: 0,
      currentRevision: '',
      updateRevision: '',
    });
    assert.deepEqual(rollout('DaemonSet', fresh), {
      kind: 'DaemonSet',
      strategy: 'RollingUpdate',
      desired: 0,
      updated: 0,
      available: 0,
    });
  });

  test('case 24: reads how far a StatefulSet is', () => {
    const status = { replicas: 5, updatedReplicas: 2, readyReplicas: 4, currentRevision: 'web-a' };
    const facts = rollout('StatefulSet', { status: { ...status, updateRevision: 'web-b' } });
    assert.ok(facts.kind === 'StatefulSet');
    const { statusReplicas, updatedReplicas, readyReplicas, currentRevision } = facts;
    assert.deepEqual(
      [statusReplicas, updatedReplicas, readyReplicas, currentRevision, facts.updateRevision],
      [5, 2, 4, 'web-a', 'web-b'],
    );
  });

  test('case 23 and 24: reads paused, Recreate and OnDelete', () => {
    const paused = rollout('Deployment', {
      spec: { paused: true, strategy: { type: 'Recreate' } },
    });
    assert.ok(paused.kind === 'Deployment');
    assert.deepEqual([paused.paused, paused.strategy], [true, 'Recreate']);
    const manual = { spec: { updateStrategy: { type: 'OnDelete', rollingUpdate: null } } };
    for (const kind of ['StatefulSet', 'DaemonSet'] as const) {
      const facts = rollout(kind, manual);
      assert.equal(facts.kind === kind && facts.strategy, 'OnDelete');
    }
  });

  test('case 21: a selector with matchExpressions only is nothing to stumble over', () => {
    const matchExpressions = [
      { key: 'a', operator: 'In', values: ['b'] },
      { key: 'c', operator: 'DoesNotExist' },
    ];
    const change = { spec: { selector: { matchLabels: null, matchExpressions } } };
    assert.equal(parseWorkload('Deployment', stored('Deployment', change)).id.name, 'web');
  });

  test('case 22: a policy that is left out is what the API server would fill in', () => {
    const rows = [
      ['r/app', 'Always'],
      ['r/app:latest', 'Always'],
      ['localhost:5000/app', 'Always'],
      ['localhost:5000/app:1', 'IfNotPresent'],
      ['r/app:1', 'IfNotPresent'],
      [`r/app:latest@sha256:${'a'.repeat(64)}`, 'IfNotPresent'],
    ] as const;
    for (const [image, policy] of rows) {
      const containers = [{ name: 'app', image }];
      const change = { spec: { template: { spec: { containers } } } };
      const [container] = parseWorkload('Deployment', stored('Deployment', change)).template
        .containers;
      assert.equal(container?.pullPolicy, policy, image);
    }
  });

  test('keeps of the annotations only its own, also beside one of a megabyte (case 61)', () => {
    const annotations = {
      'kube-autorollout/hold': 'true',
      'kubectl.kubernetes.io/last-applied-configuration': 'x'.repeat(1024 * 1024),
    };
    const facts = parseWorkload('Deployment', stored('Deployment', { metadata: { annotations } }));
    assert.deepEqual(facts.annotations, { 'kube-autorollout/hold': 'true' });
  });
});

describe('the fingerprint (case 29)', () => {
  const before = print({});

  const same: Readonly<Record<string, JsonObject>> = {
    status: { status: { replicas: 3, conditions: [{ type: 'Available', status: 'True' }] } },
    resourceVersion: { metadata: { resourceVersion: '2' } },
    generation: { metadata: { generation: 9 } },
    managedFields: { metadata: { managedFields: [{ manager: 'x' }] } },
    'annotations of the controller': {
      metadata: { annotations: { 'deployment.kubernetes.io/revision': '3' } },
    },
    'replicas that stay above 0': { spec: { replicas: 5 } },
    'kind and apiVersion, which lists leave out': { kind: null, apiVersion: null },
  };
  for (const [name, change] of Object.entries(same)) {
    test(`does not change with ${name}`, () => assert.equal(print(change), before));
  }

  const different: Readonly<Record<string, JsonObject>> = {
    'replicas 0': { spec: { replicas: 0 } },
    'the uid': { metadata: { uid: 'other' } },
    'a label': { metadata: { labels: { a: 'b' } } },
    'an annotation': { metadata: { annotations: { a: 'b' } } },
    'last-restart': { metadata: { annotations: { 'kube-autorollout/last-restart': '{}' } } },
    deletion: { metadata: { deletionTimestamp: '2026-01-01T00:00:00Z' } },
    'an owner': { metadata: { ownerReferences: [{ uid: 'o' }] } },
    paused: { spec: { paused: true } },
    'an environment variable': {
      spec: { template: { spec: { containers: [{ name: 'app', env: [{ name: 'a' }] }] } } },
    },
    'a field that nobody knows': { spec: { brandNew: 1 } },
  };
  for (const [name, change] of Object.entries(different)) {
    test(`changes with ${name}`, () => assert.notEqual(print(change), before));
  }

  test('does not depend on the order of keys', () => {
    const { metadata, spec, ...rest } = stored('Deployment');
    const turned = { spec, ...rest, metadata };
    assert.equal(parseWorkload('Deployment', turned).fingerprint, before);
  });
});
