import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { container, daemonSet, deployment, now, pod, statefulSet } from '../testing/facts.ts';
import { observe } from './observe.ts';
import { indexPods } from './pod-index.ts';
import { screen, type Screened } from './screen.ts';
import type { PodFacts, WorkloadFacts } from './workload.ts';

function screened(workload: WorkloadFacts, pods?: readonly PodFacts[]): Screened | undefined {
  const context = {
    now,
    defaultRegistry: 'docker.io',
    ifNotPresent: 'skip',
    platforms: [],
  } as const;
  const all = pods ?? [pod(workload, 'web-0', { app: 'a' }), pod(workload, 'web-1', { app: 'a' })];
  return screen(observe(workload, indexPods(all), context));
}

const badHold = { annotations: { 'kube-autorollout/hold': 'maybe' } };
const unseen = { generation: 4 };

const rows: readonly {
  readonly name: string;
  readonly workload: WorkloadFacts;
  readonly pods?: readonly PodFacts[];
  readonly want: string;
  readonly says: string;
}[] = [
  {
    name: 'a bad annotation',
    workload: deployment({}, badHold),
    want: 'hold invalid-annotation',
    says: 'annotation kube-autorollout/hold is "maybe": allowed is "true" or "false"',
  },
  {
    name: 'case 28: an empty last-restart',
    workload: deployment({}, { annotations: { 'kube-autorollout/last-restart': '' } }),
    want: 'hold invalid-annotation',
    says: 'annotation kube-autorollout/last-restart is "", not what kube-autorollout wrote: delete it to forget past restarts',
  },
  {
    name: 'case 23: a paused Deployment',
    workload: deployment({ paused: true }),
    want: 'hold paused',
    says: 'the Deployment is paused; resume it with kubectl rollout resume deployment/web --namespace shop',
  },
  {
    name: 'case 25: a Deployment scaled to zero',
    workload: deployment({ replicas: 0, statusReplicas: 0, updatedReplicas: 0 }),
    pods: [],
    want: 'hold scaled-to-zero',
    says: 'it is scaled to zero: nothing runs, and scaling up pulls the image',
  },
  {
    name: 'case 25: a StatefulSet scaled to zero',
    workload: statefulSet({ replicas: 0, statusReplicas: 0, updatedReplicas: 0 }),
    pods: [],
    want: 'hold scaled-to-zero',
    says: 'it is scaled to zero: nothing runs, and scaling up pulls the image',
  },
  {
    name: 'case 15: a DaemonSet that no node is to run',
    workload: daemonSet({ desired: 0, updated: 0, available: 0 }),
    pods: [],
    want: 'hold scaled-to-zero',
    says: 'no node is to run it: nothing runs, and a node that comes pulls the image',
  },
  {
    name: 'a DaemonSet that was just created: its status says 0 and means nothing',
    workload: daemonSet({ desired: 0, updated: 0, available: 0 }, unseen),
    pods: [],
    want: 'hold rollout-in-progress',
    says: 'a rollout is under way: the controller has not seen the latest change yet',
  },
  {
    name: 'case 24: a StatefulSet with OnDelete',
    workload: statefulSet({ strategy: 'OnDelete' }),
    want: 'hold on-delete',
    says: 'its updateStrategy is OnDelete, with which a restart replaces no Pod: delete the Pods, or set RollingUpdate',
  },
  {
    name: 'case 24: a DaemonSet with OnDelete',
    workload: daemonSet({ strategy: 'OnDelete' }),
    want: 'hold on-delete',
    says: 'its updateStrategy is OnDelete, with which a restart replaces no Pod: delete the Pods, or set RollingUpdate',
  },
  {
    name: 'case 15: a rollout in progress',
    workload: deployment({ statusReplicas: 3 }),
    want: 'hold rollout-in-progress',
    says: 'a rollout is under way: Pods of an older revision are still there',
  },
  {
    name: 'case 11: all Pods are pending',
    workload: deployment(),
    pods: [pod(deployment(), 'web-0', { app: '' }, { phase: 'Pending' })],
    want: 'hold not-running-yet',
    says: 'nothing runs yet: Pod web-0 has not pulled it yet',
  },
  {
    name: 'case 14: all Pods are gone',
    workload: deployment(),
    pods: [pod(deployment(), 'web-0', { app: 'a' }, { phase: 'Failed' })],
    want: 'hold not-running-yet',
    says: 'nothing runs yet: no Pod of the newest revision exists yet',
  },
  {
    name: 'nothing to watch, though it runs',
    workload: deployment(
      {},
      { template: { containers: [container('app', { pullPolicy: 'Never' })] } },
    ),
    want: 'none nothing-to-watch',
    says: 'no container is to be watched',
  },
  {
    name: 'nothing to watch is no waiting for Pods',
    workload: deployment(
      {},
      { template: { containers: [container('app', { pullPolicy: 'Never' })] } },
    ),
    pods: [],
    want: 'none nothing-to-watch',
    says: 'no container is to be watched',
  },
  {
    name: 'a name that no container has is said in the message',
    workload: deployment({}, { annotations: { 'kube-autorollout/containers': 'ap' } }),
    want: 'none nothing-to-watch',
    says: 'no container is to be watched; kube-autorollout/containers names "ap", and no container has that name',
  },

  {
    name: 'order: a bad annotation before paused',
    workload: deployment({ paused: true }, badHold),
    want: 'hold invalid-annotation',
    says: 'annotation kube-autorollout/hold is "maybe": allowed is "true" or "false"',
  },
  {
    name: 'order: paused before scaled to zero',
    workload: deployment({ paused: true, replicas: 0 }),
    want: 'hold paused',
    says: 'the Deployment is paused; resume it with kubectl rollout resume deployment/web --namespace shop',
  },
  {
    name: 'order: scaled to zero before OnDelete',
    workload: statefulSet({ replicas: 0, strategy: 'OnDelete' }),
    want: 'hold scaled-to-zero',
    says: 'it is scaled to zero: nothing runs, and scaling up pulls the image',
  },
  {
    name: 'order: OnDelete before a rollout in progress',
    workload: daemonSet({ strategy: 'OnDelete', updated: 0 }),
    want: 'hold on-delete',
    says: 'its updateStrategy is OnDelete, with which a restart replaces no Pod: delete the Pods, or set RollingUpdate',
  },
  {
    name: 'order: a rollout in progress before nothing running',
    workload: deployment({ updatedReplicas: 0 }),
    pods: [],
    want: 'hold rollout-in-progress',
    says: 'a rollout is under way: Pods of an older revision are still there',
  },
  {
    name: 'order: paused before nothing to watch',
    workload: deployment(
      { paused: true },
      { template: { containers: [container('app', { pullPolicy: 'Never' })] } },
    ),
    want: 'hold paused',
    says: 'the Deployment is paused; resume it with kubectl rollout resume deployment/web --namespace shop',
  },
];

