import { waitFor } from './waiting.ts';

/** How a request ended, as far as it says how much its host can bear. */
export type LaneResult = 'good' | 'throttled' | 'neither';

/** Permission to have one request in flight. */
export interface Lane {
  /** Which halving it belongs to: of requests that were in flight together only one halves. */
  readonly era: number;
}

/** So many good answers in a row open one more lane. */
const goodAnswersPerLane = 5;

/**
 * How many requests a host gets at once: as many as its protocol bears, half of it after a 429, and one more
 * after every five good answers. Who finds no free lane waits in line.
 */
export class Lanes {
  readonly #waiting = new Set<{
    readonly enter: (lane: Lane) => void;
    readonly fail: (error: Error) => void;
  }>();
  #maximum: number;
  #limit: number;
  #inUse = 0;
  #good = 0;
  #era = 0;

  constructor(maximum: number) {
    this.#maximum = maximum;
    this.#limit = maximum;
  }

  get limit(): number {
    return this.#limit;
  }

  get isIdle(): boolean {
    return this.#inUse === 0 && this.#waiting.size === 0;
  }

  /** A connection has told how much its protocol bears. A limit that a 429 has lowered stays. */
  setMaximum(maximum: number): void {
    const untouched = this.#limit === this.#maximum;
    this.#maximum = maximum;
    this.#limit = untouched ? maximum : Math.min(this.#limit, maximum);
    this.#admit();
  }

  /** @throws the signal's reason, or what {@link failWaiting} was given */
  async enter(signal: AbortSignal): Promise<Lane> {
    signal.throwIfAborted();
    if (this.#inUse < this.#limit && this.#waiting.size === 0) return this.#take();
    const { promise, resolve, reject } = Promise.withResolvers<Lane>();
    const waiter = { enter: resolve, fail: reject };
    this.#waiting.add(waiter);
    try {
      return await waitFor(promise, signal);
    } catch (error) {
      // Given a lane in the very moment in which the signal aborted: hand it on.
      if (!this.#waiting.delete(waiter)) promise.then(() => this.#give(), ignore);
      throw error;
    }
  }

  leave(lane: Lane, result: LaneResult): void {
    if (result === 'throttled' && lane.era === this.#era) {
      this.#limit = Math.max(1, Math.floor(this.#limit / 2));
      this.#era += 1;
      this.#good = 0;
    } else if (result === 'good' && this.#limit < this.#maximum) {
      this.#good += 1;
      if (this.#good === goodAnswersPerLane) {
        this.#good = 0;
        this.#limit += 1;
      }
    }
    this.#give();
  }

  /** Everybody in line shares the fate of a first connection that could not be had. */
  failWaiting(error: Error): void {
    for (const { fail } of this.#waiting) fail(error);
    this.#waiting.clear();
  }

  #take(): Lane {
    this.#inUse += 1;
    return { era: this.#era };
  }

  #give(): void {
    this.#inUse -= 1;
    this.#admit();
  }

  #admit(): void {
    for (const waiter of this.#waiting) {
      if (this.#inUse >= this.#limit) return;
      this.#waiting.delete(waiter);
      waiter.enter(this.#take());
    }
  }
}

function ignore(): void {}
