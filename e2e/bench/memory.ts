import { BenchWorld } from './bench-world.ts';
import { median, startPoller } from './measure.ts';
import type { Plan } from './plan.ts';

export interface Memory {
  readonly plan: Plan;
  /** Resident MB after so many ticks: the median of the five ticks up to it. */
  readonly after: readonly { readonly ticks: number; readonly residentMb: number }[];
}

/** Lets the bundle run for long. @param marks after how many ticks to look, ascending */
export async function measureMemory(plan: Plan, marks: readonly number[]): Promise<Memory> {
  await using world = await BenchWorld.start(plan);
  const config = await world.writeConfig('* * * * * *', 'jitterSeconds: 0\n');
  await using poller = startPoller(world, config);
  const resident: number[] = [];
  for (let tick = 0; tick < (marks.at(-1) ?? 0); tick += 1) {
    // oxlint-disable-next-line no-await-in-loop -- tick by tick
    await poller.tick();
    resident.push(poller.resources.residentMb);
    // The fakes keep every request until somebody looks.
    // oxlint-disable-next-line no-await-in-loop
    await world.look();
  }
  const after = marks.map((ticks) => ({
    ticks,
    residentMb: median(resident.slice(Math.max(0, ticks - 5), ticks)),
  }));
  return { plan, after };
}
