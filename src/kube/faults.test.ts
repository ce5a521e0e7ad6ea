import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { describe, test } from 'node:test';

import type { Answer } from '../testing/fake-answer.ts';
import { FakeApiServer } from '../testing/fake-apiserver.ts';
import { connectToFake } from '../testing/kube-connection.ts';
import { deployment } from '../testing/kube-objects.ts';
import type { Read } from '../tick.ts';
import { createClient } from './client.ts';
import { createDispatcher } from './dispatcher.ts';
import { KubeError } from './error.ts';

const signal = new AbortController().signal;
const path = '/apis/apps/v1/namespaces/default/deployments';

function failure(read: Read<unknown>): { readonly reason: string; readonly message: string } {
  assert.ok(!read.ok, 'it was read');
  const { reason, message } = read;
  return { reason, message };
}

function statusAnswer(code: number, reason: string, message: string): Answer {
  const document = { kind: 'Status', apiVersion: 'v1', status: 'Failure', reason, message, code };
  return {
    status: code,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(document),
  };
}

/** As a real API server said it. */
function recorded(file: string, status: number): Answer {
  const url = new URL(`../../fixtures/kubernetes/${file}`, import.meta.url);
  const headers = { 'content-type': 'application/json' };
  return { status, headers, body: readFileSync(url, 'utf8') };
}

const html = {
  headers: { 'content-type': 'text/html' },
  body: '<html><b>Log in, token=s3cret</b></html>',
};

