import { formatInZone } from '../config/cron.ts';
import { nextTimes, unevenGaps } from '../schedule.ts';

const shown = 5;

/**
 * When a schedule is due next, for people: ISO 8601 in its zone, jitter aside.
 *
 * @returns `uneven`, where the gaps differ, as those of a step of 45 seconds do: how they do (case 56)
 */
export function scheduleTimes(
  { cronSchedule, timeZone }: { readonly cronSchedule: string; readonly timeZone: string },
  from: Date,
): { readonly next: readonly string[]; readonly uneven: string | undefined } {
  const times = nextTimes(cronSchedule, timeZone, from, shown);
  const gaps = unevenGaps(times).map(describeSeconds);
  return {
    next: times.map((time) => formatInZone(time, timeZone)),
    uneven: gaps.length > 0 ? `the next times are ${gaps.join(', ')} apart` : undefined,
  };
}

function describeSeconds(seconds: number): string {
  if (seconds % 3600 === 0) return `${seconds / 3600} h`;
  return seconds % 60 === 0 ? `${seconds / 60} min` : `${seconds} s`;
}
