import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { request } from 'undici';

import { FakeApiServer } from './fake-apiserver.ts';
import { type JsonObject, listAt, numberAt, objectAt, textAt } from './kube-json.ts';
import { daemonSet, deployment, statefulSet } from './kube-objects.ts';

const apps = '/apis/apps/v1/namespaces/default';
const jsonOnly = { accept: 'application/json' };
const mergePatchType = { ...jsonOnly, 'content-type': 'application/merge-patch+json' };

async function ask(
  api: FakeApiServer,
  method: 'GET' | 'PATCH' | 'POST' | 'DELETE',
  path: string,
  document?: JsonObject,
  headers: Record<string, string> = document === undefined ? jsonOnly : mergePatchType,
): Promise<{ readonly status: number; readonly document: JsonObject }> {
  const response = await request(new URL(path, api.url), {
    method,
    headers,
    body: document === undefined ? null : JSON.stringify(document),
  });
  const body = await response.body.json();
  return { status: response.statusCode, document: objectAt({ body: toJson(body) }, 'body') };
}

function toJson(body: unknown): JsonObject {
  assert.ok(isJsonObject(body));
  return body;
}

function isJsonObject(body: unknown): body is JsonObject {
  return typeof body === 'object' && body !== null;
}

function names(document: JsonObject): readonly string[] {
  return listAt(document, 'items').map((item) => textAt(item, 'metadata', 'name'));
}

function imageIds(api: FakeApiServer): readonly string[] {
  return api
    .list('Pod')
    .map((pod) => textAt(listAt(pod, 'status', 'containerStatuses')[0], 'imageID'));
}

const restartPatch = {
  spec: { template: { metadata: { annotations: { 'kube-autorollout/restartedAt': 'now' } } } },
};

