import type { Digest } from '../image/digest.ts';
import type { Manifest } from '../image/manifest.ts';
import { Lru } from './lru.ts';

/** A parsed index of a hundred children is some 20 KiB, a usual image below one. */
const limits = { maxEntries: 5000, maxWeight: 32 * 1024 * 1024 };

/**
 * Manifests by digest, across ticks: what a digest names never changes. Only what was found and verified
 * is kept, so a manifest that is missing today may be there tomorrow.
 */
export class ManifestCache {
  readonly #kept = new Lru<Manifest>(limits);

  get(digest: Digest): Manifest | undefined {
    return this.#kept.get(digest);
  }

  /**
   * Keeps what was verified. `unsupported` depends on the `Content-Type` that one registry sent, and schema 1
   * cannot be verified: others must not be told so.
   *
   * @param bytes of the document, by which the cache is bounded
   */
  keep(digest: Digest, manifest: Manifest, bytes: number): void {
    if (manifest.type !== 'unsupported') this.#kept.set(digest, manifest, bytes);
  }
}
