import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { createAuthority } from '../testing/certificates.ts';
import { digestOf, fakeImage } from '../testing/fake-images.ts';
import { FakeRegistry, type RecordedRequest } from '../testing/fake-registry.ts';
import { failed, found } from '../testing/latest.ts';
import {
  entry,
  identityToken,
  latestIn,
  login,
  registryToken,
  ruleSecret,
  TestRegistries,
} from '../testing/test-registries.ts';

const path = '/v2/o/web/manifests/main';
const image = fakeImage('one');
const users = { ann: { password: 'secret' } };
const ann = entry(login('ann', 'secret'));

function queryOf(request: RecordedRequest | undefined): Readonly<Record<string, string>> {
  return Object.fromEntries(new URL(request?.path ?? '/', 'http://x/').searchParams);
}

function tokenRequests({ requests }: FakeRegistry): readonly RecordedRequest[] {
  return requests.filter((request) => request.path.startsWith('/token'));
}

/** A registry at which every manifest is behind the token `opened` of whatever challenge it is given. */
async function guarded(challenge: (registry: FakeRegistry) => string): Promise<FakeRegistry> {
  const registry = await FakeRegistry.start();
  for (const repository of ['o/web', 'o/api']) {
    registry.on('HEAD', `/v2/${repository}/manifests/main`, ({ headers }) =>
      headers.authorization === 'Bearer opened'
        ? { headers: { 'docker-content-digest': image.digest } }
        : { status: 401, headers: { 'www-authenticate': challenge(registry) } },
    );
  }
  return registry;
}

const opened = { body: JSON.stringify({ token: 'opened' }) };

describe('case 42: what is asked of a realm', () => {
  test('case 42: service and scope of the challenge', async () => {
    await using registry = await FakeRegistry.start({ auth: { type: 'bearer', users } });
    await using registries = new TestRegistries();
    registry.push('o/web:main', image);
    found(await registries.latest(`${registry.host}/o/web:main`, [ann]));
    const [request] = tokenRequests(registry);
    assert.equal(request?.method, 'GET');
    assert.equal(request?.headers.authorization, `Basic ${btoa('ann:secret')}`);
    assert.deepEqual(queryOf(request), {
      service: 'fake-registry',
      scope: 'repository:o/web:pull',
    });
  });

  test('case 42: without service and scope, no service and the scope of the repository', async () => {
    await using registry = await guarded((self) => `Bearer realm="${self.url.href}token"`);
    await using registries = new TestRegistries();
    registry.on('GET', '/token', opened);
    found(await registries.latest(`${registry.host}/o/web:main`));
    assert.deepEqual(queryOf(tokenRequests(registry)[0]), { scope: 'repository:o/web:pull' });
  });

  test('case 42: insufficient_scope after a token was sent is a refusal, not a loop', async () => {
    await using registry = await FakeRegistry.start({
      auth: { type: 'bearer', users: { ann: { password: 'secret', repositories: ['o/other'] } } },
    });
    await using registries = new TestRegistries();
    const latest = failed(await registries.latest(`${registry.host}/o/web:main`, [ann]));
    assert.equal(latest.reason, 'unauthorized');
    assert.match(latest.message, /entry "r\.example\.com".*\(401\): it has no access to o\/web/);
    // Challenge; token and HEAD of ann; token and HEAD of nobody.
    assert.deepEqual([registry.count('HEAD'), registry.count('GET')], [3, 2]);
  });

  test('case 42: a registry whose challenge is another one each time is asked three times', async () => {
    let round = 0;
    await using registry = await guarded((self) => {
      round += 1;
      return `Bearer realm="${self.url.href}token",service="s${round}"`;
    });
    await using registries = new TestRegistries();
    registry.on('GET', '/token', { body: JSON.stringify({ token: 'wrong' }) });
    const latest = failed(await registries.latest(`${registry.host}/o/web:main`));
    assert.equal(latest.reason, 'unauthorized');
    assert.equal(registry.count('HEAD'), 3);
    assert.equal(tokenRequests(registry).length, 2);
  });

  test('the challenge of the first image serves all images of its registry', async () => {
    await using registry = await FakeRegistry.start({ auth: { type: 'bearer', public: true } });
    await using registries = new TestRegistries();
    registry.push('o/web:main', image);
    registry.push('o/api:main', image);
    registry.push('o/db:main', image);
    found(await registries.latest(`${registry.host}/o/web:main`));
    assert.equal(registry.count('HEAD'), 2);
    for (const name of ['api', 'db']) {
      found(await registries.latest(`${registry.host}/o/${name}:main`));
      assert.equal(registry.count('HEAD', `/v2/o/${name}/manifests/main`), 1);
    }
  });

  test('in steady state a private image costs one HEAD and nothing else', async () => {
    await using registry = await FakeRegistry.start({
      auth: { type: 'bearer', users, expiresInSeconds: 3600 },
    });
    await using registries = new TestRegistries();
    registry.push('o/web:main', image);
    const name = `${registry.host}/o/web:main`;
    found(await registries.latest(name, [ann]));
    const before = registry.requests.length;
    for (const _ of [1, 2, 3, 4]) {
      registries.clock += 60_000;
      found(await registries.latest(name, [ann]));
    }
    assert.equal(registry.requests.length - before, 4);
    assert.equal(registry.count('HEAD'), 5 + 1);
  });
});

