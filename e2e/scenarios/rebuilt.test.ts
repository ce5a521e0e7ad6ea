import assert from 'node:assert/strict';
import { test } from 'node:test';
import { push, registry } from '../cluster.ts';
import { output } from '../command.ts';
import { workload } from '../manifest.ts';
import { makeNamespace } from '../namespace.ts';
import { Poller } from '../poller.ts';

test('an index that was built again restarts nobody, as long as what runs is the same', async (t) => {
  const namespace = await makeNamespace(t, 'rebuilt');
  const { name } = namespace;
  const architecture = await nodeArchitecture();
  const nodeSelector = { 'kubernetes.io/arch': architecture };
  const text = `the same in ${name}`;
  const attested = (build: string): Promise<string> =>
    push(`${name}/attested:main`, text, `--attestation=${build}`);
  const two = (foreign: string): Promise<string> =>
    push(`${name}/two:main`, `two ${text}`, `--other-platform=${foreign}`);

  const [firstBuild] = await Promise.all([attested('build 1'), two('foreign 1')]);
  const image = {
    attested: `${registry()}/${name}/attested:main`,
    two: `${registry()}/${name}/two:main`,
  };
  await namespace.apply([
    workload('attested', image.attested),
    workload('selected', image.two, { pod: { nodeSelector } }),
    workload('anywhere', image.two),
  ]);
  await namespace.rolledOut('deployment/attested', 'deployment/selected', 'deployment/anywhere');
  assert.deepEqual(await namespace.running('attested'), [firstBuild]);

  const poller = await Poller.create(t, namespace);
  for (const build of ['build 2', 'build 3']) {
    const pushed = await attested(build);
    const [container] = (await poller.check()).workload('attested').containers;
    assert.deepEqual(container?.running, [firstBuild]);
    assert.equal(container.latest, pushed);
    assert.equal(`${container.verdict} (${container.reason})`, 'same (platform-equal)');
    await poller.once();
    assert.equal((await namespace.generations())['Deployment/attested'], 1, 'no restart');
  }

  await two('foreign 2');
  const both = {
    'Deployment/anywhere': 'none (up-to-date)',
    'Deployment/selected': 'none (up-to-date)',
  };
  const configured = await Poller.create(t, namespace, { platforms: [`linux/${architecture}`] });
  const { 'Deployment/attested': _attested, ...known } = (await configured.check()).decisions();
  assert.deepEqual(known, both, 'the config names the platform');
  const answer = await poller.check();
  assert.equal(answer.decisions()['Deployment/selected'], 'none (up-to-date)', 'the Pod names it');
  assert.deepEqual(answer.verdicts('selected'), ['app: same (platform-equal)']);
  assert.equal(answer.decisions()['Deployment/anywhere'], 'restart (changed)', 'nobody names it');

  // Whatever containerd reports afterwards, the first digest or the second: it was the one restart.
  await poller.once();
  await namespace.rolledOut('deployment/anywhere');
  await poller.once();
  const expected = { 'Deployment/anywhere': 2, 'Deployment/attested': 1, 'Deployment/selected': 1 };
  assert.deepEqual(await namespace.generations(), expected);

  const changed = await push(`${name}/attested:main`, 'really new', '--attestation=build 4');
  await poller.once();
  await namespace.rolledOut('deployment/attested');
  assert.deepEqual(await namespace.running('attested'), [changed]);
});

async function nodeArchitecture(): Promise<string> {
  const path = 'jsonpath={.items[0].status.nodeInfo.architecture}';
  return output('kubectl', ['get', 'nodes', '-o', path]);
}
