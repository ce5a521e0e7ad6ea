import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import type { Candidate } from '../credentials/credential.ts';
import { matchKeyring } from '../credentials/keyring.ts';
import type { Answer } from '../testing/fake-answer.ts';
import { fakeImage } from '../testing/fake-images.ts';
import { FakeRegistry } from '../testing/fake-registry.ts';
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
import { Resting } from './resting.ts';

const path = '/v2/o/web/manifests/main';
const image = fakeImage('one');
const minute = 60_000;
const users = { ann: { password: 'secret' }, bob: { password: 'b' } };

/** Requests that carry this user and password. */
function sent({ requests }: FakeRegistry, user: string, password: string): number {
  const header = `Basic ${btoa(`${user}:${password}`)}`;
  return requests.filter(({ headers }) => headers.authorization === header).length;
}

describe('cases 45 and 46: who is tried, and in which order', () => {
  test('case 46: every entry in order until one is accepted, then nobody else', async () => {
    await using registry = await FakeRegistry.start({ auth: { type: 'bearer', users } });
    await using registries = new TestRegistries({
      ruleCandidates: [ruleSecret(login('rule', 'r'))],
    });
    registry.push('o/web:main', image);
    const latest = found(
      await registries.latest(`${registry.host}/o/web:main`, [
        entry(login('ann', 'dead'), 'one'),
        entry(login('bob', 'b'), 'two'),
        entry(login('ann', 'secret'), 'three'),
      ]),
    );
    assert.equal(latest.pullSecretRefused, false);
    assert.deepEqual(latest.attempts, [
      { source: 'entry "r.example.com" of Secret "one"', outcome: 'refused', status: 401 },
      { source: 'entry "r.example.com" of Secret "two"', outcome: 'accepted', status: 200 },
    ]);
    assert.deepEqual(latest.warnings, [
      `${registry.host} refused entry "r.example.com" of Secret "one" (401): it is wrong or has expired; entry "r.example.com" of Secret "two" worked`,
    ]);
    assert.deepEqual([sent(registry, 'ann', 'secret'), sent(registry, 'rule', 'r')], [0, 0]);
  });

  test('case 45: where every entry was refused and a rule works, the kubelet would have failed', async () => {
    await using registry = await FakeRegistry.start({ auth: { type: 'basic', users } });
    await using registries = new TestRegistries({
      ruleCandidates: [ruleSecret(login('ann', 'secret'))],
    });
    registry.push('o/web:main', image);
    const latest = found(
      await registries.latest(`${registry.host}/o/web:main`, [entry(login('ann', 'dead'))]),
    );
    assert.equal(latest.pullSecretRefused, true);
    assert.match(latest.warnings[0] ?? '', /; registry rule "\*\.example\.com" worked$/);
  });

  test('case 45: a rule or nobody, where no entry matches, is no refusal', async () => {
    await using registry = await FakeRegistry.start({ auth: { type: 'bearer', public: true } });
    await using registries = new TestRegistries();
    registry.push('o/web:main', image);
    const latest = found(await registries.latest(`${registry.host}/o/web:main`));
    assert.equal(latest.pullSecretRefused, false);
  });

  test('case 45: GHCR answers 403 to an expired token even for a public image, and anonymous access works', async () => {
    await using registry = await FakeRegistry.start({ auth: { type: 'bearer', public: true } });
    const { issuer } = registry;
    assert.ok(issuer);
    registry.on('GET', '/token', ({ method, headers, path: asked, body }) =>
      headers.authorization === undefined
        ? issuer.answer({
            method,
            url: new URL(asked, registry.url),
            authorization: undefined,
            body,
          })
        : { status: 403, body: '{"errors":[{"code":"DENIED","message":"denied"}]}' },
    );
    await using registries = new TestRegistries();
    registry.push('o/web:main', image);
    const expired = entry(login('u', 'expired'), 'regcred', 'ghcr.io');
    const latest = found(await registries.latest(`${registry.host}/o/web:main`, [expired]));
    assert.equal(latest.pullSecretRefused, true);
    assert.deepEqual(latest.warnings, [
      `${registry.host} refused entry "ghcr.io" of Secret "regcred" (403): the token may have expired; anonymous access worked`,
    ]);
  });

  test('case 45: when nobody may, the message names who was refused and no password', async () => {
    await using registry = await FakeRegistry.start({ auth: { type: 'basic', users } });
    await using registries = new TestRegistries();
    const dead = Array.from({ length: 5 }, (_, number) =>
      entry(login('ann', `hunter${number}`), `s${number}`),
    );
    const latest = failed(await registries.latest(`${registry.host}/o/web:main`, dead));
    assert.equal(latest.reason, 'unauthorized');
    assert.match(latest.message, /Secret "s0".*Secret "s1".*Secret "s2".*and 2 more; anonymous/);
    assert.doesNotMatch(JSON.stringify(latest), /hunter/);
    assert.equal(latest.attempts.length, 6);
    const nobody = failed(await registries.latest(`${registry.host}/o/web:main`));
    assert.match(nobody.message, /refused anonymous access to o\/web \(401\): name a pull Secret/);
  });

  test('case 46: a 404 that may hide the repository sends the next entry, one of a known repository does not', async () => {
    await using registry = await FakeRegistry.start();
    const hidden = { status: 404, body: '{"errors":[{"code":"NAME_UNKNOWN"}]}' };
    const unknownTag = { status: 404, body: '{"errors":[{"code":"MANIFEST_UNKNOWN"}]}' };
    const sees = { headers: { 'docker-content-digest': image.digest } };
    const answers = new Map<string, Answer>([
      [`Basic ${btoa('ann:secret')}`, hidden],
      [`Basic ${btoa('bob:b')}`, sees],
    ]);
    const challenge = { status: 401, headers: { 'www-authenticate': 'Basic realm="r"' } };
    for (const method of ['HEAD', 'GET']) {
      registry.on(
        method,
        path,
        ({ headers }) => answers.get(headers.authorization ?? '') ?? challenge,
      );
    }
    await using registries = new TestRegistries();
    const both = [entry(login('ann', 'secret')), entry(login('bob', 'b'))];
    const name = `${registry.host}/o/web:main`;
    const latest = found(await registries.latest(name, both));
    assert.equal(latest.pullSecretRefused, false);
    assert.deepEqual(
      latest.attempts.map(({ outcome, status }) => `${outcome} ${status}`),
      ['accepted 404', 'accepted 200'],
    );
    answers.set(`Basic ${btoa('ann:secret')}`, unknownTag);
    assert.equal(failed(await registries.latest(name, both)).reason, 'tag-not-found');
    // Nobody sees more than somebody: anonymous access is not asked for after a 404.
    answers.set(`Basic ${btoa('ann:secret')}`, hidden);
    const missing = failed(await registries.latest(name, both.slice(0, 1)));
    assert.deepEqual([missing.reason, missing.attempts.length], ['tag-not-found', 1]);
    // One password is asked with once, however many Secrets hold it.
    const before = sent(registry, 'ann', 'secret');
    const twice = [entry(login('ann', 'secret'), 'one'), entry(login('ann', 'secret'), 'two')];
    assert.equal(failed(await registries.latest(name, twice)).attempts.length, 2);
    assert.equal(sent(registry, 'ann', 'secret') - before, 2);
  });

  test('case 61: of ten thousand matching entries twenty are tried, and the user is told', async () => {
    await using registry = await FakeRegistry.start({ auth: { type: 'basic', users } });
    await using registries = new TestRegistries();
    const chosenOf = (count: number): readonly Candidate[] => {
      const entries = Array.from({ length: count }, (_, number) => ({
        key: registry.host,
        credential: login('ann', `no${number}`),
      }));
      const place = { registry: registry.host, repository: 'o/web' };
      return matchKeyring([{ name: 'many', entries }], place);
    };
    const name = `${registry.host}/o/web:main`;
    const refused = failed(await registries.latest(name, chosenOf(10_000)));
    assert.equal(refused.attempts.length, 21);
    const told = 'more than 20 entries of pull Secrets match; only the first 20 are tried';
    assert.ok(refused.message.startsWith(`${told}; ${registry.host} refused entry`));
    registry.on('HEAD', path, { headers: { 'docker-content-digest': image.digest } });
    assert.equal(found(await registries.latest(name, chosenOf(10_000))).warnings.at(-1), told);
    const all = found(await registries.latest(name, chosenOf(20)));
    assert.ok(!all.warnings.includes(told));
  });

  test('case 61: a name with terminal escapes is shown, not obeyed', async () => {
    await using registry = await FakeRegistry.start({ auth: { type: 'basic', users } });
    await using registries = new TestRegistries();
    const evil = entry(login('ann', 'dead'), 'regcred', '\u001B[2J\u202E*');
    const latest = failed(await registries.latest(`${registry.host}/o/web:main`, [evil]));
    const shown = [latest.message, ...latest.attempts.map(({ source }) => source)].join('');
    assert.doesNotMatch(shown, /\p{C}/u);
    assert.match(latest.message, /\\u\{1b\}\[2J/);
  });
});

describe('case 51: no account is locked by us', () => {
  const auths = ['basic', 'bearer'] as const;
  for (const type of auths) {
    test(`case 51: a dead password is sent once per back-off, over all images, Secrets and ticks (${type})`, async () => {
      await using registry = await FakeRegistry.start({ auth: { type, users } });
      await using registries = new TestRegistries();
      const images = Array.from({ length: 8 }, (_, number) => `${registry.host}/o/i${number}:main`);
      const attempts: number[] = [];
      for (let now = 0; now < 24 * 60; now += 2.5) {
        registries.clock = now * minute;
        const lookUps = registries.begin();
        const before = sent(registry, 'ann', 'dead');
        const some = now % 15 === 0 || now === 5 ? images : images.slice(0, 1);
        const answers = await Promise.all(
          some.map((name, number) =>
            latestIn(lookUps, name, [entry(login('ann', 'dead'), `secret-${number}`)]),
          ),
        );
        assert.ok(answers.every((answer) => failed(answer).reason === 'unauthorized'));
        const count = sent(registry, 'ann', 'dead') - before;
        if (count > 0) attempts.push(now);
        assert.ok(count <= 1, `${count} attempts in minute ${now}`);
      }
      // 5, 10, 20, … minutes apart, 6 h at last.
      assert.deepEqual(attempts, [0, 5, 15, 35, 75, 155, 315, 635, 995, 1355]);
      assert.equal(registries.count('credential-refused'), attempts.length);
    });
  }

  test('case 51: 1,000 ticks, two registries with one realm, four Secrets and a rule with one dead password: nine attempts', async () => {
    await using realm = await FakeRegistry.start({ auth: { type: 'bearer', users } });
    const { issuer } = realm;
    assert.ok(issuer);
    const auth = { type: 'bearer', users, realm: `${realm.url.href}token`, issuer } as const;
    await using one = await FakeRegistry.start({ auth });
    await using other = await FakeRegistry.start({ auth });
    await using registries = new TestRegistries({
      ruleCandidates: [ruleSecret(login('ann', 'dead'))],
    });
    const images = [`${one.host}/o/a`, `${one.host}/o/b`, `${other.host}/o/a`, `${other.host}/o/c`];
    const attempts: number[] = [];
    for (let now = 0; now < 1000; now += 1) {
      registries.clock = now * minute;
      const before = sent(realm, 'ann', 'dead');
      const lookUps = registries.begin();
      // Each tick another image goes first, and another Secret.
      const answers = await Promise.all(
        images.map((_, index) => {
          const number = (index + now) % images.length;
          const secrets = [
            entry(login('ann', 'dead'), `s${number}`),
            entry(login('ann', 'dead'), 's'),
          ];
          return latestIn(lookUps, `${images[number] ?? ''}:main`, secrets);
        }),
      );
      for (const answer of answers) {
        assert.deepEqual([failed(answer).reason, failed(answer).cutOff], ['unauthorized', false]);
      }
      if (sent(realm, 'ann', 'dead') > before) attempts.push(now);
      // What was anonymous is of no interest here.
      for (const { requests } of [one, other]) requests.length = 0;
    }
    assert.deepEqual(attempts, [0, 5, 15, 35, 75, 155, 315, 635, 995]);
    assert.equal(sent(realm, 'ann', 'dead'), attempts.length);
  });

  test('case 51: while it rests it counts as refused, and the user is told for how long', async () => {
    await using registry = await FakeRegistry.start({
      auth: { type: 'bearer', users, public: true },
    });
    await using registries = new TestRegistries();
    registry.push('o/web:main', image);
    const name = `${registry.host}/o/web:main`;
    found(await registries.latest(name, [entry(login('ann', 'dead'))]));
    registries.clock += minute;
    const latest = found(await registries.latest(name, [entry(login('ann', 'dead'))]));
    assert.equal(latest.pullSecretRefused, true);
    assert.deepEqual(latest.attempts, [
      { source: 'entry "r.example.com" of Secret "regcred"', outcome: 'resting' },
      { source: 'anonymous', outcome: 'accepted', status: 200 },
    ]);
    assert.match(latest.warnings[0] ?? '', /earlier: it is not sent again for 4 min, unless it/);
  });

  test('case 51: a changed password is tried at once', async () => {
    await using registry = await FakeRegistry.start({ auth: { type: 'bearer', users } });
    await using registries = new TestRegistries();
    registry.push('o/web:main', image);
    const name = `${registry.host}/o/web:main`;
    failed(await registries.latest(name, [entry(login('ann', 'dead'))]));
    found(await registries.latest(name, [entry(login('ann', 'secret'))]));
    failed(await registries.latest(name, [entry(login('ann', 'dead'))]));
    assert.equal(sent(registry, 'ann', 'dead'), 1);
  });

  test('case 51: another user with the same password is another credential', async () => {
    await using registry = await FakeRegistry.start({ auth: { type: 'basic', users } });
    await using registries = new TestRegistries();
    registry.push('o/web:main', image);
    const latest = found(
      await registries.latest(`${registry.host}/o/web:main`, [
        entry(login('old', 'secret')),
        entry(login('ann', 'secret')),
      ]),
    );
    assert.deepEqual(
      latest.attempts.map(({ outcome }) => outcome),
      ['refused', 'accepted'],
    );
  });

  test('case 51: refusals of requests that were in flight together count as one', async () => {
    const clock = { now: 0 };
    const resting = new Resting(() => clock.now);
    const use = { authority: 'r.example.com', fingerprint: 'f', repository: 'r.example.com/o/web' };
    const { signal } = new AbortController();
    (await resting.enter(use, signal))?.('accepted');
    // Trusted now: these two go side by side.
    const leaves = [await resting.enter(use, signal), await resting.enter(use, signal)];
    for (const leave of leaves) leave?.('refused');
    assert.equal(resting.restsFor(use), 5 * minute);
    clock.now = 5 * minute;
    (await resting.enter(use, signal))?.('refused');
    assert.equal(resting.restsFor(use), 10 * minute);
    clock.now += 10 * minute;
    (await resting.enter(use, signal))?.('accepted');
    (await resting.enter(use, signal))?.('refused');
    assert.equal(resting.restsFor(use), 5 * minute, 'a success begins anew');
  });

  test('case 51: who waits for leave to send a password gives up with its look-up', async () => {
    const resting = new Resting(() => 0);
    const use = { authority: 'r.example.com', fingerprint: 'f', repository: 'r.example.com/o/web' };
    const controller = new AbortController();
    const leave = await resting.enter(use, controller.signal);
    const waiting = resting.enter(use, controller.signal);
    controller.abort(new Error('enough'));
    await assert.rejects(waiting, /enough/);
    leave?.('undecided');
  });

  test('case 51: a dead refresh token rests, too', async () => {
    await using registry = await FakeRegistry.start({ auth: { type: 'bearer', users } });
    await using registries = new TestRegistries();
    for (const repository of ['o/web', 'o/api', 'o/web']) {
      failed(
        await registries.latest(`${registry.host}/${repository}:main`, [entry(identityToken('t'))]),
      );
    }
    assert.equal(registry.count('POST'), 1);
  });

  const words = [
    { status: 400, error: 'invalid_grant', requests: 1 },
    { status: 400, error: 'invalid_client', requests: 1 },
    { status: 400, error: 'invalid_scope', requests: 2 },
    { status: 400, error: undefined, requests: 2 },
    { status: 403, error: 'invalid_grant', requests: 2 },
  ];
  for (const { status, error, requests } of words) {
    const rests = requests === 1 ? 'for all' : 'for its repository only';
    test(`case 51: what a token endpoint refuses with ${status} ${error} rests ${rests}`, async () => {
      await using registry = await FakeRegistry.start({
        auth: { type: 'bearer', users, flows: ['POST'] },
      });
      await using registries = new TestRegistries();
      registry.on('POST', '/token', { status, body: JSON.stringify({ error }) });
      for (const repository of ['o/web', 'o/api', 'o/web']) {
        const name = `${registry.host}/${repository}:main`;
        const latest = failed(await registries.latest(name, [entry(login('ann', 'dead'))]));
        assert.equal(latest.reason, 'unauthorized');
      }
      assert.equal(registry.count('POST'), requests);
    });
  }

  test('case 51: 403 rests for its repository only', async () => {
    await using registry = await FakeRegistry.start({
      auth: { type: 'basic', users: { robot: { password: 'r', repositories: ['p/mine'] } } },
    });
    await using registries = new TestRegistries();
    registry.push('p/mine:main', image);
    registry.push('p/other:main', image);
    const robot = [entry(login('robot', 'r'))];
    const mine = `${registry.host}/p/mine:main`;
    const other = `${registry.host}/p/other:main`;
    const refused = failed(await registries.latest(other, robot));
    assert.match(refused.message, /\(403\)/);
    const before = sent(registry, 'robot', 'r');
    for (const _ of [1, 2, 3]) {
      registries.clock += minute;
      found(await registries.latest(mine, robot));
      assert.deepEqual(
        failed(await registries.latest(other, robot)).attempts[0]?.outcome,
        'resting',
      );
    }
    assert.equal(sent(registry, 'robot', 'r') - before, 3);
    registries.clock += 2 * minute;
    assert.deepEqual(failed(await registries.latest(other, robot)).attempts[0]?.outcome, 'refused');
  });

  for (const type of auths) {
    test(`case 51: one manifest that is forbidden is not held against a repository that was read just now (${type})`, async () => {
      await using registry = await FakeRegistry.start({ auth: { type, users, public: true } });
      await using registries = new TestRegistries();
      // Artifactory with Xray blocks what has a known vulnerability.
      const blocked = fakeImage('blocked');
      registry.push('o/web:main', image);
      const asksFirst = { status: 401, headers: { 'www-authenticate': 'Basic realm="r"' } };
      if (type === 'basic') {
        registry.on('HEAD', path, ({ headers }) =>
          headers.authorization === undefined
            ? asksFirst
            : { headers: { 'docker-content-digest': image.digest } },
        );
      }
      registry.on('GET', `/v2/o/web/manifests/${blocked.digest}`, ({ headers }) =>
        headers.authorization === undefined ? asksFirst : { status: 403 },
      );
      const ann = [entry(login('ann', 'secret'))];
      for (const _ of [1, 2, 3]) {
        const latest = found(await registries.latest(`${registry.host}/o/web:main`, ann));
        assert.deepEqual(
          latest.attempts.map(({ outcome }) => outcome),
          ['accepted'],
        );
        const read = await registries.manifest(`${registry.host}/o/web`, blocked.digest, ann);
        assert.ok(read.status === 'failed' && read.reason === 'unauthorized');
        assert.match(read.message, /\(403\): it may read the repository, but not this manifest;/);
        registries.clock += minute;
      }
      assert.equal(registries.count('credential-refused'), 0);
    });
  }

  test('case 51: what was held against a repository ends when it may be read', async () => {
    await using registry = await FakeRegistry.start({ auth: { type: 'basic', users } });
    await using registries = new TestRegistries();
    registry.push('o/web:main', image);
    const ann = [entry(login('ann', 'secret'))];
    const ask = async (): Promise<string | undefined> => {
      const latest = await registries.latest(`${registry.host}/o/web:main`, ann);
      return latest.attempts[0]?.outcome;
    };
    const refuse = (times: number): void => {
      for (let time = 0; time < times; time += 1) {
        for (const method of ['HEAD', 'GET']) registry.once(method, path, { status: 403 });
      }
    };
    const outcomes: (string | undefined)[] = [await ask()];
    refuse(1);
    for (const minutes of [1, 1, 4]) {
      registries.clock += minutes * minute;
      outcomes.push(await ask());
    }
    refuse(1);
    // The second rest is as short as the first.
    for (const minutes of [1, 4, 1]) {
      registries.clock += minutes * minute;
      outcomes.push(await ask());
    }
    const round = ['refused', 'resting', 'accepted'];
    assert.deepEqual(outcomes, ['accepted', ...round, ...round]);
  });

  test('case 51: a password that was only ever forbidden goes alone', async () => {
    await using registry = await FakeRegistry.start();
    await using registries = new TestRegistries();
    let inFlight = 0;
    let most = 0;
    const names = Array.from({ length: 6 }, (_, number) => `o/i${number}`);
    for (const name of names) {
      for (const method of ['HEAD', 'GET']) {
        registry.on(method, `/v2/${name}/manifests/main`, async ({ headers }) => {
          if (headers.authorization === undefined) {
            return { status: 401, headers: { 'www-authenticate': 'Basic realm="r"' } };
          }
          inFlight += 1;
          most = Math.max(most, inFlight);
          await new Promise((resolve) => {
            setTimeout(resolve, 10);
          });
          inFlight -= 1;
          return { status: 403 };
        });
      }
    }
    const lookUps = registries.begin();
    const answers = await Promise.all(
      names.map((name) =>
        latestIn(lookUps, `${registry.host}/${name}:main`, [entry(login('ann', 'secret'))]),
      ),
    );
    for (const answer of answers) assert.equal(failed(answer).reason, 'unauthorized');
    assert.equal(most, 1);
    assert.equal(sent(registry, 'ann', 'secret'), 2 * names.length);
  });

  test('case 51: insufficient_scope rests for its repository only', async () => {
    await using registry = await FakeRegistry.start({
      auth: { type: 'bearer', users: { robot: { password: 'r', repositories: ['p/mine'] } } },
    });
    await using registries = new TestRegistries();
    registry.push('p/mine:main', image);
    const robot = [entry(login('robot', 'r'))];
    failed(await registries.latest(`${registry.host}/p/other:main`, robot));
    found(await registries.latest(`${registry.host}/p/mine:main`, robot));
    const before = sent(registry, 'robot', 'r');
    failed(await registries.latest(`${registry.host}/p/other:main`, robot));
    assert.equal(sent(registry, 'robot', 'r'), before);
  });

  test('case 51: a token that is sent as it is rests for one repository after insufficient_scope, for all after 401', async () => {
    for (const error of ['insufficient_scope', 'invalid_token']) {
      await using registry = await FakeRegistry.start();
      await using registries = new TestRegistries();
      const challenge = `Bearer realm="${registry.url.href}token",error="${error}"`;
      registry.on('GET', '/token', { status: 401 });
      for (const name of ['web', 'api']) {
        registry.on('HEAD', `/v2/o/${name}/manifests/main`, {
          status: 401,
          headers: { 'www-authenticate': challenge },
        });
      }
      for (const name of ['web', 'api', 'web', 'api']) {
        failed(
          await registries.latest(`${registry.host}/o/${name}:main`, [entry(registryToken('t'))]),
        );
      }
      const tokens = registry.requests.filter(
        ({ headers }) => headers.authorization === 'Bearer t',
      );
      assert.equal(tokens.length, error === 'insufficient_scope' ? 2 : 1);
    }
  });

  test('case 51: eight first look-ups send a good password once before the others go', async () => {
    await using registry = await FakeRegistry.start({ auth: { type: 'basic', users } });
    await using registries = new TestRegistries();
    let inFlight = 0;
    let most = 0;
    const order: number[] = [];
    for (let number = 0; number < 8; number += 1) {
      registry.on('HEAD', `/v2/o/i${number}/manifests/main`, async ({ headers }) => {
        if (headers.authorization === undefined) {
          return { status: 401, headers: { 'www-authenticate': 'Basic realm="r"' } };
        }
        inFlight += 1;
        most = Math.max(most, inFlight);
        if (order.length === 0) assert.equal(most, 1);
        await new Promise((resolve) => {
          setTimeout(resolve, 20);
        });
        inFlight -= 1;
        order.push(number);
        return { headers: { 'docker-content-digest': image.digest } };
      });
    }
    const lookUps = registries.begin();
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_, number) =>
        latestIn(lookUps, `${registry.host}/o/i${number}:main`, [entry(login('ann', 'secret'))]),
      ),
    );
    assert.ok(answers.every(({ status }) => status === 'found'));
    assert.ok(most > 1, 'once accepted, they go side by side');
    assert.deepEqual(registry.problems, []);
  });

  test('case 51: a password that dies between two ticks is sent once in the next', async () => {
    await using registry = await FakeRegistry.start({
      auth: { type: 'basic', users: { ...users } },
    });
    await using registries = new TestRegistries();
    const images = Array.from({ length: 8 }, (_, number) => `o/i${number}:main`);
    for (const name of images) registry.push(name, image);
    const ask = async (candidates: readonly Candidate[]): Promise<readonly string[]> => {
      const lookUps = registries.begin();
      const answers = images.map((name) =>
        latestIn(lookUps, `${registry.host}/${name}`, candidates),
      );
      return (await Promise.all(answers)).map(({ status }) => status);
    };
    const ann = [entry(login('ann', 'secret'))];
    assert.ok((await ask(ann)).every((status) => status === 'found'));
    const before = sent(registry, 'ann', 'secret');
    for (const name of images) {
      const [repository = ''] = name.split(':');
      registry.on('HEAD', `/v2/${repository}/manifests/main`, {
        status: 401,
        headers: { 'www-authenticate': 'Basic realm="r"' },
      });
    }
    registries.clock += minute;
    assert.ok((await ask(ann)).every((status) => status === 'failed'));
    assert.equal(sent(registry, 'ann', 'secret') - before, 1);
  });

  for (const status of [400, 404, 405]) {
    test(`case 51: a HEAD → ${status} that was answered before the password was looked at accepts none`, async () => {
      await using registry = await FakeRegistry.start({ auth: { type: 'basic', users } });
      await using registries = new TestRegistries();
      const names = Array.from({ length: 8 }, (_, number) => `o/i${number}`);
      // A gateway in front answers before the registry has seen who asks (case 35).
      for (const name of names) registry.on('HEAD', `/v2/${name}/manifests/main`, { status });
      const dead = `Basic ${btoa('ann:dead')}`;
      const judged = (): number =>
        registry.requests.filter(
          ({ method, headers }) => method === 'GET' && headers.authorization === dead,
        ).length;
      const attempts: number[] = [];
      for (let now = 0; now <= 40; now += 2.5) {
        registries.clock = now * minute;
        const lookUps = registries.begin();
        const before = judged();
        const answers = await Promise.all(
          names.map((name) =>
            latestIn(lookUps, `${registry.host}/${name}:main`, [entry(login('ann', 'dead'))]),
          ),
        );
        assert.ok(answers.every((answer) => failed(answer).reason === 'unauthorized'));
        const count = judged() - before;
        if (count > 0) attempts.push(now);
        assert.ok(count <= 1, `${count} attempts in minute ${now}`);
      }
      assert.deepEqual(attempts, [0, 5, 15, 35]);
    });
  }

  test('case 51: a refusal whose page does not end is a refusal, and the password rests', async () => {
    await using registry = await FakeRegistry.start({ auth: { type: 'bearer', users } });
    await using registries = new TestRegistries();
    registry.on('GET', '/token', { status: 401, body: 'x'.repeat(10_000), fault: 'endless' });
    for (const _ of [1, 2, 3]) {
      for (const repository of ['o/web', 'o/api']) {
        const name = `${registry.host}/${repository}:main`;
        const latest = failed(await registries.latest(name, [entry(login('ann', 'dead'))]));
        assert.equal(latest.reason, 'unauthorized');
      }
      registries.clock += minute;
    }
    assert.equal(sent(registry, 'ann', 'dead'), 1);
  });

  test('case 51: a registry that hangs or breaks says nothing of the password', async () => {
    await using registry = await FakeRegistry.start({ auth: { type: 'bearer', users } });
    await using registries = new TestRegistries();
    registry.push('o/web:main', image);
    registry.once('GET', '/token', { status: 500 });
    const name = `${registry.host}/o/web:main`;
    assert.equal(
      failed(await registries.latest(name, [entry(login('ann', 'secret'))])).reason,
      'registry-error',
    );
    found(await registries.latest(name, [entry(login('ann', 'secret'))]));
  });
});
