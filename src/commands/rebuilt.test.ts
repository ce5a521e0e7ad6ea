import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import {
  digestOf,
  fakeAttestation,
  fakeImage,
  fakeIndex,
  type FakeManifest,
} from '../testing/fake-images.ts';
import { deployment } from '../testing/kube-objects.ts';
import { PollerWorld } from '../testing/poller-world.ts';

/* What runs has another digest than the tag names, and may be the same all the same: whole ticks over real sockets. */

const main = 'o/web:main';
const amd64 = { os: 'linux', architecture: 'amd64' };
const arm64 = { os: 'linux', architecture: 'arm64' };
const decided = {
  same: 'web: none (up-to-date)',
  changed: 'web: restart (changed)',
  stuck: 'web: hold (not-converging)',
};

interface Rebuild {
  readonly name: string;
  readonly before: FakeManifest;
  readonly now: FakeManifest;
  /** As a node reports what it pulled of `before`; default: its digest in the image's own repository. */
  readonly imageId?: (host: string) => string;
  readonly nodeSelector?: Readonly<Record<string, string>>;
  readonly want: keyof typeof decided;
}

/** An index of one build, with provenance of its own as BuildKit attaches it. */
function built(amd: string, arm: string, run: string): FakeManifest {
  const image = fakeImage(amd);
  return fakeIndex([
    { manifest: image, platform: amd64 },
    { manifest: fakeImage(arm), platform: arm64 },
    fakeAttestation(image, run),
  ]);
}

const first = built('amd 1', 'arm 1', 'run 1');
const onAmd = { 'kubernetes.io/arch': 'amd64' };
const retagged = fakeImage('amd 1', { annotations: { note: 'the same config, another manifest' } });

const rows: readonly Rebuild[] = [
  {
    name: 'cases 2 and 7: the same build again, with another attestation',
    before: first,
    now: built('amd 1', 'arm 1', 'run 2'),
    want: 'same',
  },
  {
    name: 'case 5: another architecture was rebuilt, and the Pod says which is its own',
    before: first,
    now: built('amd 1', 'arm 2', 'run 2'),
    nodeSelector: onAmd,
    want: 'same',
  },
  {
    name: 'case 9: another architecture was rebuilt, and nobody says which is whose',
    before: first,
    now: built('amd 1', 'arm 2', 'run 2'),
    want: 'changed',
  },
  {
    name: 'case 5: its own architecture was rebuilt',
    before: first,
    now: built('amd 2', 'arm 1', 'run 2'),
    nodeSelector: onAmd,
    want: 'changed',
  },
  {
    name: "case 4: the node reports its platform's manifest",
    before: first,
    now: first,
    imageId: (host) => `${host}/o/web@${fakeImage('arm 1').digest}`,
    want: 'same',
  },
  {
    name: 'case 5: another manifest of the same config',
    before: fakeImage('amd 1'),
    now: retagged,
    want: 'same',
  },
  {
    name: 'case 6: a bare config digest, as CRI-O and Docker report it',
    before: first,
    now: built('amd 1', 'arm 2', 'run 2'),
    imageId: () => digestOf('config of amd 1').slice('sha256:'.length),
    want: 'same',
  },
  {
    name: 'case 6: a config digest that the tag has no more',
    before: first,
    now: built('amd 2', 'arm 2', 'run 2'),
    imageId: () => `docker://${digestOf('config of amd 1')}`,
    want: 'changed',
  },
  {
    name: 'case 3: named after another host, which nobody asks',
    before: fakeImage('amd 1'),
    now: retagged,
    imageId: () => `mirror.test/o/web@${digestOf('somewhere else')}`,
    want: 'changed',
  },
];

describe('an image that was built again', () => {
  for (const { name, before, now, imageId, nodeSelector, want } of rows) {
    test(`${name}: ${want}`, async () => {
      await using world = await PollerWorld.start();
      const image = world.image(main);
      const { host } = world.registry;
      world.pulls(image, imageId?.(host) ?? `${host}/o/web@${before.digest}`);
      world.registry.push(main, before);
      world.api.create(
        deployment({ name: 'web', image, ...(nodeSelector && { podSpec: { nodeSelector } }) }),
      );
      world.registry.push(main, now);
      await using poller = await world.poller();
      assert.deepEqual(await poller.decisions(), [decided[want]]);

      // Whatever was read is kept, and nothing changes by looking again; a node that reports the same is no new cause.
      const reads = world.registry.count('GET');
      world.api.rollOut('Deployment', 'web');
      const after = want === 'same' ? decided.same : decided.stuck;
      assert.deepEqual(await poller.decisions(), [after]);
      assert.deepEqual(await poller.decisions(), [after]);
      const isMissing = name.startsWith('case 3');
      if (!isMissing) assert.equal(world.registry.count('GET'), reads, 'read once');
      assert.equal(world.generation('web'), want === 'same' ? 1 : 2);
    });
  }

  test('case 3: named after another repository of the same registry, where it still is', async () => {
    await using world = await PollerWorld.start();
    const image = world.image(main);
    const copy = built('amd 1', 'arm 1', 'run 0');
    world.registry.push('o/copy:main', copy);
    world.pulls(image, world.image(`o/copy@${copy.digest}`));
    world.registry.push(main, first);
    world.api.create(deployment({ name: 'web', image }));
    await using poller = await world.poller();
    assert.deepEqual(await poller.decisions(), [decided.same]);
    assert.equal(world.registry.count('GET', `/v2/o/copy/manifests/${copy.digest}`), 1);
  });

  test('case 5: what runs was garbage-collected: changed, once', async () => {
    await using world = await PollerWorld.start();
    const image = world.image(main);
    world.pulls(image, world.image(`o/web@${digestOf('collected')}`));
    world.registry.push(main, first);
    world.api.create(deployment({ name: 'web', image }));
    await using poller = await world.poller();
    assert.deepEqual(await poller.decisions(), [decided.changed]);
    world.api.rollOut('Deployment', 'web');
    assert.deepEqual(await poller.decisions(), [decided.stuck]);
    assert.equal(world.generation('web'), 2);
  });

  test('case 5: what runs could not be read: unknown, and looked at again', async () => {
    await using world = await PollerWorld.start();
    const image = world.image(main);
    const old = digestOf('unreadable');
    world.pulls(image, world.image(`o/web@${old}`));
    world.registry.push(main, first);
    world.api.create(deployment({ name: 'web', image }));
    world.registry.once('GET', `/v2/o/web/manifests/${old}`, { status: 500 });
    await using poller = await world.poller();
    assert.deepEqual(await poller.decisions(), ['web: none (unknown)']);
    assert.deepEqual(await poller.decisions(), [decided.changed]);
  });
});
