import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';

import { Secret } from '../credentials/credential.ts';
import { createAuthority, type TestAuthority } from '../testing/certificates.ts';
import { FakeRegistry, type TlsIdentity } from '../testing/fake-registry.ts';
import { testHttp } from '../testing/test-http.ts';
import { defaultHostOptions, type HostOptions } from './hosts.ts';

let authority: TestAuthority;
let identity: TlsIdentity;
before(async () => {
  authority = await createAuthority();
  identity = await authority.issue(['127.0.0.1', 'registry.example']);
});

const lookup = async () => [{ address: '127.0.0.1', family: 4 }];

function registryOf(tls: 'h1' | 'h2' = 'h2'): Promise<FakeRegistry> {
  return FakeRegistry.start({ tls, identity });
}

function host(options: Partial<HostOptions>): { readonly host: HostOptions } {
  return { host: { ...defaultHostOptions, ...options } };
}

describe('TLS (case 54)', () => {
  test('case 54: an unknown CA is refused, and the message names host, reason and key', async () => {
    await using registry = await registryOf();
    await using net = testHttp();
    const failure = await net.failure(registry.url);
    assert.equal(failure.code, 'unreachable');
    assert.equal(failure.connectFailure, true);
    assert.ok(failure.message.startsWith(`TLS of ${registry.host}: nobody trusted signed`));
    assert.match(
      failure.message,
      /caCertificatePath in its rule of registries, or tls\.caCertificatePaths/,
    );
    assert.ok(failure.message.length <= 200, failure.message);
    assert.equal(registry.requests.length, 0);
  });

  test('case 54: the CA of a registry is added to those that hold for all', async () => {
    const second = await createAuthority('Second CA');
    await using registry = await registryOf();
    await using other = await FakeRegistry.start({
      tls: 'h1',
      identity: await second.issue(['127.0.0.1']),
    });
    for (const each of [registry, other]) each.on('HEAD', '/', {});
    await using net = testHttp({ caCertificates: [second.certificate] });
    const own = host({ caCertificate: authority.certificate });
    assert.equal((await net.send(registry.url, own)).status, 200);
    assert.equal((await net.send(other.url, own)).status, 200);
    assert.equal((await net.send(other.url)).status, 200);
    assert.equal((await net.failure(registry.url)).code, 'unreachable');
  });

  test("case 54: the CA of a registry is added to the system's roots, not taken instead of them", async () => {
    await using registry = await registryOf();
    registry.on('HEAD', '/', {});
    const second = await createAuthority('Second CA');
    const roots = getCACertificates('default');
    setDefaultCACertificates([...roots, authority.certificate]);
    try {
      await using net = testHttp();
      const own = host({ caCertificate: second.certificate });
      assert.equal((await net.send(registry.url, own)).status, 200);
      assert.equal((await net.send(registry.url)).status, 200);
    } finally {
      setDefaultCACertificates(roots);
    }
  });

  test('case 54: insecureSkipTlsVerify holds for its registry only, and shares no connection', async () => {
    await using registry = await registryOf();
    registry.on('HEAD', '/', {});
    await using net = testHttp();
    assert.equal((await net.send(registry.url, host({ insecureSkipTlsVerify: true }))).status, 200);
    assert.equal((await net.failure(registry.url)).code, 'unreachable');
    assert.equal(registry.requests.length, 1);
  });

  test('case 54: SNI is the host without its port, and absent for an address', async () => {
    await using registry = await registryOf('h1');
    registry.on('HEAD', '/', {});
    await using net = testHttp({ caCertificates: [authority.certificate], lookup });
    await net.send(`https://registry.example:${registry.port}/`);
    await net.send(registry.url);
    assert.deepEqual(
      registry.requests.map(({ serverName }) => serverName),
      ['registry.example', undefined],
    );
    assert.equal(registry.requests[0]?.headers.host, `registry.example:${registry.port}`);
  });

  test('case 54: a certificate for another name is refused', async () => {
    await using registry = await registryOf();
    await using net = testHttp({ caCertificates: [authority.certificate], lookup });
    const failure = await net.failure(`https://other.example:${registry.port}/`);
    assert.equal(failure.code, 'unreachable');
    assert.match(failure.message, /ERR_TLS_CERT_ALTNAME_INVALID/);
    assert.match(failure.message, /insecureSkipTlsVerify/);
    assert.equal(registry.requests.length, 0);
  });

  test('case 54: an expired certificate is refused', async () => {
    await using registry = await FakeRegistry.start({
      tls: 'h1',
      identity: await authority.issue(['127.0.0.1'], { expired: true }),
    });
    await using net = testHttp({ caCertificates: [authority.certificate] });
    const failure = await net.failure(registry.url);
    assert.match(failure.message, /certificate has expired.*CERT_HAS_EXPIRED/);
  });

  test('case 54: a client certificate opens a registry that demands one, over HTTP/1.1 and HTTP/2', async () => {
    const client = await authority.issue(['poller']);
    for (const tls of ['h1', 'h2'] as const) {
      await using registry = await FakeRegistry.start({
        tls,
        identity,
        clientCertificatesOf: authority.certificate,
      });
      registry.on('HEAD', '/', {});
      await using net = testHttp({ caCertificates: [authority.certificate] });
      const clientCertificate = { certificate: client.certificate, key: new Secret(client.key) };
      assert.equal((await net.send(registry.url, host({ clientCertificate }))).status, 200);
      const failure = await net.failure(registry.url);
      assert.equal(failure.code, 'unreachable');
      assert.equal(registry.requests.length, 1);
    }
  });

  test('case 54: a plain HTTP server behind https is told apart', async () => {
    await using registry = await FakeRegistry.start();
    await using net = testHttp();
    const failure = await net.failure(`https://${registry.host}/`);
    assert.equal(failure.code, 'unreachable');
    assert.match(failure.message, /does not speak TLS .*: set plainHttp in its rule of registries/);
  });

  test('case 54: an unusable client key or CA is unreachable, not a crash, and prints no key', async () => {
    await using registry = await registryOf();
    await using net = testHttp();
    const clientCertificate = { certificate: 'no PEM', key: new Secret('secret key') };
    const failure = await net.failure(registry.url, host({ clientCertificate }));
    assert.equal(failure.code, 'unreachable');
    assert.doesNotMatch(failure.message, /secret key/);
  });

  test('case 54: a redirect elsewhere takes neither CA nor leniency nor client certificate along', async () => {
    await using registry = await registryOf();
    await using elsewhere = await registryOf();
    registry.on('HEAD', '/', { status: 307, headers: { location: elsewhere.url.href } });
    await using net = testHttp();
    for (const leniency of [
      { insecureSkipTlsVerify: true },
      { caCertificate: authority.certificate },
    ]) {
      const failure = await net.failure(registry.url, host(leniency));
      assert.equal(failure.code, 'unreachable');
      assert.ok(failure.message.startsWith(`TLS of ${elsewhere.host}:`));
      assert.match(failure.message, /: set tls\.caCertificatePaths$/);
    }
    assert.equal(elsewhere.requests.length, 0);
  });

  test('case 54: nor does a realm elsewhere', async () => {
    await using realm = await registryOf();
    await using net = testHttp();
    const failure = await net.failure(new URL('/token', realm.url), {
      ...host({ insecureSkipTlsVerify: true }),
      namedBy: { url: new URL('https://registry.example/v2/') },
    });
    assert.equal(failure.code, 'unreachable');
    assert.equal(realm.requests.length, 0);
  });
});
