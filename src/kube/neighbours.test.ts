import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { FakeApiServer } from '../testing/fake-apiserver.ts';
import { connectToFake } from '../testing/kube-connection.ts';
import { daemonSet, deployment, statefulSet } from '../testing/kube-objects.ts';

const label = { 'kube-autorollout/enabled': 'true' };
const signal = new AbortController().signal;
const simulate = { resolveImage: () => `r.test/o/web@sha256:${'a'.repeat(64)}` };

describe('neighbours', () => {
  test('tells where the label stands, page by page', async () => {
    await using api = await FakeApiServer.start({ simulate });
    await using kube = connectToFake(api, { pageSize: 1 });
    const image = 'r.test/o/web:main';
    const template = { template: { metadata: { labels: label } } };
    api.create(deployment({ name: 'watched', image }));
    api.create(deployment({ name: 'wrong-place', image, labels: {}, spec: template }));
    api.create(deployment({ name: 'other', image, labels: {} }));
    api.create(statefulSet({ name: 'db', image, labels: {}, spec: template }));
    api.create(daemonSet({ name: 'agent', image, labels: {} }));

    const found = await kube.cluster.neighbours(signal);

    assert.deepEqual(found?.workloads, [
      { kind: 'Deployment', name: 'other', labelled: 'no' },
      { kind: 'Deployment', name: 'watched', labelled: 'itself' },
      { kind: 'Deployment', name: 'wrong-place', labelled: 'template' },
      { kind: 'StatefulSet', name: 'db', labelled: 'template' },
      { kind: 'DaemonSet', name: 'agent', labelled: 'no' },
    ]);
    const owners = found?.labelledPods.map(({ owner }) => owner?.kind);
    assert.deepEqual(owners, ['StatefulSet', 'ReplicaSet']);
    assert.equal(found?.labelledPods[0]?.owner?.name, 'db');
  });

  test('is undefined where a kind may not be listed', async () => {
    await using api = await FakeApiServer.start();
    await using kube = connectToFake(api);
    api.deny('list', 'statefulsets');
    assert.equal(await kube.cluster.neighbours(signal), undefined);
  });

  test('goes without Pods where those may not be listed', async () => {
    await using api = await FakeApiServer.start();
    await using kube = connectToFake(api);
    api.create(deployment({ name: 'web', image: 'r.test/o/web:main', labels: {} }));
    api.deny('list', 'pods');
    assert.deepEqual(await kube.cluster.neighbours(signal), {
      workloads: [{ kind: 'Deployment', name: 'web', labelled: 'no' }],
      labelledPods: [],
    });
  });
});
