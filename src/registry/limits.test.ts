import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import type { Latest } from '../image/lookup.ts';
import { createAuthority } from '../testing/certificates.ts';
import { fakeImage } from '../testing/fake-images.ts';
import { FakeProxy } from '../testing/fake-proxy.ts';
import { FakeRegistry } from '../testing/fake-registry.ts';
import { failed, found } from '../testing/latest.ts';
import { entry, latestIn, login, TestRegistries } from '../testing/test-registries.ts';
import { defaultHostOptions } from './hosts.ts';

const path = '/v2/o/web/manifests/main';
const image = fakeImage('one');
const minute = 60_000;

describe('case 52: a registry that wants to be left alone', () => {
  test('case 52: a 429 ends the checks of that host and credential for the tick; other credentials and hosts go on', async () => {
    await using registry = await FakeRegistry.start({
      auth: { type: 'bearer', users: { ann: { password: 'a' } }, public: true },
    });
    await using other = await FakeRegistry.start();
    await using registries = new TestRegistries();
    for (const repository of ['o/web', 'o/api', 'o/db']) registry.push(`${repository}:main`, image);
    other.push('o/web:main', image);
    registry.once('HEAD', path, { status: 429, headers: { 'retry-after': '0' } });
    const lookUps = registries.begin();
    const limited = failed(await latestIn(lookUps, `${registry.host}/o/web:main`));
    assert.equal(limited.reason, 'rate-limited');
    assert.match(limited.message, /limits the requests of anonymous \(429\)/);
    const before = registry.requests.length;
    assert.equal(
      failed(await latestIn(lookUps, `${registry.host}/o/api:main`)).reason,
      'rate-limited',
    );
    assert.equal(registry.requests.length, before);

    found(await latestIn(lookUps, `${registry.host}/o/db:main`, [entry(login('ann', 'a'))]));
    found(await latestIn(lookUps, `${other.host}/o/web:main`));
    assert.equal(registries.count('throttled'), 1);
  });

  const hints = [
    { name: 'seconds', headers: { 'retry-after': '120' }, ms: 2 * minute },
    {
      name: 'a date',
      headers: { 'retry-after': 'Thu, 01 Jan 1970 00:03:00 GMT' },
      ms: 3 * minute,
    },
    { name: 'no hint', headers: {}, ms: 15_000 },
    { name: 'a day', headers: { 'retry-after': '86400' }, ms: 60 * minute },
  ];
  for (const { name, headers, ms } of hints) {
    test(`case 52: Retry-After as ${name} is obeyed for ${ms / 1000} s, over several ticks`, async () => {
      await using registry = await FakeRegistry.start();
      await using registries = new TestRegistries();
      registry.push('o/web:main', image);
      registry.once('HEAD', path, { status: 429, headers });
      const web = `${registry.host}/o/web:main`;
      failed(await registries.latest(web));
      registries.clock += ms - 1;
      assert.equal(failed(await registries.latest(web)).reason, 'rate-limited');
      assert.equal(registry.requests.length, 1);
      registries.clock += 1;
      found(await registries.latest(web));
    });
  }

  test("case 52: GHCR's hint in the body of a token's 429", async () => {
    await using registry = await FakeRegistry.start({ auth: { type: 'bearer', public: true } });
    await using registries = new TestRegistries();
    registry.push('o/web:main', image);
    registry.once('GET', '/token', {
      status: 429,
      body: '{"errors":[{"code":"TOOMANYREQUESTS","message":"retry-after: 331.163µs, allowed: 44000/minute"}]}',
    });
    const web = `${registry.host}/o/web:main`;
    assert.equal(failed(await registries.latest(web)).reason, 'rate-limited');
    registries.clock += 1;
    found(await registries.latest(web));
  });

  test('case 52: without a hint the wait doubles with each tick that meets a 429, and ends with the first other answer', async () => {
    await using registry = await FakeRegistry.start();
    await using registries = new TestRegistries();
    registry.push('o/web:main', image);
    const web = `${registry.host}/o/web:main`;
    registry.on('HEAD', path, { status: 429 });
    for (const seconds of [15, 30, 60, 120]) {
      failed(await registries.latest(web));
      const before = registry.requests.length;
      registries.clock += seconds * 1000 - 1;
      failed(await registries.latest(web));
      assert.equal(registry.requests.length, before);
      registries.clock += 1;
    }
    registry.on('HEAD', path, { headers: { 'docker-content-digest': image.digest } });
    found(await registries.latest(web));
    registry.on('HEAD', path, { status: 429 });
    failed(await registries.latest(web));
    registries.clock += 15_000;
    registry.on('HEAD', path, { headers: { 'docker-content-digest': image.digest } });
    found(await registries.latest(web));
  });

  test('case 52: 429s to requests that were in flight together double the wait once', async () => {
    await using registry = await FakeRegistry.start();
    await using registries = new TestRegistries();
    const names = Array.from({ length: 4 }, (_, number) => `o/i${number}`);
    let arrived = 0;
    const { promise: all, resolve } = Promise.withResolvers<void>();
    for (const name of names) {
      registry.on('HEAD', `/v2/${name}/manifests/main`, async () => {
        arrived += 1;
        if (arrived === names.length) resolve();
        await all;
        return { status: 429 };
      });
    }
    const lookUps = registries.begin();
    const answers = names.map((name) => latestIn(lookUps, `${registry.host}/${name}:main`));
    await Promise.all(answers);
    assert.equal(arrived, names.length);
    registries.clock += 15_000;
    registry.push('o/web:main', image);
    found(await registries.latest(`${registry.host}/o/web:main`));
  });

  test('case 52: ratelimit-remaining: 0 stops before the 429, its own answer counts', async () => {
    await using registry = await FakeRegistry.start({
      rateLimit: { limit: 100, remaining: 1, windowSeconds: 21_600 },
    });
    await using registries = new TestRegistries();
    registry.push('o/web:main', image);
    registry.push('o/api:main', image);
    found(await registries.latest(`${registry.host}/o/web:main`));
    registry.on('HEAD', path, {
      headers: { 'docker-content-digest': image.digest, 'ratelimit-remaining': '0;w=21600' },
    });
    const lookUps = registries.begin();
    found(await latestIn(lookUps, `${registry.host}/o/web:main`));
    const stopped = failed(await latestIn(lookUps, `${registry.host}/o/api:main`));
    assert.equal(stopped.reason, 'rate-limited');
    assert.equal(registry.count('HEAD', '/v2/o/api/manifests/main'), 0);
    assert.deepEqual(
      registries.observations
        .filter((observation) => observation.type === 'rate-limit-remaining')
        .map(({ remaining }) => remaining),
      [1, 0],
    );
    // A window is asked about again soon, not after its six hours.
    registries.clock += 15_000;
    found(await registries.latest(`${registry.host}/o/api:main`));
  });
});

