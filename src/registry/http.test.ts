import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';

import { createAuthority, type TestAuthority } from '../testing/certificates.ts';
import type { Answer } from '../testing/fake-answer.ts';
import { fakeImage } from '../testing/fake-images.ts';
import { FakeRegistry, type TlsIdentity } from '../testing/fake-registry.ts';
import { RawServer } from '../testing/raw-server.ts';
import { testHttp } from '../testing/test-http.ts';
import { defaultHostOptions } from './hosts.ts';
import { printable } from './http.ts';

const path = '/v2/o/web/manifests/main';
const quickHeaders = { connectMs: 10_000, headersMs: 200, bodyMs: 10_000 };
const quickBody = { connectMs: 10_000, headersMs: 10_000, bodyMs: 200 };

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
});

describe('what is sent and what comes back', () => {
  test('case 36: asks for identity, and gives the bytes of a gzipped body as they came', async () => {
    await using registry = await FakeRegistry.start();
    await using net = testHttp();
    const zipped = gzipSync('{"schemaVersion":2}');
    registry.on('GET', path, { headers: { 'content-encoding': 'gzip' }, body: zipped });
    const answer = await net.send(new URL(path, registry.url), {
      method: 'GET',
      headers: { accept: '*/*', 'accept-encoding': 'gzip' },
    });
    assert.deepEqual(Buffer.from(answer.body), zipped);
    assert.deepEqual(answer.header('Content-Encoding'), ['gzip']);
    assert.equal(registry.requests[0]?.headers['accept-encoding'], 'identity');
    assert.equal(registry.requests[0]?.headers['user-agent'], 'kube-autorollout/test');
  });

  test('gives every line of a repeated header, and where the answer came from', async () => {
    await using registry = await FakeRegistry.start();
    await using net = testHttp();
    const lines = ['Basic realm="Registry, Realm"', 'Bearer realm="https://auth.example/token"'];
    registry.on('HEAD', path, { status: 401, headers: { 'www-authenticate': lines } });
    const answer = await net.send(new URL(path, registry.url));
    assert.deepEqual(answer.header('WWW-Authenticate'), lines);
    assert.deepEqual(answer.header('location'), []);
    assert.equal(answer.address, '127.0.0.1');
    assert.equal(answer.url.href, new URL(path, registry.url).href);
  });

  test('posts a form', async () => {
    await using registry = await FakeRegistry.start();
    await using net = testHttp();
    registry.on('POST', '/token', (request) => ({ body: request.body }));
    const answer = await net.send(new URL('/token', registry.url), {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: 'grant_type=refresh_token',
    });
    assert.equal(Buffer.from(answer.body).toString(), 'grant_type=refresh_token');
  });

  test('observes each request once, its URL with service and scope only', async () => {
    await using registry = await FakeRegistry.start();
    await using net = testHttp();
    registry.on('GET', '/token', {
      status: 307,
      headers: { location: '/two?service=x&sig=secret' },
    });
    registry.on('GET', '/two', { status: 403 });
    await net.send(new URL('/token?account=ann&scope=repository:o/web:pull', registry.url), {
      method: 'GET',
      namedBy: { url: new URL('http://registry.example:5000/v2/') },
    });
    const origin = registry.url.origin;
    assert.deepEqual(
      net.observations.map(({ durationMs, ...rest }) => {
        assert.ok(durationMs >= 0);
        return rest;
      }),
      [
        {
          registry: 'registry.example:5000',
          method: 'GET',
          url: `${origin}/token?scope=repository%3Ao%2Fweb%3Apull`,
          status: 307,
        },
        {
          registry: 'registry.example:5000',
          method: 'GET',
          url: `${origin}/two?service=x`,
          status: 403,
        },
      ],
    );
  });

  test('printable URLs hold no user, password, fragment or unknown query key', () => {
    const url = new URL(
      'https://ann:secret@r.example/t?service=s&token=secret&scope=a&scope=b#secret',
    );
    assert.equal(printable(url), 'https://r.example/t?service=s&scope=a&scope=b');
  });
});