describe('case 41: realms', () => {
  test('case 41: a relative realm is resolved against the URL that answered', async () => {
    await using registry = await FakeRegistry.start();
    await using registries = new TestRegistries();
    registry.on('HEAD', path, { status: 307, headers: { location: '/deep/down/main' } });
    registry.on('HEAD', '/deep/down/main', ({ headers }) =>
      headers.authorization === 'Bearer opened'
        ? { headers: { 'docker-content-digest': image.digest } }
        : { status: 401, headers: { 'www-authenticate': 'Bearer realm="../token"' } },
    );
    registry.on('GET', '/deep/token', opened);
    const latest = found(await registries.latest(`${registry.host}/o/web:main`));
    assert.equal(latest.digest, image.digest);
  });

  test('case 41: a realm with a query of its own keeps it, and the scope is not said twice (NVIDIA)', async () => {
    await using registry = await guarded(
      (self) =>
        `Bearer realm="${self.url.href}token?scope=repository:o/web:pull&x=1",scope="repository:o/web:pull"`,
    );
    await using registries = new TestRegistries();
    registry.on('GET', '/token', opened);
    found(await registries.latest(`${registry.host}/o/web:main`));
    const url = new URL(tokenRequests(registry)[0]?.path ?? '', 'http://x/');
    assert.deepEqual(url.searchParams.getAll('scope'), ['repository:o/web:pull']);
    assert.equal(url.searchParams.get('x'), '1');
    // That realm is of one repository only: the next one is asked for its own.
    registry.once('HEAD', '/v2/o/api/manifests/main', ({ headers }) => {
      assert.equal(headers.authorization, undefined);
      return { headers: { 'docker-content-digest': image.digest } };
    });
    found(await registries.latest(`${registry.host}/o/api:main`));
  });

  test('case 41: a realm on another host gets the password, and its token goes to the registry', async () => {
    await using realm = await FakeRegistry.start({ auth: { type: 'bearer', users } });
    const { issuer } = realm;
    assert.ok(issuer);
    await using registry = await FakeRegistry.start({
      auth: { type: 'bearer', users, realm: `${realm.url.href}token`, issuer },
    });
    await using registries = new TestRegistries();
    registry.push('o/web:main', image);
    found(await registries.latest(`${registry.host}/o/web:main`, [ann]));
    assert.equal(realm.requests[0]?.headers.authorization, `Basic ${btoa('ann:secret')}`);
    assert.match(registry.requests.at(-1)?.headers.authorization ?? '', /^Bearer /);
  });

  test('case 41: a realm that is gone is forgotten: the next tick asks the registry for its new one', async () => {
    const old = await FakeRegistry.start({ auth: { type: 'bearer', users } });
    await using realm = await FakeRegistry.start({ auth: { type: 'bearer', users } });
    const { issuer } = realm;
    assert.ok(issuer);
    await using registry = await FakeRegistry.start({
      auth: { type: 'bearer', users, realm: `${realm.url.href}token`, issuer },
    });
    await using registries = new TestRegistries();
    for (const name of ['web', 'api']) {
      registry.push(`o/${name}:main`, image);
      registry.once('HEAD', `/v2/o/${name}/manifests/main`, {
        status: 401,
        headers: { 'www-authenticate': `Bearer realm="${old.url.href}token"` },
      });
      // What the old one grants is taken.
      registry.once('HEAD', `/v2/o/${name}/manifests/main`, {
        headers: { 'docker-content-digest': image.digest },
      });
    }
    const both = async (): Promise<readonly string[]> => {
      const lookUps = registries.begin();
      const answers = ['web', 'api'].map((name) =>
        latestIn(lookUps, `${registry.host}/o/${name}:main`, [ann]),
      );
      return (await Promise.all(answers)).map(({ status }) => status);
    };
    assert.deepEqual(await both(), ['found', 'found']);
    await old.close();
    registries.clock += 3600_000;
    assert.deepEqual(await both(), ['failed', 'failed']);
    registries.clock += 60_000;
    assert.deepEqual(await both(), ['found', 'found']);
  });

  test('case 41: a token goes to no other registry, even where realm, service and scope are the same', async () => {
    await using realm = await FakeRegistry.start({ auth: { type: 'bearer', users } });
    const { issuer } = realm;
    assert.ok(issuer);
    const auth = { type: 'bearer', users, realm: `${realm.url.href}token`, issuer } as const;
    await using one = await FakeRegistry.start({ auth });
    await using other = await FakeRegistry.start({ auth });
    await using registries = new TestRegistries();
    for (const registry of [one, other]) {
      registry.push('o/web:main', image);
      found(await registries.latest(`${registry.host}/o/web:main`, [ann]));
    }
    const [first, second] = [one, other].map(
      ({ requests }) => requests.at(-1)?.headers.authorization,
    );
    assert.match(first ?? '', /^Bearer /);
    assert.notEqual(first, second);
  });

  const forbidden = [
    'http://169.254.169.254/token',
    'https://169.254.169.254/token',
    'http://2852039166/token',
    'http://0xA9FEA9FE:80/token',
    'http://0251.0376.0251.0376/token',
    'https://[::ffff:169.254.169.254]/token',
    'https://[::ffff:a9fe:a9fe]/token',
    'https://[fe80::1]/token',
    'https://[64:ff9b::169.254.169.254]/token',
    '//169.254.169.254/token',
    'http://ann@169.254.169.254\\\\@r.example.com/token',
  ];
  for (const realm of forbidden) {
    test(`case 41: the realm ${realm} is refused as malformed, and nothing is tried after it`, async () => {
      await using registry = await guarded(() => `Bearer realm="${realm}"`);
      await using registries = new TestRegistries();
      const latest = failed(await registries.latest(`${registry.host}/o/web:main`, [ann]));
      assert.equal(latest.reason, 'malformed');
      assert.match(latest.message, /is a link-local or metadata address/);
      assert.equal(registry.requests.length, 1);
    });
  }

  test('case 41: a realm that is no URL of HTTP is no way to authenticate', async () => {
    for (const realm of ['file:///etc/passwd', 'http://', '']) {
      await using registry = await guarded(() => `Bearer realm="${realm}"`);
      await using registries = new TestRegistries();
      const latest = failed(await registries.latest(`${registry.host}/o/web:main`, [ann]));
      assert.equal(latest.reason, 'unauthorized');
      assert.match(latest.message, /does not say how to authenticate/);
    }
  });
});

