import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';

import { createAuthority, type TestAuthority } from '../testing/certificates.ts';
import { FakeProxy } from '../testing/fake-proxy.ts';
import { fakeImage } from '../testing/fake-images.ts';
import { FakeRegistry, type TlsIdentity } from '../testing/fake-registry.ts';
import { RawServer } from '../testing/raw-server.ts';
import { testHttp } from '../testing/test-http.ts';

const path = '/v2/o/web/manifests/main';

let authority: TestAuthority;
let identity: TlsIdentity;
before(async () => {
  authority = await createAuthority();
  identity = await authority.issue(['registry.example', '127.0.0.1']);
});

/** A proxy's URL with a user and password, as people write them. */
function withAccount(proxy: FakeProxy, username: string, password: string): string {
  const url = new URL(proxy.url);
  url.username = username;
  url.password = password;
  return url.href;
}

/** Names are the proxy's to resolve. */
const lookup = async (name: string) => {
  if (name !== '127.0.0.1') throw new Error(`${name} is not ours to resolve`);
  return [{ address: '127.0.0.1', family: 4 }];
};

describe('proxies', () => {
  test('HTTPS_PROXY opens one tunnel for all, with user and password decoded, and HTTP/2 in it', async () => {
    await using registry = await FakeRegistry.start({ tls: 'h2', identity });
    await using proxy = await FakeProxy.start({
      account: 'ann@corp:p:ss/w%rd',
      routes: { 'registry.example:443': registry.host },
    });
    const digest = registry.push('o/web:main', fakeImage('one'));
    await using net = testHttp({
      caCertificates: [authority.certificate],
      proxy: { httpsProxy: withAccount(proxy, 'ann@corp', 'p:ss/w%25rd') },
      lookup,
    });
    const url = `https://registry.example${path}`;
    const answers = await Promise.all(Array.from({ length: 20 }, async () => net.send(url)));
    for (const answer of answers) {
      assert.deepEqual(answer.header('docker-content-digest'), [digest]);
      assert.equal(answer.address, undefined);
    }
    const authorization = `Basic ${btoa('ann@corp:p:ss/w%rd')}`;
    assert.deepEqual(proxy.requests, [
      { method: 'CONNECT', target: 'registry.example:443', authorization },
    ]);
    assert.equal(registry.requests[0]?.httpVersion, '2.0');
    assert.equal(registry.requests[0].headers['proxy-authorization'], undefined);
  });

  test('HTTP_PROXY forwards plain HTTP, and NO_PROXY is asked directly', async () => {
    await using registry = await FakeRegistry.start();
    await using proxy = await FakeProxy.start({
      account: 'ann:secret',
      routes: { 'registry.example:5000': registry.host },
    });
    registry.push('o/web:main', fakeImage('one'));
    await using net = testHttp({
      proxy: { httpProxy: withAccount(proxy, 'ann', 'secret'), noProxy: 'direct.example' },
      lookup: async () => [{ address: '127.0.0.1', family: 4 }],
    });
    const target = `http://registry.example:5000${path}`;
    assert.equal((await net.send(target)).status, 200);
    assert.equal(registry.requests[0]?.headers.host, 'registry.example:5000');
    assert.equal(registry.requests[0].headers['proxy-authorization'], undefined);
    assert.equal((await net.send(`http://direct.example:${registry.port}${path}`)).status, 200);
    assert.deepEqual(
      proxy.requests.map((request) => request.target),
      [target],
    );
  });

  test('a proxy whose URL has no user is shown none', async () => {
    await using registry = await FakeRegistry.start({ tls: 'h1', identity });
    await using plain = await FakeRegistry.start();
    await using proxy = await FakeProxy.start({
      routes: { 'registry.example:443': registry.host, 'registry.example': plain.host },
    });
    for (const each of [registry, plain]) each.push('o/web:main', fakeImage('one'));
    const { href } = proxy.url;
    await using net = testHttp({
      caCertificates: [authority.certificate],
      proxy: { httpsProxy: href, httpProxy: href },
      lookup,
    });
    for (const scheme of ['https', 'http']) {
      assert.equal((await net.send(`${scheme}://registry.example${path}`)).status, 200);
    }
    assert.deepEqual(
      proxy.requests.map(({ method, authorization }) => [method, authorization]),
      [
        ['CONNECT', undefined],
        ['HEAD', undefined],
      ],
    );
  });

  test('a proxy may speak TLS itself', async () => {
    await using registry = await FakeRegistry.start({ tls: 'h1', identity });
    await using proxy = await FakeProxy.start({
      identity,
      routes: { 'registry.example:5000': registry.host },
    });
    registry.push('o/web:main', fakeImage('one'));
    await using net = testHttp({
      caCertificates: [authority.certificate],
      proxy: { httpsProxy: proxy.url.href },
      lookup,
    });
    assert.equal((await net.send(`https://registry.example:5000${path}`)).status, 200);
    assert.equal(proxy.requests[0]?.target, 'registry.example:5000');
  });

  test('a proxy that demands another password is named, without the one it was given', async () => {
    await using proxy = await FakeProxy.start({ account: 'ann:right' });
    const url = withAccount(proxy, 'ann', 'wrong');
    await using net = testHttp({ proxy: { httpsProxy: url, httpProxy: url } });
    for (const scheme of ['https', 'http']) {
      const failure = await net.failure(`${scheme}://registry.example/`);
      assert.equal(failure.code, 'unreachable');
      assert.equal(failure.connectFailure, true);
      assert.match(failure.message, /^the proxy 127\.0\.0\.1:\d+ refused .*\(407\): it demands/);
      assert.doesNotMatch(JSON.stringify([failure.message, String(failure.cause)]), /wrong/);
    }
  });

  test('a 407 out of a tunnel is an answer of the registry, not of the proxy', async () => {
    await using registry = await FakeRegistry.start({ tls: 'h1', identity });
    await using proxy = await FakeProxy.start({
      routes: { 'registry.example:443': registry.host },
    });
    registry.on('HEAD', path, { status: 407 });
    await using net = testHttp({
      caCertificates: [authority.certificate],
      proxy: { httpsProxy: proxy.url.href },
      lookup,
    });
    assert.equal((await net.send(`https://registry.example${path}`)).status, 407);
  });

  test('a proxy that cannot reach the registry is named, and so is NO_PROXY', async () => {
    const registry = await FakeRegistry.start();
    await registry.close();
    await using proxy = await FakeProxy.start({
      routes: { 'registry.example:443': registry.host },
    });
    await using net = testHttp({ proxy: { httpsProxy: proxy.url.href } });
    const failure = await net.failure('https://registry.example/');
    assert.equal(failure.code, 'unreachable');
    assert.match(failure.message, /refused to connect to registry\.example:443 \(502\).*NO_PROXY/);
  });

  test('a proxy that is not there is named', async () => {
    const registry = await FakeRegistry.start();
    await registry.close();
    await using net = testHttp({ proxy: { httpsProxy: `http://ann:secret@${registry.host}` } });
    const failure = await net.failure('https://registry.example/');
    assert.equal(failure.code, 'unreachable');
    assert.equal(failure.connectFailure, true);
    assert.match(failure.message, /the proxy 127\.0\.0\.1:\d+ failed \(ECONNREFUSED\)/);
    assert.doesNotMatch(failure.message, /secret/);
  });

  test('a proxy that never answers CONNECT is timed out with the connection', async () => {
    await using hole = await RawServer.start((socket) => socket.resume());
    await using net = testHttp({
      proxy: { httpsProxy: hole.url },
      deadlines: { connectMs: 200, headersMs: 5_000, bodyMs: 5_000 },
    });
    const failure = await net.failure('https://registry.example/');
    assert.equal(failure.code, 'timed-out');
    assert.equal(failure.connectFailure, true);
  });
});