describe('case 53: the quota of Docker Hub', () => {
  test('case 53: neither steady state nor a missing tag costs a GET of a manifest; one new digest costs one', async () => {
    const authority = await createAuthority();
    await using auth = await FakeRegistry.start({
      tls: 'h2',
      identity: await authority.issue(['auth.docker.io']),
      auth: { type: 'bearer', public: true, expiresInSeconds: 300 },
    });
    const { issuer } = auth;
    assert.ok(issuer);
    await using hub = await FakeRegistry.start({
      tls: 'h2',
      identity: await authority.issue(['registry-1.docker.io']),
      auth: {
        type: 'bearer',
        public: true,
        realm: 'https://auth.docker.io/token',
        service: 'registry.docker.io',
        issuer,
      },
    });
    await using proxy = await FakeProxy.start({
      routes: { 'registry-1.docker.io:443': hub.host, 'auth.docker.io:443': auth.host },
    });
    await using registries = new TestRegistries({
      host: { plainHttp: false },
      http: { caCertificates: [authority.certificate], proxy: { httpsProxy: proxy.url.href } },
    });
    const digest = hub.push('library/nginx:1', image);
    const nginx = { registry: 'docker.io', repository: 'library/nginx' };
    for (const _ of [1, 2, 3]) {
      const lookUps = registries.begin();
      found(await lookUps.latest({ ...nginx, tag: '1' }, []));
      const latest = failed(await lookUps.latest({ ...nginx, tag: 'none' }, []));
      assert.equal(latest.reason, 'tag-not-found');
      assert.match(latest.message, /^docker\.io has no library\/nginx:none/);
    }
    assert.deepEqual([hub.count('HEAD'), hub.count('GET')], [7, 0]);
    assert.equal(auth.count('GET'), 1);
    assert.equal(
      auth.requests[0]?.path,
      '/token?service=registry.docker.io&scope=repository%3Alibrary%2Fnginx%3Apull',
    );

    for (const _ of [1, 2, 3]) {
      const read = await registries.manifest('docker.io/library/nginx', digest);
      assert.equal(read.status, 'found');
    }
    assert.equal(hub.count('GET'), 1);
  });
});

