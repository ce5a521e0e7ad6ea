import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { daemonSet, deployment, minutesAgo, now, pod, statefulSet } from '../testing/facts.ts';
import { indexPods } from './pod-index.ts';
import { followRollout, type ReplicaSetsRead } from './progress.ts';
import type { PodFacts, WorkloadFacts } from './workload.ts';

/** `web-1 old young broken`: a name, then what is special about it. */
function podsOf(workload: WorkloadFacts, ...pods: readonly string[]): readonly PodFacts[] {
  return pods.map((text) => {
    const [name = '', ...marks] = text.split(' ');
    return pod(
      workload,
      name,
      { app: 'a' },
      {
        revision: marks.includes('old') ? 'old' : 'new',
        ready: !marks.includes('broken'),
        terminating: marks.includes('terminating'),
        phase: marks.includes('failed')
          ? 'Failed'
          : marks.includes('done')
            ? 'Succeeded'
            : 'Running',
        createdAt: minutesAgo(ageOf(marks)),
        ...madeAfter(marks),
      },
    );
  });
}

/** `generation-3`: made after that change of a DaemonSet's template. */
function madeAfter(marks: readonly string[]): Pick<PodFacts, 'templateGeneration'> {
  const mark = marks.find((text) => text.startsWith('generation-'));
  return mark === undefined ? {} : { templateGeneration: mark.slice('generation-'.length) };
}

/** In minutes; a Pod that is not ready counts as stuck after ten. */
function ageOf(marks: readonly string[]): number {
  if (marks.includes('young')) return 9;
  if (marks.includes('ten')) return 10;
  if (marks.includes('past-ten')) return 10.1;
  return marks.includes('old') ? 90 : 60;
}

interface Row {
  readonly name: string;
  readonly workload: WorkloadFacts;
  readonly pods: readonly string[];
  readonly replicaSets?: ReplicaSetsRead;
  readonly want: 'complete' | 'stalled' | 'in-progress' | 'in-progress, needs ReplicaSets';
  readonly counted?: readonly string[];
  readonly below?: readonly string[];
  readonly says?: RegExp;
}

const both = ['web-0', 'web-1'];
const unseen = { generation: 4, observedGeneration: 3 };

const everyKind: readonly Row[] = [deployment, statefulSet, daemonSet].flatMap((kind) => {
  const name = kind().id.kind;
  return [
    { name: `${name}: complete`, workload: kind(), pods: both, want: 'complete', counted: both },
    {
      name: `case 15: ${name}: the controller has not seen the latest change`,
      workload: kind({}, unseen),
      pods: both,
      want: 'in-progress',
      says: /has not seen the latest change/,
    },
    {
      name: `case 14: ${name}: Pods that are terminating, failed or done do not count`,
      workload: kind(),
      pods: ['web-0', 'web-1 terminating', 'web-2 failed', 'web-3 done', 'web-4 old terminating'],
      want: 'complete',
      counted: ['web-0'],
    },
    {
      name: `case 15: ${name}: Pods of two revisions are a rollout, whatever the status claims`,
      workload: kind(),
      pods: ['web-0', 'web-1 old'],
      want: 'in-progress',
    },
    {
      name: `case 12: ${name}: complete, and its Pods crash`,
      workload: kind(),
      pods: ['web-0 broken', 'web-1 broken'],
      want: 'complete',
      counted: both,
    },
  ] as const satisfies readonly Row[];
});

const exceeded = { progressDeadlineExceeded: true, statusReplicas: 3, updatedReplicas: 1 };
const replicaSets: ReplicaSetsRead = {
  ok: true,
  value: [
    { name: 'web-old', ownerUid: 'uid-web', revision: 1, templateHash: 'old' },
    { name: 'web-new', ownerUid: 'uid-web', revision: 10, templateHash: 'new' },
    { name: 'other-x', ownerUid: 'uid-other', revision: 99, templateHash: 'x' },
  ],
};

