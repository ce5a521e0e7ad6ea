import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { push, registry } from '../cluster.ts';
import { workload } from '../manifest.ts';
import { makeNamespace } from '../namespace.ts';
import { Poller } from '../poller.ts';
import { Relay } from '../relay.ts';

describe('the loop guard', { concurrency: true }, () => {
  /*
   * A mirror between node and registry: the node pulls NAMESPACE/web, the poller asks the origin, NAMESPACE/origin,
   * under the same name. What is pushed to the origin only is what a stale mirror does not have yet.
   */
  test('a stale mirror costs one restart per push, by however many pollers', async (t) => {
    const namespace = await makeNamespace(t, 'stale-mirror');
    const mirrored = `${namespace.name}/web`;
    await using origin = await Relay.start({
      to: new URL(`http://${registry()}`),
      path: (path) => path.replace(`/v2/${mirrored}/`, `/v2/${namespace.name}/origin/`),
    });
    const hostnamePattern = `${registry()}/${mirrored}`;
    const config = { registries: [{ hostnamePattern, endpoint: origin.url }] };
    const poller = await Poller.create(t, namespace, config);
    const pushToOrigin = (text: string): Promise<string> =>
      push(`${namespace.name}/origin:main`, text);
    const pushToMirror = (text: string): Promise<string> => push(`${mirrored}:main`, text);

    const first = await pushToOrigin('first');
    assert.equal(await pushToMirror('first'), first);
    await namespace.apply([workload('web', `${registry()}/${mirrored}:main`)]);
    await namespace.rolledOut('deployment/web');
    assert.equal((await poller.check()).decisions()['Deployment/web'], 'none (up-to-date)');

    await pushToOrigin('second');
    await poller.once();
    await namespace.rolledOut('deployment/web');
    assert.deepEqual(await namespace.generations(), { 'Deployment/web': 2 });
    assert.deepEqual(await namespace.running('web'), [first], 'the mirror is stale');
    const notConverging = { 'Deployment/web': 'hold (not-converging)' };
    assert.deepEqual((await poller.check()).decisions(), notConverging);
    assert.deepEqual(await poller.table(), notConverging);
    await Promise.all([poller.once(), poller.once()]);
    assert.deepEqual(await namespace.generations(), { 'Deployment/web': 2 }, 'exactly one restart');
    assert.equal((await namespace.events('Restarted')).length, 1);
    assert.equal((await namespace.events('NotConverging')).length, 1);

    const convergence = { maxRestartsPerDigest: 2 };
    const patient = await Poller.create(t, namespace, { ...config, convergence });
    const waits = (await patient.check()).workload('web');
    assert.equal(waits.reason, 'not-converging');
    assert.match(waits.message, /not again before/);

    const third = await pushToOrigin('third');
    await Promise.all([poller.once(), poller.once(), poller.once()]);
    await namespace.rolledOut('deployment/web');
    assert.deepEqual(
      await namespace.generations(),
      { 'Deployment/web': 3 },
      'three pollers, one restart',
    );

    // The mirror catches up, and a person does what the message says.
    assert.equal(await pushToMirror('third'), third);
    const stuck = (await poller.check()).workload('web');
    assert.equal(stuck.reason, 'not-converging');
    assert.match(stuck.message, /kubectl rollout restart tries again/);
    await namespace.kubectl('rollout', 'restart', 'deployment/web');
    await namespace.rolledOut('deployment/web');
    assert.deepEqual(await namespace.running('web'), [third]);
    assert.deepEqual((await poller.check()).decisions(), { 'Deployment/web': 'none (up-to-date)' });
  });

  test('a tag that is moved back and forth is followed once, then at a growing distance', async (t) => {
    const namespace = await makeNamespace(t, 'moved-back');
    const poller = await Poller.create(t, namespace);
    const name = `${namespace.name}/web:main`;
    await push(name, 'one');
    await namespace.apply([workload('web', `${registry()}/${name}`)]);
    await namespace.rolledOut('deployment/web');

    const restarts: number[] = [];
    for (const text of ['two', 'one', 'two', 'three']) {
      await push(name, text);
      await poller.once();
      await namespace.rolledOut('deployment/web');
      restarts.push((await namespace.generations())['Deployment/web'] ?? 0);
    }
    assert.deepEqual(
      restarts,
      [2, 3, 3, 4],
      'back to one is new, to two again is not, three is new',
    );
  });
});
