import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';

import { createAuthority, type TestAuthority } from '../testing/certificates.ts';
import { FakeProxy } from '../testing/fake-proxy.ts';
import { FakeRegistry } from '../testing/fake-registry.ts';
import { testHttp } from '../testing/test-http.ts';
import { defaultHostOptions } from './hosts.ts';

/** As a registry of the internet would have it; nothing is ever sent there. */
const publicAddress = '140.82.121.34';

let authority: TestAuthority;
before(async () => {
  authority = await createAuthority();
});

function resolver(names: Readonly<Record<string, readonly string[]>>) {
  const asked: string[] = [];
  return {
    asked,
    lookup: async (name: string) => {
      asked.push(name);
      return (names[name] ?? []).map((address) => ({
        address,
        family: address.includes(':') ? 6 : 4,
      }));
    },
  };
}

describe('addresses (case 41)', () => {
  const literals = [
    'http://169.254.169.254/latest/meta-data/',
    'http://2852039166/',
    'http://0xa9fea9fe/',
    'http://[::ffff:169.254.169.254]/',
    'http://[64:ff9b::a9fe:a9fe]/',
    'http://[fe80::1]/',
    'https://[fd00:ec2::254]/',
  ];
  for (const url of literals) {
    test(`case 41: ${url} is refused, whoever names it`, async () => {
      await using net = testHttp();
      for (const namedBy of [undefined, { url: new URL('http://registry.corp/v2/') }]) {
        const failure = await net.failure(url, namedBy === undefined ? {} : { namedBy });
        assert.equal(failure.code, 'refused');
        assert.equal(failure.connectFailure, false);
        assert.match(failure.message, /link-local or metadata address/);
      }
    });
  }

  test('case 41: a name that resolves to a metadata address is refused', async () => {
    for (const address of ['169.254.169.254', 'fd00:ec2::254', '::ffff:169.254.169.254']) {
      const { lookup } = resolver({ 'metadata.example': [address] });
      await using net = testHttp({ lookup });
      const failure = await net.failure('http://metadata.example/');
      assert.equal(failure.code, 'refused');
      assert.match(failure.message, /metadata\.example is a link-local or metadata address/);
    }
  });

  test('case 41: of several addresses only those that are allowed are connected to', async () => {
    await using registry = await FakeRegistry.start();
    registry.on('HEAD', '/', {});
    const { lookup } = resolver({ 'mixed.example': ['169.254.169.254', '127.0.0.1'] });
    await using net = testHttp({ lookup });
    const answer = await net.send(`http://mixed.example:${registry.port}/`);
    assert.equal(answer.address, '127.0.0.1');
  });

  test('case 41: a name that changes its address between two connections is caught', async () => {
    await using registry = await FakeRegistry.start();
    registry.on('HEAD', '/', {});
    const answers = ['127.0.0.1', '169.254.169.254'];
    await using net = testHttp({
      lookup: async () => [{ address: answers.shift() ?? '', family: 4 }],
    });
    const url = `http://rebinding.example:${registry.port}/`;
    assert.equal((await net.send(url)).status, 200);
    const { promise: gone, resolve } = Promise.withResolvers<void>();
    registry.once('HEAD', '/', () => {
      registry.disconnect();
      resolve();
      return { fault: 'hang' };
    });
    const failure = await net.failure(url);
    await gone;
    assert.equal(failure.code, 'refused');
    assert.deepEqual(answers, []);
  });

  test('case 41: a redirect to a metadata address is refused', async () => {
    await using registry = await FakeRegistry.start();
    const location = 'http://169.254.169.254/latest/meta-data/iam/';
    registry.on('HEAD', '/', { status: 307, headers: { location } });
    await using net = testHttp();
    assert.equal((await net.failure(registry.url)).code, 'refused');
    assert.deepEqual(
      net.observations.map(({ status }) => status),
      [307],
    );
  });

  test('case 41: a private realm is refused to a public registry, by name and by address', async () => {
    await using realm = await FakeRegistry.start();
    const { lookup } = resolver({ 'realm.corp': ['127.0.0.1'] });
    await using net = testHttp({ lookup });
    const namedBy = { url: new URL('http://registry.example/v2/'), address: publicAddress };
    for (const host of ['realm.corp', '127.0.0.1']) {
      const failure = await net.failure(`http://${host}:${realm.port}/token`, { namedBy });
      assert.equal(failure.code, 'refused');
      assert.match(failure.message, /private address .* no public registry may lead/);
    }
    assert.equal(realm.connections, 0);
  });

  test('case 41: a private registry may have a private realm, and so may one whose address is unknown', async () => {
    await using realm = await FakeRegistry.start();
    realm.on('GET', '/token', {});
    await using net = testHttp();
    for (const address of ['10.0.0.5', undefined]) {
      const namedBy = {
        url: new URL('http://registry.corp/v2/'),
        ...(address === undefined ? {} : { address }),
      };
      const url = new URL('/token', realm.url);
      assert.equal((await net.send(url, { method: 'GET', namedBy })).status, 200);
    }
  });

  test('case 41: a connection of a private registry or of its realm is not lent to the realm of a public one', async () => {
    await using registry = await FakeRegistry.start();
    registry.on('HEAD', '/', {});
    await using net = testHttp();
    assert.equal((await net.send(registry.url)).status, 200);
    const privately = { url: new URL('http://registry.corp/v2/'), address: '10.0.0.5' };
    assert.equal((await net.send(registry.url, { namedBy: privately })).status, 200);
    const namedBy = { url: new URL('http://registry.example/v2/'), address: publicAddress };
    assert.equal((await net.failure(registry.url, { namedBy })).code, 'refused');
    assert.equal(registry.requests.length, 2);
  });

  test('case 41: a public registry may not redirect to a private address, also behind a proxy', async () => {
    const identity = await authority.issue([publicAddress]);
    await using registry = await FakeRegistry.start({ tls: 'h2', identity });
    await using proxy = await FakeProxy.start({
      routes: { [`${publicAddress}:443`]: registry.host },
    });
    registry.on('HEAD', '/private', { status: 307, headers: { location: 'https://10.0.0.7/' } });
    registry.on('HEAD', '/metadata', {
      status: 307,
      headers: { location: 'https://169.254.169.254/' },
    });
    await using net = testHttp({
      caCertificates: [authority.certificate],
      proxy: { httpsProxy: proxy.url.href },
    });
    for (const path of ['private', 'metadata']) {
      const failure = await net.failure(`https://${publicAddress}/${path}`);
      assert.equal(failure.code, 'refused');
    }
    assert.ok(proxy.requests.every(({ target }) => target === `${publicAddress}:443`));
  });

  test('case 41: a realm without TLS is refused unless its registry has none', async () => {
    await using realm = await FakeRegistry.start();
    realm.on('GET', '/token', {});
    await using net = testHttp();
    const url = new URL('/token', realm.url);
    const namedBy = { url: new URL('https://registry.example/v2/') };
    const failure = await net.failure(url, { method: 'GET', namedBy });
    assert.equal(failure.code, 'refused');
    assert.match(failure.message, /realm without TLS/);
    assert.equal(realm.connections, 0);
    const plain = { url: new URL('http://registry.example:5000/v2/') };
    const host = { ...defaultHostOptions, plainHttp: true };
    assert.equal((await net.send(url, { method: 'GET', namedBy: plain, host })).status, 200);
  });

  test('case 41: what is not HTTP is refused', async () => {
    await using net = testHttp();
    assert.equal((await net.failure('file:///etc/passwd')).code, 'refused');
  });
});
