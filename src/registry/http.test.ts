import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';

import { fakeImage } from '../testing/fake-images.ts';
import { FakeRegistry } from '../testing/fake-registry.ts';
import { testHttp } from '../testing/test-http.ts';
import { defaultHostOptions } from './hosts.ts';
import { printableUrl } from './printable-url.ts';

const path = '/v2/o/web/manifests/main';

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
    assert.equal(printableUrl(url), 'https://r.example/t?service=s&scope=a&scope=b');
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
