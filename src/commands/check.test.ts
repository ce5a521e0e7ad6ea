import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as z from 'zod';
import { runCli } from '../testing/cli.ts';
import { CliWorld } from '../testing/cli-world.ts';
import { fakeImage } from '../testing/fake-images.ts';
import { daemonSet, deployment, statefulSet } from '../testing/kube-objects.ts';

/* check as a process of its own, against an API server and a registry on real sockets. */

const documentSchema = z.object({
  version: z.literal(1),
  namespace: z.string(),
  problems: z.array(z.string()),
  hints: z.array(z.string()).default([]),
  workloads: z.array(z.object({ name: z.string(), decision: z.string(), reason: z.string() })),
});

/** web is stale, api is not. */
async function startWorld(): Promise<CliWorld> {
  const world = await CliWorld.start();
  const { namespace } = world;
  for (const name of ['web', 'api']) {
    world.push(`o/${name}:main`);
    world.api.create(deployment({ name, namespace, image: world.image(`o/${name}:main`) }));
  }
  world.pushAgain('o/web:main');
  return world;
}

const templateLabels = {
  template: { metadata: { labels: { 'kube-autorollout/enabled': 'true' } } },
};

describe('check', { concurrency: 2 }, () => {
  test('prints a table on stdout, nothing on stderr, and changes nothing', async () => {
    await using world = await startWorld();
    const { exitCode, stdout, stderr } = await world.run(['check']);
    assert.equal(exitCode, 0, stderr);
    assert.equal(stderr, '');
    assert.match(stdout, /^deployment\/api +none \(up-to-date\) /m);
    assert.match(stdout, /^deployment\/web +restart \(changed\) .*digest-changed: /m);
    assert.match(stdout, /2 workloads: 1 to restart, 1 up to date\n$/);
    const writes = world.api.requests.filter(({ method }) => method !== 'GET');
    assert.deepEqual(writes, []);
  });

  test('--exit-code is 3 when something would be restarted, 0 once that is done', async () => {
    await using world = await startWorld();
    assert.equal((await world.run(['check', '--exit-code'])).exitCode, 3);
    const only = ['--workload', 'deployment/api'];
    assert.equal((await world.run(['check', '--exit-code', ...only])).exitCode, 0);
  });

  test('--output json is the documented shape, with hints', async () => {
    await using world = await startWorld();
    world.api.create(
      statefulSet({
        name: 'db',
        namespace: world.namespace,
        image: world.image('o/api:main'),
        labels: {},
        spec: templateLabels,
      }),
    );
    const { stdout } = await world.run(['check', '--output', 'json']);
    const { hints, ...document } = documentSchema.parse(JSON.parse(stdout));
    assert.deepEqual(document, {
      version: 1,
      namespace: 'shop',
      problems: [],
      workloads: [
        { name: 'api', decision: 'none', reason: 'up-to-date' },
        { name: 'web', decision: 'restart', reason: 'changed' },
      ],
    });
    assert.equal(hints.length, 1);
    assert.match(hints[0] ?? '', /^statefulset\/db has the label on its Pod template/);
  });

  test('a namespace without the label: what is there, how to label it, exit code 0', async () => {
    await using world = await CliWorld.start();
    const image = world.image('o/web:main');
    world.push('o/web:main');
    world.api.create(deployment({ name: 'web', namespace: world.namespace, image, labels: {} }));
    world.api.create(daemonSet({ name: 'agent', namespace: world.namespace, image, labels: {} }));
    const { exitCode, stdout } = await world.run(['check']);
    assert.equal(exitCode, 0);
    assert.match(stdout, /namespace shop has deployment\/web, daemonset\/agent; none of them/);
    assert.match(
      stdout,
      /^ +kubectl --namespace shop label deployment\/web kube-autorollout\/enabled=true$/m,
    );
    assert.match(stdout, /Nothing to watch\.\n$/);
  });

  test('the wrong namespace: says that nothing is there, and where to look', async () => {
    await using world = await startWorld();
    const { exitCode, stdout } = await world.run(['check', '--namespace', 'shopp']);
    assert.equal(exitCode, 0);
    assert.match(stdout, /namespace shopp has no Deployment, StatefulSet or DaemonSet/);
    assert.match(stdout, /kubectl get .* --all-namespaces/);
  });

  test('without a config file, what is unknown may be known to the poller: says how to ask it', async () => {
    await using world = await startWorld();
    const { namespace, kubeconfig } = world;
    const image = 'registry.example.com/kube-autorollout:1';
    world.api.create(deployment({ name: 'kube-autorollout', namespace, image, labels: {} }));
    const command =
      /^ +kubectl --namespace shop exec -it deployment\/kube-autorollout -- kube-autorollout check$/m;
    const args = ['--kubeconfig', kubeconfig];
    const env = { HOME: world.folder.path, COLUMNS: '120' };
    for (const asked of [['check'], ['explain', 'deployment/web']]) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      const { stdout } = await runCli([...asked, ...args], { env });
      assert.match(stdout, /unreachable/);
      assert.match(
        stdout.replaceAll(/ +/g, ' '),
        /without --config no rule of registries is in\s+force/,
      );
      assert.match(stdout, command);
      // oxlint-disable-next-line no-await-in-loop
      assert.doesNotMatch((await world.run(asked, { env })).stdout, command);
    }
  });

  test('--workload of one without the label says exactly that, exit code 1', async () => {
    await using world = await startWorld();
    const image = world.image('o/web:main');
    world.api.create(deployment({ name: 'bare', namespace: world.namespace, image, labels: {} }));
    const { exitCode, stdout } = await world.run(['check', '--workload', 'deploy/bare']);
    assert.equal(exitCode, 1);
    assert.match(stdout, /deployment\/bare exists, but lacks kube-autorollout\/enabled=true/);
    assert.match(stdout, /kubectl --namespace shop label deployment\/bare/);
  });

  test('--workload of one that does not exist lists what is there, exit code 1', async () => {
    await using world = await startWorld();
    const { exitCode, stdout } = await world.run(['check', '--workload', 'sts/web']);
    assert.equal(exitCode, 1);
    assert.match(
      stdout,
      /namespace shop has no statefulset\/web; it has deployment\/web, deployment\/api;/,
    );
  });

  test('a kind that may not be listed is a problem with the missing rule, exit code 1', async () => {
    await using world = await startWorld();
    world.api.deny('list', 'statefulsets');
    const { exitCode, stdout } = await world.run(['check']);
    assert.equal(exitCode, 1);
    assert.match(stdout, /problem: StatefulSets could not be listed: .*verbs: \["list"\]/);
    assert.match(stdout, /^deployment\/web +restart/m);
  });

  test('case 61: an image with terminal escapes reaches neither terminal nor JSON', async () => {
    await using world = await CliWorld.start();
    const image = 'r.test/o/x\u{1b}[2J\u{9b}31m:main';
    world.runs(image, fakeImage('x').digest);
    world.api.create(deployment({ name: 'web', namespace: world.namespace, image }));
    for (const output of ['table', 'json']) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      const { stdout, stderr } = await world.run(['check', '--output', output]);
      assert.doesNotMatch(stdout + stderr, /(?!\n)[\p{C}\p{Zl}\p{Zp}]/u);
      assert.match(stdout, /invalid-reference/);
    }
  });

  test('COLUMNS says how wide it may be where the output is no terminal', async () => {
    await using world = await startWorld();
    const { stdout } = await world.run(['check'], { env: { COLUMNS: '70' } });
    for (const line of stdout.split('\n')) assert.ok(line.length <= 70, line);
    assert.match(stdout, /^deployment\/web {2}restart \(changed\)$/m);
  });

  test('LOG_LEVEL of a Pod does not fill stderr, --log-level does', async () => {
    await using world = await startWorld();
    const quiet = await world.run(['check'], { env: { LOG_LEVEL: 'info' } });
    assert.equal(quiet.stderr, '');
    const loud = await world.run(['check', '--log-level', 'info']);
    assert.match(loud.stderr, /tick ended/);
    assert.equal(loud.stdout, quiet.stdout);
  });

  test('a plugin beside a kubeconfig of the working directory is found there, not in the PATH', async () => {
    await using world = await startWorld();
    const apiVersion = 'client.authentication.k8s.io/v1';
    const { folder, namespace } = world;
    const answer = { apiVersion, kind: 'ExecCredential', status: { token: 's3cret' } };
    await folder.write('login', `#!/bin/sh\necho '${JSON.stringify(answer)}'\n`, 0o700);
    const user = { exec: { apiVersion, command: './login' } };
    await folder.write('laptop', world.api.kubeconfig({ namespace, user }));
    const args = ['check', '--kubeconfig', 'laptop', '--config', world.config];
    const { exitCode, stdout } = await runCli(args, { cwd: folder.path });
    assert.equal(exitCode, 0, stdout);
    assert.match(stdout, /^2 workloads: /m);
  });

  test('an API server that is not there is named, exit code 1', async () => {
    await using world = await startWorld();
    await world.api.close();
    const { exitCode, stdout } = await world.run(['check']);
    assert.equal(exitCode, 1);
    assert.ok(stdout.includes(`API server ${world.api.url.origin}: the connection was refused`));
    assert.match(stdout, /No workload could be checked\.\n$/);
  });
});

