import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { z } from 'zod';
import { push, registry } from '../cluster.ts';
import { deployment } from '../manifest.ts';
import { makeNamespace, type Namespace } from '../namespace.ts';

const checkDocument = z.object({
  version: z.literal(1),
  namespace: z.string(),
  problems: z.array(z.string()),
  workloads: z.array(
    z.object({
      kind: z.string(),
      name: z.string(),
      decision: z.string(),
      reason: z.string(),
      containers: z.array(
        z.object({
          name: z.string(),
          running: z.array(z.string()),
          latest: z.string().nullable(),
          verdict: z.string(),
          reason: z.string(),
        }),
      ),
    }),
  ),
});

test('an image pushed under the same tag restarts the Deployment, once', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'kube-autorollout-e2e-'));
  t.after(() => rm(folder, { recursive: true }));
  const config = join(folder, 'config.yaml');
  await writeFile(
    config,
    `registries:\n  - hostnamePattern: "${registry()}"\n    plainHttp: true\n`,
  );

  const namespace = await makeNamespace(t, 'restart');
  const repository = `${namespace.name}/web`;
  const image = `${registry()}/${repository}:main`;
  const first = await push(`${repository}:main`, 'first');
  await namespace.apply(deployment('web', image));
  await namespace.apply(deployment('unlabelled', image, { labelled: false }));
  await namespace.rolledOut('deployment/web');
  await namespace.rolledOut('deployment/unlabelled');
  assert.equal(await runningDigest(namespace, 'web'), first);

  const once = ['run', '--once', '--config', config];
  const quiet = await namespace.poller(once);
  assert.equal(quiet.exitCode, 0, quiet.stdout + quiet.stderr);
  assert.equal(await generation(namespace, 'web'), '1', 'nothing was pushed, nothing restarts');
  assert.equal((await check(namespace, config)).reason, 'up-to-date');

  const second = await push(`${repository}:main`, 'second');
  const due = await check(namespace, config);
  assert.equal(due.decision, 'restart');
  assert.equal(due.reason, 'changed');
  assert.deepEqual(due.containers, [
    { name: 'app', running: [first], latest: second, verdict: 'changed', reason: 'digest-changed' },
  ]);
  assert.equal(await generation(namespace, 'web'), '1', 'check changes nothing');

  const restarting = await namespace.poller(once);
  assert.equal(restarting.exitCode, 0, restarting.stdout + restarting.stderr);
  await namespace.rolledOut('deployment/web');
  assert.equal(await runningDigest(namespace, 'web'), second);
  assert.equal(await namespace.served('web'), 'second');
  assert.equal(await generation(namespace, 'web'), '2', 'one PATCH');
  assert.equal(await generation(namespace, 'unlabelled'), '1');

  const again = await namespace.poller(once);
  assert.equal(again.exitCode, 0, again.stdout + again.stderr);
  assert.equal(await generation(namespace, 'web'), '2', 'a second --once does nothing');
  const settled = await check(namespace, config);
  assert.equal(settled.decision, 'none');
  assert.equal(settled.reason, 'up-to-date');
});

async function runningDigest(namespace: Namespace, app: string): Promise<string | undefined> {
  const [status] = (await namespace.newestPod(app)).status.containerStatuses;
  return status?.imageID.split('@').at(-1);
}

/** Goes up by one with each change of the spec. */
function generation(namespace: Namespace, name: string): Promise<string> {
  return namespace.value(`deployment/${name}`, '{.metadata.generation}');
}

/** What `check` says of the one labelled workload. */
async function check(namespace: Namespace, config: string) {
  const ended = await namespace.poller(['check', '--output', 'json', '--config', config]);
  assert.equal(ended.exitCode, 0, ended.stderr);
  const document = checkDocument.parse(JSON.parse(ended.stdout));
  assert.deepEqual(document.problems, []);
  const [workload, ...others] = document.workloads;
  assert.ok(workload !== undefined && others.length === 0, ended.stdout);
  return workload;
}
