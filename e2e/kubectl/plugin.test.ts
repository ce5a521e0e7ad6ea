import assert from 'node:assert/strict';
import { symlink } from 'node:fs/promises';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { test } from 'node:test';
import { CliWorld } from '../../src/testing/cli-world.ts';
import { deployment } from '../../src/testing/kube-objects.ts';
import { type Ended, run } from '../command.ts';

/*
 * The bundle as a plugin of the real kubectl (that of e2e/cluster/install.sh, else the one of the PATH), against an
 * API server and a registry of src/testing: no cluster is needed.
 */
const bundle = join(import.meta.dirname, '../../dist/main.mjs');
const toolkit = join(process.env['CLUSTER_HOME'] ?? join(homedir(), '.cache/kube-e2e'), 'bin');

interface Plugin extends AsyncDisposable {
  readonly world: CliWorld;
  kubectl(...args: readonly string[]): Promise<Ended>;
}

/** A world with one stale Deployment, and a folder in the PATH that holds the plugin, as npm would link it. */
async function start(): Promise<Plugin> {
  const world = await CliWorld.start();
  world.push('o/web:main');
  const image = world.image('o/web:main');
  world.api.create(deployment({ name: 'web', namespace: world.namespace, image }));
  world.pushAgain('o/web:main');
  await symlink(bundle, join(world.folder.path, 'kubectl-autorollout'));
  const env = {
    PATH: [world.folder.path, toolkit, process.env['PATH']].join(delimiter),
    KUBECONFIG: world.kubeconfig,
    CONFIG_FILE: world.config,
    NO_COLOR: '1',
  };
  return {
    world,
    kubectl: (...args) => run('kubectl', args, { env }),
    [Symbol.asyncDispose]: () => world[Symbol.asyncDispose](),
  };
}

test('kubectl finds the plugin and has nothing to say against it', async () => {
  await using plugin = await start();
  const ended = await plugin.kubectl('plugin', 'list');
  assert.equal(ended.exitCode, 0, ended.stderr);
  assert.match(ended.stdout, /\/kubectl-autorollout$/m);
});

test("kubectl autorollout check takes kubectl's kubeconfig, namespace and flags", async () => {
  await using plugin = await start();
  const table = await plugin.kubectl('autorollout', 'check', '--exit-code');
  assert.match(table.stdout, /^deployment\/web +restart \(changed\)/m, table.stderr);
  assert.equal(table.exitCode, 3, "kubectl hands on the plugin's exit code");
  const json = await plugin.kubectl('autorollout', 'check', '-n', 'other', '-o', 'json');
  assert.equal(json.exitCode, 0, json.stderr);
  assert.match(json.stdout, /"namespace": "other"/);
});

test('kubectl autorollout explain tells the way to the decision', async () => {
  await using plugin = await start();
  const ended = await plugin.kubectl('autorollout', 'explain', 'deployment/web');
  assert.equal(ended.exitCode, 0, ended.stderr);
  assert.match(ended.stdout, /Decision: restart \(changed\)/);
});

test('kubectl autorollout alone starts no poller: it prints help', async () => {
  await using plugin = await start();
  const ended = await plugin.kubectl('autorollout');
  assert.equal(ended.exitCode, 2);
  assert.match(ended.stderr, /^Usage: kubectl autorollout /);
  assert.equal(plugin.world.api.requests.length, 0);
});