describe('limits (case 61)', () => {
  for (const tls of [false, 'h2'] as const) {
    const over = tls === false ? 'HTTP/1.1' : 'HTTP/2';

    test(`case 61: does not read a manifest of 2 GiB over ${over}`, async () => {
      await using registry = await FakeRegistry.start(tls === false ? {} : { tls, identity });
      await using net = testHttp({ caCertificates: [authority.certificate] });
      const headers = { 'content-length': String(2 * 1024 ** 3) };
      registry.on('GET', path, { headers, body: '{', fault: 'stall' });
      const failure = await net.failure(new URL(path, registry.url), { method: 'GET' });
      assert.equal(failure.code, 'malformed');
      assert.match(failure.message, /more than the 65536 bytes/);
    });

    test(`case 61: stops reading an endless body over ${over} at the cap`, async () => {
      await using registry = await FakeRegistry.start(tls === false ? {} : { tls, identity });
      await using net = testHttp({ caCertificates: [authority.certificate] });
      registry.on('GET', path, { body: 'x'.repeat(10_000), fault: 'endless' });
      const failure = await net.failure(new URL(path, registry.url), { method: 'GET' });
      assert.equal(failure.code, 'malformed');
      registry.push('o/web:main', fakeImage('one'));
      assert.equal((await net.send(new URL(path, registry.url))).status, 200);
    });

    test(`case 61: a flood of headers over ${over} is malformed`, async () => {
      await using registry = await FakeRegistry.start(tls === false ? {} : { tls, identity });
      await using net = testHttp({ caCertificates: [authority.certificate] });
      const flood: Record<string, string> = {};
      for (let number = 0; number < 2_000; number += 1) flood[`x-${number}`] = 'y'.repeat(100);
      registry.on('HEAD', path, { headers: flood });
      const failure = await net.failure(new URL(path, registry.url));
      assert.equal(failure.code, 'malformed');
    });

    test(`a body that ends too early over ${over} is malformed`, async () => {
      await using registry = await FakeRegistry.start(tls === false ? {} : { tls, identity });
      await using net = testHttp({ caCertificates: [authority.certificate] });
      registry.on('GET', path, { body: 'x'.repeat(1000), fault: 'truncate' });
      const failure = await net.failure(new URL(path, registry.url), { method: 'GET' });
      assert.equal(failure.code, 'malformed');
    });

    test(`headers that do not come over ${over} are timed out`, async () => {
      await using registry = await FakeRegistry.start(tls === false ? {} : { tls, identity });
      await using net = testHttp({
        caCertificates: [authority.certificate],
        deadlines: quickHeaders,
      });
      registry.on('HEAD', path, { fault: 'hang' });
      const failure = await net.failure(new URL(path, registry.url));
      assert.equal(failure.code, 'timed-out');
      assert.match(failure.message, /no complete headers within 0.2 s/);
      assert.equal(failure.connectFailure, false);
    });

    test(`a body that trickles over ${over} is timed out as a whole`, async () => {
      await using registry = await FakeRegistry.start(tls === false ? {} : { tls, identity });
      await using net = testHttp({ caCertificates: [authority.certificate], deadlines: quickBody });
      registry.on('GET', path, { body: 'x', fault: 'trickle' });
      const failure = await net.failure(new URL(path, registry.url), { method: 'GET' });
      assert.equal(failure.code, 'timed-out');
      assert.match(failure.message, /no complete body within 0.2 s/);
    });
  }

  test('a HEAD may announce a body of any size', async () => {
    await using registry = await FakeRegistry.start();
    await using net = testHttp();
    registry.on('HEAD', path, { headers: { 'content-length': String(2 * 1024 ** 3) } });
    assert.equal((await net.send(new URL(path, registry.url))).status, 200);
  });

  test('a header that cannot be sent is malformed, and not shown', async () => {
    await using registry = await FakeRegistry.start();
    await using net = testHttp();
    const headers = { accept: '*/*', authorization: 'Bearer secret\r\nx: y' };
    const failure = await net.failure(new URL(path, registry.url), { headers });
    assert.equal(failure.code, 'malformed');
    assert.doesNotMatch(failure.message, /secret/);
    assert.equal(registry.requests.length, 0);
  });

  test('what is not HTTP is malformed', async () => {
    await using registry = await FakeRegistry.start();
    await using net = testHttp();
    registry.on('HEAD', path, { fault: 'garbage' });
    const failure = await net.failure(new URL(path, registry.url));
    assert.equal(failure.code, 'malformed');
    assert.match(failure.message, /is not HTTP/);
  });

  test('case 61: headers without end are malformed', async () => {
    await using server = await RawServer.start((socket) => {
      socket.once('data', () => {
        socket.write('HTTP/1.1 200 OK\r\n');
        const flood = (): void => {
          if (socket.destroyed) return;
          socket.write(`x-flood: ${'y'.repeat(1000)}\r\n`, () => setImmediate(flood));
        };
        flood();
      });
    });
    await using net = testHttp();
    const failure = await net.failure(server.url);
    assert.equal(failure.code, 'malformed');
    assert.match(failure.message, /too many headers/);
  });
});

