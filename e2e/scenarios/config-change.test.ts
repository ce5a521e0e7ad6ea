import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import { push, registry, waitFor } from '../cluster.ts';
import { workload } from '../manifest.ts';
import { makeNamespace, type Namespace } from '../namespace.ts';
import { Release } from '../release.ts';

const own = 'kube-autorollout/restartedAt';
const kubectls = 'kubectl.kubernetes.io/restartedAt';
const configMap = 'configmap/poller-kube-autorollout-config';
const annotations = z.record(z.string(), z.string());

test('a changed ConfigMap takes effect in the running Pod, an invalid one does not; SIGTERM ends it well', async (t) => {
  const namespace = await makeNamespace(t, 'config');
  const name = `${namespace.name}/web:main`;
  await push(name, 'first');
  await namespace.apply([workload('web', `${registry()}/${name}`)]);
  await namespace.rolledOut('deployment/web');
  const release = await Release.install(namespace);
  const began = await release.pod();
  await push(name, 'second');
  await restarted(namespace, 2);
  assert.deepEqual(Object.keys(await restartKeys(namespace)), [own]);

  const reloads = (result: string): Promise<number> =>
    release.metric(`kube_autorollout_config_reloads_total{result="${result}"}`);
  const patch = { data: { 'config.yaml': 'cronSchedule: whenever\nregistrys: []\n' } };
  await namespace.kubectl('patch', configMap, '--patch', JSON.stringify(patch));
  await deliver(namespace, began.metadata.name);
  await waitFor('the invalid file to be refused', async () => (await reloads('invalid')) > 0);
  await push(name, 'third');
  await restarted(namespace, 3); // The last good one stays in force, the schedule and the registry's rule in it.
  assert.equal(await reloads('ok'), 0);

  const config = { featureFlags: { enableKubectlAnnotation: true }, fieldManager: 'gitops' };
  await release.upgrade({ config });
  await deliver(namespace, began.metadata.name);
  await waitFor('the new file to be taken', async () => (await reloads('ok')) > 0);
  const before = await restartKeys(namespace);
  await push(name, 'fourth');
  await restarted(namespace, 4);
  const after = await restartKeys(namespace);
  assert.deepEqual(Object.keys(after), [kubectls, own].toSorted());
  assert.equal(after[own], before[own], 'its own annotation stays as it was');
  const managers = await namespace.value('deployment/web', '{.metadata.managedFields[*].manager}');
  assert.match(managers, /\bgitops\b/);
  const pod = await release.pod();
  assert.equal(pod.metadata.uid, began.metadata.uid, 'the same Pod as ever');
  assert.equal(pod.status.containerStatuses[0]?.restartCount, 0);

  const sentAt = Date.now();
  await release.exec('node', '-e', 'process.kill(1, "SIGTERM")');
  await waitFor('the container to end', async () => {
    const [status] = (await release.pod()).status.containerStatuses;
    return status?.lastState.terminated !== undefined;
  });
  const [ended] = (await release.pod()).status.containerStatuses;
  assert.equal(ended?.lastState.terminated?.exitCode, 0);
  // Times in a status are whole seconds.
  const tookMs = Date.parse(ended.lastState.terminated.finishedAt) - sentAt;
  assert.ok(tookMs < 6_000, `it took ${tookMs} ms to stop`);
  await release.uninstall();
});

/** The kubelet looks after a Pod's volumes when the Pod changes, else once in a while. */
async function deliver(namespace: Namespace, pod: string): Promise<void> {
  await namespace.kubectl('annotate', 'pod', pod, `e2e/look-again=${Date.now()}`, '--overwrite');
}

async function restarted(namespace: Namespace, generation: number): Promise<void> {
  await waitFor(`generation ${generation}`, async () => {
    return (await namespace.generations())['Deployment/web'] === generation;
  });
  await namespace.rolledOut('deployment/web');
}

/** The annotations of the Pod template. */
async function restartKeys(namespace: Namespace): Promise<Readonly<Record<string, string>>> {
  const path = '{.spec.template.metadata.annotations}';
  return annotations.parse(JSON.parse(await namespace.value('deployment/web', path)));
}