test('case 61: a realm, service or scope of thousands of characters is not remembered, nor asked', async () => {
  const long = 'x'.repeat(3000);
  for (const params of [
    `realm="/token?${long}"`,
    `realm="/token",service="${long}"`,
    `realm="/token",scope="${long}"`,
  ]) {
    await using registry = await guarded(() => `Bearer ${params}`);
    await using registries = new TestRegistries();
    const latest = failed(await registries.latest(`${registry.host}/o/web:main`, [ann]));
    assert.equal(latest.reason, 'unauthorized');
    assert.match(latest.message, /realm, service or scope has more than 2048 or 1024 characters/);
    assert.equal(tokenRequests(registry).length, 0);
  }
});

describe('case 43: the reply', () => {
  const fields = ['token', 'access_token', 'both'] as const;
  for (const field of fields) {
    test(`case 43: the token in ${field}`, async () => {
      await using registry = await FakeRegistry.start({ auth: { type: 'bearer', users, field } });
      await using registries = new TestRegistries();
      registry.push('o/web:main', image);
      found(await registries.latest(`${registry.host}/o/web:main`, [ann]));
    });
  }

  const lives: readonly (readonly [expiresIn: unknown, usedForMs: number])[] = [
    [undefined, 48_000],
    [1, 48_000],
    [-5, 48_000],
    ['soon', 48_000],
    [null, 48_000],
    [300, 240_000],
    ['300', 240_000],
    [1e300, 0.8 * 24 * 60 * 60_000],
  ];
  for (const [expiresIn, usedForMs] of lives) {
    test(`case 43: expires_in ${JSON.stringify(expiresIn)} is used for ${usedForMs / 1000} s from its receipt, whatever issued_at says`, async () => {
      await using registry = await guarded((self) => `Bearer realm="${self.url.href}token"`);
      await using registries = new TestRegistries();
      const reply = { token: 'opened', expires_in: expiresIn, issued_at: '1999-01-01T00:00:00Z' };
      registry.on('GET', '/token', { body: JSON.stringify(reply) });
      const name = `${registry.host}/o/web:main`;
      registries.clock = 5_000_000;
      found(await registries.latest(name));
      registries.clock += usedForMs - 1;
      found(await registries.latest(name));
      assert.equal(tokenRequests(registry).length, 1);
      registries.clock += 1;
      found(await registries.latest(name));
      assert.equal(tokenRequests(registry).length, 2);
    });
  }

  const bad: readonly (readonly [name: string, body: string])[] = [
    ['no JSON', '<html>'],
    ['null', 'null'],
    ['no token', '{}'],
    ['an empty token', '{"token":"","access_token":""}'],
    ['a number', '{"token":5}'],
    ['a header inside', '{"token":"a\\r\\nx: y"}'],
    ['blanks inside', '{"token":"a b"}'],
  ];
  for (const [name, body] of bad) {
    test(`case 43: ${name} instead of a token is malformed and not quoted`, async () => {
      await using registry = await guarded((self) => `Bearer realm="${self.url.href}token"`);
      await using registries = new TestRegistries();
      registry.on('GET', '/token', { body });
      const latest = failed(await registries.latest(`${registry.host}/o/web:main`));
      assert.equal(latest.reason, 'malformed');
      assert.equal(latest.message, `${registry.host} answered without a usable token`);
      assert.deepEqual(
        registries.observations.filter(({ type }) => type === 'token'),
        [{ type: 'token', registry: registry.host, result: 'failed' }],
      );
    });
  }

  test('case 43: a token of 10 MB is not read', async () => {
    await using registry = await guarded((self) => `Bearer realm="${self.url.href}token"`);
    await using registries = new TestRegistries();
    registry.on('GET', '/token', {
      body: JSON.stringify({ token: 'x'.repeat(10 * 1024 * 1024) }),
    });
    const latest = failed(await registries.latest(`${registry.host}/o/web:main`));
    assert.equal(latest.reason, 'malformed');
    assert.match(latest.message, /65536 bytes/);
  });

  test('case 43: a token that its registry no longer takes is asked for anew, once', async () => {
    await using registry = await FakeRegistry.start({
      auth: { type: 'bearer', users, expiresInSeconds: 3600 },
    });
    await using registries = new TestRegistries();
    registry.push('o/web:main', image);
    const name = `${registry.host}/o/web:main`;
    found(await registries.latest(name, [ann]));
    registry.issuer?.revokeAll();
    found(await registries.latest(name, [ann]));
    assert.equal(tokenRequests(registry).length, 2);
  });

  test('look-ups that learn one after the other that their token is no longer taken ask for one', async () => {
    await using registry = await FakeRegistry.start();
    await using registries = new TestRegistries();
    let tokens = 0;
    registry.on('GET', '/token', () => {
      tokens += 1;
      return { body: JSON.stringify({ token: `t${tokens}`, expires_in: 3600 }) };
    });
    const tags = Array.from({ length: 8 }, (_, number) => `t${number}`);
    const renewed = tags.map(() => Promise.withResolvers<void>());
    for (const [number, tag] of tags.entries()) {
      registry.on('HEAD', `/v2/o/web/manifests/${tag}`, async ({ headers }) => {
        const { authorization = '' } = headers;
        if (authorization === 'Bearer t1' && isRevoked) {
          // Only when the one before has come back with its new token.
          await renewed[number - 1]?.promise;
        } else if (authorization !== '') {
          if (isRevoked) renewed[number]?.resolve();
          return { headers: { 'docker-content-digest': image.digest } };
        }
        const challenge = `Bearer realm="${registry.url.href}token"`;
        return { status: 401, headers: { 'www-authenticate': challenge } };
      });
    }
    let isRevoked = false;
    for (const wanted of [1, 2]) {
      const lookUps = registries.begin();
      const answers = await Promise.all(
        tags.map((tag) => latestIn(lookUps, `${registry.host}/o/web:${tag}`)),
      );
      assert.ok(answers.every(({ status }) => status === 'found'));
      assert.equal(tokens, wanted);
      isRevoked = true;
    }
  });

  test('look-ups of one repository that need a token together ask for one', async () => {
    await using registry = await FakeRegistry.start({ auth: { type: 'bearer', public: true } });
    await using registries = new TestRegistries();
    const tags = Array.from({ length: 8 }, (_, number) => `t${number}`);
    for (const tag of tags) registry.push(`o/web:${tag}`, image);
    const lookUps = registries.begin();
    const answers = await Promise.all(
      tags.map((tag) => latestIn(lookUps, `${registry.host}/o/web:${tag}`)),
    );
    assert.ok(answers.every(({ status }) => status === 'found'));
    assert.equal(tokenRequests(registry).length, 1);
  });

  test('a token endpoint that fails is a registry-error that names it', async () => {
    await using registry = await guarded((self) => `Bearer realm="${self.url.href}token"`);
    await using registries = new TestRegistries();
    registry.on('GET', '/token', { status: 502 });
    const latest = failed(await registries.latest(`${registry.host}/o/web:main`));
    assert.equal(latest.reason, 'registry-error');
    assert.equal(latest.message, `token endpoint ${registry.host} answered 502`);
  });
});

