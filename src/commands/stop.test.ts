import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { CliWorld } from '../testing/cli-world.ts';
import type { Answer } from '../testing/fake-answer.ts';
import { deployment, pullSecret } from '../testing/kube-objects.ts';

/* Case 58: SIGTERM at each point of a tick, with `run` as a process of its own. */

const core = '/api/v1/namespaces/shop';
const deployments = '/apis/apps/v1/namespaces/shop/deployments';
const web = `${deployments}/web`;
const config =
  'cronSchedule: "0 0 29 2 *"\nregistries:\n  - hostnamePattern: "127.0.0.1:*"\n    plainHttp: true\n';

/** `web` is stale: a tick would list it, read its Secret, ask for a tag and a manifest, read it again and patch it. */
async function staleWorld(): Promise<CliWorld> {
  const world = await CliWorld.start({ config: `${config}webserver: { port: 0 }\n` });
  world.push('o/web:main');
  const auths = { 'elsewhere.test': { username: 'robot', password: 'pass' } };
  world.api.create(pullSecret({ name: 'regcred', namespace: 'shop', auths }));
  world.api.create(
    deployment({
      name: 'web',
      namespace: 'shop',
      image: world.image('o/web:main'),
      pullSecrets: ['regcred'],
    }),
  );
  return world;
}

const hang = { fault: 'hang' } as const;

/** Where a tick stands when the signal comes: whatever is asked for there is never answered. */
const points: readonly {
  readonly at: string;
  readonly hold: (world: CliWorld, answer: () => Answer) => void;
}[] = [
  { at: 'the LIST of a kind', hold: ({ api }, answer) => api.on('GET', deployments, answer) },
  { at: 'the LIST of Pods', hold: ({ api }, answer) => api.on('GET', `${core}/pods`, answer) },
  {
    at: 'the GET of a Secret',
    hold: ({ api }, answer) => api.on('GET', `${core}/secrets/regcred`, answer),
  },
  {
    at: 'the HEAD of a tag',
    hold: ({ registry }, answer) => registry.on('HEAD', '/v2/o/web/manifests/main', answer),
  },
  {
    at: 'the GET of a manifest',
    hold: (world, answer) => {
      const latest = world.pushAgain('o/web:main');
      world.registry.on('GET', `/v2/o/web/manifests/${latest}`, answer);
    },
  },
  { at: 'the GET before the PATCH', hold: ({ api }, answer) => api.on('GET', web, answer) },
];

describe('SIGTERM', { concurrency: 2 }, () => {
  for (const { at, hold } of points) {
    test(`case 58: in ${at}: exit code 0, nothing is patched, no registry is blamed`, async () => {
      await using world = await staleWorld();
      world.pushAgain('o/web:main');
      const held = Promise.withResolvers<void>();
      hold(world, () => {
        held.resolve();
        return hang;
      });
      await using cli = world.start(['run', '--log-format', 'json']);
      await held.promise;
      cli.kill('SIGTERM');
      const { exitCode, signal, stdout } = await cli.ended;
      assert.deepEqual([exitCode, signal], [0, null], stdout);
      assert.match(stdout, /"result":"aborted".*"tick ended"/);
      assert.match(stdout, /"stopped"/);
      assert.equal(world.api.count('PATCH'), 0);
      assert.deepEqual(world.api.list('Event', 'shop'), []);
    });
  }

  test('case 58: in a PATCH whose answer takes 2 s: it ends, and the next tick finds it done', async () => {
    await using world = await staleWorld();
    world.pushAgain('o/web:main');
    const held = Promise.withResolvers<void>();
    world.api.once('PATCH', web, (_, serve) => {
      held.resolve();
      return { ...serve(), delayMs: 2_000 };
    });
    await using cli = world.start(['run', '--log-format', 'json']);
    await held.promise;
    cli.kill('SIGTERM');
    const { exitCode, stdout } = await cli.ended;
    assert.equal(exitCode, 0, stdout);
    assert.match(stdout, /"workload restarted"/);
    const [restarted, ...others] = world.api.list('Event', 'shop');
    assert.deepEqual([restarted?.['reason'], others], ['Restarted', []]);

    const next = await world.run(['run', '--once', '--log-format', 'json']);
    assert.equal(next.exitCode, 0, next.stdout);
    assert.equal(world.api.count('PATCH', web), 1);
  });

  test('case 58: in an Event that nobody takes: what was done is done', async () => {
    await using world = await staleWorld();
    world.pushAgain('o/web:main');
    const held = Promise.withResolvers<void>();
    world.api.on('POST', '/apis/events.k8s.io/v1/namespaces/shop/events', () => {
      held.resolve();
      return hang;
    });
    await using cli = world.start(['run', '--log-format', 'json']);
    await held.promise;
    cli.kill('SIGTERM');
    assert.equal((await cli.ended).exitCode, 0);
    assert.equal(world.api.count('PATCH', web), 1);
  });
});