const deployments: readonly Row[] = [
  {
    name: 'case 15: fewer Pods updated than wanted',
    workload: deployment({ statusReplicas: 1, updatedReplicas: 1 }),
    pods: ['web-0 young'],
    want: 'in-progress',
    says: /^a rollout is under way: 1 of 2 Pods exist/,
  },
  {
    name: 'case 15: old replicas are still there',
    workload: deployment({ statusReplicas: 3 }),
    pods: both,
    want: 'in-progress',
  },
  {
    name: 'scaled up beyond a quota, long ago: no rollout is going on',
    workload: deployment({ replicas: 9 }),
    pods: both,
    want: 'stalled',
    counted: both,
  },
  {
    name: 'scaled up beyond a quota just now: the youngest Pod is young, whatever the others are',
    workload: deployment({ replicas: 9 }),
    pods: ['web-0', 'web-1 young'],
    want: 'in-progress',
  },
  {
    name: 'case 15: past its deadline, it needs ReplicaSets',
    workload: deployment(exceeded),
    pods: ['web-0', 'web-1 old', 'web-2 old'],
    want: 'in-progress, needs ReplicaSets',
  },
  {
    name: 'case 15: past its deadline, the Pods of the newest ReplicaSet count',
    workload: deployment(exceeded),
    pods: ['web-0', 'web-1 old', 'web-2 old'],
    replicaSets,
    want: 'stalled',
    counted: ['web-0'],
  },
  {
    name: 'case 15: past its deadline, and the newest ReplicaSet has no Pod',
    workload: deployment(exceeded),
    pods: ['web-1 old', 'web-2 old'],
    replicaSets,
    want: 'stalled',
    counted: [],
  },
  {
    name: 'case 15: past its deadline, and ReplicaSets may not be listed',
    workload: deployment(exceeded),
    pods: ['web-0', 'web-1 old', 'web-2 old'],
    replicaSets: { ok: false, reason: 'forbidden', message: 'forbidden' },
    want: 'in-progress',
    says: /the Role must allow list on replicasets\.apps\): forbidden$/,
  },
  {
    name: 'past its deadline, and ReplicaSets could not be listed, for which no Role is to blame',
    workload: deployment(exceeded),
    pods: ['web-0', 'web-1 old', 'web-2 old'],
    replicaSets: { ok: false, reason: 'api-error', message: 'no answer' },
    want: 'in-progress',
    says: /, and only ReplicaSets tell its newest Pods: no answer$/,
  },
  {
    name: 'past its deadline, but the controller has not seen the latest change',
    workload: deployment(exceeded, unseen),
    pods: ['web-0', 'web-1 old', 'web-2 old'],
    want: 'in-progress',
  },
];

const moving = { currentRevision: 'web-old' };
const statefulSets: readonly Row[] = [
  {
    name: 'case 15: currentRevision is not updateRevision',
    workload: statefulSet(moving),
    pods: both,
    want: 'in-progress',
  },
  {
    name: 'case 15: OrderedReady keeps holding and names the Pod to delete',
    workload: statefulSet({ ...moving, replicas: 3 }),
    pods: ['web-2 broken', 'web-1 broken', 'web-0 old'],
    want: 'in-progress',
    says: /waits for Pod web-1, .*: kubectl delete pod web-1 --namespace shop$/,
  },
  {
    name: 'OrderedReady: nobody deletes a Pod that is just starting',
    workload: statefulSet(moving),
    pods: ['web-1 broken young', 'web-0 old'],
    want: 'in-progress',
    says: /1 of 2 Pods are updated$/,
  },
  {
    name: 'case 15: Parallel stalls when its youngest Pod is over 10 min old and not ready',
    workload: statefulSet({ ...moving, podManagement: 'Parallel' }),
    pods: ['web-1 broken', 'web-0 old'],
    want: 'stalled',
    counted: ['web-1'],
  },
  {
    name: 'case 15: Parallel stalls for one Pod that is not ready, though others are',
    workload: statefulSet({ ...moving, podManagement: 'Parallel', replicas: 3 }),
    pods: ['web-2', 'web-1 broken', 'web-0 old'],
    want: 'stalled',
    counted: ['web-2', 'web-1'],
  },
  {
    name: 'case 15: Parallel, ten minutes old',
    workload: statefulSet({ ...moving, podManagement: 'Parallel' }),
    pods: ['web-1 broken ten', 'web-0 old'],
    want: 'in-progress',
  },
  {
    name: 'case 15: Parallel, past ten minutes',
    workload: statefulSet({ ...moving, podManagement: 'Parallel' }),
    pods: ['web-1 broken past-ten', 'web-0 old'],
    want: 'stalled',
  },
  {
    name: 'Parallel is still moving while its youngest Pod is young',
    workload: statefulSet({ ...moving, podManagement: 'Parallel' }),
    pods: ['web-1 broken young', 'web-0 old'],
    want: 'in-progress',
  },
  {
    name: 'case 24: below the partition another revision is normal',
    workload: statefulSet({ ...moving, partition: 1, updatedReplicas: 1 }),
    pods: ['web-1', 'web-0 old'],
    want: 'complete',
    counted: ['web-1'],
    below: ['web-0'],
  },
  {
    name: 'case 24: a partition above all ordinals leaves nothing as evidence',
    workload: statefulSet({ ...moving, partition: 9, updatedReplicas: 0 }),
    pods: ['web-1 old', 'web-0 old'],
    want: 'complete',
    counted: [],
    below: ['web-1', 'web-0'],
  },
  {
    name: 'case 24: a Pod above the partition is not updated yet',
    workload: statefulSet({ ...moving, partition: 1, replicas: 3, updatedReplicas: 1 }),
    pods: ['web-2', 'web-1 old', 'web-0 old'],
    want: 'in-progress',
    says: /1 of 2 Pods are updated/,
  },
  {
    name: 'case 24: the partition counts ordinals, which may start at 5',
    workload: statefulSet({ ...moving, firstOrdinal: 5, partition: 6, updatedReplicas: 1 }),
    pods: ['web-6', 'web-5 old'],
    want: 'complete',
    counted: ['web-6'],
    below: ['web-5'],
  },
  {
    name: 'a partition below the first ordinal keeps nothing back',
    workload: statefulSet({ firstOrdinal: 5, partition: 3 }),
    pods: ['web-6', 'web-5'],
    want: 'complete',
    counted: ['web-6', 'web-5'],
  },
];

