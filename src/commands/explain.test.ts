import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import * as z from 'zod';
import { CliWorld, type CliWorldOptions } from '../testing/cli-world.ts';
import { fakeAttestation, fakeImage, fakeIndex } from '../testing/fake-images.ts';
import { deployment, pullSecret, statefulSet } from '../testing/kube-objects.ts';

/*
 * explain as a process of its own, against an API server and a registry on real sockets.
 * After a change on purpose: node --test --test-update-snapshots src/commands/explain.test.ts
 */
const fixtures = join(import.meta.dirname, '../../fixtures/explain');

/** What differs from run to run: times, ports, and the hash of a template that names a port. */
function steady(text: string): string {
  return text
    .replaceAll(/127\.0\.0\.1:\d{4,5}/g, 'registry.test')
    .replaceAll(/\d+ ms/g, 'N ms')
    .replaceAll(/\bweb-[a-z0-9]{9}-/g, 'web-HASH-');
}

function isGolden(t: TestContext, name: string, text: string): void {
  t.assert.fileSnapshot(steady(text), join(fixtures, `${name}.txt`), { serializers: [String] });
}

const bearer: CliWorldOptions = {
  registry: {
    auth: { type: 'bearer', public: ['o/web'], users: { robot: { password: 'right' } } },
  },
};

async function explained(world: CliWorld, ...args: readonly string[]): Promise<string> {
  const ended = await world.run(['explain', ...args]);
  assert.equal(ended.stderr, '');
  assert.equal(ended.exitCode, 0, ended.stdout);
  return ended.stdout;
}

