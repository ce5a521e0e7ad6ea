import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, test } from 'node:test';

import { FakeApiServer } from '../testing/fake-apiserver.ts';
import { connectToFake, type TestCluster } from '../testing/kube-connection.ts';
import { deployment } from '../testing/kube-objects.ts';
import type { RestartPatch } from '../tick.ts';
import { createEvents } from './events.ts';

/* More to do at once than there are connections to the API server. */

const never = new AbortController().signal;
const pods = '/api/v1/namespaces/default/pods';
const events = '/apis/events.k8s.io/v1/namespaces/default/events';
const deployments = '/apis/apps/v1/namespaces/default/deployments';

const patch: RestartPatch = {
  restartedAt: { key: 'kube-autorollout/restartedAt', value: '2026-01-01T00:00:00Z' },
  lastRestart: '{"v":1,"containers":{}}',
};

async function get(
  { connection }: TestCluster,
  path: string,
  options: { readonly deadlineMs?: number; readonly signal?: AbortSignal } = {},
): Promise<unknown> {
  const { deadlineMs = 20_000, signal = never } = options;
  const action = { verb: 'list', group: '', resource: 'pods' } as const;
  return connection.client.send({ action, path, maxBodyBytes: 1_000_000, deadlineMs }, signal);
}

/** All connections wait for an answer until `release` is called. */
async function busy(api: FakeApiServer, kube: TestCluster) {
  const { promise, resolve: release } = Promise.withResolvers<undefined>();
  api.on('GET', deployments, () => promise);
  const held = Array.from({ length: 8 }, () => get(kube, deployments));
  while (api.count('GET', deployments) < 8) {
    // oxlint-disable-next-line no-await-in-loop -- until they are there
    await sleep(5);
  }
  return {
    async release() {
      release(undefined);
      await Promise.all(held);
    },
  };
}

describe('requests take turns', () => {
  test('and the deadline of each begins with its turn', async () => {
    await using api = await FakeApiServer.start();
    await using kube = connectToFake(api);
    const others = await busy(api, kube);
    const waiting = get(kube, pods, { deadlineMs: 1000 });
    await Promise.race([waiting, sleep(1500)]);
    assert.equal(api.count('GET', pods), 0);
    await others.release();
    await waiting;
    assert.equal(api.count('GET', pods), 1);
  });

  test('and one that is stopped while it waits is never sent', async () => {
    await using api = await FakeApiServer.start();
    await using kube = connectToFake(api);
    const others = await busy(api, kube);
    const stop = new AbortController();
    const waiting = get(kube, pods, { signal: stop.signal });
    stop.abort();
    await assert.rejects(waiting, /: stopped before the answer came$/);
    await others.release();
    await get(kube, pods);
    assert.equal(api.count('GET', pods), 1);
  });

  test('restarts too, so that a PATCH follows its GET at once', async () => {
    await using api = await FakeApiServer.start();
    await using kube = connectToFake(api);
    const names = Array.from({ length: 30 }, (_, index) => `web-${index}`);
    for (const name of names) api.create(deployment({ name }));
    const listed = await kube.cluster.listWorkloads('Deployment', never);
    assert.ok(listed.ok);
    const outcomes = await Promise.all(
      listed.value.map((workload) => kube.cluster.restart(workload, patch, never)),
    );
    assert.ok(outcomes.every(({ result }) => result === 'restarted'));
    const [, ...sent] = api.requests.map(({ method }) => method);
    assert.equal(sent.length, 60);
    assert.ok(sent.indexOf('PATCH') <= 8, 'not all are read before the first is patched');
  });

  test('a restart that is stopped while it waits for its turn reads nothing', async () => {
    await using api = await FakeApiServer.start();
    await using kube = connectToFake(api);
    for (let index = 0; index < 9; index += 1) api.create(deployment({ name: `web-${index}` }));
    const listed = await kube.cluster.listWorkloads('Deployment', never);
    assert.ok(listed.ok);
    const stop = new AbortController();
    const restarting = listed.value.map((workload) =>
      kube.cluster.restart(workload, patch, stop.signal),
    );
    stop.abort();
    const reasons = (await Promise.all(restarting)).map((outcome) =>
      outcome.result === 'failed' ? outcome.reason : outcome.result,
    );
    assert.deepEqual(
      reasons,
      Array.from({ length: 9 }, () => 'api-error'),
    );
    assert.equal(api.count('PATCH'), 0);
  });

  test('Events leave connections to what matters', async () => {
    await using api = await FakeApiServer.start();
    await using kube = connectToFake(api);
    const { promise, resolve: release } = Promise.withResolvers<undefined>();
    api.on('POST', events, () => promise);
    const failed: string[] = [];
    const writer = createEvents({
      client: kube.connection.client,
      namespace: 'default',
      instance: 'poller-abc',
      now: () => new Date(),
      observe: ({ message }) => failed.push(message),
    });
    const recording = Array.from({ length: 20 }, (_, index) =>
      writer.record(
        {
          workload: { kind: 'Deployment', namespace: 'default', name: 'web', uid: `uid-${index}` },
          type: 'Warning',
          reason: 'RestartHeld',
          note: 'pull-policy',
          key: '',
        },
        never,
      ),
    );
    await get(kube, pods, { deadlineMs: 2000 });
    release(undefined);
    await Promise.all(recording);
    assert.deepEqual(failed, []);
    assert.equal(api.list('Event').length, 20);
  });
});
