import assert from 'node:assert/strict';
import { test } from 'node:test';
import { push, registry } from '../cluster.ts';
import { workload } from '../manifest.ts';
import { makeNamespace } from '../namespace.ts';
import { Poller } from '../poller.ts';

test('an image pushed under the same tag restarts the Deployment, once', async (t) => {
  const namespace = await makeNamespace(t, 'restart');
  const poller = await Poller.create(t, namespace);
  const name = `${namespace.name}/web:main`;
  const image = `${registry()}/${name}`;
  const first = await push(name, 'first');
  await namespace.apply([
    workload('web', image),
    workload('unlabelled', image, { labelled: false }),
  ]);
  await namespace.rolledOut('deployment/web', 'deployment/unlabelled');
  assert.deepEqual(await namespace.running('web'), [first]);

  const untouched = { 'Deployment/unlabelled': 1, 'Deployment/web': 1 };
  await poller.once();
  assert.deepEqual(await namespace.generations(), untouched, 'nothing was pushed');
  assert.deepEqual((await poller.check()).decisions(), { 'Deployment/web': 'none (up-to-date)' });

  const second = await push(name, 'second');
  const due = await poller.check();
  assert.deepEqual(due.decisions(), { 'Deployment/web': 'restart (changed)' });
  const [container] = due.workload('web').containers;
  assert.deepEqual(container?.running, [first]);
  assert.equal(container.latest, second);
  assert.deepEqual(due.verdicts('web'), ['app: changed (digest-changed)']);
  assert.deepEqual(await namespace.generations(), untouched, 'check changes nothing');

  await poller.once();
  await namespace.rolledOut('deployment/web');
  assert.deepEqual(await namespace.running('web'), [second]);
  assert.equal(await namespace.served('web'), 'second');
  const restarted = { ...untouched, 'Deployment/web': 2 };
  assert.deepEqual(await namespace.generations(), restarted, 'one PATCH');

  await poller.once();
  assert.deepEqual(await namespace.generations(), restarted, 'a second --once does nothing');
  assert.deepEqual((await poller.check()).decisions(), { 'Deployment/web': 'none (up-to-date)' });
});