describe('explain', { concurrency: 2 }, () => {
  test('restart: Secret entries in order, requests, manifests, what would change it', async (t) => {
    await using world = await CliWorld.start(bearer);
    const { namespace, registry } = world;
    const linux = { os: 'linux', architecture: 'amd64' };
    const image = world.image('o/web:main');
    world.push('o/web:main', fakeImage('first'));
    const pinned = `${world.image('o/proxy')}@${registry.push('o/proxy', fakeImage('proxy'))}`;
    world.running.set(pinned, pinned);
    for (const [name, password] of [
      ['old', 'wrong'],
      ['new', 'right'],
    ] as const) {
      const auths = { [registry.host]: { username: 'robot', password } };
      world.api.create(pullSecret({ name, namespace, auths }));
    }
    world.api.create(
      deployment({
        name: 'web',
        namespace,
        replicas: 2,
        pullSecrets: ['old', 'new'],
        containers: [
          { name: 'app', image },
          { name: 'proxy', image: pinned },
        ],
        podSpec: { nodeSelector: { 'kubernetes.io/arch': 'amd64', 'kubernetes.io/os': 'linux' } },
      }),
    );
    const second = fakeImage('second');
    world.pushAgain(
      'o/web:main',
      fakeIndex([{ manifest: second, platform: linux }, fakeAttestation(second)]),
    );
    isGolden(t, 'restart', await explained(world, 'deployment/web'));
  });

  test('pull-secret-refused: who was refused, and that anonymous access worked', async (t) => {
    await using world = await CliWorld.start(bearer);
    const { namespace, registry } = world;
    world.push('o/web:main');
    const auths = { [registry.host]: { username: 'robot', password: 'wrong' } };
    world.api.create(pullSecret({ name: 'regcred', namespace, auths }));
    const image = world.image('o/web:main');
    world.api.create(deployment({ name: 'web', namespace, image, pullSecrets: ['regcred'] }));
    world.pushAgain('o/web:main');
    isGolden(t, 'pull-secret-refused', await explained(world, 'deploy/web'));
  });

  test('not-converging: what it was restarted for, and when', async (t) => {
    await using world = await CliWorld.start();
    const { namespace } = world;
    world.push('o/db:main');
    const image = world.image('o/db:main');
    const digest = fakeImage('o/db:main again').digest;
    const seen = [{ digest, time: '2026-01-01T00:00:00.000Z', attempts: 1 }];
    const record = { v: 1, containers: { app: { reference: image, seen } } };
    world.api.create(
      statefulSet({
        name: 'db',
        namespace,
        image,
        annotations: { 'kube-autorollout/last-restart': JSON.stringify(record) },
      }),
    );
    world.pushAgain('o/db:main');
    isGolden(t, 'not-converging', await explained(world, 'sts/db'));
  });

  test('pull-policy: nothing is asked, and what to set', async (t) => {
    await using world = await CliWorld.start();
    const { namespace } = world;
    world.push('o/web:1.2');
    const container = {
      name: 'app',
      image: world.image('o/web:1.2'),
      imagePullPolicy: 'IfNotPresent',
    };
    world.api.create(deployment({ name: 'web', namespace, containers: [container] }));
    isGolden(t, 'pull-policy', await explained(world, 'deployment/web'));
    assert.equal(world.registry.requests.length, 0);
  });

  test('rollout-in-progress: which Pods do not count, and why', async (t) => {
    await using world = await CliWorld.start();
    const { namespace, api } = world;
    world.push('o/web:main');
    const image = world.image('o/web:main');
    api.create(statefulSet({ name: 'web', namespace, image, replicas: 3 }));
    const template = { metadata: { annotations: { changed: 'yes' } } };
    api.edit('StatefulSet', 'web', { spec: { template } }, namespace);
    api.rollOut('StatefulSet', 'web', { replace: 1 }, namespace);
    isGolden(t, 'rollout-in-progress', await explained(world, 'sts/web'));
  });

  test('of one that is not watched it says why, exit code 1', async () => {
    await using world = await CliWorld.start();
    const { namespace } = world;
    const image = world.image('o/web:main');
    world.push('o/web:main');
    world.api.create(deployment({ name: 'web', namespace, image, labels: {} }));
    const { exitCode, stdout } = await world.run(['explain', 'deployment/web']);
    assert.equal(exitCode, 1);
    assert.match(stdout, /hint: deployment\/web exists, but lacks kube-autorollout\/enabled=true:/);
  });

  test('--output json: every step, and no password in it', async () => {
    await using world = await CliWorld.start(bearer);
    const { namespace, registry } = world;
    world.push('o/web:main');
    const auths = { [registry.host]: { username: 'robot', password: 'right' } };
    world.api.create(pullSecret({ name: 'regcred', namespace, auths }));
    const image = world.image('o/web:main');
    world.api.create(deployment({ name: 'web', namespace, image, pullSecrets: ['regcred'] }));
    const stdout = await explained(world, 'deployment/web', '--output', 'json');
    const { digest } = fakeImage('o/web:main');
    const source = `entry "${registry.host}" of Secret "regcred"`;
    const document = documentSchema.parse(JSON.parse(stdout));
    assert.deepEqual(document.images, [
      {
        image,
        containers: ['app'],
        candidates: [source],
        attempts: [{ source, outcome: 'accepted', status: 200 }],
        latest: digest,
        message: '',
      },
    ]);
    assert.deepEqual(
      document.requests.map(({ method, status }) => [method, status]),
      [
        ['HEAD', 401],
        ['GET', 200],
        ['HEAD', 200],
      ],
    );
    assert.deepEqual(document.pullSecrets, ['regcred']);
    assert.deepEqual(document.pods[0]?.containers, [
      { name: 'app', imageID: `${image.replace(':main', '')}@${digest}` },
    ]);
    assert.equal(document.workload.reason, 'up-to-date');
    assert.deepEqual(document.next, ['a push of another image under one of its tags']);
    assert.doesNotMatch(stdout, /right|cm9ib3Q6/);
  });
});

const documentSchema = z.strictObject({
  version: z.literal(1),
  namespace: z.literal('shop'),
  time: z.iso.datetime(),
  problems: z.array(z.string()),
  hints: z.array(z.string()),
  workload: z.object({ kind: z.string(), name: z.string(), reason: z.string() }),
  progress: z.strictObject({ state: z.literal('complete') }),
  pods: z.array(
    z.strictObject({
      name: z.string(),
      phase: z.literal('Running'),
      ready: z.literal(true),
      terminating: z.literal(false),
      counted: z.literal(true),
      why: z.literal(''),
      containers: z.array(z.unknown()),
    }),
  ),
  pullSecrets: z.array(z.string()),
  images: z.array(z.unknown()),
  requests: z.array(
    z.strictObject({
      registry: z.string(),
      method: z.string(),
      url: z.url(),
      status: z.int(),
      durationMs: z.number(),
    }),
  ),
  manifests: z.array(z.unknown()),
  lastRestart: z.array(z.unknown()),
  next: z.array(z.string()),
});