const daemonSets: readonly Row[] = [
  {
    name: 'case 15: fewer updated than desired',
    workload: daemonSet({ updated: 1 }),
    pods: ['web-0 young', 'web-1 old'],
    want: 'in-progress',
    says: /1 of 2 Pods are updated/,
  },
  {
    name: "case 15: stalled when the newest revision's youngest Pod is over 10 min old and not ready",
    workload: daemonSet({ updated: 1 }),
    pods: ['web-0 broken', 'web-1 old'],
    want: 'stalled',
    counted: ['web-0'],
  },
  {
    name: 'case 15: the youngest Pod was made after the latest change of the template',
    workload: daemonSet({ updated: 1, templateGeneration: '10' }),
    pods: ['web-0 broken generation-10', 'web-1 old generation-9'],
    want: 'stalled',
    counted: ['web-0'],
  },
  {
    name: 'case 60: undone while it was stuck: the youngest Pod is of what was undone',
    workload: daemonSet({ updated: 1, templateGeneration: '10' }),
    pods: ['web-0 broken generation-9', 'web-1 old broken generation-8'],
    want: 'stalled',
    counted: ['web-1'],
  },
  {
    name: 'undone while it was stuck, and what is there again works',
    workload: daemonSet({ updated: 1, templateGeneration: '10' }),
    pods: ['web-0 broken generation-9', 'web-1 old generation-8'],
    want: 'in-progress',
  },
  {
    name: 'changed there and back while it was stuck: nobody can tell which is the newest',
    workload: daemonSet({ updated: 1, templateGeneration: '11' }),
    pods: ['web-0 broken generation-9', 'web-1 old broken generation-8'],
    want: 'in-progress',
  },
  {
    name: 'its youngest Pod is old and ready: it waits for minReadySeconds (case 33)',
    workload: daemonSet({ updated: 1 }),
    pods: ['web-0', 'web-1 old'],
    want: 'in-progress',
  },
  {
    name: 'case 15: a node is down, its old Pod is terminating for ever, and nothing new came for long',
    workload: daemonSet({ desired: 3, updated: 2 }),
    pods: ['web-0', 'web-1', 'web-2 old terminating'],
    want: 'stalled',
    counted: ['web-0', 'web-1'],
    says: /^the rollout has stalled: 2 of 3 Pods are updated$/,
  },
  {
    name: 'the last old Pod is terminating, and something new came just now',
    workload: daemonSet({ desired: 3, updated: 2 }),
    pods: ['web-0 young', 'web-1', 'web-2 old terminating'],
    want: 'in-progress',
  },
  {
    name: 'undone when but one Pod was left: what is there is not the newest',
    workload: daemonSet({ updated: 1, templateGeneration: '10' }),
    pods: ['web-0 generation-9', 'web-1 old terminating generation-8'],
    want: 'in-progress',
  },
  {
    name: 'nothing is updated yet: the youngest Pod is not of the newest revision',
    workload: daemonSet({ updated: 0 }),
    pods: ['web-0 old broken', 'web-1 old'],
    want: 'in-progress',
  },
  {
    name: 'a node is gone and its Pod with it',
    workload: daemonSet({ desired: 1, updated: 1 }),
    pods: ['web-0'],
    want: 'complete',
    counted: ['web-0'],
  },
];