describe('failures', () => {
  test('a name that is not there is unreachable, a connect failure', async () => {
    await using net = testHttp({
      lookup: async () => {
        throw Object.assign(new Error('getaddrinfo ENOTFOUND'), { code: 'ENOTFOUND' });
      },
    });
    const failure = await net.failure('https://registry.invalid/v2/');
    assert.equal(failure.code, 'unreachable');
    assert.equal(failure.connectFailure, true);
    assert.match(failure.message, /registry\.invalid could not be resolved \(ENOTFOUND\)/);
  });

  test('a port where nobody listens is unreachable, a connect failure', async () => {
    await using net = testHttp();
    const registry = await FakeRegistry.start();
    await registry.close();
    const failure = await net.failure(registry.url);
    assert.equal(failure.code, 'unreachable');
    assert.equal(failure.connectFailure, true);
    assert.match(failure.message, /ECONNREFUSED/);
    assert.deepEqual(Object.keys(net.observations[0] ?? {}), [
      'registry',
      'method',
      'url',
      'durationMs',
    ]);
  });

  test('case 62: one connect that times out ends all that wait for that host, and nobody else', async () => {
    await using registry = await FakeRegistry.start();
    registry.push('o/web:main', fakeImage('one'));
    let asked = 0;
    await using net = testHttp({
      deadlines: { connectMs: 1_000, headersMs: 10_000, bodyMs: 10_000 },
      lookup: async (hostname) => {
        if (hostname === 'living.example') return [{ address: '127.0.0.1', family: 4 }];
        asked += 1;
        return new Promise(() => {});
      },
    });
    const hundred = Array.from({ length: 100 }, async (_, number) =>
      net.failure(`https://hole.example/v2/o/${number}/manifests/main`),
    );
    const living = await net.send(`http://living.example:${registry.port}${path}`);
    assert.equal(living.status, 200);
    for (const failure of await Promise.all(hundred)) {
      assert.equal(failure.code, 'timed-out');
      assert.equal(failure.connectFailure, true);
    }
    assert.equal(asked, 1);
  });

  test('aborts what is in flight and what waits in line', async () => {
    await using registry = await FakeRegistry.start();
    await using net = testHttp();
    const controller = new AbortController();
    registry.on('HEAD', path, () => {
      controller.abort();
      return { fault: 'hang' };
    });
    const host = { ...defaultHostOptions, maxConcurrentRequests: 1 };
    const url = new URL(path, registry.url);
    const failures = await Promise.all(
      [1, 2, 3].map(async () => net.failure(url, { host }, controller.signal)),
    );
    assert.deepEqual(
      failures.map(({ code }) => code),
      ['aborted', 'aborted', 'aborted'],
    );
    assert.equal(registry.requests.length, 1);
  });

  test('close ends what is in flight, and nothing starts afterwards', async () => {
    await using registry = await FakeRegistry.start();
    const net = testHttp();
    const { promise: arrived, resolve } = Promise.withResolvers<void>();
    registry.on('HEAD', path, () => {
      resolve();
      return { fault: 'hang' };
    });
    const url = new URL(path, registry.url);
    const inFlight = net.failure(url);
    await arrived;
    await net.http.close();
    assert.equal((await inFlight).code, 'aborted');
    assert.equal((await net.failure(url)).code, 'aborted');
  });
});
