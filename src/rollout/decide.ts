import type { Digest } from '../image/digest.ts';
import type { Latest } from '../image/lookup.ts';
import type { Judgement, Pullability } from './judge.ts';
import type { LastRestart } from './last-restart.ts';
import type { Observed, ObservedContainer, WatchedContainer } from './observe.ts';
import type { ChangedHoldReason, ContainerReport, NoneReason } from './verdict.ts';

type Judged = Exclude<Judgement, { readonly status: 'needs' }>;

/** What was found out about one container. */
export interface Finding {
  /** Of its tag; absent for a pinned reference, which has none. */
  readonly latest?: Latest;
  /** Of a watched container whose `running` is not empty, once `latest` was found. */
  readonly judged?: Judged;
  /** The same of what runs below the partition; needed only where `judged` is not `changed`. */
  readonly judgedBelowPartition?: Judged;
  /** Whether a new Pod could pull it: of `mustPull` and of what is `changed`; needed only before a restart. */
  readonly pullable?: Exclude<Pullability, { readonly status: 'needs' }>;
}

export interface DecideOptions {
  readonly now: Date;
  /** `convergence.maxRestartsPerDigest`. */
  readonly maxRestartsPerDigest: number;
  /** Hold with `dry-run` instead of restarting. */
  readonly dryRun: boolean;
}

/** A container that is a reason to restart. */
export interface Cause {
  readonly container: WatchedContainer;
  readonly running: readonly Digest[];
  readonly latest: Digest;
}

/** The report, but for its id; and what to do. */
export type Decided = (
  | {
      readonly decision: 'restart';
      readonly reason: 'changed';
      /** At least one. */
      readonly causes: readonly Cause[];
      /** The new value of `last-restart`, to be written with the restart. */
      readonly lastRestart: LastRestart;
    }
  | { readonly decision: 'hold'; readonly reason: ChangedHoldReason }
  | { readonly decision: 'none'; readonly reason: Exclude<NoneReason, 'nothing-to-watch'> }
) & {
  readonly message: string;
  readonly containers: readonly ContainerReport[];
  readonly warnings: readonly string[];
};

/**
 * Tells whether a restart is asked for so far, so that what else a new Pod must pull is worth looking up.
 *
 * @param findings of the watched containers at least
 */
export declare function wouldRestart(
  observed: Observed,
  findings: ReadonlyMap<ObservedContainer, Finding>,
  options: DecideOptions,
): boolean;

/**
 * Decides what to do with a workload that `screen` let through.
 *
 * @param findings of every watched container; and, where {@link wouldRestart}, of every one with `mustPull`
 */
export declare function decide(
  observed: Observed,
  findings: ReadonlyMap<ObservedContainer, Finding>,
  options: DecideOptions,
): Decided;
