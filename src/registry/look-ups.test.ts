import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { digestOf, fakeImage, fakeIndex, mediaTypes } from '../testing/fake-images.ts';
import { FakeRegistry } from '../testing/fake-registry.ts';
import { failed, found } from '../testing/latest.ts';
import { entry, latestIn, login, ruleSecret, TestRegistries } from '../testing/test-registries.ts';
import { defaultHostOptions } from './hosts.ts';

const path = '/v2/o/web/manifests/main';
const image = fakeImage('one');

describe('case 34: the digest comes from one HEAD', () => {
  test('case 34: HEAD asks for indexes and manifests of both kinds, and its digest is the answer', async () => {
    await using registry = await FakeRegistry.start();
    await using registries = new TestRegistries();
    const index = fakeIndex([
      { manifest: image, platform: { os: 'linux', architecture: 'amd64' } },
    ]);
    const digest = registry.push('o/web:main', index);
    const latest = found(await registries.latest(`${registry.host}/o/web:main`));
    assert.equal(latest.digest, digest);
    assert.equal(latest.pullSecretRefused, false);
    assert.deepEqual(latest.warnings, []);
    assert.deepEqual(latest.attempts, [{ source: 'anonymous', outcome: 'accepted', status: 200 }]);
    const [request, ...more] = registry.requests;
    assert.deepEqual(more, []);
    assert.equal(`${request?.method} ${request?.path}`, `HEAD ${path}`);
    assert.deepEqual(
      request?.headers.accept?.split(', ').toSorted(),
      [
        mediaTypes.ociIndex,
        mediaTypes.ociManifest,
        mediaTypes.dockerList,
        mediaTypes.dockerManifest,
      ].toSorted(),
    );
  });

  test('a hundred workloads with one image cost one HEAD per tick', async () => {
    await using registry = await FakeRegistry.start();
    await using registries = new TestRegistries();
    registry.push('o/web:main', image);
    for (const tick of [1, 2, 3]) {
      const lookUps = registries.begin();
      const answers = await Promise.all(
        Array.from({ length: 100 }, () => latestIn(lookUps, `${registry.host}/o/web:main`)),
      );
      assert.ok(answers.every(({ status }) => status === 'found'));
      assert.equal(registry.requests.length, tick);
    }
  });

  test('one password in two Secrets costs one HEAD, and each workload is told of its own Secret', async () => {
    await using registry = await FakeRegistry.start({ auth: { type: 'basic', users: {} } });
    await using registries = new TestRegistries();
    const lookUps = registries.begin();
    const [one, two] = await Promise.all(
      ['first', 'second'].map(async (secret) =>
        failed(
          await latestIn(lookUps, `${registry.host}/o/web:main`, [
            entry(login('ann', 'dead'), secret),
          ]),
        ),
      ),
    );
    assert.match(one?.message ?? '', /of Secret "first" \(401\)/);
    assert.match(two?.message ?? '', /of Secret "second" \(401\)/);
    const withPassword = registry.requests.filter(({ headers }) => headers.authorization);
    assert.equal(withPassword.length, 1);
  });
});

