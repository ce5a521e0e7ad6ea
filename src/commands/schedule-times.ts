import { formatInZone } from '../config/cron.ts';
import { nextTimes, unevenGaps } from '../schedule.ts';

const shown = 5;

/**
 * When a schedule is due next, for people: ISO 8601 in its zone, jitter aside.
 *
 * @returns `uneven` when the gaps differ, as those of a step of 45 seconds do (case 56)
 */
export function scheduleTimes(
  { cronSchedule, timeZone }: { readonly cronSchedule: string; readonly timeZone: string },
  from: Date,
): { readonly next: readonly string[]; readonly uneven: boolean } {
  const times = nextTimes(cronSchedule, timeZone, from, shown);
  return { next: times.map((time) => formatInZone(time, timeZone)), uneven: unevenGaps(times) };
}
