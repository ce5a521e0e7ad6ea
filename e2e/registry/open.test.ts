import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Digest } from '../../src/image/digest.ts';
import type { ManifestRead } from '../../src/image/lookup.ts';
import { judge, maxRounds, type Judged } from '../../src/rollout/judge.ts';
import { failed, found } from '../../src/testing/latest.ts';
import { latestIn, TestRegistries } from '../../src/testing/test-registries.ts';
import { RealRegistry } from './real-registry.ts';
import { Repository } from './uploads.ts';

let registry: RealRegistry;
before(async () => {
  registry = await RealRegistry.start();
});
after(() => registry[Symbol.asyncDispose]());

const minute = 60_000;

/** Asks what a running digest is to a tag, reading what the answer depends on. */
async function judgeRunning(
  registries: TestRegistries,
  repository: string,
  running: Digest,
  latest: Digest,
): Promise<Judged['verdict']> {
  const place = { registry: registry.host, repository };
  const reads = new Map<Digest, ManifestRead>();
  for (let round = 0; round < maxRounds; round += 1) {
    const answer = judge({
      running: [{ type: 'manifest', digest: running, repository: place }],
      repository: place,
      latest,
      platforms: [],
      read: (_, digest) => reads.get(digest),
    });
    if (answer.status === 'judged') return answer.verdict;
    for (const { digest } of answer.reads) {
      reads.set(digest, await registries.manifest(`${registry.host}/${repository}`, digest));
    }
  }
  throw new Error('the comparison did not end');
}

describe('a real registry over plain HTTP', () => {
  test('case 34: one HEAD tells the digest; a push under the tag, the new one', async () => {
    await using registries = new TestRegistries();
    const repository = new Repository(registry.url, 'o/web');
    const name = `${registry.host}/o/web:main`;
    for (const text of ['first', 'second', 'first']) {
      const { digest } = await repository.image(text, { tag: 'main' });
      const requests = await registry.during(async () => {
        assert.equal(found(await registries.latest(name)).digest, digest);
      });
      assert.deepEqual(requests, ['HEAD 200']);
    }
  });

  test('in steady state a tick costs one HEAD per image, and no GET', async () => {
    await using registries = new TestRegistries();
    const names = Array.from({ length: 12 }, (_, number) => `o/steady${number}`);
    for (const name of names) {
      await new Repository(registry.url, name).image(name, { tag: 'main' });
    }
    for (const _ of [1, 2, 3]) {
      const requests = await registry.during(async () => {
        const lookUps = registries.begin();
        const answers = await Promise.all(
          // Each twice, as two workloads would ask.
          [...names, ...names].map((name) => latestIn(lookUps, `${registry.host}/${name}:main`)),
        );
        for (const answer of answers) found(answer);
      });
      assert.deepEqual(
        requests,
        Array.from(names, () => 'HEAD 200'),
      );
      registries.clock += minute;
    }
  });

  for (const docker of [false, true]) {
    test(`the digest of a tag is its ${docker ? "Docker list's" : "OCI index's"}, and what is in it can be read by digest, once`, async () => {
      await using registries = new TestRegistries();
      const path = docker ? 'o/docker' : 'o/oci';
      const repository = new Repository(registry.url, path);
      const amd64 = await repository.image('web', { docker });
      const arm64 = await repository.image('web', { docker, architecture: 'arm64' });
      const digest = await repository.index('main', [amd64, arm64], { docker });
      const place = `${registry.host}/${path}`;
      assert.equal(found(await registries.latest(`${place}:main`)).digest, digest);

      const requests = await registry.during(async () => {
        for (const _ of [1, 2]) {
          const read = await registries.manifest(place, digest);
          assert.ok(read.status === 'found' && read.manifest.type === 'index');
          assert.deepEqual(
            read.manifest.children.map(({ digest: child, platform }) => [child, platform]),
            [
              [amd64.digest, { os: 'linux', architecture: 'amd64' }],
              [arm64.digest, { os: 'linux', architecture: 'arm64' }],
            ],
          );
          const image = await registries.manifest(place, arm64.digest);
          assert.ok(image.status === 'found' && image.manifest.type === 'image');
          registries.clock += minute;
        }
      });
      assert.deepEqual(requests, ['GET 200', 'GET 200']);
    });
  }

  test("case 7: after a rebuild that changed BuildKit's attestation only, what runs is platform-equal", async () => {
    await using registries = new TestRegistries();
    const repository = new Repository(registry.url, 'o/attested');
    const name = `${registry.host}/o/attested:main`;
    const image = await repository.image('web');
    const build = async (number: string): Promise<Digest> => {
      const attestation = await repository.attestation(image, number);
      const digest = await repository.index('main', [image, attestation]);
      assert.equal(found(await registries.latest(name)).digest, digest);
      return digest;
    };
    const first = await build('1');
    const second = await build('2');
    assert.notEqual(first, second);
    for (const running of [first, image.digest]) {
      const verdict = await judgeRunning(registries, 'o/attested', running, second);
      assert.deepEqual([verdict.verdict, verdict.reason], ['same', 'platform-equal']);
    }

    const other = await repository.image('web, changed');
    const third = await repository.index('main', [other, await repository.attestation(other, '3')]);
    const verdict = await judgeRunning(registries, 'o/attested', second, third);
    assert.deepEqual([verdict.verdict, verdict.reason], ['changed', 'digest-changed']);
  });

  test('case 31: a deleted tag is not found, nor is what it named', async () => {
    await using registries = new TestRegistries();
    const repository = new Repository(registry.url, 'o/deleted');
    const { digest } = await repository.image('web', { tag: 'main' });
    await repository.image('another', { tag: 'other' });
    const place = `${registry.host}/o/deleted`;
    found(await registries.latest(`${place}:main`));
    await repository.delete(digest);
    const requests = await registry.during(async () => {
      const latest = failed(await registries.latest(`${place}:main`));
      assert.equal(latest.reason, 'tag-not-found');
    });
    assert.deepEqual(requests, ['HEAD 404', 'GET 404']);
    assert.deepEqual(await registries.manifest(place, digest), { status: 'not-found' });
    // The host answers HEAD as before.
    const next = await registry.during(async () => {
      found(await registries.latest(`${place}:other`));
    });
    assert.deepEqual(next, ['HEAD 200']);
  });

  test('a repository that was never there is not found', async () => {
    await using registries = new TestRegistries();
    const latest = failed(await registries.latest(`${registry.host}/o/never:main`));
    assert.equal(latest.reason, 'tag-not-found');
    assert.equal(
      latest.message,
      `${registry.host} has no o/never:main (404), or hides it from those who asked`,
    );
  });
});
