import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { chart, Manifests, render, valuesOf } from '../chart/helm.ts';
import { push, registry } from '../cluster.ts';
import { workload } from '../manifest.ts';
import { makeNamespace } from '../namespace.ts';
import { Poller } from '../poller.ts';
import { Relay } from '../relay.ts';
import { apiServer, grantsOf, makeServiceAccounts } from '../service-account.ts';

test('a poller that is killed around its PATCH neither loses a restart nor repeats one', async (t) => {
  const namespace = await makeNamespace(t, 'killed');
  const name = `${namespace.name}/web:main`;
  await push(name, 'first');
  await namespace.apply([workload('web', `${registry()}/${name}`)]);
  await namespace.rolledOut('deployment/web');

  let before = nothing;
  let after = nothing;
  await using relay = await Relay.start({
    ...(await apiServer()),
    before: (passing) => (passing.method === 'PATCH' ? before() : nothing()),
    after: (passed) => (passed.method === 'PATCH' ? after() : nothing()),
  });
  const rules = new Manifests(render(valuesOf('defaults'), chart)).get('Role', 'rules');
  const grants = { poller: grantsOf(rules) };
  const accounts = await makeServiceAccounts(t, namespace, grants, relay.url);
  const poller = await Poller.create(t, namespace, { webserver: { port: 0 } }, [
    '--kubeconfig',
    accounts.get('poller') ?? '',
  ]);
  const generation = async (): Promise<number | undefined> =>
    (await namespace.generations())['Deployment/web'];
  const settle = async (): Promise<void> => {
    before = nothing;
    after = nothing;
    await poller.once();
    await namespace.rolledOut('deployment/web');
    assert.equal((await poller.check()).decisions()['Deployment/web'], 'none (up-to-date)');
  };

  await t.test('between look-up and PATCH: the next one restarts', async () => {
    const second = await push(name, 'second');
    const child = poller.start('run', '--once');
    before = async () => {
      child.kill('SIGKILL');
      throw new Error('never passed on');
    };
    assert.deepEqual(await ended(child), [null, 'SIGKILL']);
    assert.equal(await generation(), 1);
    await settle();
    assert.equal(await generation(), 2);
    assert.deepEqual(await namespace.running('web'), [second]);
  });

  await t.test('before the answer to its PATCH: the next one finds it done', async () => {
    const third = await push(name, 'third');
    const child = poller.start('run', '--once');
    after = async () => {
      child.kill('SIGKILL');
    };
    assert.deepEqual(await ended(child), [null, 'SIGKILL']);
    assert.equal(await generation(), 3);
    await settle();
    assert.equal(await generation(), 3);
    assert.deepEqual(await namespace.running('web'), [third]);
  });

  await t.test(
    'SIGTERM while a PATCH is under way: it ends well, and so does the poller',
    async () => {
      await push(name, 'fourth');
      const child = poller.start('run');
      let sentAt = 0;
      after = async () => {
        sentAt = performance.now();
        child.kill('SIGTERM');
        await sleep(1_000);
      };
      assert.deepEqual(await ended(child), [0, null]);
      const tookMs = performance.now() - sentAt;
      assert.ok(tookMs < 5_000, `it took ${tookMs} ms to stop`);
      assert.equal(await generation(), 4);
      await settle();
      assert.equal(await generation(), 4);
    },
  );
});

const nothing = async (): Promise<void> => {};

/** @returns exit code and signal */
async function ended(child: ReturnType<Poller['start']>): Promise<readonly unknown[]> {
  child.stdout.resume();
  return once(child, 'exit');
}
