import type { Digest } from '../image/digest.ts';
import { unknownReasons, type UnknownReason } from '../image/lookup.ts';
import type { WorkloadId } from './workload.ts';

/** The words of a container verdict; the same in `check`, logs, metric labels, Events and test names. */
export const sameReasons = ['equal', 'platform-equal', 'config-equal', 'contents-equal'] as const;
export type SameReason = (typeof sameReasons)[number];

export const skippedReasons = [
  'digest-pinned',
  'pull-policy',
  'ignored',
  'not-running-yet',
  'invalid-reference',
] as const;
export type SkippedReason = (typeof skippedReasons)[number];

/** Holds that need no registry, in the order in which the first that applies wins. */
export const screenedHoldReasons = [
  'invalid-annotation',
  'paused',
  'scaled-to-zero',
  'on-delete',
  'rollout-in-progress',
  'not-running-yet',
] as const;
export type ScreenedHoldReason = (typeof screenedHoldReasons)[number];

/** Holds of a workload in which something is `changed`, in order. */
export const changedHoldReasons = [
  'not-converging',
  'partition',
  'pull-secret-refused',
  'lookup-failed',
  'on-hold',
  'dry-run',
] as const;
export type ChangedHoldReason = (typeof changedHoldReasons)[number];

export type HoldReason = ScreenedHoldReason | ChangedHoldReason;
export type NoneReason = 'up-to-date' | 'unknown' | 'nothing-to-watch';
export type FailedReason = 'forbidden' | 'conflict' | 'gone' | 'api-error';

/** What a container runs, compared with what its tag names. */
export type Verdict =
  | { readonly verdict: 'same'; readonly reason: SameReason }
  | { readonly verdict: 'changed'; readonly reason: 'digest-changed' }
  | { readonly verdict: 'unknown'; readonly reason: UnknownReason }
  | {
      readonly verdict: 'skipped';
      /** A workload held before any registry is asked lends its containers its own reason. */
      readonly reason: SkippedReason | ScreenedHoldReason;
    };

/** One container as `check`, `explain`, logs and metrics show it. */
export type ContainerReport = Verdict & {
  readonly name: string;
  /** As written in the template. */
  readonly image: string;
  /** Distinct, newest Pod first. */
  readonly running: readonly Digest[];
  readonly latest: Digest | null;
  readonly message: string;
};

export type Decision =
  | { readonly decision: 'restart'; readonly reason: 'changed' }
  | { readonly decision: 'none'; readonly reason: NoneReason }
  | { readonly decision: 'hold'; readonly reason: HoldReason }
  | { readonly decision: 'failed'; readonly reason: FailedReason };

/** One workload of one tick: what was decided or, after acting, what came of it. */
export type WorkloadReport = Decision & {
  readonly id: WorkloadId;
  readonly message: string;
  readonly containers: readonly ContainerReport[];
  /** Things to know that changed no decision: a missing Secret, a refused entry. */
  readonly warnings: readonly string[];
};

export { unknownReasons };
export type { UnknownReason };