describe('case 35: registries without HEAD', () => {
  for (const status of [400, 403, 404, 405, 501]) {
    test(`case 35: HEAD → ${status} is asked by GET once; the host then gets GETs with If-None-Match for an hour`, async () => {
      await using registry = await FakeRegistry.start();
      await using registries = new TestRegistries();
      const digest = registry.push('o/web:main', image);
      registry.on('HEAD', path, { status });
      const name = `${registry.host}/o/web:main`;
      assert.equal(found(await registries.latest(name)).digest, digest);
      assert.deepEqual([registry.count('HEAD'), registry.count('GET')], [1, 1]);

      assert.equal(found(await registries.latest(name)).digest, digest);
      assert.deepEqual([registry.count('HEAD'), registry.count('GET')], [1, 2]);
      assert.equal(registry.requests.at(-1)?.headers['if-none-match'], `"${digest}"`);
      assert.equal(registries.count('no-head'), 1);

      const moved = registry.push('o/web:main', fakeImage('two'));
      assert.equal(found(await registries.latest(name)).digest, moved);

      registries.clock += 60 * 60_000;
      assert.equal(found(await registries.latest(name)).digest, moved);
      assert.equal(registry.count('HEAD'), 2);
    });
  }

  test('case 35: other images of that host are asked by GET at once', async () => {
    await using registry = await FakeRegistry.start();
    await using registries = new TestRegistries();
    registry.push('o/web:main', image);
    registry.push('o/api:main', image);
    registry.on('HEAD', path, { status: 405 });
    await registries.latest(`${registry.host}/o/web:main`);
    found(await registries.latest(`${registry.host}/o/api:main`));
    assert.equal(registry.count('HEAD', '/v2/o/api/manifests/main'), 0);
  });

  test('case 35: a missing tag costs one HEAD and one GET, and the host keeps its HEAD', async () => {
    await using registry = await FakeRegistry.start();
    await using registries = new TestRegistries();
    registry.push('o/web:other', image);
    for (const tick of [1, 2]) {
      const latest = failed(await registries.latest(`${registry.host}/o/web:main`));
      assert.equal(latest.reason, 'tag-not-found');
      assert.match(latest.message, /has no o\/web:main \(404\)/);
      assert.deepEqual([registry.count('HEAD'), registry.count('GET')], [tick, tick]);
    }
    assert.equal(registries.count('no-head'), 0);
  });

  test('case 35: when GET fails, too, its answer is the verdict', async () => {
    await using registry = await FakeRegistry.start();
    await using registries = new TestRegistries();
    registry.on('HEAD', path, { status: 405 });
    registry.on('GET', path, {
      status: 400,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ errors: [{ code: 'TAG_INVALID', message: 'secret \u001b[31m' }] }),
    });
    const latest = failed(await registries.latest(`${registry.host}/o/web:main`));
    assert.equal(latest.reason, 'registry-error');
    assert.equal(latest.message, `${registry.host} answered 400 (TAG_INVALID)`);
  });

  test('case 61: of an error body nothing but a code of the specification is quoted', async () => {
    for (const code of ['secret', 'A\u001B[31m', 'A'.repeat(100), 'A B', 7]) {
      await using registry = await FakeRegistry.start();
      await using registries = new TestRegistries();
      for (const method of ['HEAD', 'GET']) {
        const body = JSON.stringify({ errors: [{ code, message: 'secret' }] });
        registry.on(method, path, { status: 400, body });
      }
      const latest = failed(await registries.latest(`${registry.host}/o/web:main`));
      assert.equal(latest.message, `${registry.host} answered 400`);
    }
  });
});

describe('case 36: the digest header', () => {
  const bad: readonly (readonly [name: string, header: string | readonly string[]])[] = [
    ['is missing', []],
    ['is in upper case', image.digest.toUpperCase()],
    ['has upper-case digits', image.digest.replace('sha256:', 'sha256:A').slice(0, 71)],
    ['is a path', 'sha256:../../../../etc/passwd'],
    ['is too short', 'sha256:abc'],
    ['has another algorithm', `md5:${'0'.repeat(32)}`],
    ['comes twice', [image.digest, digestOf('other')]],
  ];
  for (const [name, header] of bad) {
    test(`case 36: where it ${name}, the raw bytes are read by GET and hashed`, async () => {
      await using registry = await FakeRegistry.start();
      await using registries = new TestRegistries();
      registry.push('o/web:main', image);
      const headers = { 'content-type': image.mediaType, 'docker-content-digest': header };
      registry.on('HEAD', path, { headers });
      registry.on('GET', path, { headers, body: image.bytes });
      const latest = found(await registries.latest(`${registry.host}/o/web:main`));
      assert.equal(latest.digest, image.digest);
      const get = registry.requests.find(({ method }) => method === 'GET');
      assert.equal(get?.headers['accept-encoding'], 'identity');
      // This tag is asked by GET from now on; what HEAD says of others is not known.
      await registries.latest(`${registry.host}/o/web:main`);
      assert.deepEqual([registry.count('HEAD'), registry.count('GET')], [1, 2]);
    });
  }

  test('case 36: header and body of a GET that disagree are malformed', async () => {
    await using registry = await FakeRegistry.start();
    await using registries = new TestRegistries();
    registry.on('HEAD', path, { status: 405 });
    registry.on('GET', path, {
      headers: { 'content-type': image.mediaType, 'docker-content-digest': digestOf('other') },
      body: image.bytes,
    });
    const latest = failed(await registries.latest(`${registry.host}/o/web:main`));
    assert.equal(latest.reason, 'malformed');
    assert.match(latest.message, /something on the way changed it/);
  });

  test('case 36: a body beyond 8 MiB is not read', async () => {
    await using registry = await FakeRegistry.start();
    await using registries = new TestRegistries();
    registry.on('HEAD', path, { status: 405 });
    registry.on('GET', path, { body: Buffer.alloc(64 * 1024, 'x'), fault: 'endless' });
    const latest = failed(await registries.latest(`${registry.host}/o/web:main`));
    assert.equal(latest.reason, 'malformed');
    assert.match(latest.message, /8388608 bytes/);
  });
});

