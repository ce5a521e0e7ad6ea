import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, test } from 'node:test';

import type { WorkloadFacts, WorkloadKind } from '../rollout/workload.ts';
import { FakeApiServer } from '../testing/fake-apiserver.ts';
import { connectToFake, type TestCluster } from '../testing/kube-connection.ts';
import { objectAt, textAt } from '../testing/kube-json.ts';
import { workload } from '../testing/kube-objects.ts';
import type { RestartOutcome, RestartPatch } from '../tick.ts';
import { restart } from './restart.ts';

const never = new AbortController().signal;
const path = '/apis/apps/v1/namespaces/default/deployments/web';
const lastRestart = '{"v":1,"containers":{}}';
const patch: RestartPatch = {
  restartedAt: { key: 'kube-autorollout/restartedAt', value: '2026-01-01T00:00:00Z' },
  lastRestart,
};

async function judged(
  kube: TestCluster,
  kind: WorkloadKind = 'Deployment',
): Promise<WorkloadFacts> {
  const read = await kube.cluster.listWorkloads(kind, never);
  assert.ok(read.ok);
  const [first] = read.value;
  assert.ok(first !== undefined);
  return first;
}

async function start(kind: WorkloadKind = 'Deployment'): Promise<FakeApiServer> {
  const api = await FakeApiServer.start();
  api.create(workload(kind, { name: 'web', image: 'r.test/o/web:main', replicas: 2 }));
  return api;
}

function failed(outcome: RestartOutcome): { readonly reason: string; readonly message: string } {
  assert.ok(outcome.result === 'failed', 'it was restarted');
  return { reason: outcome.reason, message: outcome.message };
}

