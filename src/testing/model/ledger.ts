import type { Digest } from '../../image/digest.ts';

/** A container as one poller saw it in one tick. */
export interface Sight {
  readonly name: string;
  readonly reference: string;
  /** What the registry answered; undefined: nothing, or it was not asked. */
  readonly answer: { readonly digest: Digest; readonly change: number } | undefined;
  /** Some Pod that a restart replaces runs another image than that. */
  readonly isStale: boolean;
}

/** When, by whose clock: waits are held against each other only where the clock was the same. */
export interface Moment {
  readonly ms: number;
  readonly clock: string;
}

interface Seen extends Moment {
  readonly digest: Digest;
  readonly attempts: number;
}

interface Entry {
  readonly reference: string;
  readonly seen: readonly Seen[];
}

/** What `last-restart` ought to know, kept from what really happened; one per value of the annotation. */
export type Memory = ReadonlyMap<string, Entry>;

const minuteMs = 60_000;

/**
 * Judges every restart by the rules of the loop guard, told a second time and from the truth: whatever the poller
 * wrote down is used for one thing only, to tell which containers it took for causes.
 */
export class Ledger {
  memory: Memory = new Map();
  /** By container, reference and change of digest; people's interventions begin a new count. */
  readonly #restarts = new Map<string, number>();
  readonly #maxRestarts: number;

  constructor(maxRestarts: number) {
    this.#maxRestarts = maxRestarts;
  }

  /** People undid, stripped or edited: what the poller remembers now is `memory`. */
  intervene(memory: Memory): void {
    this.memory = memory;
    this.#restarts.clear();
  }

  /**
   * @param causes the names of the containers whose record changed as that of a cause does
   * @returns what is wrong with the restart; undefined when all is well
   */
  restart(
    sights: readonly Sight[],
    causes: ReadonlySet<string>,
    from: Moment,
    to: Moment,
  ): string | undefined {
    if (causes.size === 0) return 'a restart without a cause';
    for (const sight of sights) {
      const problem = causes.has(sight.name) ? this.#problem(sight, to) : undefined;
      if (problem !== undefined) return `${sight.name}: ${problem}`;
    }
    this.memory = new Map(
      sights.flatMap((sight): [string, Entry][] => {
        const seen = this.#remember(sight, causes.has(sight.name), from);
        return seen.length > 0 ? [[sight.name, { reference: sight.reference, seen }]] : [];
      }),
    );
    return undefined;
  }

  /** Whether a stale container may stay as it is: the last restart was for what the tag names. */
  explains({ name, reference, answer }: Sight): boolean {
    const [newest] = this.#seen(name, reference);
    return newest !== undefined && newest.digest === answer?.digest;
  }

  #problem({ name, reference, answer, isStale }: Sight, now: Moment): string | undefined {
    if (answer === undefined) return 'a cause of which the registry said nothing';
    if (!isStale) return 'a cause that runs what its tag names';

    const key = `${name} ${reference} ${answer.change}`;
    const restarts = (this.#restarts.get(key) ?? 0) + 1;
    this.#restarts.set(key, restarts);
    if (restarts > this.#maxRestarts) return `restart ${restarts} for one change of ${reference}`;

    const seen = this.#seen(name, reference);
    const [newest] = seen;
    const own = seen.find(({ digest }) => digest === answer.digest);
    if (newest === undefined || own === undefined) return undefined;
    if (own === newest && own.attempts >= this.#maxRestarts) return 'restarted for the newest seen';
    if (newest.clock !== now.clock) return undefined;
    const waitMs =
      own === newest
        ? ([1, 6, 24][own.attempts - 1] ?? 24) * 60 * minuteMs
        : 10 * minuteMs * 2 ** (own.attempts - 1);
    const waitedMs = now.ms - newest.ms;
    return waitedMs < waitMs ? `waited ${waitedMs} ms instead of ${waitMs}` : undefined;
  }

  #seen(name: string, reference: string): readonly Seen[] {
    const entry = this.memory.get(name);
    return entry?.reference === reference ? entry.seen : [];
  }

  #remember({ name, reference, answer }: Sight, isCause: boolean, at: Moment): readonly Seen[] {
    const seen = this.#seen(name, reference);
    if (answer === undefined) return seen;
    const own = seen.find(({ digest }) => digest === answer.digest);
    if (own !== undefined && !isCause) return seen;
    const entry = { digest: answer.digest, attempts: (own?.attempts ?? 0) + 1, ...at };
    return [entry, ...seen.filter((other) => other !== own)].slice(0, 5);
  }
}