describe('cases 37 and 38: what is no manifest for us', () => {
  test('case 37: schema 1 is an unsupported manifest, by HEAD and by GET', async () => {
    await using registry = await FakeRegistry.start();
    await using registries = new TestRegistries();
    const headers = {
      'content-type': `${mediaTypes.dockerSchema1}; charset=utf-8`,
      'docker-content-digest': digestOf('the payload without its signatures'),
    };
    const body = JSON.stringify({ schemaVersion: 1, fsLayers: [] });
    registry.on('HEAD', path, { headers });
    const name = `${registry.host}/o/web:main`;
    assert.equal(failed(await registries.latest(name)).reason, 'unsupported-manifest');
    registry.on('HEAD', path, { status: 405 });
    registry.on('GET', path, { headers, body });
    const latest = failed(await registries.latest(name));
    assert.equal(latest.reason, 'unsupported-manifest');
    assert.match(latest.message, /manifest\.v1\+prettyjws/);
  });

  test('case 38: a Content-Type in upper case, with parameters, or none at all', async () => {
    for (const contentType of [`${image.mediaType.toUpperCase()} ; Charset=UTF-8`, undefined]) {
      await using registry = await FakeRegistry.start();
      await using registries = new TestRegistries();
      registry.on('HEAD', path, { status: 405 });
      registry.on('GET', path, {
        headers: contentType === undefined ? {} : { 'content-type': contentType },
        body: image.bytes,
      });
      const latest = found(await registries.latest(`${registry.host}/o/web:main`));
      assert.equal(latest.digest, image.digest);
    }
  });

  test('case 38: HTML with 200 is malformed, whatever its headers say', async () => {
    for (const digest of [[], image.digest]) {
      await using registry = await FakeRegistry.start();
      await using registries = new TestRegistries();
      const headers = {
        'content-type': 'Text/HTML; charset=utf-8',
        'docker-content-digest': digest,
      };
      registry.on('HEAD', path, { headers });
      const latest = failed(await registries.latest(`${registry.host}/o/web:main`));
      assert.equal(latest.reason, 'malformed');
      assert.match(latest.message, /web page/);
      registry.on('HEAD', path, { status: 405 });
      registry.on('GET', path, { headers: { 'content-type': 'text/html' }, body: '<html>Log in' });
      const read = failed(await registries.latest(`${registry.host}/o/web:main`));
      assert.equal(read.reason, 'malformed');
      assert.doesNotMatch(read.message, /Log in/);
    }
  });
});

describe('failures have a reason and name what answered', () => {
  const rows = [
    { name: '500', answer: { status: 500 }, reason: 'registry-error', message: /answered 500$/ },
    { name: '503', answer: { status: 503 }, reason: 'registry-error', message: /answered 503$/ },
    { name: '418', answer: { status: 418 }, reason: 'registry-error', message: /answered 418$/ },
    { name: '204', answer: { status: 204 }, reason: 'registry-error', message: /answered 204$/ },
    { name: '304 unasked', answer: { status: 304 }, reason: 'registry-error', message: /304$/ },
    {
      name: 'no HTTP',
      answer: { fault: 'garbage' },
      reason: 'malformed',
      message: /is not HTTP/,
    },
    {
      name: '401 without a challenge',
      answer: { status: 401 },
      reason: 'unauthorized',
      message: /does not say how to authenticate/,
    },
    {
      name: '401 with a challenge that cannot be read',
      answer: { status: 401, headers: { 'www-authenticate': 'Bearer realm="half' } },
      reason: 'unauthorized',
      message: /WWW-Authenticate cannot be read/,
    },
  ] as const;
  for (const { name, answer, reason, message } of rows) {
    test(`${name} → ${reason}`, async () => {
      await using registry = await FakeRegistry.start();
      await using registries = new TestRegistries();
      registry.on('HEAD', path, answer);
      const latest = failed(await registries.latest(`${registry.host}/o/web:main`));
      assert.equal(latest.reason, reason);
      assert.match(latest.message, message);
      assert.equal(latest.cutOff, false);
      assert.deepEqual(
        latest.attempts.map(({ outcome }) => outcome),
        ['failed'],
      );
    });
  }

  test('a host that is none is malformed without a request', async () => {
    await using registries = new TestRegistries();
    const lookUps = registries.begin();
    for (const registry of ['user@host', 'host/path', 'a b', '']) {
      const latest = await lookUps.latest({ registry, repository: 'o/web', tag: 'main' }, []);
      assert.equal(failed(latest).reason, 'malformed');
    }
  });

  test('a repository that climbs out of its path is malformed without a request', async () => {
    await using registry = await FakeRegistry.start();
    await using registries = new TestRegistries();
    const place = { registry: registry.host, repository: '../../admin' };
    const latest = await registries.begin().latest({ ...place, tag: 'main' }, []);
    assert.equal(failed(latest).reason, 'malformed');
    const read = await registries.begin().manifest(place, image.digest, []);
    assert.equal(read.status, 'failed');
    assert.equal(registry.requests.length, 0);
  });
});

