import type { Digest } from '../image/digest.ts';
import type { RunningImage } from '../image/image-id.ts';
import type { ManifestRead, Repository, UnknownReason } from '../image/lookup.ts';
import type { Platform } from '../image/platform.ts';
import type { Verdict } from './verdict.ts';

export interface JudgeInput {
  /** What the counted Pods run in this container; {@link judge} wants at least one. */
  readonly running: readonly RunningImage[];
  /** Of the template's reference. */
  readonly repository: Repository;
  /** What the tag names now. */
  readonly latest: Digest;
  /** Of `nodeSelector` and affinity, else the config's `platforms`; empty: unknown. */
  readonly platforms: readonly Platform[];
  /** What was read so far; undefined: not asked yet. */
  readonly read: (repository: Repository, digest: Digest) => ManifestRead | undefined;
}

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

export type Judgement =
  | {
      readonly status: 'judged';
      /** `same`, `changed` or `unknown`, never `skipped`. */
      readonly verdict: Exclude<Verdict, { readonly verdict: 'skipped' }>;
      readonly message: string;
    }
  | Needs;

/** Whether what `latest` names can be run where the Pods run. */
export type Pullability =
  | { readonly status: 'pullable' }
  | { readonly status: 'failed'; readonly reason: UnknownReason; readonly message: string }
  | Needs;
