import { Lru } from './lru.ts';
import { backOffMs, type RateLimit } from './retry.ts';

/** Whose quota: registries count per account, or per address where nobody logged in. */
export interface Quota {
  /** Who answers, and at whose bidding. */
  readonly host: string;
  /** Keyed hash of the credential; empty for anonymous. */
  readonly fingerprint: string;
}

interface State {
  until: number;
  failures: number;
  /** Number of the tick that was ended. */
  tick: number;
}

/**
 * Remembers which hosts want to be left alone by which credential (case 52). What is limited stays so
 * for the rest of the tick at least, and after that for as long as the registry said.
 */
export class Throttle {
  readonly #states = new Lru<State>({ maxEntries: 10_000 });
  readonly #monotonic: () => number;
  readonly #random: () => number;

  constructor(monotonic: () => number, random: () => number) {
    this.#monotonic = monotonic;
    this.#random = random;
  }

  /** @returns for how long it is limited, 0 when only until the end of this tick; undefined when it is free */
  limitedFor(quota: Quota, tick: number): number | undefined {
    const state = this.#states.get(keyOf(quota));
    if (state === undefined) return undefined;
    const left = Math.max(0, state.until - this.#monotonic());
    return left > 0 || state.tick === tick ? left : undefined;
  }

  /**
   * Notes a 429.
   * @param retryAfterMs as the registry said; without it, doubling from half a minute to an hour
   * @returns for how long
   */
  limited(quota: Quota, tick: number, retryAfterMs: number | undefined): number {
    const state = this.#states.get(keyOf(quota));
    // Of requests that were in flight together, one counts.
    const failures = state?.tick === tick ? state.failures : (state?.failures ?? 0) + 1;
    const waitMs = retryAfterMs ?? backOffMs(failures, this.#random());
    const until = Math.max(state?.until ?? 0, this.#monotonic() + waitMs);
    this.#states.set(keyOf(quota), { until, failures, tick });
    return waitMs;
  }

  /**
   * Notes an answer that was no 429, and stops before the first one where nothing is left.
   * @returns for how long, where it stops
   */
  answered(quota: Quota, tick: number, limit: RateLimit | undefined): number | undefined {
    const state = this.#states.get(keyOf(quota));
    if (limit?.remaining === 0) {
      // A sliding window does not say when it has room again; asking costs little, so ask soon at first.
      const failures = state?.tick === tick ? state.failures : (state?.failures ?? 0) + 1;
      const waitMs = backOffMs(failures, this.#random());
      return this.limited(quota, tick, Math.min(waitMs, limit.windowMs ?? Infinity));
    }
    // What was in flight when the 429 came does not end it.
    if (state !== undefined && state.tick !== tick) this.#states.delete(keyOf(quota));
    return undefined;
  }
}

function keyOf({ host, fingerprint }: Quota): string {
  return `${host} ${fingerprint}`;
}
