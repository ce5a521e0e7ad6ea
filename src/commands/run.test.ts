import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Cli, freePort, waitFor } from '../testing/cli.ts';
import { CliWorld } from '../testing/cli-world.ts';
import { deployment } from '../testing/kube-objects.ts';

/* run as a process of its own, against an API server and a registry on real sockets. */

const everySecond = 'cronSchedule: "* * * * * *"\njitterSeconds: 0\n';
const plainHttp = 'registries:\n  - hostnamePattern: "127.0.0.1:*"\n    plainHttp: true\n';
const pods = '/api/v1/namespaces/shop/pods';
const events = '/apis/events.k8s.io/v1/namespaces/shop/events';
const deployments = '/apis/apps/v1/namespaces/shop/deployments';

/** A world with one Deployment, and what `run` needs to be looked at from outside. */
class RunWorld implements AsyncDisposable {
  readonly world: CliWorld;
  readonly url: string;
  readonly #port: number;

  constructor(world: CliWorld, port: number) {
    this.world = world;
    this.#port = port;
    this.url = `http://127.0.0.1:${port}`;
  }

  static async start(config = everySecond + plainHttp): Promise<RunWorld> {
    const made = new RunWorld(await CliWorld.start(), await freePort());
    const { world } = made;
    await made.writeConfig(config);
    world.push('o/web:main');
    const image = world.image('o/web:main');
    world.api.create(deployment({ name: 'web', namespace: world.namespace, image }));
    return made;
  }

  async writeConfig(text: string): Promise<void> {
    await this.world.folder.write('config.yaml', `${text}webserver:\n  port: ${this.#port}\n`);
  }

  run(...args: readonly string[]): Cli {
    return this.world.start(['run', '--log-format', 'json', ...args]);
  }

