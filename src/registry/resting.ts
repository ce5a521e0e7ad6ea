import { Lru } from './lru.ts';
import { waitFor } from './waiting.ts';

const firstRestMs = 5 * 60_000;
const longestRestMs = 6 * 60 * 60_000;
/** How long one success counts, and lets requests go side by side; shorter than between ticks, so that each tick tries first. */
const trustMs = 20_000;

/** Who was asked with what: never the secret, only its keyed hash. */
export interface CredentialUse {
  /** `host:port` of the registry or realm to which the credential goes. */
  readonly authority: string;
  /** Keyed hash of user and secret, so that two Secrets with one password count once. */
  readonly fingerprint: string;
  /** Registry and repository that it is for. */
  readonly repository: string;
}

/**
 * What an answer said of a credential.
 * `refused`: it is dead (401). `refused-here`: it has no access to this repository (403, `insufficient_scope`).
 * `undecided`: no answer, or one that says nothing about it.
 */
export type CredentialVerdict = 'accepted' | 'refused' | 'refused-here' | 'undecided';

interface Rest {
  until: number;
  lengthMs: number;
}

interface State {
  acceptedAt?: number;
  /** In flight while nothing is known; settles when the answer is there. */
  probe?: Promise<void>;
  rest?: Rest;
  readonly repositories: Lru<Rest>;
  /** When each repository was read last. */
  readonly readAt: Lru<number>;
}

/**
 * Keeps accounts from being locked (case 51): a refused credential is sent once, then rests, 5 min at
 * first, doubling to 6 h. Until one was accepted, only one request with it is in flight. A changed
 * secret has another fingerprint, so its rest ends at once.
 *
 * @see https://github.com/goharbor/harbor/issues/15805
 */
export class Resting {
  readonly #states = new Lru<State>({ maxEntries: 10_000 });
  readonly #monotonic: () => number;

  /** @param monotonic milliseconds that never jump */
  constructor(monotonic: () => number) {
    this.#monotonic = monotonic;
  }

  /** @returns until when it rests for this repository, in milliseconds from now; 0 when it may be sent */
  restsFor({ authority, fingerprint, repository }: CredentialUse): number {
    const state = this.#states.get(keyOf(authority, fingerprint));
    const until = Math.max(
      state?.rest?.until ?? 0,
      state?.repositories.get(repository)?.until ?? 0,
    );
    return Math.max(0, until - this.#monotonic());
  }

  /**
   * Waits for leave to send a credential.
   *
   * @returns undefined when it rests; otherwise a function that must be called, once, with what came of it
   * @throws the signal's reason
   */
  async enter(
    use: CredentialUse,
    signal: AbortSignal,
  ): Promise<((verdict: CredentialVerdict) => void) | undefined> {
    const state = this.#stateOf(use);
    for (;;) {
      if (this.restsFor(use) > 0) return undefined;
      if (this.#isRecent(state.acceptedAt)) return (verdict) => this.settle(use, verdict);
      if (state.probe === undefined) break;
      await waitFor(state.probe, signal);
    }
    const { promise, resolve } = Promise.withResolvers<void>();
    state.probe = promise;
    return (verdict) => {
      delete state.probe;
      this.settle(use, verdict);
      resolve();
    };
  }

  /** Notes what an answer said of a credential. */
  settle(use: CredentialUse, verdict: CredentialVerdict): void {
    const state = this.#stateOf(use);
    const now = this.#monotonic();
    if (verdict === 'accepted') {
      state.acceptedAt = now;
      delete state.rest;
    } else if (verdict === 'refused') {
      state.rest = prolong(state.rest, now);
    } else if (verdict === 'refused-here') {
      const rest = prolong(state.repositories.get(use.repository), now);
      state.repositories.set(use.repository, rest);
    }
  }

  /** Notes that a repository could be read, which ends what was held against it. */
  allowed(use: CredentialUse): void {
    const state = this.#stateOf(use);
    state.repositories.delete(use.repository);
    state.readAt.set(use.repository, this.#monotonic());
  }

  /** Tells whether a repository could be read with it just now. */
  wasRead(use: CredentialUse): boolean {
    return this.#isRecent(this.#stateOf(use).readAt.get(use.repository));
  }

  #isRecent(time = -Infinity): boolean {
    return this.#monotonic() - time < trustMs;
  }

  #stateOf({ authority, fingerprint }: CredentialUse): State {
    const key = keyOf(authority, fingerprint);
    const known = this.#states.get(key);
    if (known !== undefined) return known;
    const state: State = {
      repositories: new Lru<Rest>({ maxEntries: 1000 }),
      readAt: new Lru<number>({ maxEntries: 1000 }),
    };
    this.#states.set(key, state);
    return state;
  }
}

function keyOf(authority: string, fingerprint: string): string {
  return `${authority} ${fingerprint}`;
}

/** Answers to requests that were in flight together count once. */
function prolong(rest: Rest | undefined, now: number): Rest {
  if (rest === undefined) return { until: now + firstRestMs, lengthMs: firstRestMs };
  if (now < rest.until) return rest;
  const lengthMs = Math.min(rest.lengthMs * 2, longestRestMs);
  return { until: now + lengthMs, lengthMs };
}
