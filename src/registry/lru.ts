export interface LruLimits {
  readonly maxEntries: number;
  /** Sum of what {@link Lru.set} was told, and of the keys' lengths; unlimited by default. */
  readonly maxWeight?: number;
}

/** A map that forgets what was not used for longest, so that nothing a registry says makes memory grow. */
export class Lru<V> {
  readonly #entries = new Map<string, { readonly value: V; readonly weight: number }>();
  readonly #limits: LruLimits;
  #weight = 0;

  constructor(limits: LruLimits) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(key: string): V | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    return entry.value;
  }

  /** Keeps a value, unless it alone is heavier than all may be. */
  set(key: string, value: V, ownWeight = 0): void {
    this.delete(key);
    const { maxEntries, maxWeight = Infinity } = this.#limits;
    const weight = ownWeight + key.length;
    if (weight > maxWeight) return;
    this.#entries.set(key, { value, weight });
    this.#weight += weight;
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size <= maxEntries && this.#weight <= maxWeight) return;
      this.delete(oldest);
    }
  }

  delete(key: string): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    this.#entries.delete(key);
    this.#weight -= entry.weight;
  }
}
