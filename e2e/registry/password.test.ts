import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Digest } from '../../src/image/digest.ts';
import { createAuthority, type TestAuthority } from '../../src/testing/certificates.ts';
import { failed, found } from '../../src/testing/latest.ts';
import { TestRegistries, type TestRegistriesOptions } from '../../src/testing/test-registries.ts';
import { candidatesOf, type Login } from './pull-secret.ts';
import { RealRegistry } from './real-registry.ts';
import { Repository } from './uploads.ts';

/** `puller:s3cret`; the registry takes bcrypt only, and Node has none. */
const htpasswd = 'puller:$2y$05$kubeautorolloutkubeauu2g76PAkNd4leKs6X1lQucLzOdmmhTrG\n';
const minute = 60_000;

let authority: TestAuthority;
let open: RealRegistry;
let registry: RealRegistry;
let digest: Digest;
before(async () => {
  authority = await createAuthority();
  const identity = await authority.issue(['127.0.0.1']);
  open = await RealRegistry.start();
  registry = await RealRegistry.start({
    storeOf: open,
    tls: { ...identity, authority: authority.certificate },
    files: { htpasswd },
    auth: (folder) => ({
      htpasswd: { realm: 'a real, guarded registry', path: `${folder}/htpasswd` },
    }),
  });
  ({ digest } = await new Repository(open.url, 'team/web').image('web', { tag: 'main' }));
});
after(async () => {
  await registry[Symbol.asyncDispose]();
  await open[Symbol.asyncDispose]();
});

function trusting(options: Partial<TestRegistriesOptions> = {}): TestRegistries {
  return new TestRegistries({
    host: { plainHttp: false, caCertificate: authority.certificate },
    ...options,
  });
}

const web = { repository: 'team/web' };
const good = { username: 'puller', password: 's3cret' };

function candidates(...logins: readonly (Omit<Login, 'key'> & { readonly path?: string })[]) {
  const entries = logins.map(({ path = '', ...login }) => ({
    ...login,
    key: registry.host + path,
  }));
  return candidatesOf(entries, { registry: registry.host, ...web });
}

describe('a real registry with htpasswd over TLS', () => {
  test('case 50: the password of a pull Secret is asked for once, then sent with each HEAD, over HTTP/2', async () => {
    await using registries = trusting();
    const name = `${registry.host}/team/web:main`;
    for (const requests of [['HEAD 401', 'HEAD 200'], ['HEAD 200'], ['HEAD 200']]) {
      const served = await registry.during(async () => {
        const latest = found(await registries.latest(name, candidates(good)));
        assert.equal(latest.digest, digest);
        assert.deepEqual(latest.attempts, [
          {
            source: `entry "${registry.host}" of Secret "regcred"`,
            outcome: 'accepted',
            status: 200,
          },
        ]);
      });
      assert.deepEqual(served, requests);
      registries.clock += minute;
    }
    assert.equal((await registry.served()).at(-1)?.httpVersion, '2.0');
    const read = await registries.manifest(`${registry.host}/team/web`, digest, candidates(good));
    assert.equal(read.status, 'found');
  });

  test('case 51: a wrong password is unauthorized, named, and not sent again in the next ticks', async () => {
    await using registries = trusting();
    const name = `${registry.host}/team/web:main`;
    const wrong = candidates({ ...good, password: 'wrong' });
    const first = await registry.during(async () => {
      const latest = failed(await registries.latest(name, wrong));
      assert.equal(latest.reason, 'unauthorized');
      assert.equal(
        latest.message,
        `${registry.host} refused entry "${registry.host}" of Secret "regcred" (401): it is wrong or has expired; anonymous access was refused, too`,
      );
    });
    // Nobody, with the password, and nobody again.
    assert.deepEqual(first, ['HEAD 401', 'HEAD 401', 'HEAD 401']);
    for (const _ of [1, 2, 3]) {
      registries.clock += minute;
      const next = await registry.during(async () => {
        const latest = failed(await registries.latest(name, wrong));
        assert.deepEqual(
          latest.attempts.map(({ outcome }) => outcome),
          ['resting', 'refused'],
        );
      });
      assert.deepEqual(next, ['HEAD 401']);
    }
    found(await registries.latest(name, candidates(good)));
  });

  test('case 46: every matching entry is tried, the longer key first', async () => {
    await using registries = trusting();
    const latest = found(
      await registries.latest(
        `${registry.host}/team/web:main`,
        candidates(good, { path: '/team', username: 'puller', password: 'wrong' }),
      ),
    );
    assert.equal(latest.pullSecretRefused, false);
    assert.deepEqual(
      latest.attempts.map(({ source, outcome }) => [source, outcome]),
      [
        [`entry "${registry.host}/team" of Secret "regcred"`, 'refused'],
        [`entry "${registry.host}" of Secret "regcred"`, 'accepted'],
      ],
    );
  });

  test('nobody is refused, and told what to do', async () => {
    await using registries = trusting();
    const latest = failed(await registries.latest(`${registry.host}/team/web:main`));
    assert.equal(latest.reason, 'unauthorized');
    assert.match(
      latest.message,
      /refused anonymous access to team\/web \(401\): name a pull Secret/,
    );
  });

  test('case 54: a CA that nobody knows is unreachable, and the key is named; insecureSkipTlsVerify does without', async () => {
    await using strangers = trusting({ host: { plainHttp: false } });
    const name = `${registry.host}/team/web:main`;
    const latest = failed(await strangers.latest(name, candidates(good)));
    assert.equal(latest.reason, 'unreachable');
    assert.match(latest.message, /TLS of 127\.0\.0\.1:\d+: .*set caCertificatePath/);

    await using lenient = trusting({ host: { plainHttp: false, insecureSkipTlsVerify: true } });
    found(await lenient.latest(name, candidates(good)));
  });
});
