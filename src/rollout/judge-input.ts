import type { Digest } from '../image/digest.ts';
import type { RunningImage } from '../image/image-id.ts';
import type { ManifestRead, Repository, UnknownReason } from '../image/lookup.ts';
import type { Platform } from '../image/platform.ts';

export interface JudgeInput {
  /** What the counted Pods run in this container; `judge` wants at least one. */
  readonly running: readonly RunningImage[];
  /** Of the template's reference. */
  readonly repository: Repository;
  /** What the tag names now. */
  readonly latest: Digest;
  /** No tag names `latest`, the template itself does; for the words only. */
  readonly isPinned?: boolean;
  /** Of `nodeSelector` and affinity, else the config's `platforms`; empty: unknown (case 9). */
  readonly platforms: readonly Platform[];
  readonly read: ReadSoFar;
}

/** What was read so far; undefined: not asked yet. */
export type ReadSoFar = (repository: Repository, digest: Digest) => ManifestRead | undefined;

/** A manifest to read before the question can be answered. */
export interface NeededRead {
  readonly repository: Repository;
  readonly digest: Digest;
}

/** More must be read: fetch all of `reads`, in parallel if you like, and ask again. */
export interface Needs {
  readonly status: 'needs';
  /** At least one, without repetition, none of them known to `read`. */
  readonly reads: readonly NeededRead[];
}

/** 404: deleted, or never there. */
export interface Gone {
  readonly status: 'gone';
}

export interface Failed {
  readonly status: 'failed';
  readonly reason: UnknownReason;
  readonly message: string;
}

export function failure(reason: UnknownReason, message: string): Failed {
  return { status: 'failed', reason, message };
}

/** Several questions' reads as one, each once; undefined where there are none. */
export function needs(reads: readonly NeededRead[]): Needs | undefined {
  const distinct = new Map<string, NeededRead>();
  for (const wanted of reads) {
    const { registry, repository } = wanted.repository;
    distinct.set(`${registry}/${repository}@${wanted.digest}`, wanted);
  }
  return distinct.size === 0 ? undefined : { status: 'needs', reads: [...distinct.values()] };
}
