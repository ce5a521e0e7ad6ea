import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { CliWorld } from '../testing/cli-world.ts';
import { freePort, waitFor } from '../testing/cli.ts';
import { deployment } from '../testing/kube-objects.ts';

/* When `run` calls itself ready, seen from outside. */

const plainHttp = 'registries:\n  - hostnamePattern: "127.0.0.1:*"\n    plainHttp: true\n';
const never = 'cronSchedule: "0 0 29 2 *"\n';
const deployments = '/apis/apps/v1/namespaces/shop/deployments';

async function readyStatus(port: number): Promise<number> {
  const url = `http://127.0.0.1:${port}/health/ready`;
  // oxlint-disable-next-line no-restricted-globals -- a probe as anybody sends it
  return (await fetch(url).catch(() => undefined))?.status ?? 0;
}

describe('ready', () => {
  test('once the first LIST was answered, while the tick still waits for a registry', async () => {
    const port = await freePort();
    await using world = await CliWorld.start({
      config: `${never}${plainHttp}webserver: { port: ${port} }\n`,
    });
    world.push('o/web:main');
    const image = world.image('o/web:main');
    world.api.create(deployment({ name: 'web', namespace: 'shop', image }));
    world.registry.on('HEAD', '/v2/o/web/manifests/main', { fault: 'hang' });
    await using cli = world.start(['run']);
    await waitFor('a look-up hangs', () => world.registry.count('HEAD') > 0);
    await waitFor('it is ready', async () => (await readyStatus(port)) === 204);
    assert.ok(!cli.output().includes('tick ended'), 'the tick is still under way');
    cli.kill('SIGTERM');
    assert.equal((await cli.ended).exitCode, 0);
  });

  test('by a LIST of its own where no tick runs at start', async () => {
    const port = await freePort();
    await using world = await CliWorld.start({
      config: `${never}runOnStart: false\nwebserver: { port: ${port} }\n`,
    });
    await using cli = world.start(['run']);
    await waitFor('it is ready', async () => (await readyStatus(port)) === 204);
    const lists = world.api.requests.filter(({ method }) => method === 'GET');
    assert.deepEqual(
      lists.map(({ path, query }) => ({ path, query })),
      [
        {
          path: deployments,
          query: { labelSelector: 'kube-autorollout/enabled=true', limit: '1' },
        },
      ],
    );
    cli.kill('SIGTERM');
    assert.equal((await cli.ended).exitCode, 0);
  });

  test('says once why it is not yet, where no tick does', async () => {
    const port = await freePort();
    await using world = await CliWorld.start({
      config: `${never}runOnStart: false\nwebserver: { port: ${port} }\n`,
    });
    let isRefused = true;
    world.api.on('GET', deployments, () => (isRefused ? { status: 503 } : undefined));
    await using cli = world.start(['run', '--log-format', 'json']);
    await waitFor('it has asked twice', () => world.api.count('GET', deployments) > 1);
    assert.equal(await readyStatus(port), 503);
    isRefused = false;
    await waitFor('it is ready', async () => (await readyStatus(port)) === 204);
    cli.kill('SIGTERM');
    const { exitCode, stdout } = await cli.ended;
    assert.equal(exitCode, 0);
    const warnings = stdout.match(/^.*"level":"warn".*"not ready yet.*$/gm) ?? [];
    assert.equal(warnings.length, 1, stdout);
    assert.match(
      warnings[0] ?? '',
      /"message":"list deployments.apps: the API server answered 503/,
    );
  });
});
