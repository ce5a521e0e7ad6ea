interface Waiter {
  readonly enter: () => void;
  readonly reject: (reason: unknown) => void;
}

interface Host {
  readonly waiting: Set<Waiter>;
  running: number;
  atOnce: () => number;
  /** Number of the turn in which it let somebody in; 0 for none yet. */
  lastTurn: number;
}

/**
 * Lets look-ups in, host by host in turn, so that a black hole with a hundred images cannot fill the
 * room while others wait at the door (case 62).
 */
export class Gate {
  readonly #total: number;
  readonly #signal: AbortSignal;
  readonly #hosts = new Map<string, Host>();
  #running = 0;
  #turns = 0;

  /**
   * @param total  how many may be in at once
   * @param signal when it aborts, all who wait are sent home
   */
  constructor(total: number, signal: AbortSignal) {
    this.#total = total;
    this.#signal = signal;
    signal.addEventListener('abort', () => this.#close(), { once: true });
  }

  /**
   * @param atOnce how many of this host; asked each time that one may enter
   * @returns to be called, once, when the look-up has ended
   * @throws the signal's reason
   */
  async enter(name: string, atOnce: () => number): Promise<() => void> {
    this.#signal.throwIfAborted();
    const host = this.#hosts.get(name) ?? {
      waiting: new Set(),
      running: 0,
      atOnce,
      lastTurn: 0,
    };
    host.atOnce = atOnce;
    this.#hosts.set(name, host);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    host.waiting.add({ enter: resolve, reject });
    this.#admit();
    await promise;
    return () => {
      this.#running -= 1;
      host.running -= 1;
      this.#admit();
    };
  }

  /** Of the hosts for which somebody waits, those first whose last turn was longest ago. */
  #admit(): void {
    while (this.#running < this.#total) {
      let chosen: Host | undefined;
      for (const host of this.#hosts.values()) {
        if (host.waiting.size === 0 || host.running >= host.atOnce()) continue;
        if (chosen === undefined || host.lastTurn < chosen.lastTurn) chosen = host;
      }
      const [next] = chosen?.waiting ?? [];
      if (chosen === undefined || next === undefined) return;
      chosen.waiting.delete(next);
      chosen.running += 1;
      this.#running += 1;
      this.#turns += 1;
      chosen.lastTurn = this.#turns;
      next.enter();
    }
  }

  #close(): void {
    for (const { waiting } of this.#hosts.values()) {
      for (const { reject } of waiting) reject(this.#signal.reason);
      waiting.clear();
    }
  }
}
