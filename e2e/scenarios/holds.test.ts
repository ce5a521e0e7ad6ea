import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deleteImage, push, registry } from '../cluster.ts';
import { container, workload } from '../manifest.ts';
import { makeNamespace, type Namespace } from '../namespace.ts';
import { Poller } from '../poller.ts';

/*
 * Every hold that can be had by a push and the shape of a workload: seen in `check`, as JSON and as a table, left
 * alone by `run`, and over as soon as its cause is. Those of rollouts and of registries have files of their own.
 */
test('what a restart would not help, or what people hold, is left alone until that ends', async (t) => {
  const namespace = await makeNamespace(t, 'holds');
  const poller = await Poller.create(t, namespace);
  const first = await push(`${namespace.name}/web:main`, 'first');
  await push(`${namespace.name}/web:warm`, 'first');
  const doomed = await push(`${namespace.name}/web:doomed`, 'doomed');
  await namespace.apply(workloads(namespace, first));
  await namespace.podsReady(podsAtLeast);
  await namespace.kubectl('rollout', 'pause', 'deployment/paused');
  const began = await namespace.generations();

  const second = await push(`${namespace.name}/web:main`, 'second');
  await push(`${namespace.name}/web:warm`, 'second');
  await deleteImage(`${namespace.name}/web:doomed`, doomed);

  await t.test('check tells each hold, in JSON and in its table', async () => {
    const answer = await poller.check();
    const expected = {
      'Deployment/annotated': 'hold (invalid-annotation)',
      'Deployment/doomed': 'none (unknown)',
      'Deployment/half-doomed': 'hold (lookup-failed)',
      'Deployment/held': 'hold (on-hold)',
      'Deployment/if-not-present': 'none (nothing-to-watch)',
      'Deployment/paused': 'hold (paused)',
      'Deployment/pinned': 'none (nothing-to-watch)',
      'Deployment/warm-node': 'restart (changed)',
      'Deployment/zero': 'hold (scaled-to-zero)',
      'StatefulSet/by-hand': 'hold (on-delete)',
      'StatefulSet/partitioned': 'restart (changed)',
      'DaemonSet/by-hand-everywhere': 'hold (on-delete)',
      'DaemonSet/nowhere': 'hold (scaled-to-zero)',
    };
    assert.deepEqual(answer.decisions(), expected);
    assert.deepEqual(await poller.table(), expected);
    assert.deepEqual(answer.verdicts('doomed'), ['app: unknown (tag-not-found)']);
    assert.deepEqual(answer.verdicts('if-not-present'), ['app: skipped (pull-policy)']);
    assert.deepEqual(answer.verdicts('pinned'), ['app: skipped (digest-pinned)']);
    assert.deepEqual(answer.verdicts('half-doomed'), [
      'app: changed (digest-changed)',
      'other: unknown (tag-not-found)',
    ]);
    assert.match(answer.workload('annotated').message, /"yes": allowed is "true" or "false"/);
    assert.match(answer.workload('held').message, /kubectl annotate deployment\/held/);
    assert.match(answer.workload('paused').message, /kubectl rollout resume deployment\/paused/);
  });

  await t.test('a dry run changes nothing', async () => {
    await poller.once('--dry-run');
    assert.deepEqual(await namespace.generations(), began);
  });

  await t.test('run restarts the two that it may, once', async () => {
    await poller.once();
    await namespace.rolledOut('deployment/warm-node', 'statefulset/partitioned');
    await poller.once();
    const expected = { ...began, 'Deployment/warm-node': 2, 'StatefulSet/partitioned': 2 };
    assert.deepEqual(await namespace.generations(), expected);
    assert.deepEqual(await namespace.running('held'), [first]);
    assert.deepEqual(await namespace.running('warm-node'), [first], 'the node has the tag');
    assert.deepEqual(await namespace.running('partitioned'), [first, second]);
    const answer = await poller.check();
    assert.equal(answer.decisions()['Deployment/warm-node'], 'hold (not-converging)');
    assert.equal(answer.decisions()['StatefulSet/partitioned'], 'hold (partition)');
  });

  await t.test('Events tell why', async () => {
    assert.deepEqual(await reasons(namespace, 'Restarted'), [
      'Deployment/warm-node Restarted',
      'StatefulSet/partitioned Restarted',
    ]);
    assert.deepEqual(await reasons(namespace, 'NotConverging'), [
      'Deployment/warm-node not-converging',
    ]);
    assert.deepEqual(await reasons(namespace, 'LookupFailed'), [
      'Deployment/doomed tag-not-found',
      'Deployment/half-doomed lookup-failed',
    ]);
    assert.deepEqual(await reasons(namespace, 'RestartHeld'), [
      'DaemonSet/by-hand-everywhere on-delete',
      'DaemonSet/nowhere scaled-to-zero',
      'Deployment/annotated invalid-annotation',
      'Deployment/held on-hold',
      'Deployment/if-not-present pull-policy',
      'Deployment/paused paused',
      'Deployment/zero scaled-to-zero',
      'StatefulSet/by-hand on-delete',
      'StatefulSet/partitioned partition',
    ]);
  });

  await t.test('each hold ends with its cause', async () => {
    await push(`${namespace.name}/web:doomed`, 'back again');
    await Promise.all([
      namespace.kubectl('rollout', 'resume', 'deployment/paused'),
      namespace.kubectl('annotate', 'deployment/held', 'kube-autorollout/hold-'),
      namespace.kubectl(
        'annotate',
        'deployment/annotated',
        'kube-autorollout/hold=false',
        '--overwrite',
      ),
      namespace.kubectl('scale', 'deployment/zero', '--replicas=1'),
      namespace.kubectl('delete', 'pod', '--selector=app in (by-hand, by-hand-everywhere)'),
      namespace.kubectl(
        'patch',
        'statefulset/partitioned',
        '--patch',
        JSON.stringify({ spec: { updateStrategy: { rollingUpdate: { partition: 0 } } } }),
      ),
    ]);
    await namespace.rolledOut('deployment/zero', 'statefulset/partitioned', 'deployment/paused');
    const resumed = await namespace.generations();
    await poller.once();
    const restarted = ['annotated', 'doomed', 'half-doomed', 'held', 'paused'];
    const expected = restarted.map((name) => [
      `Deployment/${name}`,
      (resumed[`Deployment/${name}`] ?? 0) + 1,
    ]);
    assert.deepEqual(await namespace.generations(), {
      ...resumed,
      ...Object.fromEntries(expected),
    });
    await namespace.rolledOut(...restarted.map((name) => `deployment/${name}`));
    await namespace.podsReady(podsAtLeast);
    for (const app of ['annotated', 'held', 'paused', 'zero', 'by-hand', 'by-hand-everywhere']) {
      assert.deepEqual(new Set(await namespace.running(app)), new Set([second]), app);
    }
    assert.deepEqual(await namespace.running('partitioned'), [second, second]);
  });
});

