import { Cron } from 'croner';

/**
 * Tells what is wrong with a cron pattern, as the rest of a sentence that begins with the pattern (case 56).
 *
 * croner's own messages quote its internal values: month 13 is "12" to it.
 *
 * @returns undefined for a pattern of 5 or 6 fields (seconds first), or a nickname like `@daily`, that comes due
 */
export function cronProblem(pattern: string): string | undefined {
  const fields = pattern.trim().split(/\s+/);
  const nickname = fields.length === 1 && pattern.startsWith('@');
  if (!nickname && fields.length !== 5 && fields.length !== 6) {
    return `has ${fields.length} ${fields.length === 1 ? 'field' : 'fields'}; a schedule has 5 (minute hour day month weekday) or 6 (seconds first)`;
  }
  let next: Date | null;
  try {
    next = new Cron(pattern, { mode: '5-or-6-parts', timezone: 'UTC' }).nextRun();
  } catch (error) {
    return `is no schedule${partAtFault(error)}; as an example, "0 */5 * * * *" is every five minutes`;
  }
  return next === null ? 'never comes due: no such day exists' : undefined;
}

/** croner names the field, which helps where six of them stand in a row. */
function partAtFault(error: unknown): string {
  const message = error instanceof Error ? error.message : '';
  const [, part] =
    /Invalid value for (second|minute|hour|dayOfWeek|day|month)\b/.exec(message) ?? [];
  const names = { dayOfWeek: 'weekday', day: 'day of the month' };
  if (part === undefined) return '';
  return `: its ${part === 'dayOfWeek' || part === 'day' ? names[part] : part} is out of range`;
}

/** Tells whether a name is a time zone that this machine knows. */
export function isTimeZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
}

/**
 * Writes a time as a clock in a zone shows it, in ISO 8601 with its offset.
 *
 * @example
 * formatInZone(new Date(0), 'Europe/Berlin'); // '1970-01-01T01:00:00+01:00'
 */
export function formatInZone(time: Date, timeZone: string): string {
  const format = new Intl.DateTimeFormat('en-CA', {
    timeZone,
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    hourCycle: 'h23',
    timeZoneName: 'longOffset',
  });
  const parts = new Map(format.formatToParts(time).map(({ type, value }) => [type, value]));
  const part = (type: Intl.DateTimeFormatPartTypes): string => parts.get(type) ?? '';
  const offset = part('timeZoneName').replace('GMT', '').replace('+00:00', '');
  const date = `${part('year')}-${part('month')}-${part('day')}`;
  return `${date}T${part('hour')}:${part('minute')}:${part('second')}${offset === '' ? 'Z' : offset}`;
}
