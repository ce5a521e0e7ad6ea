import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { fakeImage, fakeIndex } from '../testing/fake-images.ts';
import { FakeRegistry } from '../testing/fake-registry.ts';
import { textsAt } from '../testing/kube-json.ts';
import { deployment } from '../testing/kube-objects.ts';
import { PollerWorld } from '../testing/poller-world.ts';

/* Each key of the config that changes what a tick does, in a whole tick over real sockets. */

const main = 'o/web:main';
const plainHttp = 'registries:\n  - hostnamePattern: "127.0.0.1:*"\n    plainHttp: true\n';
const amd64 = { os: 'linux', architecture: 'amd64' };
const arm64 = { os: 'linux', architecture: 'arm64' };

/** `web` runs the first build, and the second one was pushed since. */
async function staleWorld(config: string): Promise<PollerWorld> {
  const world = await PollerWorld.start({ config: config + plainHttp });
  world.push(main);
  world.api.create(deployment({ name: 'web', image: world.image(main) }));
  world.push(main, 'second');
  return world;
}

function templateAnnotations(world: PollerWorld): Readonly<Record<string, string>> {
  const object = world.api.get('Deployment', 'web');
  return textsAt(object, 'spec', 'template', 'metadata', 'annotations');
}

describe('what the config changes of a tick', () => {
  test('case 32: fieldManager and enableKubectlAnnotation', async () => {
    await using world = await staleWorld(
      'fieldManager: flux-client-side-apply\nfeatureFlags: { enableKubectlAnnotation: true }\n',
    );
    await using poller = await world.poller();
    assert.deepEqual(await poller.decisions(), ['web: restart (changed)']);
    const patch = world.api.requests.find(({ method }) => method === 'PATCH');
    assert.deepEqual(patch?.query, { fieldManager: 'flux-client-side-apply' });
    assert.deepEqual(Object.keys(templateAnnotations(world)), [
      'kubectl.kubernetes.io/restartedAt',
    ]);
  });

  test('without them, our own', async () => {
    await using world = await staleWorld('');
    await using poller = await world.poller();
    await poller.tick();
    const patch = world.api.requests.find(({ method }) => method === 'PATCH');
    assert.deepEqual(patch?.query, { fieldManager: 'kube-autorollout' });
    assert.deepEqual(Object.keys(templateAnnotations(world)), ['kube-autorollout/restartedAt']);
  });

  test('selector', async () => {
    await using world = await staleWorld('selector: "team in (a, b), tier != test"\n');
    const image = world.image(main);
    for (const [name, labels] of Object.entries({
      a: { team: 'a' },
      b: { team: 'b', tier: 'test' },
      c: { team: 'c' },
    })) {
      world.api.create(deployment({ name, image, labels }));
    }
    await using poller = await world.poller();
    assert.deepEqual(await poller.decisions(), ['a: none (up-to-date)']);
  });

  for (const [config, annotation, want] of [
    ['skip', undefined, 'web: none (nothing-to-watch)'],
    ['restart', undefined, 'web: restart (changed)'],
    ['skip', 'restart', 'web: restart (changed)'],
    ['restart', 'skip', 'web: none (nothing-to-watch)'],
  ] as const) {
    const own = annotation === undefined ? '' : `, and the workload says ${annotation}`;
    test(`case 22: pullPolicy.ifNotPresent: ${config}${own}`, async () => {
      await using world = await PollerWorld.start({
        config: `${plainHttp}pullPolicy: { ifNotPresent: ${config} }\n`,
      });
      world.push(main);
      const containers = [
        { name: 'app', image: world.image(main), imagePullPolicy: 'IfNotPresent' },
      ];
      const annotations = annotation && { 'kube-autorollout/if-not-present': annotation };
      world.api.create(
        deployment({ name: 'web', containers, ...(annotations && { annotations }) }),
      );
      world.push(main, 'second');
      await using poller = await world.poller();
      assert.deepEqual(await poller.decisions(), [want]);
    });
  }

  for (const [platforms, want] of [
    ['[]', 'web: restart (changed)'],
    ['[linux/arm64]', 'web: restart (changed)'],
    ['[linux/amd64]', 'web: none (up-to-date)'],
    ['[linux/s390x]', 'web: none (unknown)'],
  ] as const) {
    test(`case 9: platforms: ${platforms}, and only the image for arm64 has changed`, async () => {
      await using world = await PollerWorld.start({
        config: `${plainHttp}platforms: ${platforms}\n`,
      });
      const push = (build: string): string =>
        world.registry.push(
          main,
          fakeIndex([
            { manifest: fakeImage('amd64'), platform: amd64 },
            { manifest: fakeImage(`arm64 ${build}`), platform: arm64 },
          ]),
        );
      world.pulls(world.image(main), world.image(`o/web@${push('first')}`));
      world.api.create(deployment({ name: 'web', image: world.image(main) }));
      push('second');
      await using poller = await world.poller();
      assert.deepEqual(await poller.decisions(), [want]);
    });
  }

  for (const [allowed, want, generation] of [
    [1, 'web: hold (not-converging)', 3],
    [2, 'web: restart (changed)', 4],
  ] as const) {
    test(`case 27: convergence.maxRestartsPerDigest: ${allowed}, an hour after the first one`, async () => {
      await using world = await PollerWorld.start({
        config: `${plainHttp}convergence: { maxRestartsPerDigest: ${allowed} }\n`,
      });
      world.push(main);
      world.api.create(deployment({ name: 'web', image: world.image(main) }));
      world.pushBehindMirror(main, 'second');
      await using poller = await world.poller();
      assert.deepEqual(await poller.decisions(), ['web: restart (changed)']);
      world.api.rollOut('Deployment', 'web');
      assert.deepEqual(await poller.decisions(), ['web: hold (not-converging)']);
      ageRecord(world, 61 * 60_000);
      world.api.rollOut('Deployment', 'web');
      assert.deepEqual(await poller.decisions(), [want]);
      assert.equal(world.generation('web'), generation);
    });
  }

  test('defaultRegistry, for images that name none', async () => {
    await using registry = await FakeRegistry.start();
    registry.push('short:main', fakeImage('second'));
    const rule = `  - hostnamePattern: registry.corp\n    endpoint: ${registry.url.href}\n`;
    await using world = await PollerWorld.start({
      config: `defaultRegistry: registry.corp\nregistries:\n${rule}`,
    });
    world.pulls('short:main', `registry.corp/short@sha256:${'a'.repeat(64)}`);
    const containers = [{ name: 'app', image: 'short:main', imagePullPolicy: 'Always' }];
    world.api.create(deployment({ name: 'web', containers }));
    await using poller = await world.poller();
    assert.deepEqual(await poller.decisions(), ['web: restart (changed)']);
    assert.equal(registry.count('HEAD', '/v2/short/manifests/main'), 1);
  });

  for (const enabled of [true, false]) {
    test(`featureFlags.enableJfrogArtifactoryFallback: ${enabled}`, async () => {
      await using world = await PollerWorld.start({
        config: `${plainHttp}featureFlags: { enableJfrogArtifactoryFallback: ${enabled} }\n`,
      });
      const image = world.image('docker-local/team/web:main');
      world.pulls(image, `x@sha256:${'a'.repeat(64)}`);
      world.api.create(deployment({ name: 'web', image }));
      const missing = { status: 404, headers: { 'x-jfrog-version': 'Artifactory/7' } };
      const second = fakeImage('second');
      const headers = {
        'content-type': second.mediaType,
        'docker-content-digest': second.digest,
      };
      for (const method of ['HEAD', 'GET']) {
        for (const name of ['main', second.digest, `sha256:${'a'.repeat(64)}`]) {
          const answer = name.includes('aaa') ? missing : { headers, body: second.bytes };
          const byPath = `/artifactory/api/docker/docker-local/v2/team/web/manifests/${name}`;
          world.registry.on(method, `/v2/docker-local/team/web/manifests/${name}`, missing);
          world.registry.on(method, byPath, answer);
        }
      }
      await using poller = await world.poller();
      assert.deepEqual(await poller.decisions(), [
        enabled ? 'web: restart (changed)' : 'web: none (unknown)',
      ]);
    });
  }
});

/** Moves what the poller has noted into the past; one write. */
function ageRecord(world: PollerWorld, ms: number): void {
  const key = 'kube-autorollout/last-restart';
  const text = textsAt(world.api.get('Deployment', 'web'), 'metadata', 'annotations')[key] ?? '';
  const aged = text.replace(/"time":"(?<time>[^"]+)"/g, (_, time: string) => {
    const before = new Date(new Date(time).getTime() - ms);
    return `"time":"${before.toISOString()}"`;
  });
  assert.notEqual(aged, text);
  world.api.edit('Deployment', 'web', { metadata: { annotations: { [key]: aged } } });
}
