import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import type { Candidate } from '../../src/credentials/credential.ts';
import { createAuthority, type TestAuthority } from '../../src/testing/certificates.ts';
import { failed, found } from '../../src/testing/latest.ts';
import { latestIn, TestRegistries } from '../../src/testing/test-registries.ts';
import { candidatesOf } from './pull-secret.ts';
import { RealRegistry } from './real-registry.ts';
import { issuer, service, tokenLifeSeconds, TokenServer } from './token-server.ts';
import { Repository } from './uploads.ts';

const minute = 60_000;
const repositories = ['team/web', 'team/api', 'team/open'];

let authority: TestAuthority;
let tokens: TokenServer;
let open: RealRegistry;
let registry: RealRegistry;
before(async () => {
  authority = await createAuthority();
  const identity = await authority.issue(['127.0.0.1']);
  tokens = await TokenServer.start({
    identity,
    signer: await authority.issue(['token signer']),
    accounts: { puller: 's3cret' },
    public: ['team/open'],
  });
  open = await RealRegistry.start();
  registry = await RealRegistry.start({
    storeOf: open,
    tls: { ...identity, authority: authority.certificate },
    files: { 'roots.pem': authority.certificate },
    auth: (folder) => ({
      token: { realm: tokens.realm, service, issuer, rootcertbundle: `${folder}/roots.pem` },
    }),
  });
  for (const name of repositories) {
    await new Repository(open.url, name).image(name, { tag: 'main' });
  }
});
after(async () => {
  await registry[Symbol.asyncDispose]();
  await open[Symbol.asyncDispose]();
  await tokens[Symbol.asyncDispose]();
});
beforeEach(() => {
  tokens.asked.length = 0;
});

function trusting(): TestRegistries {
  return new TestRegistries({
    host: { plainHttp: false },
    http: { caCertificates: [authority.certificate] },
  });
}

function login(password: string): readonly Candidate[] {
  const entry = { key: registry.host, username: 'puller', password };
  return candidatesOf([entry], { registry: registry.host, repository: 'team/web' });
}

describe('a real registry with token authentication', () => {
  test('one token serves all ticks of its life; every HEAD after the first is answered at once, over HTTP/2', async () => {
    await using registries = trusting();
    const name = `${registry.host}/team/web:main`;
    const first = await registry.during(async () => {
      found(await registries.latest(name, login('s3cret')));
    });
    assert.deepEqual(first, ['HEAD 401', 'HEAD 200']);
    const later = await registry.during(async () => {
      for (const _ of [1, 2, 3]) {
        registries.clock += minute;
        found(await registries.latest(name, login('s3cret')));
      }
    });
    assert.deepEqual(later, ['HEAD 200', 'HEAD 200', 'HEAD 200']);
    assert.deepEqual(tokens.asked, [
      { account: 'puller', scope: 'repository:team/web:pull', status: 200 },
    ]);
    assert.equal((await registry.served()).at(-1)?.httpVersion, '2.0');

    // Renewed at four fifths of its life, before a HEAD meets a 401.
    registries.clock = 0.8 * tokenLifeSeconds * 1000;
    const renewed = await registry.during(async () => {
      found(await registries.latest(name, login('s3cret')));
    });
    assert.deepEqual(renewed, ['HEAD 200']);
    assert.equal(tokens.asked.length, 2);
  });

  test('another repository needs another token, but no further 401', async () => {
    await using registries = trusting();
    found(await registries.latest(`${registry.host}/team/web:main`, login('s3cret')));
    const served = await registry.during(async () => {
      const lookUps = registries.begin();
      found(await latestIn(lookUps, `${registry.host}/team/api:main`, login('s3cret')));
      found(await latestIn(lookUps, `${registry.host}/team/web:main`, login('s3cret')));
    });
    assert.deepEqual(served, ['HEAD 200', 'HEAD 200']);
    assert.deepEqual(
      tokens.asked.map(({ scope }) => scope),
      ['repository:team/web:pull', 'repository:team/api:pull'],
    );
  });

  test('nobody is refused a token, but where anybody may pull', async () => {
    await using registries = trusting();
    const latest = failed(await registries.latest(`${registry.host}/team/web:main`));
    assert.equal(latest.reason, 'unauthorized');
    assert.match(latest.message, /refused anonymous access to team\/web \(401\)/);
    found(await registries.latest(`${registry.host}/team/open:main`));
    assert.deepEqual(
      tokens.asked.map(({ account, status }) => [account, status]),
      [
        ['', 401],
        ['', 200],
      ],
    );
  });

  test('case 51: a wrong password is unauthorized, named, and shown to the token server once', async () => {
    await using registries = trusting();
    const name = `${registry.host}/team/web:main`;
    for (const tick of [1, 2, 3]) {
      const latest = failed(await registries.latest(name, login('wrong')));
      assert.equal(latest.reason, 'unauthorized');
      assert.match(latest.message, new RegExp(`entry "${registry.host}" of Secret "regcred"`));
      assert.match(
        latest.message,
        tick === 1 ? /\(401\): it is wrong/ : /not sent again for \d min/,
      );
      registries.clock += minute;
    }
    assert.equal(tokens.asked.filter(({ account }) => account === 'puller').length, 1);
  });

  test('case 45: a wrong password and an open repository: the digest is found, and that the kubelet would fail is said', async () => {
    await using registries = trusting();
    const latest = found(
      await registries.latest(`${registry.host}/team/open:main`, login('wrong')),
    );
    assert.equal(latest.pullSecretRefused, true);
    assert.match(
      latest.warnings.join(),
      /of Secret "regcred" \(401\): .*; anonymous access worked/,
    );
  });
});