describe('progress of a rollout', () => {
  const rows = [
    ...everyKind,
    ...deployments.map((row) => ({ ...row, name: `Deployment: ${row.name}` })),
    ...statefulSets.map((row) => ({ ...row, name: `StatefulSet: ${row.name}` })),
    ...daemonSets.map((row) => ({ ...row, name: `DaemonSet: ${row.name}` })),
  ];
  for (const { name, workload, pods, replicaSets: listed, want, counted, below, says } of rows) {
    test(`${name}: ${want}`, () => {
      const rollout = followRollout(workload, indexPods(podsOf(workload, ...pods)), {
        now,
        ...(listed && { replicaSets: listed }),
      });
      const { progress, needsReplicaSets } = rollout;
      assert.equal(`${progress.state}${needsReplicaSets ? ', needs ReplicaSets' : ''}`, want);
      if (counted) assert.deepEqual(names(rollout.counted), counted);
      if (below) assert.deepEqual(names(rollout.belowPartition), below);
      if (says) assert.match('message' in progress ? progress.message : '', says);
    });
  }
});

describe('owner of a Pod', () => {
  const web = deployment();
  const strangers = [
    {
      name: 'case 13: the same labels, but the ReplicaSet of another Deployment',
      pod: { owner: { kind: 'ReplicaSet', name: 'web2-new', uid: 'uid-x' } },
    },
    {
      name: 'case 13: a Deployment whose name is longer',
      pod: { owner: { kind: 'ReplicaSet', name: 'web-extra-new', uid: 'uid-x' } },
    },
    {
      name: 'case 13: a ReplicaSet of that name without the hash as label',
      pod: { owner: { kind: 'ReplicaSet', name: 'web-new', uid: 'uid-x' }, templateHash: 'other' },
    },
    {
      name: 'case 13: another kind of owner with that name',
      pod: { owner: { kind: 'Rollout', name: 'web-new', uid: 'uid-x' } },
    },
  ];
  for (const { name, pod: changes } of strangers) {
    test(`${name}: not counted`, () => {
      const pods = indexPods([
        pod(web, 'web-0', { app: 'a' }),
        pod(web, 'x', { app: 'b' }, changes),
      ]);
      assert.deepEqual(names(followRollout(web, pods, { now }).counted), ['web-0']);
    });
  }

  test('case 13: a bare Pod has no owner', () => {
    const { owner: _, ...bare } = pod(web, 'x', { app: 'b' });
    assert.deepEqual(names(followRollout(web, indexPods([bare]), { now }).counted), []);
  });

  for (const kind of [statefulSet, daemonSet]) {
    const own = kind();
    test(`case 13: ${own.id.kind} by uid, not by name`, () => {
      const owner = { kind: own.id.kind, name: 'web', uid: 'uid-before' };
      const pods = indexPods([
        pod(own, 'web-0', { app: 'a' }),
        pod(own, 'web-1', { app: 'b' }, { owner }),
      ]);
      assert.deepEqual(names(followRollout(own, pods, { now }).counted), ['web-0']);
    });
  }

  test('newest Pod first', () => {
    const pods = [
      pod(web, 'b', { app: 'a' }, { createdAt: minutesAgo(5) }),
      pod(web, 'c', { app: 'a' }, { createdAt: minutesAgo(1) }),
      pod(web, 'a', { app: 'a' }, { createdAt: minutesAgo(9) }),
    ];
    assert.deepEqual(names(followRollout(web, indexPods(pods), { now }).counted), ['c', 'b', 'a']);
  });
});

function names(pods: readonly PodFacts[]): readonly string[] {
  return pods.map(({ name }) => name);
}
