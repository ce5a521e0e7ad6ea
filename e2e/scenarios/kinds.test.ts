import assert from 'node:assert/strict';
import { test } from 'node:test';
import { push, registry } from '../cluster.ts';
import { container, workload } from '../manifest.ts';
import { makeNamespace, type Namespace } from '../namespace.ts';
import { Poller } from '../poller.ts';

test('each kind, and several containers, are restarted by one patch for one push', async (t) => {
  const namespace = await makeNamespace(t, 'kinds');
  const poller = await Poller.create(t, namespace);
  const first = await pushBoth(namespace, 'first');
  await push(`${namespace.name}/web:stable`, 'first web');
  await namespace.apply(workloads(namespace));
  await namespace.podsReady(7);
  const names = Object.keys(await namespace.generations());
  assert.deepEqual(await namespace.generations(), allAt(names, 1));
  await poller.once();
  assert.deepEqual(await namespace.generations(), allAt(names, 1), 'nothing was pushed');

  const second = await pushBoth(namespace, 'second');
  const answer = await poller.check();
  const restart = 'restart (changed)';
  const expected = {
    'Deployment/app-only': 'none (up-to-date)',
    'Deployment/init': restart,
    'Deployment/init-ignored': 'none (up-to-date)',
    'Deployment/three': restart,
    'StatefulSet/ordered': restart,
    'DaemonSet/everywhere': restart,
  };
  assert.deepEqual(answer.decisions(), expected);
  assert.deepEqual(await poller.table(), expected);
  const changed = 'changed (digest-changed)';
  assert.deepEqual(answer.verdicts('three'), [
    `app: ${changed}`,
    `job: ${changed}`,
    `job-too: ${changed}`,
  ]);
  assert.deepEqual(answer.verdicts('init'), [`prepare: ${changed}`, 'app: same (equal)']);

  await poller.once();
  const restarted = [
    'Deployment/init',
    'Deployment/three',
    'StatefulSet/ordered',
    'DaemonSet/everywhere',
  ];
  await namespace.rolledOut(...restarted);
  await poller.once();
  const generations = { ...allAt(names, 1), ...allAt(restarted, 2) };
  assert.deepEqual(await namespace.generations(), generations);
  const events = await namespace.events('Restarted');
  assert.deepEqual(
    events.map(({ on }) => on),
    restarted.toSorted(),
    'one Event per restart',
  );

  const { web, job } = second;
  assert.deepEqual(await namespace.running('init'), [`prepare ${job}`, first.web]);
  assert.deepEqual(await namespace.running('three'), [web, `job ${job}`, `job-too ${job}`]);
  assert.deepEqual(await namespace.running('ordered'), [web, web]);
  assert.deepEqual(new Set(await namespace.running('everywhere')), new Set([web]));
  const settled = Object.values((await poller.check()).decisions());
  assert.deepEqual(new Set(settled), new Set(['none (up-to-date)']));
});

interface Digests {
  readonly web: string;
  readonly job: string;
}

function allAt(names: readonly string[], generation: number): Readonly<Record<string, number>> {
  return Object.fromEntries(names.map((name) => [name, generation]));
}

async function pushBoth({ name }: Namespace, text: string): Promise<Digests> {
  const [web, job] = await Promise.all([
    push(`${name}/web:main`, `${text} web`),
    push(`${name}/job:main`, `${text} job`, '--sleep'),
  ]);
  return { web, job };
}

function workloads({ name }: Namespace): readonly object[] {
  const repository = `${registry()}/${name}`;
  const [web, stable] = [`${repository}/web:main`, `${repository}/web:stable`];
  const job = `${repository}/job:main`;
  const ends = { name: 'prepare', command: ['/bin/busybox', 'true'], sleeps: true };
  const pod = { initContainers: [container(job, ends)] };
  const initContainers = { 'kube-autorollout/init-containers': 'true' };
  const appOnly = { 'kube-autorollout/containers': 'app' };
  const jobs = ['job', 'job-too'].map((each) => container(job, { name: each, sleeps: true }));
  return [
    workload('init', stable, { pod, annotations: initContainers }),
    workload('init-ignored', stable, { pod }),
    workload('three', [container(web), ...jobs]),
    workload('app-only', [container(stable), ...jobs], { annotations: appOnly }),
    workload('ordered', web, { kind: 'StatefulSet', spec: { replicas: 2 } }),
    workload('everywhere', web, { kind: 'DaemonSet' }),
  ];
}