describe('faults of the API server', () => {
  const rows: readonly {
    readonly name: string;
    readonly answer: Answer;
    readonly reason: string;
    readonly message: RegExp;
    /** Default 1. */
    readonly requests?: number;
  }[] = [
    {
      name: '403 from RBAC names the missing rule and the account',
      answer: recorded('status-403-list.json', 403),
      reason: 'forbidden',
      message:
        /^list deployments\.apps: not allowed for "system:serviceaccount:shop:poller"; the Role lacks the rule \{apiGroups: \["apps"\], resources: \["deployments"\], verbs: \["list"\]\}$/,
    },
    {
      name: '403 of an admission webhook blames no Role',
      answer: statusAnswer(403, 'Forbidden', 'admission webhook "w.test" denied the request: no'),
      reason: 'forbidden',
      message: /answered 403: "admission webhook "w\.test" denied the request: no"$/,
    },
    {
      name: '401 says what may have expired',
      answer: recorded('status-401.json', 401),
      reason: 'api-error',
      message: /does not accept the credentials \(401\)/,
    },
    {
      name: '500 is quoted with the message of its Status, escaped and cut',
      answer: statusAnswer(500, 'InternalError', `etcd \u001b[31m${'x'.repeat(1000)}`),
      reason: 'api-error',
      message: /answered 500: "etcd \\u\{1b\}\[31mx{1,200}…"$/,
    },
    {
      name: '429 without Retry-After is not repeated',
      answer: statusAnswer(429, 'TooManyRequests', 'slow down'),
      reason: 'api-error',
      message: /answered 429: "slow down"/,
    },
    {
      name: '429 that asks for more than 5 s is not waited for',
      answer: { ...statusAnswer(429, 'TooManyRequests', 'later'), headers: { 'retry-after': '6' } },
      reason: 'api-error',
      message: /answered 429/,
    },
    {
      name: '404 of a whole API is no missing object',
      answer: statusAnswer(404, 'NotFound', 'the server could not find the requested resource'),
      reason: 'api-error',
      message: /answered 404/,
    },
    {
      name: '400 to a selector that is none is quoted',
      answer: recorded('status-400-selector.json', 400),
      reason: 'api-error',
      message: /answered 400: "unable to parse requirement: found '=', expected: identifier"$/,
    },
    {
      name: 'HTML of a proxy is named, not quoted',
      answer: html,
      reason: 'api-error',
      message: /answered HTML \(a proxy or a login page in between\?\) with status 200$/,
    },
    {
      name: 'HTML with an error status, too',
      answer: { ...html, status: 502 },
      reason: 'api-error',
      message: /answered 502 with HTML \(a proxy or a login page in between\?\)$/,
    },
    {
      name: 'malformed JSON is named, not quoted',
      answer: { headers: { 'content-type': 'application/json' }, body: '{"items":[s3cret' },
      reason: 'api-error',
      message: /answered something that is not JSON with status 200$/,
    },
    {
      name: 'JSON that is no list',
      answer: { body: '{"kind":"Pod"}' },
      reason: 'api-error',
      message: /no list: metadata/,
    },
    {
      name: 'a redirect is not followed',
      answer: { status: 302, headers: { location: 'http://elsewhere.test/' } },
      reason: 'api-error',
      message: /answered 302 with nothing$/,
    },
    {
      name: 'a connection cut before the answer, twice',
      answer: { fault: 'reset' },
      requests: 2,
      reason: 'api-error',
      message:
        /API server http:\/\/127\.0\.0\.1:\d+: the connection was cut before the whole answer came$/,
    },
    {
      name: 'a connection cut in the answer',
      answer: { fault: 'truncate', body: 'x'.repeat(100_000) },
      reason: 'api-error',
      message:
        /API server http:\/\/127\.0\.0\.1:\d+: the connection was cut before the whole answer came$/,
    },
    {
      name: 'something that is not HTTP',
      answer: { fault: 'garbage' },
      reason: 'api-error',
      message: /API server http:\/\/127\.0\.0\.1:\d+: what answered does not speak HTTP$/,
    },
  ];
  for (const { name, answer, reason, message, requests = 1 } of rows) {
    test(name, async () => {
      await using api = await FakeApiServer.start();
      await using kube = connectToFake(api);
      api.on('GET', path, answer);
      const found = failure(await kube.cluster.listWorkloads('Deployment', signal));
      assert.equal(found.reason, reason);
      assert.match(found.message, message);
      assert.ok(!found.message.includes('s3cret') && !found.message.includes('\u001b'));
      assert.equal(api.requests.length, requests);
      api.create(deployment({ name: 'web' }));
      assert.ok((await kube.cluster.listPods(signal)).ok, 'the rest goes on');
    });
  }

  test('429 with a short Retry-After is waited for, once', async () => {
    await using api = await FakeApiServer.start();
    await using kube = connectToFake(api);
    const busy = {
      ...statusAnswer(429, 'TooManyRequests', 'busy'),
      headers: { 'retry-after': '1' },
    };
    api.once('GET', path, busy);
    const read = await kube.cluster.listWorkloads('Deployment', signal);
    assert.ok(read.ok);
    assert.equal(api.requests.length, 2);

    const atOnce = { ...busy, headers: { 'retry-after': '0' } };
    api.once('GET', path, atOnce);
    api.once('GET', path, atOnce);
    assert.match(
      failure(await kube.cluster.listWorkloads('Deployment', signal)).message,
      /answered 429/,
    );
    assert.equal(api.requests.length, 4);
  });

  test('a connection cut before the answer, once, is asked again', async () => {
    await using api = await FakeApiServer.start();
    await using kube = connectToFake(api);
    api.once('GET', path, { fault: 'reset' });
    assert.deepEqual(await kube.cluster.listWorkloads('Deployment', signal), {
      ok: true,
      value: [],
    });
    assert.equal(api.requests.length, 2);
  });

  test('a server that does not listen', async () => {
    const url = await freeUrl();
    await using kube = connectToFake({ url });
    const found = failure(await kube.cluster.listPods(signal));
    assert.deepEqual(found, {
      reason: 'api-error',
      message: `list pods: API server ${url.origin}: the connection was refused`,
    });
  });

  test('a server that never answers is given up at the signal', async () => {
    await using api = await FakeApiServer.start();
    await using kube = connectToFake(api);
    const controller = new AbortController();
    api.on('GET', path, () => {
      controller.abort();
      return { fault: 'hang' };
    });
    const found = failure(await kube.cluster.listWorkloads('Deployment', controller.signal));
    assert.equal(
      found.message,
      `list deployments.apps: API server ${api.url.origin}: stopped before the answer came`,
    );
    const late = failure(await kube.cluster.listWorkloads('Deployment', controller.signal));
    assert.match(late.message, /stopped before/);
    assert.equal(api.requests.length, 1, 'nothing is sent after the signal');
  });

  const hanging = ['hang', 'trickle'] as const;
  for (const fault of hanging) {
    test(`an answer that does not end (${fault}) is given up at its deadline`, async () => {
      await using api = await FakeApiServer.start();
      api.on('GET', '/x', { fault, body: 'xxx' });
      await assert.rejects(send(api, { deadlineMs: 200 }), (error: unknown) => {
        assert.ok(error instanceof KubeError);
        assert.equal(
          error.message,
          `get pods "x": API server ${api.url.origin}: no whole answer came within 200 ms`,
        );
        return true;
      });
    });
  }

  test('of an error without end its status counts, and nothing is read without end', async () => {
    await using api = await FakeApiServer.start();
    const text = 'x'.repeat(1000);
    api.on('GET', '/x', { status: 502, fault: 'endless', body: text });
    await assert.rejects(send(api, { maxBodyBytes: Infinity }), (error: unknown) => {
      assert.ok(error instanceof KubeError);
      assert.equal(error.status, 502);
      assert.match(error.message, /answered 502 with something that is not JSON$/);
      return true;
    });
  });

  test('an answer that is too large is an error, not a truncation', async () => {
    await using api = await FakeApiServer.start();
    api.on('GET', '/x', { fault: 'endless', body: 'x'.repeat(1000) });
    await assert.rejects(
      send(api, { maxBodyBytes: 10_000 }),
      /get pods "x": the API server's answer is larger than 10000 bytes/,
    );
  });
});

async function send(
  api: FakeApiServer,
  limits: { readonly deadlineMs?: number; readonly maxBodyBytes?: number },
): Promise<unknown> {
  const dispatcher = createDispatcher({ server: api.url }, {}, { proxy: {}, connectMs: 5000 });
  const client = createClient({
    route: async () => ({ server: api.url, dispatcher, headers: {} }),
    refused: () => {},
    server: api.url.origin,
    userAgent: 'test',
    observe: () => {},
    atOnce: 1,
  });
  const action = { verb: 'get', group: '', resource: 'pods', name: 'x' } as const;
  const { deadlineMs = 30_000, maxBodyBytes = 1000 } = limits;
  try {
    return await client.send({ action, path: '/x', deadlineMs, maxBodyBytes }, signal);
  } finally {
    await dispatcher.destroy();
  }
}

/** Nobody listens there. */
async function freeUrl(): Promise<URL> {
  const server = createServer();
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  await new Promise((resolve) => {
    server.close(resolve);
  });
  assert.ok(address !== null && typeof address === 'object');
  return new URL(`http://127.0.0.1:${address.port}/`);
}