describe('screen', () => {
  for (const { name, workload, pods, want, says } of rows) {
    test(`${name}: ${want}`, () => {
      const settled = screened(workload, pods);
      assert.equal(`${settled?.decision} ${settled?.reason}`, want);
      assert.equal(settled?.message, says);
    });
  }

  for (const kind of [deployment, statefulSet, daemonSet]) {
    test(`a healthy ${kind().id.kind} goes on to be looked up`, () => {
      assert.equal(screened(kind()), undefined);
    });
  }

  test('case 11: one container that was not pulled yet does not keep the others from being looked up', () => {
    const containers = [container('app'), container('db')];
    const workload = deployment({}, { template: { containers } });
    assert.equal(screened(workload, [pod(workload, 'web-0', { app: 'a', db: '' })]), undefined);
  });

  test('a hold that people set does not keep it from being looked up', () => {
    const annotations = { 'kube-autorollout/hold': 'true' };
    assert.equal(screened(deployment({}, { annotations })), undefined);
  });

  test('containers that were not looked up have their own reason, else their workload’s', () => {
    const workload = deployment(
      { paused: true },
      { template: { containers: [container('app'), container('db', { pullPolicy: 'Never' })] } },
    );
    const pods = [pod(workload, 'web-0', { app: 'a', db: 'b' })];
    assert.deepEqual(screened(workload, pods)?.containers, [
      {
        verdict: 'skipped',
        reason: 'paused',
        name: 'app',
        image: 'r.example.com/app:main',
        running: [`sha256:${'a'.repeat(64)}`],
        latest: null,
        message:
          'the Deployment is paused; resume it with kubectl rollout resume deployment/web --namespace shop',
      },
      {
        verdict: 'skipped',
        reason: 'pull-policy',
        name: 'db',
        image: 'r.example.com/db:main',
        running: [`sha256:${'b'.repeat(64)}`],
        latest: null,
        message: 'imagePullPolicy is Never: a restart pulls nothing',
      },
    ]);
  });

  test('case 61: no message is longer than 200 characters', () => {
    const annotations = {
      'kube-autorollout/hold': 'x'.repeat(1000),
      'kube-autorollout/containers': 'X'.repeat(1000),
      'kube-autorollout/if-not-present': 'x'.repeat(1000),
    };
    const settled = screened(deployment({}, { annotations }));
    assert.equal(settled?.reason, 'invalid-annotation');
    assert.equal(settled?.message.length, 200);
  });
});
