import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { createAuthority } from '../testing/certificates.ts';
import { fakeImage } from '../testing/fake-images.ts';
import { FakeRegistry, type FakeRegistryOptions } from '../testing/fake-registry.ts';
import { failed, found } from '../testing/latest.ts';
import { entry, login, TestRegistries } from '../testing/test-registries.ts';

const path = '/v2/o/web/manifests/main';
const image = fakeImage('one');
const ann = entry(login('ann', 'secret'));
const minute = 60_000;

/** A registry in front of another one. */
async function startBoth(other: FakeRegistryOptions) {
  const front = await FakeRegistry.start();
  const back = await FakeRegistry.start(other);
  back.push('mirror/web:main', image);
  const location = new URL('/v2/mirror/web/manifests/main', back.url).href;
  for (const method of ['HEAD', 'GET']) {
    front.on(method, path, { status: 307, headers: { location } });
  }
  return {
    front,
    back,
    name: `${front.host}/o/web:main`,
    authorizations: () => back.requests.map(({ headers }) => headers.authorization?.split(' ')[0]),
    async [Symbol.asyncDispose]() {
      await front[Symbol.asyncDispose]();
      await back[Symbol.asyncDispose]();
    },
  };
}

describe('case 39: a registry that redirects to another one', () => {
  test('case 39: the other one gets an anonymous token of its own realm, kept for the next ticks', async () => {
    await using both = await startBoth({
      auth: { type: 'bearer', public: true, expiresInSeconds: 300 },
    });
    await using registries = new TestRegistries();
    assert.equal(found(await registries.latest(both.name, [ann])).digest, image.digest);
    assert.deepEqual(
      both.back.requests.map(({ method, path: asked }) => `${method} ${asked}`),
      [
        'HEAD /v2/mirror/web/manifests/main',
        'GET /token?service=fake-registry&scope=repository%3Amirror%2Fweb%3Apull',
        'HEAD /v2/mirror/web/manifests/main',
      ],
    );
    assert.deepEqual(both.authorizations(), [undefined, undefined, 'Bearer']);
    for (const _ of [1, 2]) {
      registries.clock += minute;
      const before = [both.front.requests.length, both.back.requests.length];
      found(await registries.latest(both.name, [ann]));
      assert.deepEqual(
        [both.front.requests.length, both.back.requests.length],
        before.map((count) => count + 1),
      );
    }
    assert.ok(both.front.requests.every(({ headers }) => headers.authorization === undefined));
  });

  test('case 39: what the first one demands is for the first one only', async () => {
    await using both = await startBoth({ auth: { type: 'bearer', public: true } });
    await using registries = new TestRegistries();
    const location = new URL('/v2/mirror/web/manifests/main', both.back.url).href;
    both.front.on('HEAD', path, ({ headers }) =>
      headers.authorization === undefined
        ? { status: 401, headers: { 'www-authenticate': 'Basic realm="front"' } }
        : { status: 307, headers: { location } },
    );
    const latest = found(await registries.latest(both.name, [ann]));
    assert.equal(latest.pullSecretRefused, false);
    assert.equal(both.front.requests.at(-1)?.headers.authorization, `Basic ${btoa('ann:secret')}`);
    assert.deepEqual(both.authorizations(), [undefined, undefined, 'Bearer']);
  });

  test('case 39: a token that the other one no longer takes is asked for anew, once', async () => {
    await using both = await startBoth({
      auth: { type: 'bearer', public: true, expiresInSeconds: 300 },
    });
    await using registries = new TestRegistries();
    found(await registries.latest(both.name));
    both.back.issuer?.revokeAll();
    found(await registries.latest(both.name));
    both.back.on('HEAD', '/v2/mirror/web/manifests/main', {
      status: 401,
      headers: { 'www-authenticate': `Bearer realm="${both.back.url.href}token"` },
    });
    const before = both.back.requests.length;
    assert.equal(failed(await registries.latest(both.name)).reason, 'unauthorized');
    // The old token, a new one, and no third.
    assert.equal(both.back.requests.length, before + 3);
  });

  test('case 39: a password is shown to nobody there, however it is asked for', async () => {
    for (const challenge of ['Basic realm="x"', 'Bearer realm="/token"', 'Negotiate']) {
      await using both = await startBoth({ strict: false });
      await using registries = new TestRegistries();
      both.back.on('HEAD', '/v2/mirror/web/manifests/main', {
        status: 401,
        headers: { 'www-authenticate': challenge },
      });
      both.back.on('GET', '/token', { status: 401 });
      const latest = failed(await registries.latest(both.name, [ann]));
      assert.equal(latest.reason, 'unauthorized');
      assert.match(latest.message, /redirects to 127\.0\.0\.1:\d+, which asks for credentials/);
      for (const { requests } of [both.front, both.back]) {
        assert.ok(requests.every(({ headers }) => headers.authorization === undefined));
      }
    }
  });

  test('case 51: a password is not taken for wrong because the other one asks for another', async () => {
    await using both = await startBoth({});
    await using registries = new TestRegistries();
    both.back.on('HEAD', '/x', { status: 401, headers: { 'www-authenticate': 'Basic realm="x"' } });
    const asks = { status: 401, headers: { 'www-authenticate': 'Basic realm="front"' } };
    both.front.on('HEAD', path, ({ headers }) =>
      headers.authorization === undefined
        ? asks
        : { status: 307, headers: { location: `${both.back.url.href}x` } },
    );
    both.front.on('HEAD', '/v2/o/api/manifests/main', ({ headers }) =>
      headers.authorization === undefined
        ? asks
        : { headers: { 'docker-content-digest': image.digest } },
    );
    assert.equal(failed(await registries.latest(both.name, [ann])).reason, 'unauthorized');
    found(await registries.latest(`${both.front.host}/o/api:main`, [ann]));
  });

  test('case 51: a password is not taken for wrong because the other one forbids what it never saw', async () => {
    await using both = await startBoth({});
    await using registries = new TestRegistries();
    const location = `${both.back.url.href}x`;
    for (const method of ['HEAD', 'GET']) {
      both.back.on(method, '/x', { status: 403 });
      both.front.on(method, path, ({ headers }) =>
        headers.authorization === undefined
          ? { status: 401, headers: { 'www-authenticate': 'Basic realm="front"' } }
          : { status: 307, headers: { location } },
      );
    }
    for (const _ of [1, 2]) {
      const latest = failed(await registries.latest(both.name, [ann]));
      assert.equal(latest.reason, 'unauthorized');
      assert.match(latest.message, /redirects to 127\.0\.0\.1:\d+, which refuses access \(403\)/);
      assert.deepEqual(
        latest.attempts.map(({ outcome, status }) => `${outcome} ${status}`),
        ['failed 403'],
      );
    }
    assert.equal(registries.count('credential-refused'), 0);
  });

  test('case 41: the realm of another one is forgotten when it is gone, for the registry may lead elsewhere by now', async () => {
    await using both = await startBoth({});
    const realm = await FakeRegistry.start({ auth: { type: 'bearer', public: true } });
    await using registries = new TestRegistries();
    both.back.once('HEAD', '/v2/mirror/web/manifests/main', {
      status: 401,
      headers: { 'www-authenticate': `Bearer realm="${realm.url.href}token"` },
    });
    found(await registries.latest(both.name));
    await realm.close();
    registries.clock += minute;
    assert.equal(failed(await registries.latest(both.name)).reason, 'unreachable');
    registries.clock += minute;
    found(await registries.latest(both.name));
  });

  test('case 41: the realm of the other one is refused as any realm is', async () => {
    await using both = await startBoth({ strict: false });
    await using registries = new TestRegistries();
    both.back.on('HEAD', '/v2/mirror/web/manifests/main', {
      status: 401,
      headers: { 'www-authenticate': 'Bearer realm="http://169.254.169.254/token"' },
    });
    const latest = failed(await registries.latest(both.name, [ann]));
    assert.equal(latest.reason, 'malformed');
    assert.match(latest.message, /metadata address/);
  });

  test("case 41: the first one's plainHttp is not for the realm of the other one", async () => {
    const authority = await createAuthority();
    await using both = await startBoth({
      tls: 'h2',
      identity: await authority.issue(['127.0.0.1']),
      strict: false,
    });
    await using realm = await FakeRegistry.start();
    await using registries = new TestRegistries({
      http: { caCertificates: [authority.certificate] },
    });
    both.back.on('HEAD', '/v2/mirror/web/manifests/main', {
      status: 401,
      headers: { 'www-authenticate': `Bearer realm="${realm.url.href}token"` },
    });
    const latest = failed(await registries.latest(both.name));
    assert.equal(latest.reason, 'malformed');
    assert.match(latest.message, /names a realm without TLS/);
    assert.equal(realm.requests.length, 0);
  });
});
