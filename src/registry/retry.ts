/** Longer than this nobody is obeyed: one HEAD an hour hurts no registry, and a wrong header would stop us for years. */
export const maxRetryAfterMs = 60 * 60_000;

/**
 * Reads a `Retry-After` header.
 *
 * @param now for the form with a date; a date in the past is 0
 * @returns milliseconds, capped at {@link maxRetryAfterMs}; undefined where it is neither form
 * @see https://www.rfc-editor.org/rfc/rfc9110.html#section-10.2.3
 */
export function parseRetryAfter(value: string, now: Date): number | undefined {
  const text = value.trim();
  if (/^\d{1,15}$/.test(text)) return capped(Number(text) * 1000);
  if (!/^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,? /.test(text) || text.length > 40) return undefined;
  // The oldest of the three allowed forms names no zone and means GMT like the others.
  const time = Date.parse(text.endsWith(' GMT') ? text : `${text} GMT`);
  return Number.isNaN(time) ? undefined : capped(time - now.getTime());
}

const unitMs = {
  h: 3_600_000,
  m: 60_000,
  s: 1000,
  ms: 1,
  us: 0.001,
  µs: 0.001,
  μs: 0.001, // Greek mu; the one above is the micro sign, which Go prints
  ns: 0.000001,
} as const;

function isUnit(text: string): text is keyof typeof unitMs {
  return Object.hasOwn(unitMs, text);
}

/**
 * Finds a Go duration in an error message: GHCR's only hint is `toomanyrequests: retry-after: 331.163µs, allowed: …` (case 52).
 *
 * @returns milliseconds, rounded up, capped; undefined where the text says nothing
 */
export function findRetryAfter(body: string): number | undefined {
  const [, found] =
    /retry-after:\s{0,8}((?:\d{1,12}(?:\.\d{1,12})?[a-zµμ]{1,2}){1,4})/i.exec(body) ?? [];
  if (found === undefined) return undefined;
  let total = 0;
  for (const [, number, unit = ''] of found.matchAll(/([\d.]+)([a-zµμ]+)/gi)) {
    if (!isUnit(unit)) return undefined;
    total += Number(number) * unitMs[unit];
  }
  return capped(Math.ceil(total));
}

const firstBackOffMs = 30_000;

/**
 * How long to stay away when a registry did not say: doubling, half of it at random, so that many
 * installations that were refused together do not come back together.
 *
 * @param failures 1 for the first in a row
 * @param random   from 0 up to 1
 */
export function backOffMs(failures: number, random: number): number {
  const full = Math.min(firstBackOffMs * 2 ** (failures - 1), maxRetryAfterMs);
  return full / 2 + (full / 2) * random;
}

/** What is left of a quota. */
export interface RateLimit {
  readonly remaining: number;
  /** Over how long the registry counts; absent where it does not say. */
  readonly windowMs?: number;
}

/**
 * Reads `ratelimit-remaining: 76;w=21600`.
 * @see https://docs.docker.com/docker-hub/usage/pulls/
 */
export function parseRateLimit(value: string): RateLimit | undefined {
  const [, remaining, window] = /^\s*(\d{1,12})\s*(?:;\s*w=(\d{1,12})\s*)?$/.exec(value) ?? [];
  if (remaining === undefined) return undefined;
  return {
    remaining: Number(remaining),
    ...(window !== undefined && { windowMs: Number(window) * 1000 }),
  };
}

function capped(ms: number): number {
  return Math.min(Math.max(0, ms), maxRetryAfterMs);
}