function formOf(request: RecordedRequest | undefined): Readonly<Record<string, string>> {
  return Object.fromEntries(new URLSearchParams(request?.body));
}

describe('case 44: identity tokens and the two flows', () => {
  const refreshTokens = { refresh: 'ann' };
  const refresh = entry(identityToken('refresh'));

  test('case 44: an identity token goes by POST, as a form', async () => {
    await using registry = await FakeRegistry.start({
      auth: { type: 'bearer', users, refreshTokens },
    });
    await using registries = new TestRegistries();
    registry.push('o/web:main', image);
    found(await registries.latest(`${registry.host}/o/web:main`, [refresh]));
    const [request] = tokenRequests(registry);
    assert.equal(request?.method, 'POST');
    assert.equal(request?.headers['content-type'], 'application/x-www-form-urlencoded');
    assert.equal(request?.headers.authorization, undefined);
    assert.deepEqual(formOf(request), {
      grant_type: 'refresh_token',
      refresh_token: 'refresh',
      service: 'fake-registry',
      scope: 'repository:o/web:pull',
      client_id: 'kube-autorollout',
    });
  });

  for (const status of [400, 401, 404, 405]) {
    test(`case 44: POST → ${status} is tried by GET where there is a user (ACR), and remembered`, async () => {
      await using registry = await guarded((self) => `Bearer realm="${self.url.href}token"`);
      await using registries = new TestRegistries();
      registry.on('POST', '/token', { status });
      registry.on('GET', '/token', opened);
      const user = '00000000-0000-0000-0000-000000000000';
      const acr = entry(identityToken('refresh', user));
      found(await registries.latest(`${registry.host}/o/web:main`, [acr]));
      assert.equal(
        registry.requests.at(-2)?.headers.authorization,
        `Basic ${btoa(`${user}:refresh`)}`,
      );
      found(await registries.latest(`${registry.host}/o/api:main`, [acr]));
      assert.deepEqual(
        tokenRequests(registry).map(({ method }) => method),
        ['POST', 'GET', 'GET'],
      );
    });
  }

  test('case 44: without a user a POST that is refused is the end', async () => {
    for (const username of ['', '<token>']) {
      await using registry = await FakeRegistry.start({ auth: { type: 'bearer', users } });
      await using registries = new TestRegistries();
      const dead = entry(identityToken('dead', username));
      const latest = failed(await registries.latest(`${registry.host}/o/web:main`, [dead]));
      assert.equal(latest.reason, 'unauthorized');
      // The second one is anonymous.
      assert.deepEqual(
        tokenRequests(registry).map(({ method }) => method),
        ['POST', 'GET'],
      );
    }
  });

  for (const [post, get] of [
    [401, 405],
    [400, 404],
  ] as const) {
    test(`cases 44 and 51: a dead identity token's POST → ${post} stays the verdict where GET → ${get}, and it rests`, async () => {
      await using registry = await FakeRegistry.start({
        auth: { type: 'bearer', users, public: true },
      });
      await using registries = new TestRegistries();
      for (const name of ['web', 'api']) registry.push(`o/${name}:main`, image);
      const { issuer } = registry;
      assert.ok(issuer);
      const error = JSON.stringify({ error: 'invalid_grant' });
      registry.on('POST', '/token', { status: post, body: error });
      registry.on('GET', '/token', ({ method, headers, path: asked, body }) => {
        const url = new URL(asked, registry.url);
        return headers.authorization === undefined
          ? issuer.answer({ method, url, authorization: undefined, body })
          : { status: get };
      });
      const dead = entry(identityToken('dead', 'ann'));
      for (const name of ['web', 'api', 'web']) {
        const latest = found(await registries.latest(`${registry.host}/o/${name}:main`, [dead]));
        assert.equal(latest.pullSecretRefused, true);
      }
      assert.equal(registry.count('POST'), 1);
    });
  }

  for (const status of [404, 405]) {
    test(`case 44: a password's GET → ${status} is tried by POST, and remembered`, async () => {
      await using registry = await guarded((self) => `Bearer realm="${self.url.href}token"`);
      await using registries = new TestRegistries();
      registry.on('GET', '/token', { status });
      registry.on('POST', '/token', { body: JSON.stringify({ access_token: 'opened' }) });
      found(await registries.latest(`${registry.host}/o/web:main`, [ann]));
      found(await registries.latest(`${registry.host}/o/api:main`, [ann]));
      const requests = tokenRequests(registry);
      assert.deepEqual(
        requests.map(({ method }) => method),
        ['GET', 'POST', 'POST'],
      );
      assert.deepEqual(formOf(requests[1]), {
        grant_type: 'password',
        username: 'ann',
        password: 'secret',
        scope: 'repository:o/web:pull',
        client_id: 'kube-autorollout',
      });
    });
  }

  test('case 44: a flow that a token endpoint no longer knows is forgotten', async () => {
    await using registry = await guarded((self) => `Bearer realm="${self.url.href}token"`);
    await using registries = new TestRegistries();
    registry.on('GET', '/token', opened);
    const name = `${registry.host}/o/web:main`;
    found(await registries.latest(name, [ann]));
    registry.on('GET', '/token', { status: 405 });
    registry.on('POST', '/token', { body: JSON.stringify({ access_token: 'opened' }) });
    registries.clock += 60_000;
    assert.equal(failed(await registries.latest(name, [ann])).reason, 'registry-error');
    registries.clock += 60_000;
    found(await registries.latest(name, [ann]));
  });

  test("case 44: a password's 401 is not tried by POST: that would be a second wrong password", async () => {
    await using registry = await FakeRegistry.start({ auth: { type: 'bearer', users } });
    await using registries = new TestRegistries();
    const dead = entry(login('ann', 'dead'));
    failed(await registries.latest(`${registry.host}/o/web:main`, [dead]));
    assert.equal(registry.count('POST'), 0);
  });
});