describe(
  'what cannot begin ends with exit code 2 and one message, before anything is contacted',
  { concurrency: 2 },
  () => {
    const rows: readonly {
      readonly name: string;
      readonly args?: readonly string[];
      readonly env?: Readonly<Record<string, string>>;
      readonly needsKubeconfig?: boolean;
      readonly says: RegExp;
    }[] = [
      { name: 'no kubeconfig', says: /^error: no kubeconfig: give --kubeconfig/ },
      {
        name: 'a kubeconfig that does not exist',
        args: ['--kubeconfig', '/nowhere/config'],
        says: /^error: .*\/nowhere\/config/,
      },
      {
        name: 'a config that does not exist',
        args: ['--config', '/nowhere/config.yaml'],
        says: /^error: \/nowhere\/config\.yaml: the config file does not exist/,
      },
      {
        name: 'a proxy variable that is no URL',
        env: { HTTPS_PROXY: 'http://user:pass word@[proxy' },
        says: /^error: HTTPS_PROXY is no URL: write http:/,
      },
      {
        name: 'a proxy variable of another protocol',
        env: { http_proxy: 'socks5://proxy.test:1080' },
        says: /^error: HTTP_PROXY names a socks5 proxy \(proxy\.test:1080\)/,
      },
      {
        name: 'a wrong LOG_LEVEL',
        env: { LOG_LEVEL: 'loud' },
        says: /^error: LOG_LEVEL is "loud"/,
      },
      {
        name: 'a wrong namespace',
        args: ['--namespace', 'A/B'],
        needsKubeconfig: true,
        says: /^error: .*"A\/B"/,
      },
      { name: 'a wrong flag', args: ['--wrong'], says: /^error: unknown option '--wrong'/ },
      { name: 'a wrong workload', args: ['--workload', 'pod/x'], says: /KIND\/NAME/ },
    ];
    for (const { name, args = [], env = {}, needsKubeconfig = false, says } of rows) {
      test(name, async () => {
        await using world = await CliWorld.start();
        const flags = needsKubeconfig ? [...args, '--kubeconfig', world.kubeconfig] : args;
        const ended = await runCli(['check', ...flags], { env: { HOME: '/nowhere', ...env } });
        assert.equal(ended.exitCode, 2, ended.stderr);
        assert.equal(ended.stdout, '');
        assert.match(ended.stderr, says);
        assert.doesNotMatch(ended.stderr, /pass word|at .*\.ts/);
        assert.equal(world.api.requests.length, 0);
      });
    }
  },
);
