import { setTimeout as sleep } from 'node:timers/promises';

import { BenchWorld } from './bench-world.ts';
import { type Counts, countsBetween, total } from './counts.ts';
import type { Plan } from './plan.ts';
import { PollerProcess } from './poller-process.ts';

export interface Predecessor {
  readonly plan: Plan;
  /** From its first request to its last; 100 ms more or less. */
  readonly tickMs: number;
  readonly counts: Counts;
  readonly residentMb: number;
  readonly cpuMs: number;
}

const lookEveryMs = 100;
/** It asks one thing after another; this long a silence is the end of its tick. */
const silenceMs = 3_000;

/** One tick of kube-autorollout 0.5, over the same namespace with the same config file. */
export async function measurePredecessor(binary: string, plan: Plan): Promise<Predecessor> {
  await using world = await BenchWorld.start(plan);
  const before = (await world.look()).counts;
  // Once, soon: it has no other way to begin.
  const due = new Date(Date.now() + 3_000);
  const pattern = `${due.getUTCSeconds()} ${due.getUTCMinutes()} * * * *`;
  const config = await world.writeConfig(pattern);
  await using poller = new PollerProcess({
    command: binary,
    args: [],
    env: { CONFIG_FILE: config, KUBECONFIG: world.kubeconfig, RUST_LOG: 'warn', TZ: 'UTC' },
  });
  let counts = before;
  let firstAt: number | undefined;
  let lastAt = Date.now();
  while (firstAt === undefined || Date.now() - lastAt < silenceMs) {
    // oxlint-disable-next-line no-await-in-loop -- looks on
    await sleep(lookEveryMs);
    // oxlint-disable-next-line no-await-in-loop
    const now = (await world.look()).counts;
    // What it asks at start is no tick yet.
    if (now['LIST workloads'] > 0 && total(now) > total(counts)) {
      lastAt = Date.now();
      firstAt ??= lastAt;
    }
    counts = now;
    if (firstAt === undefined && Date.now() - lastAt > 70_000) {
      throw new Error(`${binary} begins no tick:\n${poller.lastWords}`);
    }
  }
  const { residentMb, cpuMs } = poller.resources;
  return {
    plan,
    tickMs: lastAt - firstAt,
    counts: countsBetween(before, counts),
    residentMb,
    cpuMs,
  };
}
