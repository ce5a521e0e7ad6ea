import { createMetrics } from '../telemetry/metrics.ts';
import type { TickReport } from '../tick.ts';
import { pause, startDemoWorld, type DemoWorld } from './demo-world.ts';
import { variable, type Environment } from './environment.ts';
import type { ExitCode } from './exit-code.ts';
import { createPoller } from './poller.ts';
import { setUp } from './setup.ts';

/** Between steps, so that a person can read along. */
const readingMs = 900;

/** The whole poller against an embedded API server and registry: the same tick and adapters, real sockets. */
export async function demo(environment: Environment): Promise<ExitCode> {
  await using world = await startDemoWorld(variable(environment, 'TMPDIR') ?? '/tmp');
  // Nothing of the user's own settings: neither their cluster nor their proxy.
  const own = { ...environment, variables: { NO_COLOR: environment.variables['NO_COLOR'] } };
  const { config, kubeconfig } = world;
  const setup = await setUp(
    own,
    { config, kubeconfig, dryRun: false, logFormat: 'pretty' },
    { logTo: 'stdout', logLevel: 'info' },
  );
  const poller = createPoller({
    ...setup,
    mode: 'act',
    config: () => setup.loaded.config,
    instance: 'demo',
    metrics: createMetrics({ version: environment.version, processMetrics: false }),
  });
  try {
    return (await story(world, environment, () => poller.tick(environment.stop))) ? 0 : 1;
  } catch (error) {
    if (!environment.stop.aborted) throw error;
    return 1;
  } finally {
    await poller.close();
  }
}

/** @returns whether everything came as told @throws when it is told to stop */
async function story(
  world: DemoWorld,
  { stdout, stop }: Environment,
  tick: () => Promise<TickReport>,
): Promise<boolean> {
  let kept = true;
  const say = async (text: string): Promise<void> => {
    stdout.write(`\n== ${text}\n`);
    await pause(readingMs);
    stop.throwIfAborted();
  };
  const tickAndExpect = async (want: Readonly<Record<string, string>>): Promise<void> => {
    const report = await tick();
    stop.throwIfAborted();
    const got = new Map(report.workloads.map(({ id, reason }) => [id.name, reason]));
    for (const [name, reason] of Object.entries(want)) {
      if (got.get(name) === reason) continue;
      kept = false;
      stdout.write(`!! expected ${name} to be ${reason}, but it is ${got.get(name) ?? 'absent'}\n`);
    }
  };

  await say(
    'Three Deployments are labelled: web, private (behind a pull Secret), and broken, whose registry is down.',
  );
  await tickAndExpect({ web: 'up-to-date', private: 'up-to-date', broken: 'unknown' });

  await say(`Somebody pushes web again under the same tag: ${world.push('demo/web', 'second')}`);
  await tickAndExpect({ web: 'changed', private: 'up-to-date', broken: 'unknown' });
  await say('What the API server was asked for:');
  stdout.write(`${lastPatch(world)}\n`);
  await say(
    'The controllers replace the first Pod. A tick that finds the rollout under way waits.',
  );
  world.rollOut('web', 1);
  await tickAndExpect({ web: 'rollout-in-progress' });
  world.rollOut('web');
  await say('The Pods run the new image; the tick after that has nothing to do.');
  await tickAndExpect({ web: 'up-to-date', private: 'up-to-date', broken: 'unknown' });

  await say("The private image is pushed, too. It is read with the Pod's own pull Secret.");
  world.push('demo/private', 'second');
  await tickAndExpect({ web: 'up-to-date', private: 'changed', broken: 'unknown' });
  world.rollOut('private');
  await tickAndExpect({ web: 'up-to-date', private: 'up-to-date', broken: 'unknown' });

  const heads = world.registry.count('HEAD');
  const gets = world.registry.requests.filter(
    ({ method, path }) => method === 'GET' && path.includes('/manifests/'),
  ).length;
  await say(
    `Done. The registry answered ${heads} HEADs and ${gets} GETs of manifests; broken disturbed nobody, and nothing was restarted twice.`,
  );
  return kept;
}

function lastPatch({ api }: DemoWorld): string {
  const patch = api.requests.findLast(
    ({ method, path }) => method === 'PATCH' && path.includes('/deployments/'),
  );
  if (patch === undefined) return 'no PATCH';
  const query = new URLSearchParams(patch.query).toString();
  return [
    `PATCH ${patch.path}?${query}`,
    `content-type: ${patch.headers['content-type'] ?? ''}`,
    JSON.stringify(patch.document, undefined, 2),
  ].join('\n');
}
