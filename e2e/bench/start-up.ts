import { execFile } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { BenchWorld } from './bench-world.ts';
import { bundle, median, startPoller } from './measure.ts';

export interface StartUp {
  /** From the start of the process to the first LIST of its first tick; median. */
  readonly ms: number;
  /** The same without a compile cache. */
  readonly withoutCacheMs: number;
}

/** Starts the bundle again and again, with the compile cache as the image has it, and without. */
export async function measureStartUp(times: number): Promise<StartUp> {
  await using world = await BenchWorld.start({
    workloads: 10,
    podsPerWorkload: 3,
    registry: 'h2',
    latencyMs: 20,
  });
  const config = await world.writeConfig('0 0 0 1 1 *');
  const cache = join(world.folder, 'cache');
  // As the Dockerfile does.
  await promisify(execFile)(process.execPath, [bundle, 'demo'], {
    env: { NODE_COMPILE_CACHE: cache },
  });
  try {
    return {
      ms: median(await starts(world, config, times, { NODE_COMPILE_CACHE: cache })),
      withoutCacheMs: median(await starts(world, config, times, {})),
    };
  } finally {
    await rm(cache, { recursive: true, force: true });
  }
}

async function starts(
  world: BenchWorld,
  config: string,
  times: number,
  env: Readonly<Record<string, string>>,
): Promise<readonly number[]> {
  const found: number[] = [];
  for (let time = 0; time < times; time += 1) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    found.push(await start(world, config, env));
  }
  return found;
}

async function start(
  world: BenchWorld,
  config: string,
  env: Readonly<Record<string, string>>,
): Promise<number> {
  await world.forget();
  await using poller = startPoller(world, config, env);
  await poller.tick();
  const { firstAskedAt } = await world.look();
  if (firstAskedAt === undefined) throw new Error('a tick ended, but nothing was asked');
  return firstAskedAt - poller.startedAt;
}
