import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { freePort, waitFor } from '../../src/testing/cli.ts';
import { CliWorld } from '../../src/testing/cli-world.ts';
import { fakeImage } from '../../src/testing/fake-images.ts';
import { deployment } from '../../src/testing/kube-objects.ts';
import { promtool } from './promtool.ts';

const bundle = join(import.meta.dirname, '../../dist/main.mjs');

/** Where a rollout is under way, an image is pinned, a credential is needed and a registry is down. */
async function startWorld(port: number): Promise<CliWorld> {
  const world = await CliWorld.start({
    registry: { auth: { type: 'bearer', public: ['o/web'] } },
    config: `
cronSchedule: "* * * * * *"
jitterSeconds: 0
webserver: { port: ${port} }
registries: [{ hostnamePattern: "127.0.0.1:*", plainHttp: true }]
`,
  });
  for (const name of ['web', 'private']) {
    world.push(`o/${name}:main`);
    const image = world.image(`o/${name}:main`);
    world.api.create(deployment({ name, namespace: world.namespace, image }));
  }
  world.pushAgain('o/web:main');
  const down = '127.0.0.1:1/o/down:main';
  world.runs(down, world.registry.push('o/down:main', fakeImage('down')));
  world.api.create(deployment({ name: 'down', namespace: world.namespace, image: down }));
  return world;
}

test("the linter of Prometheus has nothing to say against a running poller's metrics", async () => {
  const port = await freePort();
  await using world = await startWorld(port);
  const args = ['run', '--config', world.config, '--kubeconfig', world.kubeconfig];
  const poller = fork(bundle, args, { env: {}, execArgv: [], silent: true });
  try {
    let metrics = '';
    await waitFor('two ticks have ended', async () => {
      // oxlint-disable-next-line no-restricted-globals -- a scrape as anybody sends it
      metrics = await fetch(`http://127.0.0.1:${port}/metrics`).then(
        (answer) => answer.text(),
        () => '',
      );
      return /^kube_autorollout_ticks_total\{result="success"\} [2-9]/m.test(metrics);
    });
    assert.match(metrics, /^kube_autorollout_containers\{[^}]*reason="unauthorized"\} 1$/m);
    assert.match(metrics, /^kube_autorollout_registry_requests_total\{.*code="none"\} [1-9]/m);
    const linted = await promtool(['check', 'metrics'], metrics);
    assert.equal(linted.stdout + linted.stderr, '');
    assert.equal(linted.exitCode, 0);
  } finally {
    poller.kill();
  }
});
