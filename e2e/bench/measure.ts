import { join } from 'node:path';
import { z } from 'zod';

import { asInAPod } from './as-in-a-pod.ts';
import { BenchWorld, type Look } from './bench-world.ts';
import { Child } from './child.ts';
import { type Counts, countsBetween, medianCounts } from './counts.ts';
import type { Plan } from './plan.ts';
import { PollerProcess } from './poller-process.ts';

export const bundle = join(import.meta.dirname, '../../dist/main.mjs');

export interface MeasureOptions {
  /** After the first one. */
  readonly ticks: number;
  /** Seconds from tick to tick. */
  readonly every: number;
  /** How many images are pushed once these ticks are over; the requests of three ticks are then counted. */
  readonly push?: number;
}

/** What a poller needs for a namespace. */
export interface Measured {
  readonly plan: Plan;
  readonly references: number;
  readonly firstTickMs: number;
  /** Median of the ticks after the first. */
  readonly tickMs: number;
  readonly cpuMsPerTick: number;
  readonly residentMb: number;
  /** The first tick's, with what the start itself asks. */
  readonly first: Counts;
  /** Median of the ticks after the first, kind by kind. */
  readonly perTick: Counts;
  /** To registries, over all ticks. */
  readonly connections: number;
  /** Median of as many floods. */
  readonly floodMs: number;
  readonly pushed?: Pushed;
}

/** Of three ticks after images were pushed. */
export interface Pushed {
  readonly images: number;
  readonly restarts: number;
  readonly counts: Counts;
}

/** Starts the bundle as the image does. */
export function startPoller(
  world: BenchWorld,
  config: string,
  env: Readonly<Record<string, string>> = {},
): PollerProcess {
  const args = [
    ...heapFlags(world.plan),
    bundle,
    'run',
    '--config',
    config,
    '--log-format',
    'json',
  ];
  // As the Dockerfile sets it.
  const command = { command: process.execPath, args, env: { MALLOC_ARENA_MAX: '1', ...env } };
  const inAPod = asInAPod(world, command);
  if (inAPod !== undefined) return new PollerProcess(inAPod);
  const withKubeconfig = [...args, '--kubeconfig', world.kubeconfig];
  return new PollerProcess({ ...command, args: withKubeconfig });
}

/**
 * What V8 chooses by itself in a container with the memory limit of the chart, 256 MiB, which is for a thousand
 * workloads; twice as much for more. On a machine with much memory it would let garbage pile up.
 */
function heapFlags({ workloads }: Plan): readonly string[] {
  return workloads > 1000
    ? ['--max-old-space-size=256', '--max-semi-space-size=2']
    : ['--max-old-space-size=128', '--max-semi-space-size=1'];
}

/**
 * Polls and, between ticks, floods: whatever else the machine is busy with, tick and flood bear it alike.
 * @throws {Error} when a tick fails, or the poller asks for what it has no business with
 */
export async function measure(plan: Plan, options: MeasureOptions): Promise<Measured> {
  const { ticks, every, push } = options;
  await using world = await BenchWorld.start(plan);
  using flood = new Flood(world);
  const start = await lookAt(world);
  const config = await world.writeConfig(`*/${every} * * * * *`, 'jitterSeconds: 0\n');
  await using poller = startPoller(world, config);
  const firstTick = await poller.tick();
  const afterFirst = await lookAt(world);
  // The first round dials.
  await flood.round();

  const seen: { readonly tickMs: number; readonly floodMs: number; readonly counts: Counts }[] = [];
  await poller.tick();
  const before = poller.resources;
  for (let tick = 0; tick < ticks; tick += 1) {
    // oxlint-disable-next-line no-await-in-loop -- tick by tick
    seen.push(await observeTick(world, poller, flood));
  }
  const { cpuMs, residentMb } = poller.resources;
  return {
    plan,
    references: world.images.length,
    firstTickMs: firstTick.durationMs,
    tickMs: median(seen.map(({ tickMs }) => tickMs)),
    floodMs: median(seen.map(({ floodMs }) => floodMs)),
    cpuMsPerTick: (cpuMs - before.cpuMs) / ticks,
    residentMb,
    first: countsBetween(start.counts, afterFirst.counts),
    perTick: medianCounts(seen.map(({ counts }) => counts)),
    connections: afterFirst.connections.reduce((sum, one) => sum + one, 0),
    ...(push !== undefined && { pushed: await pushAndPoll(world, poller, push) }),
  };
}

async function observeTick(
  world: BenchWorld,
  poller: PollerProcess,
  flood: Flood,
): Promise<{ readonly tickMs: number; readonly floodMs: number; readonly counts: Counts }> {
  const before = await lookAt(world);
  const { durationMs, none, result } = await poller.tick();
  if (result !== 'success' || none !== world.plan.workloads) {
    throw new Error(`a tick went wrong:\n${poller.lastWords}`);
  }
  const after = await lookAt(world);
  const floodMs = await flood.round();
  return { tickMs: durationMs, floodMs, counts: countsBetween(before.counts, after.counts) };
}

/** The same HEADs with the same client and nothing else, by a process of its own. */
class Flood implements Disposable {
  readonly #world: BenchWorld;
  readonly #child = new Child('flood.ts');

  constructor(world: BenchWorld) {
    this.#world = world;
  }

  async round(): Promise<number> {
    const { images, certificate } = this.#world;
    const answerSchema = z.object({ duration: z.number() });
    return (await this.#child.ask({ images, certificate }, answerSchema)).duration;
  }

  [Symbol.dispose](): void {
    this.#child[Symbol.dispose]();
  }
}

async function pushAndPoll(
  world: BenchWorld,
  poller: PollerProcess,
  images: number,
): Promise<Pushed> {
  const before = await lookAt(world);
  await world.push(images);
  let restarts = 0;
  for (let tick = 0; tick < 3; tick += 1) {
    // oxlint-disable-next-line no-await-in-loop -- tick by tick
    restarts += (await poller.tick()).restart;
  }
  const after = await lookAt(world);
  return { images, restarts, counts: countsBetween(before.counts, after.counts) };
}

/** @throws {Error} when the poller asked for what it has no business with */
async function lookAt(world: BenchWorld): Promise<Look> {
  const look = await world.look();
  if (look.problems.length > 0) throw new Error(look.problems.join('\n'));
  return look;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((one, other) => one - other);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? 0;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? 0) + upper) / 2;
}