describe('FakeApiServer', () => {
  test('lists by label in pages, without kind and apiVersion in the items', async () => {
    await using api = await FakeApiServer.start();
    for (const name of ['a', 'b', 'c', 'd']) {
      api.create(deployment({ name, labels: { team: name === 'd' ? 'two' : 'one', own: name } }));
    }
    const query = `labelSelector=${encodeURIComponent('team=one,own notin (x, b)')}&limit=1`;
    const first = await ask(api, 'GET', `${apps}/deployments?${query}`);
    assert.deepEqual(names(first.document), ['a']);
    assert.equal(objectAt(listAt(first.document, 'items')[0])['kind'], undefined);
    assert.equal(first.document['kind'], 'DeploymentList');
    const token = textAt(first.document, 'metadata', 'continue');
    const second = await ask(api, 'GET', `${apps}/deployments?${query}&continue=${token}`);
    assert.deepEqual(names(second.document), ['c']);
    assert.equal(textAt(second.document, 'metadata', 'continue'), '');
    api.expireContinueTokens();
    const late = await ask(api, 'GET', `${apps}/deployments?${query}&continue=${token}`);
    assert.equal(late.status, 410);
    assert.equal(late.document['reason'], 'Expired');
  });

  test('patches when the version fits, counts the generation as a real server does', async () => {
    await using api = await FakeApiServer.start();
    const created = api.create(deployment({ name: 'web' }));
    api.create(statefulSet({ name: 'db' }));
    const { resourceVersion } = created.metadata;
    const patch = { metadata: { resourceVersion, annotations: { 'kube-autorollout/x': '1' } } };
    const path = `${apps}/deployments/web?fieldManager=me`;
    const good = await ask(api, 'PATCH', path, patch);
    assert.equal(good.status, 200);
    assert.equal(numberAt(good.document, ['metadata', 'generation'], 0), 2);
    assert.equal(textAt(listAt(good.document, 'metadata', 'managedFields')[0], 'manager'), 'me');
    const stale = await ask(api, 'PATCH', path, patch);
    assert.equal(stale.status, 409);
    assert.equal(stale.document['reason'], 'Conflict');

    const annotated = api.edit('StatefulSet', 'db', { metadata: { annotations: { a: 'b' } } });
    assert.equal(annotated.metadata.generation, 1, 'annotations count for Deployments only');
    const status = api.writeStatus('Deployment', 'web', { replicas: 1 });
    assert.equal(status.metadata.generation, 2);
    assert.notEqual(
      status.metadata.resourceVersion,
      textAt(good.document, 'metadata', 'resourceVersion'),
    );
  });

  test('fails its disposal after requests, fields and content types that nobody should send', async () => {
    const api = await FakeApiServer.start();
    api.create(deployment({ name: 'web' }));
    await ask(api, 'DELETE', `${apps}/deployments/web`);
    await ask(api, 'GET', '/api/v1/namespaces/default/secrets');
    await ask(api, 'PATCH', `${apps}/deployments/web`, { spec: { replicas: 3 } });
    await ask(api, 'PATCH', `${apps}/deployments/web`, {}, jsonOnly);
    await assert.rejects(api[Symbol.asyncDispose](), (error: Error) => {
      assert.match(error.message, /unexpected request: DELETE \/apis\/apps/);
      assert.match(
        error.message,
        /unexpected request: GET \/api\/v1\/namespaces\/default\/secrets/,
      );
      assert.match(error.message, /unexpected fields .*spec\.replicas/);
      assert.match(error.message, /content type "" of PATCH/);
      return true;
    });
  });

  test('fails its disposal when a one-time answer was not asked for', async () => {
    const api = await FakeApiServer.start();
    api.once('GET', `${apps}/deployments`, { status: 500 });
    await assert.rejects(api[Symbol.asyncDispose](), /never asked: GET/);
  });

  test('refuses as RBAC does, and says so in an access review', async () => {
    await using api = await FakeApiServer.start();
    api.deny('list', 'daemonsets');
    const { status, document } = await ask(api, 'GET', `${apps}/daemonsets`);
    assert.equal(status, 403);
    assert.match(
      textAt(document, 'message'),
      /cannot list resource "daemonsets" in API group "apps"/,
    );
    const spec = { resourceAttributes: { verb: 'list', resource: 'daemonsets', group: 'apps' } };
    const path = '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews';
    const headers = { ...jsonOnly, 'content-type': 'application/json' };
    const review = await ask(api, 'POST', path, { spec }, headers);
    assert.equal(objectAt(review.document, 'status')['allowed'], false);
  });

  test('runs Pods of a Deployment, and new ones when its template changes', async () => {
    let digest = 'r/web@sha256:1';
    await using api = await FakeApiServer.start({ simulate: { resolveImage: () => digest } });
    const web = api.create(deployment({ name: 'web', image: 'r/web:main', replicas: 2 }));
    const [before] = api.list('Pod');
    assert.deepEqual(imageIds(api), [digest, digest]);
    assert.equal(numberAt(web, ['status', 'updatedReplicas'], 0), 2);
    const hash = textAt(before, 'metadata', 'labels', 'pod-template-hash');
    const owner = listAt(before, 'metadata', 'ownerReferences')[0];
    assert.equal(textAt(owner, 'name'), `web-${hash}`);
    assert.equal(
      textAt(api.get('ReplicaSet', `web-${hash}`), 'metadata', 'uid'),
      textAt(owner, 'uid'),
    );

    digest = 'r/web@sha256:2';
    await ask(api, 'PATCH', `${apps}/deployments/web`, restartPatch);
    while (!api.settled) await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(imageIds(api), [digest, digest]);
    assert.equal(api.list('ReplicaSet').length, 2);
    const after = api.get('Deployment', 'web');
    assert.equal(numberAt(after, ['status', 'observedGeneration'], 0), after.metadata.generation);
    assert.equal(
      textAt(after, 'metadata', 'annotations', 'deployment.kubernetes.io/revision'),
      '2',
    );
  });

  test('stops half-way, keeps what OnDelete and a partition keep, and obeys paused', async () => {
    let digest = 'r/db@sha256:1';
    await using api = await FakeApiServer.start({
      simulate: { resolveImage: () => digest, nodes: 3 },
      rollOutAfterMs: 'manual',
    });
    const partition = { updateStrategy: { rollingUpdate: { partition: 2 } } };
    api.create(statefulSet({ name: 'db', image: 'r/db:1', replicas: 3, spec: partition }));
    api.create(
      daemonSet({ name: 'log', image: 'r/db:1', spec: { updateStrategy: { type: 'OnDelete' } } }),
    );
    api.create(deployment({ name: 'web', image: 'r/db:1', replicas: 3 }));
    api.create(deployment({ name: 'off', image: 'r/db:1', spec: { paused: true } }));
    digest = 'r/db@sha256:2';
    for (const kind of ['StatefulSet', 'DaemonSet', 'Deployment'] as const) {
      const name = { StatefulSet: 'db', DaemonSet: 'log', Deployment: 'web' }[kind];
      api.edit(kind, name, restartPatch);
    }
    const db = api.rollOut('StatefulSet', 'db');
    assert.equal(numberAt(db, ['status', 'updatedReplicas'], 0), 1);
    assert.notEqual(
      textAt(db, 'status', 'currentRevision'),
      textAt(db, 'status', 'updateRevision'),
    );
    assert.equal(
      textAt(api.get('Pod', 'db-2'), 'metadata', 'labels', 'controller-revision-hash'),
      textAt(db, 'status', 'updateRevision'),
    );
    const log = api.rollOut('DaemonSet', 'log');
    assert.equal(numberAt(log, ['status', 'updatedNumberScheduled'], 9), 0);
    const half = api.rollOut('Deployment', 'web', { replace: 1 });
    assert.equal(numberAt(half, ['status', 'updatedReplicas'], 0), 1);
    assert.equal(numberAt(half, ['status', 'replicas'], 0), 3);
    assert.equal(numberAt(api.rollOut('Deployment', 'web'), ['status', 'updatedReplicas'], 0), 3);
    assert.equal(imageIds(api).filter((id) => id === digest).length, 1 + 0 + 3);
    assert.equal(numberAt(api.get('Deployment', 'off'), ['status', 'replicas'], 0), 0);
  });

  test('lets a new Pod wait whose image cannot be pulled, and keeps the old ones', async () => {
    let imageId: string | undefined = 'r/web@sha256:1';
    await using api = await FakeApiServer.start({
      simulate: { resolveImage: () => imageId },
      rollOutAfterMs: 'manual',
    });
    api.create(deployment({ name: 'web', image: 'r/web:main', replicas: 2 }));
    imageId = undefined;
    api.edit('Deployment', 'web', restartPatch);
    const web = api.rollOut('Deployment', 'web', { stalled: true });
    assert.deepEqual(imageIds(api).toSorted(), ['', 'r/web@sha256:1', 'r/web@sha256:1']);
    assert.equal(numberAt(web, ['status', 'updatedReplicas'], 0), 1);
    assert.equal(numberAt(web, ['status', 'replicas'], 0), 3);
    assert.equal(
      textAt(listAt(web, 'status', 'conditions')[1], 'reason'),
      'ProgressDeadlineExceeded',
    );
  });

  test('pulls anew when one container starts again on its node', async () => {
    let digest = 'r/web@sha256:1';
    await using api = await FakeApiServer.start({ simulate: { resolveImage: () => digest } });
    api.create(deployment({ name: 'web', image: 'r/web:main', replicas: 2 }));
    digest = 'r/web@sha256:2';
    const pod = api.list('Pod')[0]?.metadata.name ?? '';
    api.restartContainer(pod, 'app');
    assert.deepEqual(imageIds(api), ['r/web@sha256:2', 'r/web@sha256:1']);
    api.delete('Deployment', 'web');
    assert.deepEqual(api.list('Pod'), []);
    assert.deepEqual(api.list('ReplicaSet'), []);
  });
});