describe('restart', () => {
  const kinds = [
    ['Deployment', 'deployments'],
    ['StatefulSet', 'statefulsets'],
    ['DaemonSet', 'daemonsets'],
  ] as const;
  for (const [kind, resource] of kinds) {
    test(`${kind}: one GET, one PATCH with both annotations and the version`, async () => {
      await using api = await start(kind);
      await using kube = connectToFake(api);
      const facts = await judged(kube, kind);
      assert.deepEqual(await kube.cluster.restart(facts, patch, never), { result: 'restarted' });
      const [, get, sent, ...more] = api.requests;
      assert.deepEqual(more, []);
      assert.equal(get?.method, 'GET');
      assert.equal(get.path, `/apis/apps/v1/namespaces/default/${resource}/web`);
      assert.deepEqual(
        {
          method: sent?.method,
          path: sent?.path,
          query: sent?.query,
          contentType: sent?.headers['content-type'],
          document: sent?.document,
        },
        {
          method: 'PATCH',
          path: `/apis/apps/v1/namespaces/default/${resource}/web`,
          query: { fieldManager: 'kube-autorollout' },
          contentType: 'application/merge-patch+json',
          document: {
            metadata: {
              resourceVersion: facts.resourceVersion,
              annotations: { 'kube-autorollout/last-restart': lastRestart },
            },
            spec: {
              template: {
                metadata: {
                  annotations: { 'kube-autorollout/restartedAt': '2026-01-01T00:00:00Z' },
                },
              },
            },
          },
        },
      );
      const after = api.get(kind, 'web');
      const template = objectAt(after, 'spec', 'template', 'metadata', 'annotations');
      assert.equal(template['kube-autorollout/restartedAt'], '2026-01-01T00:00:00Z');
    });
  }

  test('case 29: status writes, scaling and the controller of Deployments do not stop it', async () => {
    await using api = await start();
    await using kube = connectToFake(api);
    const facts = await judged(kube);
    api.writeStatus('Deployment', 'web', { readyReplicas: 1, conditions: [] });
    api.edit('Deployment', 'web', { spec: { replicas: 7 } });
    const revision = { 'deployment.kubernetes.io/revision': '8' };
    api.edit('Deployment', 'web', { metadata: { annotations: revision, managedFields: [] } });
    assert.deepEqual(await kube.cluster.restart(facts, patch, never), { result: 'restarted' });
    assert.equal(api.count('PATCH'), 1);
  });

  test('case 29: a workload whose status is written between GET and PATCH is restarted all the same', async () => {
    await using api = await start();
    await using kube = connectToFake(api);
    const facts = await judged(kube);
    for (let write = 1; write <= 2; write += 1) {
      api.once('PATCH', path, () => {
        api.writeStatus('Deployment', 'web', { readyReplicas: write });
        return undefined;
      });
    }
    assert.deepEqual(await kube.cluster.restart(facts, patch, never), { result: 'restarted' });
    assert.deepEqual(
      api.requests.slice(1).map(({ method }) => method),
      ['GET', 'PATCH', 'GET', 'PATCH', 'GET', 'PATCH'],
    );
  });

  test('case 29: it gives up after three conflicts', async () => {
    await using api = await start();
    await using kube = connectToFake(api);
    const facts = await judged(kube);
    let write = 0;
    api.on('PATCH', path, () => {
      write += 1;
      api.writeStatus('Deployment', 'web', { readyReplicas: write });
      return undefined;
    });
    const found = failed(await kube.cluster.restart(facts, patch, never));
    assert.equal(found.reason, 'conflict');
    assert.match(found.message, /3 times in a row/);
    assert.equal(api.count('PATCH'), 3);
  });

  const edits = [
    ['the template', { spec: { template: { metadata: { labels: { v: '2' } } } } }],
    ['the image', { spec: { template: { spec: { containers: [{ name: 'app', image: 'x' }] } } } }],
    ['scaled to zero', { spec: { replicas: 0 } }],
    ['paused', { spec: { paused: true } }],
    [
      'a label, so that the selector no longer matches',
      { metadata: { labels: { 'kube-autorollout/enabled': null } } },
    ],
    ['put on hold', { metadata: { annotations: { 'kube-autorollout/hold': 'true' } } }],
    ['another annotation', { metadata: { annotations: { note: 'x' } } }],
    ['being deleted', { metadata: { deletionTimestamp: '2026-01-01T00:00:00Z' } }],
  ] as const;
  for (const [name, edit] of edits) {
    test(`case 29: edited between list and patch (${name}) is a conflict`, async () => {
      await using api = await start();
      await using kube = connectToFake(api);
      const facts = await judged(kube);
      api.edit('Deployment', 'web', edit);
      assert.equal(failed(await kube.cluster.restart(facts, patch, never)).reason, 'conflict');
      assert.equal(api.count('PATCH'), 0);
    });
  }

  test('case 29: edited between GET and PATCH is a conflict', async () => {
    await using api = await start();
    await using kube = connectToFake(api);
    const facts = await judged(kube);
    api.once('PATCH', path, () => {
      api.edit('Deployment', 'web', { spec: { paused: true } });
      return undefined;
    });
    assert.equal(failed(await kube.cluster.restart(facts, patch, never)).reason, 'conflict');
    assert.equal(api.count('PATCH'), 1);
    assert.equal(
      textAt(api.get('Deployment', 'web'), 'spec', 'template', 'metadata', 'annotations'),
      '',
    );
  });

  test('case 57: of two pollers one restarts, the other reports a conflict', async () => {
    await using api = await start();
    await using one = connectToFake(api);
    await using other = connectToFake(api);
    const facts = await judged(one);
    assert.deepEqual(await judged(other), facts);
    const outcomes = await Promise.all(
      [one, other].map(async ({ cluster }, index) =>
        cluster.restart(facts, { ...patch, lastRestart: `{"by":${index}}` }, never),
      ),
    );
    const results = outcomes.map((outcome) =>
      outcome.result === 'failed' ? outcome.reason : outcome.result,
    );
    assert.deepEqual(results.toSorted(), ['conflict', 'restarted']);
    assert.equal(api.get('Deployment', 'web').metadata.generation, 2);
  });

  test('deleted is gone; deleted and created anew, too', async () => {
    await using api = await start();
    await using kube = connectToFake(api);
    const facts = await judged(kube);
    api.delete('Deployment', 'web');
    assert.deepEqual(failed(await kube.cluster.restart(facts, patch, never)), {
      reason: 'gone',
      message: 'get deployments.apps "web": it does not exist',
    });
    api.create(workload('Deployment', { name: 'web', image: 'r.test/o/web:main', replicas: 2 }));
    const again = failed(await kube.cluster.restart(facts, patch, never));
    assert.equal(again.reason, 'gone');
    assert.match(again.message, /another has its name now/);
    assert.equal(api.count('PATCH'), 0);
  });

  test('being deleted when it was listed is gone: no controller would roll it out', async () => {
    await using api = await start();
    await using kube = connectToFake(api);
    api.edit('Deployment', 'web', {
      metadata: { deletionTimestamp: '2026-01-01T00:00:00Z', finalizers: ['example.com/backup'] },
    });
    const facts = await judged(kube);
    assert.deepEqual(failed(await kube.cluster.restart(facts, patch, never)), {
      reason: 'gone',
      message: '"web" is being deleted',
    });
    assert.equal(api.count('PATCH'), 0);
  });

  test('an answer to the GET that is no workload is said, and nothing is patched', async () => {
    await using api = await start();
    await using kube = connectToFake(api);
    const facts = await judged(kube);
    api.once('GET', path, { body: '{"kind":"Deployment","metadata":{}}' });
    assert.deepEqual(failed(await kube.cluster.restart(facts, patch, never)), {
      reason: 'api-error',
      message: 'the API server answered with an object that makes no sense',
    });
    assert.equal(api.count('PATCH'), 0);
  });

  test('403 names the missing rule', async () => {
    await using api = await start();
    await using kube = connectToFake(api);
    const facts = await judged(kube);
    api.deny('patch', 'deployments');
    assert.deepEqual(failed(await kube.cluster.restart(facts, patch, never)), {
      reason: 'forbidden',
      message:
        'patch deployments.apps "web": not allowed for "system:serviceaccount:default:kube-autorollout"; the Role lacks the rule {apiGroups: ["apps"], resources: ["deployments"], verbs: ["patch"]}',
    });
  });

  test('a PATCH without an answer is not repeated, for it may have been carried out', async () => {
    await using api = await start();
    await using kube = connectToFake(api);
    const facts = await judged(kube);
    api.once('PATCH', path, (_request, serve) => {
      serve();
      return { fault: 'reset' };
    });
    const found = failed(await kube.cluster.restart(facts, patch, never));
    assert.equal(found.reason, 'api-error');
    assert.match(found.message, /the connection was cut/);
    assert.equal(api.count('PATCH'), 1);
    assert.equal(failed(await kube.cluster.restart(facts, patch, never)).reason, 'conflict');
  });

  test('429 and 500 of a PATCH are not repeated either', async () => {
    await using api = await start();
    await using kube = connectToFake(api);
    const facts = await judged(kube);
    for (const status of [429, 500, 503]) {
      api.once('PATCH', path, { status, headers: { 'retry-after': '0' } });
      assert.equal(failed(await kube.cluster.restart(facts, patch, never)).reason, 'api-error');
    }
    assert.equal(api.count('PATCH'), 3);
  });

  test('case 58: a PATCH in flight ends well after the signal', async () => {
    await using api = await start();
    await using kube = connectToFake(api);
    const facts = await judged(kube);
    const controller = new AbortController();
    api.once('PATCH', path, async (_request, serve) => {
      controller.abort();
      await sleep(50);
      return serve();
    });
    const outcome = await kube.cluster.restart(facts, patch, controller.signal);
    assert.deepEqual(outcome, { result: 'restarted' });
  });

  test('case 58: a PATCH that hangs is given up soon after the signal', async () => {
    await using api = await start();
    await using kube = connectToFake(api);
    const workloadFacts = await judged(kube);
    const controller = new AbortController();
    api.once('PATCH', path, () => {
      controller.abort();
      return { fault: 'hang' };
    });
    const found = failed(
      await restart(
        kube.connection.client,
        { workload: workloadFacts, patch, fieldManager: 'x', graceMs: 50 },
        controller.signal,
      ),
    );
    assert.equal(found.reason, 'api-error');
    assert.match(found.message, /^patch deployments\.apps "web": .*stopped before/);
  });

  test('case 58: after the signal nothing new is sent', async () => {
    await using api = await start();
    await using kube = connectToFake(api);
    const facts = await judged(kube);
    const controller = new AbortController();
    api.once('PATCH', path, () => {
      api.writeStatus('Deployment', 'web', { readyReplicas: 1 });
      controller.abort();
      return undefined;
    });
    const found = failed(await kube.cluster.restart(facts, patch, controller.signal));
    assert.match(found.message, /stopped/);
    assert.equal(api.count('PATCH'), 1);
    const late = failed(await kube.cluster.restart(facts, patch, controller.signal));
    assert.match(late.message, /stopped/);
    assert.equal(api.requests.length, 3);
  });
});