describe('case 50: credentials as the wire shows them', () => {
  test('case 50: a registrytoken is sent as Bearer at once, as it is', async () => {
    await using registry = await FakeRegistry.start();
    await using registries = new TestRegistries();
    registry.push('o/web:main', image);
    found(
      await registries.latest(`${registry.host}/o/web:main`, [entry(registryToken('as.it-is'))]),
    );
    assert.deepEqual(
      registry.requests.map(({ headers }) => headers.authorization),
      ['Bearer as.it-is'],
    );
  });

  test('case 50: a refused registrytoken of a pull Secret goes to no realm', async () => {
    await using registry = await FakeRegistry.start({ auth: { type: 'bearer', public: true } });
    await using registries = new TestRegistries();
    registry.push('o/web:main', image);
    const latest = found(
      await registries.latest(`${registry.host}/o/web:main`, [entry(registryToken('dead'))]),
    );
    assert.equal(latest.pullSecretRefused, true);
    assert.equal(tokenRequests(registry)[0]?.headers.authorization, undefined);
  });

  test('an Opaque token of a rule that the registry does not take is exchanged at the realm (compat.md), and from then on at once', async () => {
    await using registry = await guarded((self) => `Bearer realm="${self.url.href}token"`);
    registry.on('GET', '/token', ({ headers }) =>
      headers.authorization === 'Bearer opaque' ? opened : { status: 401 },
    );
    await using registries = new TestRegistries({
      ruleCandidates: [ruleSecret(registryToken('opaque'))],
    });
    found(await registries.latest(`${registry.host}/o/web:main`));
    assert.equal(registry.count('HEAD'), 2);
    found(await registries.latest(`${registry.host}/o/web:main`));
    assert.equal(registry.count('HEAD'), 3);
    found(await registries.latest(`${registry.host}/o/api:main`));
    assert.equal(registry.count('HEAD'), 4);
  });

  test('an Opaque token that was exchanged is sent as it is where its registry asks for Basic by now', async () => {
    await using registry = await guarded((self) => `Bearer realm="${self.url.href}token"`);
    registry.on('GET', '/token', ({ headers }) =>
      headers.authorization === 'Bearer opaque' ? opened : { status: 401 },
    );
    await using registries = new TestRegistries({
      ruleCandidates: [ruleSecret(registryToken('opaque'))],
    });
    const name = `${registry.host}/o/web:main`;
    found(await registries.latest(name));
    registry.on('HEAD', path, ({ headers }) =>
      headers.authorization === 'Bearer opaque'
        ? { headers: { 'docker-content-digest': image.digest } }
        : { status: 401, headers: { 'www-authenticate': 'Basic realm="r"' } },
    );
    failed(await registries.latest(name));
    registries.clock += 6 * 60_000;
    found(await registries.latest(name));
  });

  test('a token that no header can hold is not sent, and not quoted', async () => {
    await using registry = await FakeRegistry.start();
    await using registries = new TestRegistries();
    registry.push('o/web:main', image);
    const latest = found(
      await registries.latest(`${registry.host}/o/web:main`, [entry(registryToken('a\r\nb: c'))]),
    );
    assert.equal(latest.pullSecretRefused, true);
    assert.doesNotMatch(latest.warnings.join(), /b: c/);
    assert.match(latest.warnings.join(), /cannot be sent; anonymous access worked/);
  });

  test('a user with letters beyond ASCII and a password with colons', async () => {
    await using registry = await FakeRegistry.start({
      auth: { type: 'basic', users: { ünï: { password: 'a:b:ç' } } },
    });
    await using registries = new TestRegistries();
    registry.push('o/web:main', image);
    found(await registries.latest(`${registry.host}/o/web:main`, [entry(login('ünï', 'a:b:ç'))]));
  });

  test('an identity token without a user is of no use where Basic is asked for, and not sent', async () => {
    await using registry = await FakeRegistry.start({ auth: { type: 'basic', users } });
    await using registries = new TestRegistries();
    const latest = failed(
      await registries.latest(`${registry.host}/o/web:main`, [entry(identityToken('t'))]),
    );
    assert.match(latest.message, /good for a token endpoint only/);
    assert.ok(registry.requests.every(({ headers }) => headers.authorization === undefined));
  });
});

