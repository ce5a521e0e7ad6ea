import { spawnSync } from 'node:child_process';
import { cpus, totalmem } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

import { Readme } from '../docs/sections.ts';
import { measure, type Measured, type MeasureOptions } from './measure.ts';
import { measureMemory } from './memory.ts';
import type { Plan } from './plan.ts';
import { measurePredecessor, type Predecessor } from './predecessor.ts';
import { measureStartUp } from './start-up.ts';
import {
  predecessorTable,
  requestTable,
  startAndMemoryTable,
  targetTable,
  timeTable,
} from './tables.ts';
import {
  memoryTargets,
  predecessorTarget,
  requestTargets,
  startTarget,
  type Target,
  timeTargets,
} from './targets.ts';

/*
 * npm run bench [-- --quick | --soak | --readme]: what the bundle asks, how long its ticks take and what they cost,
 * over an API server and registries with 20 ms of latency that run in a process of their own. With
 * KUBE_AUTOROLLOUT_BIN, the predecessor's binary (cargo install kube-autorollout), the same work is done by it, too.
 * --readme writes the tables into the README.
 * Exit code 1 where requests are not as many as promised; times and memory only say whether their target was met.
 */
const { values: flags } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    soak: { type: 'boolean', default: false },
    readme: { type: 'boolean', default: false },
  },
});
const root = join(import.meta.dirname, '../..');

type Planned = MeasureOptions & Pick<Plan, 'workloads' | 'podsPerWorkload' | 'registry'>;

const ticks = flags.quick ? 5 : 10;
const quickPlans: readonly Planned[] = [
  { workloads: 100, podsPerWorkload: 3, registry: 'h2', ticks, every: 2 },
  { workloads: 1000, podsPerWorkload: 3, registry: 'h2', ticks, every: 3, push: 10 },
  { workloads: 1000, podsPerWorkload: 3, registry: 'h1', ticks, every: 5 },
];
const morePlans: readonly Planned[] = [
  { workloads: 1000, podsPerWorkload: 3, registry: 'tokens', ticks, every: 3 },
  { workloads: 1000, podsPerWorkload: 3, registry: 'private', ticks, every: 3, push: 10 },
  { workloads: 1000, podsPerWorkload: 9, registry: 'h2', ticks, every: 3 },
  { workloads: 5000, podsPerWorkload: 3, registry: 'h2', ticks, every: 10 },
];

async function main(): Promise<number> {
  if (flags.soak) return runScript('soak.ts', '--expose-gc');
  if (runScript('../build.ts') !== 0) return 1;
  const measured: Measured[] = [];
  for (const { ticks: count, every, push, ...plan } of [
    ...quickPlans,
    ...(flags.quick ? [] : morePlans),
  ]) {
    say(
      `${plan.workloads} workloads, ${plan.workloads * plan.podsPerWorkload} Pods, ${plan.registry}`,
    );
    const options = { ticks: count, every, ...(push !== undefined && { push }) };
    // oxlint-disable-next-line no-await-in-loop -- they would disturb each other
    measured.push(await measure({ ...plan, latencyMs: 20 }, options));
  }
  say('start');
  const start = await measureStartUp(flags.quick ? 3 : 9);
  const memory = flags.quick ? undefined : await longRun();
  const pairs = await againstPredecessor(measured);

  const targets: readonly Target[] = [
    ...measured.flatMap(requestTargets),
    ...measured.flatMap(timeTargets),
    startTarget(start),
    ...(memory === undefined ? [] : memoryTargets(memory)),
    ...pairs.map((pair) => predecessorTarget(pair.measured, pair.predecessor)),
  ];
  const answer = [
    conditions(),
    requestTable(measured),
    timeTable(measured),
    startAndMemoryTable(start, memory),
    ...(pairs.length > 0 ? [predecessorTable(pairs)] : []),
  ].join('\n\n');
  console.log(`${answer}\n\n${targetTable(targets)}`);
  if (flags.readme) {
    const readme = await Readme.read();
    readme.replace('bench', answer);
    await readme.write();
  }
  return targets.every(({ met, mustHold }) => met || !mustHold) ? 0 : 1;
}

/** When, how and where it was measured. */
function conditions(): string {
  const command = [
    ...(process.env['KUBE_AUTOROLLOUT_BIN'] === undefined
      ? []
      : ['KUBE_AUTOROLLOUT_BIN=~/.cargo/bin/kube-autorollout']),
    `npm run bench${flags.quick ? ' -- --quick' : ''}`,
  ].join(' ');
  const machine = `${cpus().length} × ${cpus()[0]?.model.trim()}, ${(totalmem() / 2 ** 30).toFixed(0)} GiB`;
  return `${new Date().toISOString().slice(0, 10)}, \`${command}\`, Node ${process.version}, ${machine}, 20 ms of latency:`;
}

function longRun(): ReturnType<typeof measureMemory> {
  say('200 ticks');
  const plan = { workloads: 1000, podsPerWorkload: 3, registry: 'h2', latencyMs: 20 } as const;
  return measureMemory(plan, [20, 200]);
}

async function againstPredecessor(
  all: readonly Measured[],
): Promise<readonly { readonly measured: Measured; readonly predecessor: Predecessor }[]> {
  const binary = process.env['KUBE_AUTOROLLOUT_BIN'];
  if (binary === undefined) return [];
  const pairs: { readonly measured: Measured; readonly predecessor: Predecessor }[] = [];
  for (const measured of all) {
    const { workloads, podsPerWorkload, registry } = measured.plan;
    const same = registry === 'h2' || registry === 'tokens';
    if (workloads !== 1000 || podsPerWorkload !== 3 || !same) continue;
    say(`kube-autorollout 0.5, ${registry}`);
    // oxlint-disable-next-line no-await-in-loop -- they would disturb each other
    pairs.push({ measured, predecessor: await measurePredecessor(binary, measured.plan) });
  }
  return pairs;
}

function runScript(script: string, ...nodeFlags: readonly string[]): number {
  const file = join(import.meta.dirname, script);
  const { status } = spawnSync(process.execPath, [...nodeFlags, file], {
    cwd: root,
    stdio: 'inherit',
  });
  return status ?? 1;
}

/** Progress goes to stderr: the tables are the answer. */
function say(what: string): void {
  process.stderr.write(`measuring ${what}\n`);
}

process.exitCode = await main();
