import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { createAuthority, type TestAuthority } from '../testing/certificates.ts';
import type { Answer } from '../testing/fake-answer.ts';
import { fakeImage } from '../testing/fake-images.ts';
import { FakeRegistry, type TlsIdentity } from '../testing/fake-registry.ts';
import { RawServer } from '../testing/raw-server.ts';
import { testHttp } from '../testing/test-http.ts';
import { defaultHostOptions } from './hosts.ts';

const path = '/v2/o/web/manifests/main';

let authority: TestAuthority;
let identity: TlsIdentity;
before(async () => {
  authority = await createAuthority();
  identity = await authority.issue(['127.0.0.1']);
});

/**
 * Counts the requests in flight at a registry. The first ones are answered once `expected` of them are there and
 * a further one has had its chance to come.
 */
function gaugeOf(expected: number, answer: Answer = {}) {
  const { promise: full, resolve } = Promise.withResolvers<void>();
  let inFlight = 0;
  const gauge = {
    most: 0,
    script: async (): Promise<Answer> => {
      inFlight += 1;
      gauge.most = Math.max(gauge.most, inFlight);
      if (inFlight === expected) setTimeout(resolve, 30);
      await full;
      inFlight -= 1;
      return answer;
    },
  };
  return gauge;
}

describe('connections', () => {
  test('50 HEADs over HTTP/1.1 need 8 connections at most, without TLS and with', async () => {
    for (const tls of [false, 'h1'] as const) {
      await using registry = await FakeRegistry.start(tls === false ? {} : { tls, identity });
      await using net = testHttp({ caCertificates: [authority.certificate] });
      registry.push('o/web:main', fakeImage('one'));
      const url = new URL(path, registry.url);
      const answers = await Promise.all(Array.from({ length: 50 }, async () => net.send(url)));
      assert.ok(answers.every(({ status }) => status === 200));
      assert.equal(registry.requests.length, 50);
      assert.ok(registry.connections <= 8, `${registry.connections} connections`);
    }
  });

  for (const [tls, expected] of [
    ['h1', 8],
    ['h2', 32],
  ] as const) {
    test(`${expected} requests are in flight over ${tls} when nothing else is set`, async () => {
      await using registry = await FakeRegistry.start({ tls, identity });
      await using net = testHttp({ caCertificates: [authority.certificate] });
      const gauge = gaugeOf(expected);
      registry.on('HEAD', path, gauge.script);
      const url = new URL(path, registry.url);
      await Promise.all(Array.from({ length: 40 }, async () => net.send(url)));
      assert.equal(gauge.most, expected);
    });
  }

  test('50 HEADs over HTTP/2 need one connection, with content-length, 401 and 404 in between', async () => {
    await using registry = await FakeRegistry.start({
      tls: 'h2',
      identity,
      auth: { type: 'basic', users: { ann: { password: 'secret' } } },
    });
    await using net = testHttp({ caCertificates: [authority.certificate] });
    const digest = registry.push('o/web:main', fakeImage('one'));
    const headers = { accept: '*/*', authorization: `Basic ${btoa('ann:secret')}` };
    const answers = await Promise.all(
      Array.from({ length: 50 }, async (_, number) => {
        if (number % 3 === 1) return net.send(new URL(path, registry.url));
        const tag = number % 3 === 2 ? 'none' : 'main';
        return net.send(new URL(`/v2/o/web/manifests/${tag}`, registry.url), { headers });
      }),
    );
    for (const [number, answer] of answers.entries()) {
      assert.equal(answer.status, [200, 401, 404][number % 3]);
      assert.ok(Number(answer.header('content-length')[0]) > 0);
      assert.equal(answer.body.length, 0);
    }
    assert.deepEqual(answers[0]?.header('Docker-Content-Digest'), [digest]);
    const challenge = answers[1]?.header('www-authenticate');
    assert.deepEqual(challenge, ['Basic realm="fake registry"']);
    assert.equal(registry.connections, 1);
    assert.equal(registry.requests[0]?.httpVersion, '2.0');
  });

  test('maxConcurrentRequests overrides how many are in flight', async () => {
    for (const [maxConcurrentRequests, tls] of [
      [2, 'h1'],
      [3, 'h2'],
    ] as const) {
      await using registry = await FakeRegistry.start({ tls, identity });
      await using net = testHttp({ caCertificates: [authority.certificate] });
      const gauge = gaugeOf(maxConcurrentRequests);
      registry.on('HEAD', path, gauge.script);
      const host = { ...defaultHostOptions, maxConcurrentRequests };
      const url = new URL(path, registry.url);
      await Promise.all(Array.from({ length: 12 }, async () => net.send(url, { host })));
      assert.equal(gauge.most, maxConcurrentRequests);
    }
  });

  test('asks a host with half as many requests after a 429', async () => {
    await using registry = await FakeRegistry.start();
    await using net = testHttp();
    registry.once('HEAD', path, { status: 429 });
    registry.push('o/web:main', fakeImage('one'));
    const url = new URL(path, registry.url);
    assert.equal((await net.send(url)).status, 429);
    const gauge = gaugeOf(4, { status: 503 });
    registry.on('GET', path, gauge.script);
    await Promise.all(Array.from({ length: 16 }, async () => net.send(url, { method: 'GET' })));
    assert.equal(gauge.most, 4);
  });

  test('repeats a request once when the server had let go of the idle connection', async () => {
    for (const tls of [false, 'h2'] as const) {
      await using registry = await FakeRegistry.start(tls === false ? {} : { tls, identity });
      await using net = testHttp({ caCertificates: [authority.certificate] });
      registry.push('o/web:main', fakeImage('one'));
      const url = new URL(path, registry.url);
      await net.send(url);
      registry.once('HEAD', path, () => {
        registry.disconnect();
        return { fault: 'hang' };
      });
      assert.equal((await net.send(url)).status, 200);
      assert.equal(registry.connections, 2);
      registry.disconnect();
      assert.equal((await net.send(url)).status, 200);
    }
  });

  test('a server that ends each connection after one answer is only slower', async () => {
    await using registry = await FakeRegistry.start();
    await using net = testHttp();
    registry.on('HEAD', path, { headers: { connection: 'close' } });
    const url = new URL(path, registry.url);
    const answers = await Promise.all(Array.from({ length: 50 }, async () => net.send(url)));
    assert.ok(answers.every(({ status }) => status === 200));
    assert.equal(registry.requests.length, 50);
  });

  test('does not repeat what failed on a new connection, nor a POST', async () => {
    await using registry = await FakeRegistry.start();
    await using net = testHttp();
    registry.on('HEAD', path, { fault: 'reset' });
    const failure = await net.failure(new URL(path, registry.url));
    assert.equal(failure.code, 'unreachable');
    assert.equal(failure.connectFailure, false);
    assert.equal(registry.count('HEAD'), 1);
    registry.once('HEAD', '/ok', {});
    await net.send(new URL('/ok', registry.url));
    registry.on('POST', '/token', { fault: 'reset' });
    const post = await net.failure(new URL('/token', registry.url), {
      method: 'POST',
      body: 'a=b',
    });
    assert.equal(post.code, 'unreachable');
    assert.equal(registry.count('POST'), 1);
  });

  test('a connection that came too late for its request is closed with the network', async () => {
    const { promise: resolved, resolve } = Promise.withResolvers<void>();
    const { promise: connected, resolve: onConnect } = Promise.withResolvers<void>();
    const { promise: closed, resolve: onClose } = Promise.withResolvers<void>();
    await using server = await RawServer.start((socket) => {
      socket.on('close', onClose);
      onConnect();
    });
    await using net = testHttp({
      lookup: async () => {
        await resolved;
        return [{ address: '127.0.0.1', family: 4 }];
      },
    });
    const controller = new AbortController();
    const url = `http://registry.example:${new URL(server.url).port}/v2/`;
    const failed = net.failure(url, {}, controller.signal);
    // The look-up of the address is under way then.
    await new Promise((next) => {
      setImmediate(next);
    });
    controller.abort();
    assert.equal((await failed).code, 'aborted');
    resolve();
    await connected;
    // Until this side knows it, too.
    await sleep(50);
    await net.http.close();
    // It would be open for as long as the server likes: undici never had it.
    await closed;
  });
});