describe('case 55: static credentials of cloud registries', () => {
  test('case 55: ECR: Basic with the user AWS, an answer without a digest', async () => {
    const challenge =
      'Basic realm="https://1.dkr.ecr.eu-west-1.amazonaws.com/",service="ecr.amazonaws.com"';
    await using registry = await FakeRegistry.start();
    await using registries = new TestRegistries();
    for (const method of ['HEAD', 'GET']) {
      registry.on(method, path, ({ headers }) =>
        headers.authorization === `Basic ${btoa('AWS:token')}`
          ? { headers: { 'content-type': image.mediaType }, body: image.bytes }
          : { status: 401, headers: { 'www-authenticate': challenge } },
      );
    }
    const aws = entry(login('AWS', 'token'));
    const latest = found(await registries.latest(`${registry.host}/o/web:main`, [aws]));
    assert.equal(latest.digest, digestOf(image.bytes));
  });
});

describe('case 40: which challenge is answered', () => {
  test('case 40: Bearer is preferred to Basic, and what cannot be read is passed over', async () => {
    await using registry = await FakeRegistry.start();
    await using registries = new TestRegistries();
    registry.on('HEAD', path, ({ headers }) =>
      headers.authorization === 'Bearer opened'
        ? { headers: { 'docker-content-digest': image.digest } }
        : {
            status: 401,
            headers: {
              'www-authenticate': [
                'Basic realm="never ends',
                `Negotiate, BASIC realm="Registry, Realm", bEaReR Realm="${registry.url.href}Token"`,
              ],
            },
          },
    );
    registry.on('GET', '/Token', opened);
    found(await registries.latest(`${registry.host}/o/web:main`, [ann]));
  });

  test('case 40: Basic is answered where the realm of the Bearer beside it may not be asked', async () => {
    const authority = await createAuthority();
    await using registry = await FakeRegistry.start({
      tls: 'h1',
      identity: await authority.issue(['127.0.0.1']),
    });
    await using registries = new TestRegistries({
      host: { plainHttp: false },
      http: { caCertificates: [authority.certificate] },
    });
    // What stands behind a proxy that ends TLS may take itself for one without.
    const challenge = ['Bearer realm="http://127.0.0.1/token"', 'Basic realm="r"'];
    registry.on('HEAD', path, ({ headers }) =>
      headers.authorization === `Basic ${btoa('ann:secret')}`
        ? { headers: { 'docker-content-digest': image.digest } }
        : { status: 401, headers: { 'www-authenticate': challenge } },
    );
    const name = `${registry.host}/o/web:main`;
    found(await registries.latest(name, [ann]));
    challenge.pop();
    const alone = failed(await registries.latest(`${registry.host}/o/web:main`));
    assert.equal(alone.reason, 'malformed');
    assert.match(alone.message, /names a realm without TLS/);
  });

  test('case 40: a password is not shown to a registry that does not ask for it', async () => {
    await using registry = await FakeRegistry.start();
    await using registries = new TestRegistries();
    registry.push('o/web:main', image);
    const latest = found(await registries.latest(`${registry.host}/o/web:main`, [ann]));
    assert.equal(latest.pullSecretRefused, false);
    assert.equal(registry.requests[0]?.headers.authorization, undefined);
  });
});