  /** The status of a path; 0 where nobody answers. */
  async status(path: string): Promise<number> {
    return (await this.#get(path))?.status ?? 0;
  }

  async text(path: string): Promise<string> {
    return (await (await this.#get(path))?.text()) ?? '';
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.world[Symbol.asyncDispose]();
  }

  async #get(path: string): Promise<Response | undefined> {
    // oxlint-disable-next-line no-restricted-globals -- a scrape and a probe as anybody sends them
    return fetch(`${this.url}${path}`).catch(() => undefined);
  }
}

async function ends(cli: Cli, exitCode: number): Promise<void> {
  const ended = await cli.ended;
  assert.deepEqual([ended.exitCode, ended.signal], [exitCode, null], ended.stdout + ended.stderr);
}

// They wait for the schedule and for the look at the files, most of the time.
describe('run', { concurrency: 2 }, () => {
  test('a config that changes takes effect, an invalid one is refused and counted', async () => {
    await using made = await RunWorld.start(everySecond);
    const { world } = made;
    await using cli = made.run();
    // Without the rule, a registry that speaks plain HTTP cannot be talked to.
    await cli.says(/"reason":"unknown"/);

    await made.writeConfig(everySecond + plainHttp);
    await cli.says(/"changed":\["[^"]*config\.yaml"\].*"configuration changed; it takes effect/);
    await cli.says(/"reason":"up-to-date"/);

    await made.writeConfig(`${everySecond}${plainHttp}cronScheduel: now\n`);
    await cli.says(/config\.yaml:\d+:\d+ cronScheduel: .*did you mean.*the last good one stays/);
    const metrics = await made.text('/metrics');
    assert.match(metrics, /^kube_autorollout_config_reloads_total\{result="ok"\} 1$/m);
    assert.match(metrics, /^kube_autorollout_config_reloads_total\{result="invalid"\} 1$/m);
    const heads = world.registry.count('HEAD');
    await waitFor('ticks go on with the last good one', () => world.registry.count('HEAD') > heads);

    await made.writeConfig(everySecond + plainHttp);
    await cli.says(/"configuration is valid again, and what is in force"/);

    cli.kill('SIGTERM');
    await ends(cli, 0);
  });

  test('ready after the first tick, not after three failed ones, and again when the API server is back', async () => {
    await using made = await RunWorld.start();
    const { api } = made.world;
    let isGone = true;
    for (const path of [pods, ...['deployments', 'statefulsets', 'daemonsets'].map(listOf)]) {
      api.on('GET', path, () => (isGone ? { fault: 'reset' } : undefined));
    }
    await using cli = made.run();
    await waitFor('the web server listens', async () => (await made.status('/health/live')) !== 0);
    assert.equal(await made.status('/health/ready'), 503);
    assert.match(await made.text('/health/ready'), /^[^\n]+\n$/, 'a reason on one line');

    isGone = false;
    await waitFor('it is ready', async () => (await made.status('/health/ready')) === 204);

    isGone = true;
    await waitFor('it is not', async () => (await made.status('/health/ready')) === 503);
    assert.match(
      await made.text('/health/ready'),
      /^the last \d+ ticks failed; the log says why\n$/,
    );
    assert.equal(await made.status('/health/live'), 204, 'a restart would not help');
    const failed = /^kube_autorollout_ticks_total\{result="failed"\} (?<count>\d+)$/m;
    const count = Number(failed.exec(await made.text('/metrics'))?.groups?.['count']);
    assert.ok(count >= 3, String(count));

    isGone = false;
    await waitFor('it is again', async () => (await made.status('/health/ready')) === 204);
    assert.match(cli.output(), /"message":"Pods could not be listed: .*"problem is resolved"/);
    cli.kill('SIGTERM');
    await ends(cli, 0);
  });

  test('goes on while the API server is not there, and stops when it is told to', async () => {
    await using made = await RunWorld.start();
    await made.world.api.close();
    await using cli = made.run();
    await cli.says(/(?:"tick ended"[^]*){2}/);
    assert.equal(await made.status('/health/ready'), 503);
    assert.equal(await made.status('/health/live'), 204);
    assert.ok(cli.output().includes(`API server ${made.world.api.url.origin}: the connection was`));
    cli.kill('SIGTERM');
    await ends(cli, 0);
  });

  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    test(`case 58: ${signal} in the middle of a tick ends it within 5 s, exit code 0`, async () => {
      await using made = await RunWorld.start();
      const { registry } = made.world;
      registry.on('HEAD', '/v2/o/web/manifests/main', { fault: 'hang' });
      await using cli = made.run();
      await waitFor('a look-up hangs', () => registry.count('HEAD') > 0);
      const startedMs = performance.now();
      cli.kill(signal);
      await ends(cli, 0);
      assert.ok(performance.now() - startedMs < 5_000, 'the contract of a clean stop');
    });
  }

  test('case 58: SIGTERM lets a PATCH in flight end, and tells of the restart', async () => {
    await using made = await RunWorld.start();
    const { api, registry } = made.world;
    made.world.pushAgain('o/web:main');
    const asked = Promise.withResolvers<void>();
    api.once('PATCH', `${deployments}/web`, async (_, serve) => {
      asked.resolve();
      const answer = serve();
      return { ...answer, delayMs: 700 };
    });
    await using cli = made.run();
    await asked.promise;
    cli.kill('SIGTERM');
    await ends(cli, 0);
    assert.match(cli.output(), /"workload":"web".*"workload restarted"/);
    assert.equal(api.count('PATCH', `${deployments}/web`), 1);
    assert.ok(registry.count('HEAD') > 0);
  });

  test('a second signal ends it at once', async () => {
    await using made = await RunWorld.start();
    made.world.api.on('PATCH', `${deployments}/web`, { fault: 'hang' });
    made.world.pushAgain('o/web:main');
    await using cli = made.run();
    await waitFor('a PATCH hangs', () => made.world.api.count('PATCH') > 0);
    cli.kill('SIGTERM');
    await cli.says(/"stopping"/);
    cli.kill('SIGTERM');
    assert.equal((await cli.ended).exitCode, 143);
  });

  test('what the Role lacks is told once, Events included', async () => {
    await using made = await RunWorld.start();
    const { api } = made.world;
    for (const verb of ['create', 'patch']) api.deny(verb, 'events');
    api.deny('list', 'replicasets');
    made.world.pushAgain('o/web:main');
    await using cli = made.run();
    await cli.says(
      /"workload restarted"[^]*"the Role lacks|"the Role lacks[^]*"workload restarted"/,
    );
    await waitFor('an Event is refused', () => api.count('POST', events) > 0);
    await cli.says(/(?:"tick ended"[^]*){2}/);
    cli.kill('SIGTERM');
    await ends(cli, 0);
    const warnings = cli.output().match(/"level":"warn".*(?:Role|Events).*/g);
    assert.equal(warnings?.length, 1, cli.output());
    assert.match(warnings.join(), /list replicasets\.apps.*create events.*patch events/);
  });

  test('--once restarts what is stale, writes an Event, and ends with exit code 0', async () => {
    await using made = await RunWorld.start();
    const { world } = made;
    world.pushAgain('o/web:main');
    await using cli = made.run('--once');
    await ends(cli, 0);
    assert.equal(world.api.count('PATCH', `${deployments}/web`), 1);
    assert.match(cli.output(), /"image":"[^"]*o\/web:main".*"workload restarted"/);
    const reasons = world.api.list('Event', 'shop').map((event) => event['reason']);
    assert.deepEqual(reasons, ['Restarted']);
  });

  test('--once --dry-run writes nothing at all', async () => {
    await using made = await RunWorld.start();
    made.world.pushAgain('o/web:main');
    await using cli = made.run('--once', '--dry-run');
    await ends(cli, 0);
    assert.match(cli.output(), /"reason":"dry-run".*"workload would be restarted"/);
    const written = made.world.api.requests.filter(({ method }) => method !== 'GET');
    assert.deepEqual(written, []);
  });

  test('--once is 1 when the API server is not there', async () => {
    await using made = await RunWorld.start();
    await made.world.api.close();
    await using cli = made.run('--once');
    await ends(cli, 1);
  });

  test('a port that is taken ends it with exit code 1 and what to do', async () => {
    await using made = await RunWorld.start();
    await using first = made.run();
    await waitFor('the port is taken', async () => (await made.status('/health/live')) !== 0);
    await using second = made.run();
    await ends(second, 1);
    assert.match(
      second.output(),
      /^error: the web server cannot listen on port \d+: it is in use/m,
    );
    first.kill('SIGTERM');
    await ends(first, 0);
  });
});

function listOf(resource: string): string {
  return `/apis/apps/v1/namespaces/shop/${resource}`;
}
