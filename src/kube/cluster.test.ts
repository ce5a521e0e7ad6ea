import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { FakeApiServer, type RecordedKubeRequest } from '../testing/fake-apiserver.ts';
import { connectToFake } from '../testing/kube-connection.ts';
import { daemonSet, deployment, statefulSet } from '../testing/kube-objects.ts';
import { describeMissing } from './permissions.ts';
import type { Read } from '../tick.ts';

const signal = new AbortController().signal;
const apps = '/apis/apps/v1/namespaces/default';

/** What goes over the wire, as far as it is ours. */
function golden(request: RecordedKubeRequest | undefined): object {
  assert.ok(request !== undefined);
  const { method, path, query, body, headers } = request;
  const { accept, 'user-agent': userAgent, 'content-type': contentType } = headers;
  return { method, path, query, body, accept, userAgent, contentType };
}

function valueOf<T>(read: Read<T>): T {
  assert.ok(read.ok, read.ok ? '' : read.message);
  return read.value;
}

function names(read: Read<readonly { readonly name: string }[]>): readonly string[] {
  return valueOf(read).map(({ name }) => name);
}

describe('the cluster port', () => {
  test('lists each kind by the selector, as one GET', async () => {
    await using api = await FakeApiServer.start();
    await using kube = connectToFake(api);
    api.create(deployment({ name: 'web' }));
    api.create(deployment({ name: 'other', labels: {} }));
    api.create(statefulSet({ name: 'db' }));
    api.create(daemonSet({ name: 'log' }));
    const kinds = {
      Deployment: 'deployments',
      StatefulSet: 'statefulsets',
      DaemonSet: 'daemonsets',
    };
    for (const kind of ['Deployment', 'StatefulSet', 'DaemonSet'] as const) {
      const listed = valueOf(await kube.cluster.listWorkloads(kind, signal));
      assert.equal(listed.length, 1);
      assert.equal(listed[0]?.id.kind, kind);
      assert.deepEqual(golden(api.requests.at(-1)), {
        method: 'GET',
        path: `${apps}/${kinds[kind]}`,
        query: { labelSelector: 'kube-autorollout/enabled=true', limit: '2000' },
        body: '',
        accept: 'application/json',
        userAgent: 'kube-autorollout/test',
        contentType: undefined,
      });
    }
    assert.deepEqual(
      kube.observed.map(({ action, status }) => [action.verb, action.resource, status]),
      Object.values(kinds).map((resource) => ['list', resource, 200]),
    );
  });

  test('lists all Pods page by page on few connections', async () => {
    await using api = await FakeApiServer.start({
      simulate: { resolveImage: (image) => `${image}@sha256:1` },
    });
    await using kube = connectToFake(api, { pageSize: 2 });
    for (const name of ['a', 'b', 'c']) api.create(deployment({ name, image: name, replicas: 2 }));
    const listed = names(await kube.cluster.listPods(signal));
    assert.deepEqual(
      listed,
      api.list('Pod').map(({ metadata }) => metadata.name),
    );
    const pages = api.requests.map(({ query }) => [
      query['limit'],
      query['continue'] !== undefined,
    ]);
    assert.deepEqual(pages, [
      ['2', false],
      ['2', true],
      ['2', true],
    ]);
    assert.ok(api.connections < 3, `${api.connections} connections`);
  });

  test('keeps of ten thousand Pods what is needed, in 5 requests', async () => {
    await using api = await FakeApiServer.start({
      simulate: { resolveImage: (image) => `${image}@sha256:1` },
    });
    await using kube = connectToFake(api);
    for (let index = 0; index < 1000; index += 1) {
      api.create(deployment({ name: `web-${index}`, image: 'r.test/o/web:main', replicas: 10 }));
    }
    const pods = valueOf(await kube.cluster.listPods(signal));
    assert.equal(pods.length, 10_000);
    assert.equal(api.requests.length, 5);
    const kept = JSON.stringify(pods[0]).length;
    assert.ok(kept < 500, `${kept} characters of a Pod are kept`);
    const workloads = valueOf(await kube.cluster.listWorkloads('Deployment', signal));
    assert.equal(workloads.length, 1000);
    assert.equal(api.requests.length, 6);
  });

  test('starts over once when the continue token has expired (410)', async () => {
    await using api = await FakeApiServer.start();
    await using kube = connectToFake(api, { pageSize: 2 });
    for (const name of ['a', 'b', 'c']) api.create(deployment({ name }));
    let pages = 0;
    api.on('GET', `${apps}/deployments`, () => {
      pages += 1;
      if (pages === 2) api.expireContinueTokens();
      return undefined;
    });
    const listed = valueOf(await kube.cluster.listWorkloads('Deployment', signal));
    assert.deepEqual(
      listed.map(({ id }) => id.name),
      ['a', 'b', 'c'],
    );
    assert.deepEqual(
      api.requests.map(({ query }) => query['continue'] !== undefined),
      [false, true, false, true],
    );
  });

  test('says so when the token expires again', async () => {
    await using api = await FakeApiServer.start();
    await using kube = connectToFake(api, { pageSize: 2 });
    for (const name of ['a', 'b', 'c']) api.create(deployment({ name }));
    api.on('GET', `${apps}/deployments`, ({ query }) => {
      if (query['continue'] !== undefined) api.expireContinueTokens();
      return undefined;
    });
    const read = await kube.cluster.listWorkloads('Deployment', signal);
    assert.equal(read.ok, false);
    assert.equal(read.ok ? '' : read.reason, 'api-error');
    assert.match(read.ok ? '' : read.message, /410: "The provided continue parameter is too old/);
  });

  test('reports an object that makes no sense alone, and reads the others', async () => {
    await using api = await FakeApiServer.start();
    await using kube = connectToFake(api);
    api.create(deployment({ name: 'bad', spec: { replicas: 'three' } }));
    api.create(deployment({ name: 'good' }));
    const read = await kube.cluster.listWorkloads('Deployment', signal);
    assert.ok(read.ok);
    assert.deepEqual(
      read.value.map(({ id }) => id.name),
      ['good'],
    );
    assert.equal(read.problems?.length, 1);
    assert.match(
      read.problems[0] ?? '',
      /^deployments: "bad" could not be read: "spec\.replicas: /,
    );
  });

  test('lists ReplicaSets without their templates', async () => {
    await using api = await FakeApiServer.start({ simulate: { resolveImage: () => 'r@sha256:1' } });
    await using kube = connectToFake(api);
    const web = api.create(deployment({ name: 'web', image: 'r' }));
    const [replicaSet, ...more] = valueOf(await kube.cluster.listReplicaSets(signal));
    assert.deepEqual(more, []);
    assert.equal(replicaSet?.ownerUid, web.metadata.uid);
    assert.equal(replicaSet?.revision, 1);
    assert.equal(replicaSet?.name, `web-${replicaSet?.templateHash}`);
    assert.match(api.requests[0]?.headers.accept ?? '', /as=PartialObjectMetadataList/);
  });

  test('an empty namespace is an empty list', async () => {
    await using api = await FakeApiServer.start();
    await using kube = connectToFake(api);
    assert.deepEqual(await kube.cluster.listPods(signal), { ok: true, value: [] });
    const nothing = { kind: 'PodList', apiVersion: 'v1', metadata: {}, items: null };
    api.once('GET', '/api/v1/namespaces/default/pods', { body: JSON.stringify(nothing) });
    assert.deepEqual(await kube.cluster.listPods(signal), { ok: true, value: [] });
  });

  test('probes with the smallest LIST', async () => {
    await using api = await FakeApiServer.start();
    await using kube = connectToFake(api);
    assert.deepEqual(await kube.cluster.probe(signal), { ok: true, value: undefined });
    assert.deepEqual(api.requests[0]?.query, {
      labelSelector: 'kube-autorollout/enabled=true',
      limit: '1',
    });
    api.deny('list', 'deployments');
    const refused = await kube.cluster.probe(signal);
    assert.equal(refused.ok, false);
  });

  test('names the verbs that the Role lacks, each with its purpose', async () => {
    await using api = await FakeApiServer.start();
    await using kube = connectToFake(api);
    assert.deepEqual(await kube.cluster.missingPermissions(signal), []);
    api.deny('get', 'secrets');
    api.deny('list', 'replicasets');
    const missing = await kube.cluster.missingPermissions(signal);
    assert.deepEqual(missing.map(describeMissing), [
      'get secrets (to ask private registries as the kubelet does)',
      'list replicasets.apps (to restart Deployments whose rollout has stalled)',
    ]);
    const reviews = '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews';
    api.on('POST', reviews, { status: 403 });
    assert.deepEqual(await kube.cluster.missingPermissions(signal), []);
  });
});
