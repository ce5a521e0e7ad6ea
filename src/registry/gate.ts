interface Waiter {
  readonly enter: () => void;
  readonly reject: (reason: unknown) => void;
}

interface Host {
  readonly waiting: Set<Waiter>;
  running: number;
  atOnce: () => number;
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
    const host = this.#hosts.get(name) ?? { waiting: new Set(), running: 0, atOnce };
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

  /** One of each host, as long as somebody may enter. */
  #admit(): void {
    let admitted: number;
    do {
      admitted = 0;
      for (const host of this.#hosts.values()) {
        const [next] = host.waiting;
        if (next === undefined || host.running >= host.atOnce()) continue;
        if (this.#running >= this.#total) return;
        host.waiting.delete(next);
        host.running += 1;
        this.#running += 1;
        next.enter();
        admitted += 1;
      }
    } while (admitted > 0);
  }

  #close(): void {
    for (const { waiting } of this.#hosts.values()) {
      for (const { reject } of waiting) reject(this.#signal.reason);
      waiting.clear();
    }
  }
}