/** Of the poller's Events: on what, and the word that the note begins with. */
async function reasons(namespace: Namespace, reason: string): Promise<readonly string[]> {
  const events = await namespace.events(reason);
  return events.map(({ on, note }) => `${on} ${note.split(':')[0]}`).toSorted();
}

/** DaemonSets have more than one where the cluster has more nodes. */
const podsAtLeast = 12;

function workloads(namespace: Namespace, digest: string): readonly object[] {
  const repository = `${registry()}/${namespace.name}/web`;
  const image = `${repository}:main`;
  const doomed = `${repository}:doomed`;
  const sleep = ['/bin/busybox', 'sleep', 'inf'];
  const onDelete = { updateStrategy: { type: 'OnDelete' } };
  const partition = { updateStrategy: { rollingUpdate: { partition: 1 } }, replicas: 2 };
  const warm = [container(`${repository}:warm`, { pullPolicy: 'IfNotPresent' })];
  const other = container(doomed, { name: 'other', command: sleep, sleeps: true });
  return [
    workload('annotated', image, { annotations: { 'kube-autorollout/hold': 'yes' } }),
    workload('doomed', doomed),
    workload('half-doomed', [container(image), other]),
    workload('held', image, { annotations: { 'kube-autorollout/hold': 'true' } }),
    workload('if-not-present', warm),
    workload('paused', image),
    workload('pinned', `${image}@${digest}`),
    workload('unlabelled', image, { labelled: false }),
    workload('warm-node', warm, { annotations: { 'kube-autorollout/if-not-present': 'restart' } }),
    workload('zero', image, { spec: { replicas: 0 } }),
    workload('by-hand', image, { kind: 'StatefulSet', spec: onDelete }),
    workload('partitioned', image, { kind: 'StatefulSet', spec: partition }),
    workload('by-hand-everywhere', image, { kind: 'DaemonSet', spec: onDelete }),
    workload('nowhere', image, { kind: 'DaemonSet', pod: { nodeSelector: { no: 'node' } } }),
  ];
}
