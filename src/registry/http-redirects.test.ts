import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';

import { createAuthority, type TestAuthority } from '../testing/certificates.ts';
import { FakeRegistry } from '../testing/fake-registry.ts';
import { testHttp } from '../testing/test-http.ts';

const path = '/v2/o/web/manifests/main';
const credentials = { accept: '*/*', authorization: 'Basic c2VjcmV0', cookie: 'session=secret' };

let authority: TestAuthority;
before(async () => {
  authority = await createAuthority();
});

describe('redirects (case 39)', () => {
  for (const method of ['HEAD', 'GET'] as const) {
    test(`case 39: a ${method} stays a ${method}, and another host gets no credentials`, async () => {
      await using registry = await FakeRegistry.start();
      await using storage = await FakeRegistry.start();
      registry.on(method, path, {
        status: 307,
        headers: { location: new URL('/blob?sig=x', storage.url).href },
      });
      storage.on(method, '/blob', { headers: { 'docker-content-digest': 'sha256:1' }, body: '{}' });
      await using net = testHttp();
      const answer = await net.send(new URL(path, registry.url), { method, headers: credentials });
      assert.equal(answer.status, 200);
      assert.equal(answer.url.href, new URL('/blob?sig=x', storage.url).href);
      assert.equal(registry.requests[0]?.headers.authorization, credentials.authorization);
      const asked = storage.requests[0];
      assert.equal(asked?.method, method);
      assert.equal(asked.headers.authorization, undefined);
      assert.equal(asked.headers.cookie, undefined);
      assert.equal(asked.headers.accept, '*/*');
      assert.equal(asked.headers['accept-encoding'], 'identity');
    });
  }

  test('case 39: credentials do not come back when a later hop comes home', async () => {
    await using registry = await FakeRegistry.start();
    await using away = await FakeRegistry.start();
    registry.on('HEAD', path, { status: 302, headers: { location: away.url.href } });
    away.on('HEAD', '/', {
      status: 302,
      headers: { location: new URL('/home', registry.url).href },
    });
    registry.on('HEAD', '/home', { status: 401 });
    await using net = testHttp();
    const answer = await net.send(new URL(path, registry.url), { headers: credentials });
    assert.equal(answer.status, 401);
    assert.equal(registry.requests[1]?.path, '/home');
    assert.equal(registry.requests[1].headers.authorization, undefined);
  });

  test('case 39: a Basic challenge of the redirect host is only an answer', async () => {
    await using registry = await FakeRegistry.start();
    await using thief = await FakeRegistry.start();
    registry.on('HEAD', path, { status: 307, headers: { location: thief.url.href } });
    thief.on('HEAD', '/', { status: 401, headers: { 'www-authenticate': 'Basic realm="x"' } });
    await using net = testHttp();
    const answer = await net.send(new URL(path, registry.url), { headers: credentials });
    assert.equal(answer.status, 401);
    assert.equal(answer.url.host, thief.host);
    assert.equal(thief.requests.length, 1);
    assert.equal(thief.requests[0]?.headers.authorization, undefined);
  });

  test('case 39: follows five redirects, not six', async () => {
    await using registry = await FakeRegistry.start();
    for (let at = 0; at < 10; at += 1) {
      registry.on('HEAD', `/${at}`, { status: 308, headers: { location: `/${at + 1}` } });
    }
    registry.on('HEAD', '/10', {});
    await using net = testHttp();
    assert.equal((await net.send(new URL('/5', registry.url))).status, 200);
    const failure = await net.failure(new URL('/0', registry.url));
    assert.equal(failure.code, 'malformed');
    assert.match(failure.message, /more than 5 times/);
    assert.equal(registry.requests.at(-1)?.path, '/5');
  });

  test('case 39: refuses to go from https to http', async () => {
    await using registry = await FakeRegistry.start({
      tls: 'h2',
      identity: await authority.issue(['127.0.0.1']),
    });
    await using plain = await FakeRegistry.start();
    registry.on('HEAD', path, { status: 307, headers: { location: plain.url.href } });
    await using net = testHttp({ caCertificates: [authority.certificate] });
    const failure = await net.failure(new URL(path, registry.url), { headers: credentials });
    assert.equal(failure.code, 'refused');
    assert.match(failure.message, /from https to http/);
    assert.equal(plain.connections, 0);
  });

  test('case 39: a redirected POST is an answer, not followed', async () => {
    await using registry = await FakeRegistry.start();
    registry.on('POST', '/token', { status: 307, headers: { location: '/elsewhere' } });
    await using net = testHttp();
    const url = new URL('/token', registry.url);
    const answer = await net.send(url, { method: 'POST', body: 'password=secret' });
    assert.equal(answer.status, 307);
    assert.equal(registry.requests.length, 1);
  });
});
