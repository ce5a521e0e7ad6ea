import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, test } from 'node:test';

import type { Digest } from '../image/digest.ts';
import {
  fakeAttestation,
  fakeDocument,
  fakeImage,
  fakeIndex,
  mediaTypes,
} from '../testing/fake-images.ts';
import { FakeRegistry, type Script } from '../testing/fake-registry.ts';
import { failed, found } from '../testing/latest.ts';
import { entry, login, TestRegistries } from '../testing/test-registries.ts';
import { Lru } from './lru.ts';

const image = fakeImage('one');
const index = fakeIndex([
  { manifest: image, platform: { os: 'linux', architecture: 'amd64' } },
  fakeAttestation(image),
]);

describe('manifests by digest', () => {
  test('an index and an image are read, verified, and asked for once in the life of the process', async () => {
    await using registry = await FakeRegistry.start();
    await using registries = new TestRegistries();
    registry.push('o/web', index);
    for (const _ of [1, 2, 3]) {
      const read = await registries.manifest(`${registry.host}/o/web`, index.digest);
      assert.ok(read.status === 'found' && read.manifest.type === 'index');
      assert.deepEqual(
        read.manifest.children.map(({ digest, attestation }) => [digest, attestation]),
        index.children.map(({ digest }, number) => [digest, number === 1]),
      );
      const child = await registries.manifest(`${registry.host}/o/web`, image.digest);
      assert.ok(child.status === 'found' && child.manifest.type === 'image');
    }
    assert.equal(registry.requests.length, 2);
    assert.equal(registry.requests[0]?.path, `/v2/o/web/manifests/${index.digest}`);
  });

  test('a hundred that want one manifest in a tick cost one GET, also when it fails', async () => {
    await using registry = await FakeRegistry.start();
    await using registries = new TestRegistries();
    const place = { registry: registry.host, repository: 'o/web' };
    const ask = async (): Promise<readonly string[]> => {
      const lookUps = registries.begin();
      const reads = Array.from({ length: 100 }, () => lookUps.manifest(place, image.digest, []));
      return (await Promise.all(reads)).map(({ status }) => status);
    };
    assert.ok((await ask()).every((status) => status === 'not-found'));
    assert.equal(registry.requests.length, 1);
    // What is missing today may be there tomorrow.
    registry.push('o/web', image);
    assert.ok((await ask()).every((status) => status === 'found'));
    assert.equal(registry.requests.length, 2);
  });

  test('case 36: a tag that had to be read by GET has its manifest in the cache already', async () => {
    await using registry = await FakeRegistry.start();
    await using registries = new TestRegistries();
    registry.push('o/web:main', index);
    registry.on('HEAD', '/v2/o/web/manifests/main', { status: 405 });
    found(await registries.latest(`${registry.host}/o/web:main`));
    const before = registry.requests.length;
    const read = await registries.manifest(`${registry.host}/o/web`, index.digest);
    assert.equal(read.status, 'found');
    assert.equal(registry.requests.length, before);
  });

  test('sha512 is verified by its own algorithm', async () => {
    await using registry = await FakeRegistry.start();
    await using registries = new TestRegistries();
    const hex = createHash('sha512').update(image.bytes).digest('hex');
    const path = `/v2/o/web/manifests/sha512:${hex}`;
    registry.on('GET', path, { headers: { 'content-type': image.mediaType }, body: image.bytes });
    const read = await registries.manifest(`${registry.host}/o/web`, `sha512:${hex}`);
    assert.equal(read.status, 'found');
    registry.on('GET', path, { body: fakeImage('other').bytes });
    await using fresh = new TestRegistries();
    assert.equal(
      (await fresh.manifest(`${registry.host}/o/web`, `sha512:${hex}`)).status,
      'failed',
    );
  });

  const rows: readonly { name: string; answer: Script; reason: string; message: RegExp }[] = [
    {
      name: 'another manifest than asked for',
      answer: { headers: { 'content-type': image.mediaType }, body: fakeImage('other').bytes },
      reason: 'malformed',
      message: /something on the way changed it/,
    },
    {
      name: 'a web page',
      answer: { headers: { 'content-type': 'text/html' }, body: '<html>' },
      reason: 'malformed',
      message: /sent no manifest: not JSON/,
    },
    {
      name: 'half a body',
      answer: { body: image.bytes, fault: 'truncate' },
      reason: 'malformed',
      message: /within the body/,
    },
    {
      name: 'a body without end',
      answer: { body: Buffer.alloc(65_536, ' '), fault: 'endless' },
      reason: 'malformed',
      message: /8388608 bytes/,
    },
    { name: '500', answer: { status: 500 }, reason: 'registry-error', message: /answered 500/ },
    { name: '403', answer: { status: 403 }, reason: 'unauthorized', message: /\(403\)/ },
    { name: '429', answer: { status: 429 }, reason: 'rate-limited', message: /\(429\)/ },
  ];
  for (const { name, answer, reason, message } of rows) {
    test(`${name} → ${reason}, and it is not kept`, async () => {
      await using registry = await FakeRegistry.start();
      await using registries = new TestRegistries();
      registry.push('o/web', image);
      registry.once('GET', `/v2/o/web/manifests/${image.digest}`, answer);
      const read = await registries.manifest(`${registry.host}/o/web`, image.digest);
      assert.ok(read.status === 'failed');
      assert.equal(read.reason, reason);
      assert.match(read.message, message);
      registries.clock += 60_000;
      assert.equal(
        (await registries.manifest(`${registry.host}/o/web`, image.digest)).status,
        'found',
      );
    });
  }

  test('an index that contains itself cannot have the digest that it is asked for by', async () => {
    await using registry = await FakeRegistry.start();
    await using registries = new TestRegistries();
    const claimed: Digest = `sha256:${'5'.repeat(64)}`;
    const loop = fakeDocument(mediaTypes.ociIndex, {
      schemaVersion: 2,
      mediaType: mediaTypes.ociIndex,
      manifests: [{ mediaType: mediaTypes.ociIndex, digest: claimed, size: 1 }],
    });
    registry.on('GET', `/v2/o/web/manifests/${claimed}`, {
      headers: { 'content-type': loop.mediaType, 'docker-content-digest': claimed },
      body: loop.bytes,
    });
    const read = await registries.manifest(`${registry.host}/o/web`, claimed);
    assert.ok(read.status === 'failed');
    assert.equal(read.reason, 'malformed');
  });

  test('one registry cannot tell others that a digest is unsupported', async () => {
    await using liar = await FakeRegistry.start();
    await using registry = await FakeRegistry.start();
    await using registries = new TestRegistries();
    registry.push('o/web', image);
    liar.on('GET', `/v2/o/web/manifests/${image.digest}`, {
      headers: { 'content-type': mediaTypes.dockerSchema1 },
      body: '{"schemaVersion":1,"fsLayers":[]}',
    });
    const lie = await registries.manifest(`${liar.host}/o/web`, image.digest);
    assert.ok(lie.status === 'found' && lie.manifest.type === 'unsupported');
    const read = await registries.manifest(`${registry.host}/o/web`, image.digest);
    assert.ok(read.status === 'found' && read.manifest.type === 'image');
  });

  test('private manifests are read with the credentials of the tag', async () => {
    await using registry = await FakeRegistry.start({
      auth: { type: 'bearer', users: { ann: { password: 'a' } }, expiresInSeconds: 600 },
    });
    await using registries = new TestRegistries();
    const digest = registry.push('o/web:main', image);
    const ann = [entry(login('ann', 'a'))];
    found(await registries.latest(`${registry.host}/o/web:main`, ann));
    const before = registry.requests.length;
    assert.equal(
      (await registries.manifest(`${registry.host}/o/web`, digest, ann)).status,
      'found',
    );
    // The token of the HEAD serves the GET.
    assert.equal(registry.requests.length, before + 1);
    await using nobody = new TestRegistries();
    const read = await nobody.manifest(`${registry.host}/o/web`, digest);
    assert.ok(read.status === 'failed' && read.reason === 'unauthorized');
  });
});

