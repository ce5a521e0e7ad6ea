import { promises as dns, type LookupAddress } from 'node:dns';
import { performance } from 'node:perf_hooks';

import { codeOf } from './failure.ts';
import { Lru } from './lru.ts';
import { waitFor } from './waiting.ts';

/** Resolves a host name to all its addresses, as `dns.promises.lookup` with `all` does. */
export type Lookup = (hostname: string) => Promise<readonly LookupAddress[]>;

export const systemLookup: Lookup = async (hostname) => dns.lookup(hostname, { all: true });

/** For as long as nobody tells better, a host is where it was. */
const rememberMs = 60 * 60_000;

export interface ResolverOptions {
  readonly lookup: Lookup;
  /** How many names that have not been resolved yet may be asked for together. */
  readonly atOnce: number;
  /**
   * Tests shorten them. `known`: for how long a new answer is waited for where an old one is known, 1 s. `slow`: a
   * name that takes longer is taken for one that nobody answers for, 2 s.
   */
  readonly patience?: { readonly knownMs: number; readonly slowMs: number };
  /** Milliseconds that never jump; default: the process's. */
  readonly monotonic?: () => number;
}

const defaultPatience = { knownMs: 1_000, slowMs: 2_000 };

interface Known {
  readonly addresses: readonly LookupAddress[];
  readonly at: number;
}

/** One name's question, in line or under way. */
interface Question {
  readonly answer: Promise<readonly LookupAddress[]>;
  /** How many want to know. */
  askers: number;
}

interface Waiting {
  readonly isSlow: boolean;
  readonly enter: () => void;
}

/**
 * Resolves names so that those for which nobody answers do not hold up the others (case 62).
 *
 * The system's resolver blocks a thread for up to half a minute, and of Node's four only two may do that: two
 * names of a DNS server that is silent would stop all registries. So one question per name is under way; names
 * that have not been resolved yet wait in a line of their own, those that were slow behind the others and for half
 * of the places; and a host that was found within the hour is still there when no answer comes within a second.
 *
 * @see https://nodejs.org/api/dns.html#dnslookup
 * @see https://github.com/libuv/libuv/blob/v1.51.0/src/threadpool.c
 */
export class Resolver {
  readonly #options: Required<ResolverOptions>;
  readonly #known = new Lru<Known>({ maxEntries: 1000 });
  readonly #slow = new Lru<true>({ maxEntries: 1000 });
  readonly #questions = new Map<string, Question>();
  readonly #waiting = new Set<Waiting>();
  readonly #running = { all: 0, slow: 0 };

  constructor(options: ResolverOptions) {
    this.#options = {
      patience: defaultPatience,
      monotonic: () => performance.now(),
      ...options,
    };
  }

  /** @throws as the lookup does, where nothing is known; the signal's reason */
  async resolve(hostname: string, signal: AbortSignal): Promise<readonly LookupAddress[]> {
    const question = this.#questionOf(hostname);
    question.askers += 1;
    try {
      return await waitFor(this.#orKnown(hostname, question.answer), signal);
    } finally {
      question.askers -= 1;
    }
  }

  async #orKnown(hostname: string, answer: Question['answer']): Promise<readonly LookupAddress[]> {
    const known = this.#known.get(hostname);
    if (known === undefined || this.#options.monotonic() - known.at > rememberMs) return answer;
    const { promise: late, resolve } = Promise.withResolvers<readonly LookupAddress[]>();
    const timer = setTimeout(() => resolve(known.addresses), this.#options.patience.knownMs);
    try {
      return await Promise.race([answer, late]);
    } catch (error) {
      if (codeOf(error) === 'ENOTFOUND') throw error;
      return known.addresses;
    } finally {
      clearTimeout(timer);
    }
  }

  #questionOf(hostname: string): Question {
    const asked = this.#questions.get(hostname);
    if (asked !== undefined) return asked;
    const question: Question = {
      askers: 0,
      answer: Promise.resolve()
        .then(() => this.#ask(hostname, question))
        .finally(() => this.#questions.delete(hostname)),
    };
    this.#questions.set(hostname, question);
    return question;
  }

  async #ask(hostname: string, question: Question): Promise<readonly LookupAddress[]> {
    if (this.#known.get(hostname) !== undefined) return this.#lookUp(hostname);
    const isSlow = this.#slow.get(hostname) === true;
    await this.#enter(isSlow);
    try {
      if (question.askers === 0) throw new Error('nobody wants to know any more');
      return await this.#lookUp(hostname);
    } finally {
      this.#leave(isSlow);
    }
  }

  async #lookUp(hostname: string): Promise<readonly LookupAddress[]> {
    const { lookup, monotonic, patience } = this.#options;
    const timer = setTimeout(() => this.#slow.set(hostname, true), patience.slowMs).unref();
    try {
      const addresses = await lookup(hostname);
      this.#known.set(hostname, { addresses, at: monotonic() });
      this.#slow.delete(hostname);
      return addresses;
    } finally {
      clearTimeout(timer);
    }
  }

  async #enter(isSlow: boolean): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.add({ isSlow, enter: resolve });
    this.#admit();
    await promise;
  }

  #leave(isSlow: boolean): void {
    this.#running.all -= 1;
    if (isSlow) this.#running.slow -= 1;
    this.#admit();
  }

  #admit(): void {
    const { atOnce } = this.#options;
    const inOrder = [...this.#waiting].toSorted((a, b) => Number(a.isSlow) - Number(b.isSlow));
    for (const waiting of inOrder) {
      if (this.#running.all >= atOnce) return;
      if (waiting.isSlow && this.#running.slow >= Math.ceil(atOnce / 2)) return;
      this.#waiting.delete(waiting);
      this.#running.all += 1;
      if (waiting.isSlow) this.#running.slow += 1;
      waiting.enter();
    }
  }
}
