import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { request } from 'undici';
import { push, registry, waitFor } from '../cluster.ts';
import { output } from '../command.ts';
import { workload } from '../manifest.ts';
import { makeNamespace } from '../namespace.ts';
import { Relay } from '../relay.ts';
import { Release } from '../release.ts';

test(
  'a registry and then the API server go away and come back under a running poller',
  { skip: process.env['E2E_USE_EXISTING'] === '1' && 'needs a cluster of our own' },
  async (t) => {
    const namespace = await makeNamespace(t, 'outages');
    const { name } = namespace;
    const names = ['behind', 'direct'];
    const pushAll = (text: string): Promise<unknown> =>
      Promise.all(names.map((each) => push(`${name}/${each}:main`, text)));
    await pushAll('first');
    await namespace.apply(
      names.map((each) => workload(each, `${registry()}/${name}/${each}:main`)),
    );
    await namespace.podsReady(2);

    // The plain registry under a second address that can be shut.
    const target = new URL(`http://${registry()}`);
    const open = (port: number): Promise<Relay> =>
      Relay.start({ to: target, at: { host: target.hostname, port } });
    let relay = await open(0);
    t.after(() => relay[Symbol.asyncDispose]());
    const rule = { hostnamePattern: `${registry()}/${name}/behind`, endpoint: relay.url };
    const release = await Release.install(namespace, { config: { registries: [rule] } });
    const began = await release.pod();
    const restarts = async (): Promise<Readonly<Record<string, number>>> => {
      const { 'Deployment/behind': behind = 0, 'Deployment/direct': direct = 0 } =
        await namespace.generations();
      return { behind, direct };
    };
    const until = (what: string, behind: number, direct: number): Promise<void> =>
      waitFor(what, async () => {
        const now = await restarts();
        return now['behind'] === behind && now['direct'] === direct;
      });

    await t.test('a registry that is down costs its own images only', async () => {
      await relay[Symbol.asyncDispose]();
      await pushAll('second');
      await until('the other registry to be at work', 1, 2);
      await namespace.rolledOut('deployment/direct');
      const answer = await release.check();
      assert.deepEqual(answer.decisions(), {
        'Deployment/behind': 'none (unknown)',
        'Deployment/direct': 'none (up-to-date)',
      });
      assert.deepEqual(answer.verdicts('behind'), ['app: unknown (unreachable)']);
      const [event] = await namespace.events('LookupFailed');
      assert.equal(event?.on, 'Deployment/behind');
      assert.deepEqual(await restarts(), { behind: 1, direct: 2 });

      relay = await open(Number(new URL(relay.url).port));
      await until('what was missed', 2, 2);
      await namespace.rolledOut('deployment/behind');
    });

    await t.test('an API server that restarts is waited for', async () => {
      const address = `http://${began.status.podIP}:8080/health`;
      await output(service, ['stop', 'kube-apiserver']);
      try {
        await waitFor('not ready', async () => (await statusOf(`${address}/ready`)) === 503);
        assert.equal(await statusOf(`${address}/live`), 204, 'which a restart would not help');
      } finally {
        await output(service, ['start', 'kube-apiserver']);
      }
      await waitFor('ready again', async () => (await statusOf(`${address}/ready`)) === 204);
      await pushAll('third');
      await until('both to be restarted', 3, 3);
      await namespace.rolledOut('deployment/behind', 'deployment/direct');
      const pod = await release.pod();
      assert.equal(pod.metadata.uid, began.metadata.uid);
      assert.equal(pod.status.containerStatuses[0]?.restartCount, 0, 'the same process as ever');
    });
    await release.uninstall();
  },
);

const service = join(import.meta.dirname, '../cluster/service.sh');

async function statusOf(url: string): Promise<number> {
  const { statusCode, body } = await request(url);
  await body.dump();
  return statusCode;
}