describe('hosts', () => {
  test('an endpoint is asked instead, with the secret of its rule and without pull Secrets', async () => {
    await using mirror = await FakeRegistry.start({
      auth: { type: 'basic', users: { mirror: { password: 'm' } } },
    });
    mirror.on('HEAD', '/prefix/v2/o/web/manifests/main', (request) =>
      request.headers.authorization === undefined
        ? { status: 401, headers: { 'www-authenticate': 'Basic realm="m"' } }
        : { headers: { 'docker-content-digest': image.digest } },
    );
    await using registries = new TestRegistries({
      ruleFor: () => ({
        candidates: [ruleSecret(login('mirror', 'm'))],
        options: { ...defaultHostOptions, endpoint: new URL(`${mirror.url.href}prefix`) },
        pattern: 'r.example.com',
      }),
    });
    const pod = entry(login('pod', 'of the real registry'));
    const latest = found(await registries.latest('r.example.com/o/web:main', [pod]));
    assert.equal(latest.digest, image.digest);
    assert.equal(latest.pullSecretRefused, false);
    assert.deepEqual(
      mirror.requests.map(({ headers }) => headers.authorization),
      [undefined, `Basic ${btoa('mirror:m')}`],
    );
  });

  const rows = [
    {
      name: 'a missing tag',
      repository: 'gone',
      says: /^127\.0\.0\.1:\d+ has no o\/gone:main \(404\)/,
    },
    { name: 'a refusal', repository: 'denied', says: /^127\.0\.0\.1:\d+ refused anonymous access/ },
    {
      name: 'no connection',
      repository: 'web',
      endpoint: 'http://127.0.0.1:1',
      says: /^connecting to 127\.0\.0\.1:1 failed \(ECONNREFUSED\)/,
    },
  ];
  for (const { name, repository, endpoint, says } of rows) {
    test(`${name} at an endpoint names the rule that leads there`, async () => {
      await using mirror = await FakeRegistry.start();
      for (const method of ['HEAD', 'GET']) {
        const headers = { 'www-authenticate': 'Basic realm="m"' };
        mirror.on(method, '/v2/o/denied/manifests/main', { status: 401, headers });
      }
      const asked = new URL(endpoint ?? mirror.url);
      await using registries = new TestRegistries({
        ruleFor: () => ({
          candidates: [],
          options: { ...defaultHostOptions, endpoint: asked },
          pattern: 'r.example.com/o/*',
        }),
      });
      const { message } = failed(await registries.latest(`r.example.com/o/${repository}:main`));
      assert.match(message, says);
      const end = `; ${asked.host} is the endpoint of rule "r.example.com/o/*"`;
      assert.equal(message.slice(-end.length), end);
    });
  }

  test('settings are read at the beginning of each tick, and what was learned stays', async () => {
    await using registry = await FakeRegistry.start();
    await using registries = new TestRegistries();
    registry.push('o/web:main', image);
    found(await registries.latest(`${registry.host}/o/web:main`));
    registries.options = { host: { plainHttp: false } };
    const latest = failed(await registries.latest(`${registry.host}/o/web:main`));
    assert.equal(latest.reason, 'unreachable');
    assert.match(latest.message, /TLS of 127\.0\.0\.1:\d+.*plainHttp/);
  });
});
