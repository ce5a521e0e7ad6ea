import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import type { PodFacts, WorkloadFacts } from '../rollout/workload.ts';
import { FakeApiServer } from '../testing/fake-apiserver.ts';
import { connectToFake, type TestCluster } from '../testing/kube-connection.ts';
import { deployment } from '../testing/kube-objects.ts';

const never = new AbortController().signal;
const deployments = '/apis/apps/v1/namespaces/default/deployments';

async function listed(kube: TestCluster): Promise<ReadonlyMap<string, WorkloadFacts>> {
  const read = await kube.cluster.listWorkloads('Deployment', never);
  assert.ok(read.ok);
  return new Map(read.value.map((facts) => [facts.id.name, facts]));
}

async function pods(kube: TestCluster): Promise<readonly PodFacts[]> {
  const read = await kube.cluster.listPods(never);
  assert.ok(read.ok);
  return read.value;
}

async function startWith(...names: readonly string[]): Promise<FakeApiServer> {
  const api = await FakeApiServer.start({ simulate: { resolveImage: (image) => `${image}@x` } });
  for (const name of names) api.create(deployment({ name, image: name }));
  return api;
}

describe('what is known from the last list', () => {
  test('is not parsed again while its version stays, and is when it changes', async () => {
    await using api = await startWith('kept', 'changed');
    await using kube = connectToFake(api);
    const before = await listed(kube);
    api.edit('Deployment', 'changed', {
      metadata: { annotations: { 'kube-autorollout/hold': 'true' } },
    });
    const after = await listed(kube);
    assert.equal(after.get('kept'), before.get('kept'));
    assert.deepEqual(before.get('changed')?.annotations, {});
    assert.deepEqual(after.get('changed')?.annotations, { 'kube-autorollout/hold': 'true' });
  });

  test('is told apart from another object of the same name', async () => {
    await using api = await startWith('web');
    await using kube = connectToFake(api);
    const before = (await listed(kube)).get('web');
    api.delete('Deployment', 'web');
    api.create(deployment({ name: 'web', image: 'other' }));
    const after = (await listed(kube)).get('web');
    assert.notEqual(after?.id.uid, before?.id.uid);
    assert.equal(after?.template.containers[0]?.image, 'other');
  });

  test('holds for Pods: a container that was restarted is seen', async () => {
    let digest = 'first';
    await using api = await FakeApiServer.start({
      simulate: { resolveImage: (image) => `${image}@${digest}` },
    });
    api.create(deployment({ name: 'web', image: 'r.test/web', replicas: 2 }));
    await using kube = connectToFake(api, { pageSize: 1 });
    const before = await pods(kube);
    digest = 'second';
    api.restartContainer(before[0]?.name ?? '', 'app');
    const after = await pods(kube);
    assert.equal(after[0]?.containers[0]?.imageId, 'r.test/web@second');
    assert.equal(after[1], before[1]);
  });

  test('is what the last whole list had: one that broke off leaves it as it is', async () => {
    await using api = await startWith('a', 'b');
    await using kube = connectToFake(api, { pageSize: 1 });
    const before = await listed(kube);
    let page = 0;
    api.on('GET', deployments, () => {
      page += 1;
      return page === 2 ? { status: 500, body: 'no' } : undefined;
    });
    assert.equal((await kube.cluster.listWorkloads('Deployment', never)).ok, false);
    assert.deepEqual([...(await listed(kube)).values()], [...before.values()]);
    assert.equal((await listed(kube)).get('b'), before.get('b'));
  });

  test('is read anew once a restart found the workload to be another (case 29)', async () => {
    await using api = await startWith('web');
    await using kube = connectToFake(api);
    const judged = (await listed(kube)).get('web');
    assert.ok(judged !== undefined);
    // A newer API server knows a field more; nothing was written.
    const { kind: _kind, apiVersion: _apiVersion, ...item } = api.get('Deployment', 'web');
    const newer = JSON.stringify({ ...item, newField: 'default' });
    const headers = { 'content-type': 'application/json' };
    api.on('GET', `${deployments}/web`, { headers, body: newer });
    api.on('GET', deployments, { headers, body: `{"metadata":{},"items":[${newer}]}` });

    const patch = {
      restartedAt: { key: 'kube-autorollout/restartedAt', value: 'now' },
      lastRestart: '{}',
    };
    assert.equal((await listed(kube)).get('web'), judged);
    const first = await kube.cluster.restart(judged, patch, never);
    assert.ok(first.result === 'failed' && first.reason === 'conflict');

    const again = (await listed(kube)).get('web');
    assert.ok(again !== undefined && again !== judged);
    assert.deepEqual(await kube.cluster.restart(again, patch, never), { result: 'restarted' });
  });
});
