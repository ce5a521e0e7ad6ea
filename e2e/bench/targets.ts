import { type Counts, type RequestKind, total } from './counts.ts';
import type { Measured } from './measure.ts';
import type { Memory } from './memory.ts';
import { plannedSecrets } from './plan.ts';
import type { Predecessor } from './predecessor.ts';
import type { StartUp } from './start-up.ts';

/** One promise, and what was seen of it. */
export interface Target {
  readonly what: string;
  readonly want: string;
  readonly seen: string;
  readonly met: boolean;
  /** Requests are counted and must be right; times and memory depend on the machine. */
  readonly mustHold: boolean;
}

const registryKinds: readonly RequestKind[] = ['HEAD', 'GET manifest', 'token', 'other registry'];

export function requestTargets(measured: Measured): readonly Target[] {
  const { perTick, references, plan, pushed } = measured;
  const over = `${plan.workloads} workloads, ${plan.workloads * plan.podsPerWorkload} Pods, ${plan.registry}`;
  const secrets = plannedSecrets(plan).length;
  return [
    exactly(`${over}: HEADs per tick`, references, perTick.HEAD),
    exactly(
      `${over}: other requests to registries`,
      0,
      total(perTick, registryKinds) - perTick.HEAD,
    ),
    exactly(`${over}: LISTs, paging aside`, 4, perTick['LIST workloads'] + perTick['LIST Pods']),
    exactly(`${over}: GETs of Secrets`, secrets, perTick['GET Secret']),
    exactly(`${over}: other requests to the API server`, 0, restOf(perTick)),
    ...(pushed === undefined ? [] : pushTargets(over, pushed)),
  ];
}

function pushTargets(
  over: string,
  { images, restarts, counts }: NonNullable<Measured['pushed']>,
): readonly Target[] {
  const after = `${over}, ${images} images pushed`;
  return [
    exactly(`${after}: restarts, two workloads per image`, 2 * images, restarts),
    exactly(`${after}: GETs of workloads`, 2 * images, counts['GET workload']),
    exactly(`${after}: PATCHes`, 2 * images, counts['PATCH workload']),
  ];
}

/** What a quiet tick has no need of. */
function restOf(counts: Counts): number {
  return total(counts, ['GET workload', 'PATCH workload', 'Event', 'access review', 'other API']);
}

/** Measured over the bare flood, for the sizes and protocols that have a target. */
export function timeTargets({ plan, tickMs, floodMs }: Measured): readonly Target[] {
  const isPromised = plan.workloads === 1000 && plan.podsPerWorkload === 3;
  if (!isPromised || (plan.registry !== 'h2' && plan.registry !== 'h1')) return [];
  const what = `1000 workloads, ${plan.registry}: tick over bare flood`;
  return [atMost(what, 1.5, tickMs / floodMs, '×')];
}

export function startTarget({ ms }: StartUp): Target {
  return atMost('start to first tick', 500, ms, 'ms');
}

export function memoryTargets({ after }: Memory): readonly Target[] {
  const [early, late] = after;
  if (early === undefined) return [];
  const resident = atMost(`resident after ${early.ticks} ticks`, 110, early.residentMb, 'MB');
  if (late === undefined) return [resident];
  const growth = late.residentMb - early.residentMb;
  const what = `growth from tick ${early.ticks} to ${late.ticks}`;
  // The heap breathes: what is resident differs by some MB from tick to tick.
  return [resident, atMost(what, 8, growth, 'MB')];
}

export function predecessorTarget(measured: Measured, predecessor: Predecessor): Target {
  const want = measured.plan.registry === 'tokens' ? 35 : 20;
  const factor = predecessor.tickMs / measured.tickMs;
  return {
    what: `faster than kube-autorollout 0.5: ${measured.plan.workloads} workloads, ${measured.plan.registry}`,
    want: `≥ ${want} ×`,
    seen: `${factor.toFixed(0)} ×`,
    met: factor >= want,
    mustHold: false,
  };
}

function exactly(what: string, want: number, seen: number): Target {
  return { what, want: String(want), seen: String(seen), met: seen === want, mustHold: true };
}

function atMost(what: string, want: number, seen: number, unit: string): Target {
  const digits = unit === '×' ? 2 : 0;
  return {
    what,
    want: `≤ ${want} ${unit}`,
    seen: `${seen.toFixed(digits)} ${unit}`,
    met: Number(seen.toFixed(2)) <= want,
    mustHold: false,
  };
}