describe("Artifactory's repository path method", () => {
  const found404 = { status: 404, headers: { 'x-jfrog-version': 'Artifactory/7.77' } };
  const standard = '/v2/docker-local/team/deep/app/manifests/main';
  const fallback = '/artifactory/api/docker/docker-local/v2/team/deep/app/manifests/main';
  const answer = { headers: { 'docker-content-digest': image.digest } };

  for (const header of ['x-jfrog-version', 'x-artifactory-id', 'x-artifactory-node-id']) {
    test(`after a 404 with ${header}, repositories of any depth, remembered: one HEAD from then on`, async () => {
      await using registry = await FakeRegistry.start();
      await using registries = new TestRegistries({ jfrogFallback: true });
      registry.on('HEAD', standard, { status: 404, headers: { [header]: 'x' } });
      registry.on('HEAD', fallback, answer);
      const name = `${registry.host}/docker-local/team/deep/app:main`;
      assert.equal(found(await registries.latest(name)).digest, image.digest);
      assert.equal(registry.requests.length, 2);
      assert.equal(found(await registries.latest(name)).digest, image.digest);
      assert.deepEqual(
        [registry.count('HEAD', standard), registry.count('HEAD', fallback)],
        [1, 2],
      );
    });
  }

  test('manifests are read under the same path', async () => {
    await using registry = await FakeRegistry.start();
    await using registries = new TestRegistries({ jfrogFallback: true });
    const byDigest = (path: string): string => path.replace(/main$/, image.digest);
    registry.on('GET', byDigest(standard), found404);
    registry.on('GET', byDigest(fallback), { body: image.bytes });
    const place = `${registry.host}/docker-local/team/deep/app`;
    assert.equal((await registries.manifest(place, image.digest)).status, 'found');
  });

  test('a tag that is at neither place is missing; the next tick begins anew', async () => {
    await using registry = await FakeRegistry.start();
    await using registries = new TestRegistries({ jfrogFallback: true });
    registry.on('HEAD', standard, found404);
    registry.on('HEAD', fallback, answer);
    const name = `${registry.host}/docker-local/team/deep/app:main`;
    found(await registries.latest(name));
    registry.on('HEAD', fallback, found404);
    assert.equal(failed(await registries.latest(name)).reason, 'tag-not-found');
    registry.on('HEAD', standard, answer);
    found(await registries.latest(name));
  });

  test('not without the flag, the header, or a repository key', async () => {
    await using registry = await FakeRegistry.start();
    await using registries = new TestRegistries({ jfrogFallback: true });
    for (const method of ['HEAD', 'GET']) registry.on(method, '/v2/app/manifests/main', found404);
    failed(await registries.latest(`${registry.host}/app:main`));
    failed(await registries.latest(`${registry.host}/docker-local/app:main`));
    registries.options = { jfrogFallback: false };
    for (const method of ['HEAD', 'GET']) registry.on(method, standard, found404);
    failed(await registries.latest(`${registry.host}/docker-local/team/deep/app:main`));
    assert.ok(registry.requests.every(({ path }) => path.startsWith('/v2/')));
  });

  test('its own challenge is answered: realm and scope of the repository key', async () => {
    await using registry = await FakeRegistry.start();
    await using registries = new TestRegistries({ jfrogFallback: true });
    const realm = `${registry.url.href}artifactory/api/docker/docker-local/v2/token`;
    const challenge = {
      status: 401,
      headers: { 'www-authenticate': `Bearer realm="${realm}",scope="repository:team/app:pull"` },
    };
    registry.on('HEAD', '/v2/docker-local/team/app/manifests/main', found404);
    registry.on(
      'HEAD',
      '/artifactory/api/docker/docker-local/v2/team/app/manifests/main',
      ({ headers }) => (headers.authorization === 'Bearer opened' ? answer : challenge),
    );
    registry.on('GET', new URL(realm).pathname, { body: '{"token":"opened"}' });
    const name = `${registry.host}/docker-local/team/app:main`;
    found(await registries.latest(name, [entry(login('ann', 'a'))]));
    const before = registry.requests.length;
    found(await registries.latest(name, [entry(login('ann', 'a'))]));
    assert.equal(registry.requests.length, before + 1);
  });
});

describe('Lru', () => {
  test('case 61: forgets what was not used for longest, by number and by weight, long keys included', () => {
    const lru = new Lru<number>({ maxEntries: 3, maxWeight: 20 });
    for (const [number, key] of ['a', 'b', 'c'].entries()) lru.set(key, number);
    lru.get('a');
    lru.set('d', 3);
    assert.deepEqual(
      ['a', 'b', 'c', 'd'].map((key) => lru.get(key)),
      [0, undefined, 2, 3],
    );
    lru.set('heavy', 4, 14);
    assert.deepEqual(
      ['c', 'd', 'heavy'].map((key) => lru.get(key)),
      [undefined, 3, 4],
    );
    lru.set('too heavy', 5, 12);
    assert.equal(lru.get('too heavy'), undefined);
    lru.set('heavy', 6, 1);
    lru.set('again', 7, 8);
    assert.equal(lru.size, 3);
  });
});
