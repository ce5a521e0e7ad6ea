import type { RunningImage } from '../image/image-id.ts';
import type { Platform } from '../image/platform.ts';
import type { ImageReference, TagReference } from '../image/reference.ts';
import type { Settings } from './annotations.ts';
import type { LastRestartRead } from './last-restart.ts';
import type { PodIndex } from './pod-index.ts';
import type { SkippedReason } from './verdict.ts';
import type { ContainerSpec, ReplicaSetFacts, WorkloadFacts } from './workload.ts';

export interface ObserveContext {
  readonly now: Date;
  /** For short names. */
  readonly defaultRegistry: string;
  /** What the config does with containers whose policy is `IfNotPresent`. */
  readonly ifNotPresent: 'skip' | 'restart';
  /** The config's; used where the template does not say. */
  readonly platforms: readonly Platform[];
  /** What came of listing ReplicaSets; absent until a stalled Deployment needs them. */
  readonly replicaSets?:
    | { readonly ok: true; readonly value: readonly ReplicaSetFacts[] }
    | { readonly ok: false; readonly message: string };
}

/** Where the rollout stands. */
export type Progress =
  | { readonly state: 'complete' }
  /** It has stopped without success: the Pods of the newest revision are judged, for the fix may have been pushed. */
  | { readonly state: 'stalled'; readonly message: string }
  | { readonly state: 'in-progress'; readonly message: string };

interface ContainerFacts {
  readonly spec: ContainerSpec;
  /** What the counted Pods run in it, distinct, newest Pod first. */
  readonly running: readonly RunningImage[];
  /** What a StatefulSet's Pods below its `partition` run: a restart does not replace them (case 24). */
  readonly belowPartition: readonly RunningImage[];
  /**
   * What a new Pod has to pull before this container starts, to be looked up before a restart (`lookup-failed`).
   * A pinned one has a digest: whether that is still there is all there is to ask.
   */
  readonly mustPull?: ImageReference;
}

/** To be looked up; `running` or `belowPartition` is not empty. */
export interface WatchedContainer extends ContainerFacts {
  readonly watched: true;
  readonly reference: TagReference;
}

export interface SkippedContainer extends ContainerFacts {
  readonly watched: false;
  readonly reason: SkippedReason;
  readonly message: string;
}

export type ObservedContainer = WatchedContainer | SkippedContainer;

/** A workload with all that the cluster says of it. */
export interface Observed {
  readonly workload: WorkloadFacts;
  readonly settings: Settings;
  /** Bad annotations, one sentence each. */
  readonly problems: readonly string[];
  /** For people, said in every message: a name in an annotation that no container has. */
  readonly notes: readonly string[];
  readonly lastRestart: LastRestartRead;
  readonly progress: Progress;
  /**
   * The rollout of a Deployment has stalled, and only its ReplicaSets tell which Pods are the newest:
   * when `screen` holds it for `rollout-in-progress`, list them once per tick and observe again.
   */
  readonly needsReplicaSets: boolean;
  /** In the template's order. */
  readonly containers: readonly ObservedContainer[];
  /** Empty: unknown. */
  readonly platforms: readonly Platform[];
  /** Names in the kubelet's order: the newest counted Pod's, else the template's. */
  readonly pullSecrets: readonly string[];
}

/**
 * Joins a workload with its Pods: what runs, where the rollout stands, what is to be looked up.
 *
 * Counted are the live Pods (not terminating, failed or succeeded) of the newest revision, found by owner and
 * joined with the template by container name; what `status.image` says is never used (cases 10, 13, 14).
 *
 * @param pods of the whole namespace, listed *after* the workload, so that they are not older than it
 */
export declare function observe(
  workload: WorkloadFacts,
  pods: PodIndex,
  context: ObserveContext,
): Observed;