/** Nobody listens there: a port that was free a moment ago. */
async function closedHost(): Promise<string> {
  const registry = await FakeRegistry.start();
  await registry.close();
  return registry.host;
}

describe('case 62: black holes, deadlines and the end of the tick', () => {
  test('case 62: after three connect failures the other look-ups of a host are unreachable at once, in this tick only', async () => {
    const dead = await closedHost();
    await using registry = await FakeRegistry.start();
    registry.push('o/web:main', image);
    // One look-up of a host at a time, so that the count is certain.
    await using registries = new TestRegistries({ limits: { inFlight: 2 } });
    const ask = async (): Promise<readonly string[]> => {
      const lookUps = registries.begin();
      const answers = await Promise.all([
        ...Array.from({ length: 100 }, (_, number) =>
          latestIn(lookUps, `${dead}/o/i${number}:main`),
        ),
        latestIn(lookUps, `${registry.host}/o/web:main`),
      ]);
      found(answers.at(-1) ?? assert.fail());
      return answers.slice(0, -1).map((answer) => {
        assert.equal(failed(answer).reason, 'unreachable');
        return failed(answer).message;
      });
    };
    for (const _ of [1, 2]) {
      const messages = await ask();
      const really = messages.filter((message) => !message.includes('not asked again'));
      assert.equal(really.length, 3);
      assert.match(
        messages.at(-1) ?? '',
        /connecting to 127\.0\.0\.1:\d+ failed .*not asked again in this tick/,
      );
    }
  });

  test('case 62: a hundred look-ups of a black hole cost three connects, and those that wait for one connect count once', async () => {
    let connects = 0;
    await using registries = new TestRegistries({
      http: {
        lookup: () => {
          connects += 1;
          return Promise.reject(Object.assign(new Error('no such name'), { code: 'ENOTFOUND' }));
        },
      },
    });
    const lookUps = registries.begin();
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, number) =>
        latestIn(lookUps, `hole.example.com/o/i${number}:main`),
      ),
    );
    for (const answer of answers) assert.equal(failed(answer).reason, 'unreachable');
    assert.equal(connects, 3);
  });

  test('case 62: one connect that fails costs the look-ups that wait for it, not all of the host', async () => {
    await using registry = await FakeRegistry.start();
    let connects = 0;
    await using registries = new TestRegistries({
      http: {
        lookup: () => {
          connects += 1;
          return connects === 1
            ? Promise.reject(Object.assign(new Error('try again'), { code: 'EAI_AGAIN' }))
            : Promise.resolve([{ address: '127.0.0.1', family: 4 }]);
        },
      },
    });
    const names = Array.from({ length: 20 }, (_, number) => `o/i${number}:main`);
    for (const name of names) registry.push(name, image);
    const lookUps = registries.begin();
    const answers = await Promise.all(
      names.map((name) => latestIn(lookUps, `flaky.example.com:${registry.port}/${name}`)),
    );
    // As many as go together before a host has answered.
    assert.deepEqual(
      answers.map(({ status }) => status),
      names.map((_, number) => (number < 4 ? 'failed' : 'found')),
    );
  });

  test('case 62: a registry whose realm cannot be had makes no other one unreachable', async () => {
    const authority = await createAuthority();
    await using good = await FakeRegistry.start({
      tls: 'h2',
      identity: await authority.issue(['127.0.0.1']),
    });
    good.push('o/web:main', image);
    await using evil = await FakeRegistry.start();
    const realm = `Bearer realm="${good.url.href}token"`;
    const challenge = { status: 401, headers: { 'www-authenticate': realm } };
    await using registries = new TestRegistries({
      // Only the rule of the good one knows its CA: for a realm of others it is no CA.
      ruleFor: ({ registry }) => ({
        candidates: [],
        options:
          registry === good.host
            ? { ...defaultHostOptions, caCertificate: authority.certificate }
            : { ...defaultHostOptions, plainHttp: true },
        pattern: registry,
      }),
    });
    const lookUps = registries.begin();
    for (const name of ['a', 'b', 'c', 'd']) {
      evil.on('HEAD', `/v2/${name}/manifests/main`, challenge);
      const latest = failed(await latestIn(lookUps, `${evil.host}/${name}:main`));
      assert.equal(latest.reason, 'unreachable');
      assert.equal(latest.message.includes('not asked again'), name === 'd');
    }
    found(await latestIn(lookUps, `${good.host}/o/web:main`));
    assert.equal(good.requests.length, 1);
  });

  test('case 62: redirects to where nobody listens do not make the registry itself unreachable', async () => {
    const dead = await closedHost();
    await using registry = await FakeRegistry.start();
    await using registries = new TestRegistries();
    registry.push('o/web:main', image);
    const lookUps = registries.begin();
    for (const name of ['a', 'b', 'c', 'd']) {
      const headers = { location: `http://${dead}/blob` };
      registry.on('HEAD', `/v2/${name}/manifests/main`, { status: 307, headers });
      const latest = failed(await latestIn(lookUps, `${registry.host}/${name}:main`));
      assert.equal(latest.reason, 'unreachable');
      assert.doesNotMatch(latest.message, /not asked again/);
    }
    found(await latestIn(lookUps, `${registry.host}/o/web:main`));
  });

  test("case 52: a 429 of another registry's realm stops no registry of that host", async () => {
    await using good = await FakeRegistry.start();
    good.push('o/web:main', image);
    good.on('GET', '/busy', { status: 429, headers: { 'retry-after': '3600' } });
    await using evil = await FakeRegistry.start();
    evil.on('HEAD', path, {
      status: 401,
      headers: { 'www-authenticate': `Bearer realm="${good.url.href}busy"` },
    });
    await using registries = new TestRegistries();
    const lookUps = registries.begin();
    assert.equal(failed(await latestIn(lookUps, `${evil.host}/o/web:main`)).reason, 'rate-limited');
    found(await latestIn(lookUps, `${good.host}/o/web:main`));
  });

  test('case 62: three connect failures count in a row only', async () => {
    await using registry = await FakeRegistry.start();
    registry.push('o/c:main', image);
    let isKnown = false;
    await using registries = new TestRegistries({
      limits: { inFlight: 1 },
      http: {
        lookup: () =>
          isKnown
            ? Promise.resolve([{ address: '127.0.0.1', family: 4 }])
            : Promise.reject(Object.assign(new Error('no such name'), { code: 'ENOTFOUND' })),
      },
    });
    const lookUps = registries.begin();
    const ask = (name: string): Promise<Latest> =>
      latestIn(lookUps, `flaky.example.com:${registry.port}/o/${name}:main`);
    for (const name of ['a', 'b']) assert.equal(failed(await ask(name)).reason, 'unreachable');
    isKnown = true;
    found(await ask('c'));
    isKnown = false;
    registry.disconnect();
    for (const name of ['d', 'e', 'f']) {
      assert.doesNotMatch(failed(await ask(name)).message, /not asked again/);
    }
    assert.match(failed(await ask('g')).message, /not asked again/);
  });

  test('case 62: a host that answers is asked while fifteen others hang with a hundred images each', async () => {
    await using registry = await FakeRegistry.start();
    registry.push('o/web:main', image);
    const holes = await Promise.all(
      Array.from({ length: 15 }, () => FakeRegistry.start({ strict: false })),
    );
    await using registries = new TestRegistries();
    const controller = new AbortController();
    const lookUps = registries.begin(controller.signal);
    const hanging = holes.flatMap((hole) =>
      Array.from({ length: 100 }, (_, number) => {
        hole.on('HEAD', `/v2/o/i${number}/manifests/main`, { fault: 'hang' });
        return latestIn(lookUps, `${hole.host}/o/i${number}:main`);
      }),
    );
    found(await latestIn(lookUps, `${registry.host}/o/web:main`));
    for (const hole of holes) assert.ok(hole.requests.length <= 4);
    controller.abort();
    const answers = await Promise.all(hanging);
    assert.ok(answers.every((answer) => failed(answer).cutOff));
    await Promise.all(holes.map((hole) => hole.close()));
  });

  test('a look-up ends after its own deadline, with all its steps: timed-out, not cut off', async () => {
    await using registry = await FakeRegistry.start({ auth: { type: 'bearer', public: true } });
    await using registries = new TestRegistries({ limits: { lookUpMs: 300 } });
    registry.on('GET', '/token', { fault: 'hang' });
    const latest = failed(await registries.latest(`${registry.host}/o/web:main`));
    assert.equal(latest.reason, 'timed-out');
    assert.equal(latest.cutOff, false);
    assert.match(latest.message, /gave no answer within 0\.3 s/);
  });

  test("a rule's maxConcurrentRequests makes no look-up's own deadline pass while it waits for the others", async () => {
    await using registry = await FakeRegistry.start({ latencyMs: 50 });
    await using registries = new TestRegistries({
      host: { maxConcurrentRequests: 1 },
      limits: { lookUpMs: 800 },
    });
    const names = Array.from({ length: 30 }, (_, number) => `o/i${number}`);
    for (const name of names) registry.push(`${name}:main`, image);
    const lookUps = registries.begin();
    const answers = await Promise.all(
      names.map((name) => latestIn(lookUps, `${registry.host}/${name}:main`)),
    );
    assert.ok(answers.every(({ status }) => status === 'found'));
  });

  test('what the end of the tick cuts off is timed-out and cutOff, also what still waits', async () => {
    await using registry = await FakeRegistry.start();
    await using registries = new TestRegistries({ limits: { inFlight: 1 } });
    const controller = new AbortController();
    registry.on('HEAD', path, () => {
      setImmediate(() => controller.abort());
      return { fault: 'hang' };
    });
    const lookUps = registries.begin(controller.signal);
    const answers = await Promise.all([
      latestIn(lookUps, `${registry.host}/o/web:main`),
      latestIn(lookUps, `${registry.host}/o/api:main`),
      lookUps.manifest({ registry: registry.host, repository: 'o/web' }, image.digest, []),
    ]);
    for (const answer of answers) {
      assert.equal(answer.status, 'failed');
      assert.ok('reason' in answer && answer.reason === 'timed-out');
      assert.match(answer.message, /the tick ended before/);
    }
    assert.ok(answers[0].status === 'failed' && 'cutOff' in answers[0] && answers[0].cutOff);
    const late = failed(await latestIn(lookUps, `${registry.host}/o/late:main`));
    assert.equal(late.cutOff, true);
    assert.equal(registry.requests.length, 1);
  });

  test('the next tick asks again what the last one cut off', async () => {
    await using registry = await FakeRegistry.start();
    await using registries = new TestRegistries();
    registry.push('o/web:main', image);
    failed(await latestIn(registries.begin(AbortSignal.abort()), `${registry.host}/o/web:main`));
    found(await registries.latest(`${registry.host}/o/web:main`));
  });

  test('one broken registry costs its own images only', async () => {
    await using broken = await FakeRegistry.start();
    await using registry = await FakeRegistry.start();
    registry.push('o/web:main', image);
    broken.on('HEAD', path, { fault: 'reset' });
    await using registries = new TestRegistries();
    const lookUps = registries.begin();
    const [bad, good] = await Promise.all([
      latestIn(lookUps, `${broken.host}/o/web:main`),
      latestIn(lookUps, `${registry.host}/o/web:main`),
    ]);
    assert.equal(failed(bad).reason, 'unreachable');
    found(good);
  });

  test('500 images of one host behind tokens: 64 look-ups at once, 32 of them of that host', async () => {
    await using registry = await FakeRegistry.start({ auth: { type: 'bearer', public: true } });
    await using registries = new TestRegistries();
    const names = Array.from({ length: 500 }, (_, number) => `o/i${number}`);
    for (const name of names) registry.push(`${name}:main`, image);
    for (const tick of [1, 2]) {
      const before = registry.count('HEAD');
      const lookUps = registries.begin();
      const answers = await Promise.all(
        names.map((name) => latestIn(lookUps, `${registry.host}/${name}:main`)),
      );
      assert.ok(answers.every(({ status }) => status === 'found'));
      // Only who came before the first challenge met one of their own.
      const heads = registry.count('HEAD') - before;
      assert.ok(tick === 1 ? heads <= 504 : heads === 500, `${heads} HEADs in tick ${tick}`);
    }
    assert.equal(registry.count('GET'), 500);
  });
});
