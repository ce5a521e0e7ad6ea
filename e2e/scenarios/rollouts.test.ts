import assert from 'node:assert/strict';
import { test } from 'node:test';
import { push, registry, waitFor } from '../cluster.ts';
import { workload } from '../manifest.ts';
import { makeNamespace } from '../namespace.ts';
import { Poller } from '../poller.ts';

test('a rollout under way is left alone, and one that stalled gets the fix that was pushed meanwhile', async (t) => {
  const namespace = await makeNamespace(t, 'rollouts');
  const poller = await Poller.create(t, namespace);
  const name = `${namespace.name}/web:main`;
  const image = `${registry()}/${name}`;
  const good = await push(name, 'good');
  await namespace.apply([
    workload('web', image),
    workload('ordered', image, { kind: 'StatefulSet' }),
    workload('recreated', image, { spec: { strategy: { type: 'Recreate' } } }),
  ]);
  await namespace.podsReady(3);
  await namespace.apply([workload('never-pushed', `${registry()}/${namespace.name}/web:missing`)]);

  const broken = await push(name, 'never ready', '--sleep');
  await poller.once();
  await waitFor('a new Pod that runs the broken image beside the old one', async () => {
    const running = await namespace.running('web');
    return running.includes(good) && running.includes(broken);
  });
  for (const app of ['ordered', 'recreated']) {
    await waitFor(`${app} to run the broken image`, async () =>
      (await namespace.running(app)).includes(broken),
    );
  }
  const fixed = await push(name, 'fixed');

  const underWay = 'hold (rollout-in-progress)';
  const held = {
    'Deployment/never-pushed': 'hold (not-running-yet)',
    'Deployment/recreated': 'restart (changed)',
    'Deployment/web': underWay,
    'StatefulSet/ordered': underWay,
  };
  const answer = await poller.check();
  assert.deepEqual(answer.decisions(), held);
  assert.deepEqual(await poller.table(), held);
  assert.match(answer.workload('never-pushed').message, /ErrImagePull|ImagePullBackOff/);
  await poller.once();
  assert.deepEqual(await namespace.generations(), {
    'Deployment/never-pushed': 1,
    'Deployment/recreated': 3,
    'Deployment/web': 2,
    'StatefulSet/ordered': 2,
  });
  await namespace.rolledOut('deployment/recreated');
  assert.deepEqual(await namespace.running('recreated'), [fixed], 'none of the old Pods was left');

  // The controller finds the deadline passed at once: nothing is waited for.
  const deadline = JSON.stringify({ spec: { progressDeadlineSeconds: 1 } });
  await namespace.kubectl('patch', 'deployment/web', '--patch', deadline);
  await namespace.kubectl(
    'wait',
    'deployment/web',
    '--for=jsonpath={.status.conditions[?(@.type=="Progressing")].reason}=ProgressDeadlineExceeded',
    '--timeout=90s',
  );
  const stalled = await poller.check();
  assert.deepEqual(stalled.decisions(), {
    ...held,
    'Deployment/recreated': 'none (up-to-date)',
    'Deployment/web': 'restart (changed)',
  });
  assert.match(stalled.workload('web').message, /the rollout has stalled/);
  assert.deepEqual(stalled.workload('web').containers[0]?.running, [broken]);
  await poller.once();
  // Not by rollout status, which the short deadline makes fail on a slow machine.
  await waitFor('nothing but the fix to run', async () =>
    (await namespace.running('web')).every((digest) => digest === fixed),
  );
  await namespace.kubectl(
    'wait',
    'pod',
    '--selector=app=web',
    '--for=condition=Ready',
    '--timeout=90s',
  );
  assert.equal(await namespace.served('web'), 'fixed');

  // Its controller does not replace a broken Pod: https://github.com/kubernetes/kubernetes/issues/67250
  await namespace.kubectl('delete', 'pod/ordered-0');
  await namespace.rolledOut('statefulset/ordered');
  await poller.once();
  assert.deepEqual(await namespace.generations(), {
    'Deployment/never-pushed': 1,
    'Deployment/recreated': 3,
    'Deployment/web': 4,
    'StatefulSet/ordered': 2,
  });
  assert.deepEqual((await poller.check()).decisions(), {
    'Deployment/never-pushed': 'hold (not-running-yet)',
    'Deployment/recreated': 'none (up-to-date)',
    'Deployment/web': 'none (up-to-date)',
    'StatefulSet/ordered': 'none (up-to-date)',
  });
});
