import type { Candidate } from './credentials/credential.ts';
import type { PullSecret } from './credentials/docker-config.ts';
import type { Digest } from './image/digest.ts';
import type { Latest, ManifestRead, Repository } from './image/lookup.ts';
import type { TagReference } from './image/reference.ts';
import type { FailedReason, WorkloadReport } from './rollout/verdict.ts';
import type {
  PodFacts,
  ReplicaSetFacts,
  WorkloadFacts,
  WorkloadId,
  WorkloadKind,
} from './rollout/workload.ts';

/** What came of reading something from the API server; a list that failed is never an empty list. */
export type Read<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly reason: FailedReason; readonly message: string };

export interface PullSecretRead {
  /** Empty entries where it is missing, of another type, malformed or may not be read. */
  readonly secret: PullSecret;
  /** For people, each a warning for the workloads that name it; empty when all is well. */
  readonly problems: readonly string[];
}

/** The one thing that is ever written to a workload, made by `rollout/restart.ts`. */
export interface RestartPatch {
  /** Annotation of the Pod template whose change starts the rollout: key and RFC 3339 time in UTC. */
  readonly restartedAt: { readonly key: string; readonly value: string };
  /** The workload's own annotation `kube-autorollout/last-restart`, JSON. */
  readonly lastRestart: string;
}

export type RestartOutcome =
  | { readonly result: 'restarted' }
  | { readonly result: 'failed'; readonly reason: FailedReason; readonly message: string };

/** What a tick needs from the cluster; `kube/` provides it. None of these throws: a failure is a value. */
export interface Cluster {
  /** The workloads of one kind that the selector matches. */
  listWorkloads(kind: WorkloadKind, signal: AbortSignal): Promise<Read<readonly WorkloadFacts[]>>;
  /** All Pods of the namespace, listed in pages. */
  listPods(signal: AbortSignal): Promise<Read<readonly PodFacts[]>>;
  /** All ReplicaSets of the namespace; asked for only when a Deployment's rollout has stalled. */
  listReplicaSets(signal: AbortSignal): Promise<Read<readonly ReplicaSetFacts[]>>;
  readPullSecret(name: string, signal: AbortSignal): Promise<PullSecretRead>;
  /**
   * Reads the workload again and patches it when it is still what was judged; see design, "Acting".
   * A PATCH in flight outlives `signal` by a few seconds at most.
   */
  restart(
    workload: WorkloadFacts,
    patch: RestartPatch,
    signal: AbortSignal,
  ): Promise<RestartOutcome>;
}

/** What a tick asks registries; `registry/` provides it. */
export interface Registry {
  /** Starts a tick's look-ups: single flight, one answer per question, hosts that failed stay failed. */
  begin(signal: AbortSignal): LookUps;
}

export interface LookUps {
  /**
   * Asks which digest a tag names now.
   * @param candidates the matching entries of the Pod's pull Secrets in the kubelet's order; the registry
   *   adapter adds the matching config rule's credential and anonymous access.
   */
  latest(reference: TagReference, candidates: readonly Candidate[]): Promise<Latest>;
  /** Reads a manifest or index by digest; cached for ever, since what a digest names never changes. */
  manifest(
    repository: Repository,
    digest: Digest,
    candidates: readonly Candidate[],
  ): Promise<ManifestRead>;
}

/** What a tick tells; `telemetry/` provides it. */
export interface Reporter {
  /** As soon as a workload's own look-ups have ended and it was acted on. */
  workload(report: WorkloadReport, restart?: Restarted): void;
  tick(report: TickReport): void;
}

/** What a restart was for, one per container that caused it. */
export interface Restarted {
  readonly id: WorkloadId;
  readonly changes: readonly {
    readonly container: string;
    readonly image: string;
    readonly running: readonly Digest[];
    readonly latest: Digest;
    /** Of the new image's manifest, where it was read anyway. */
    readonly created?: string;
    readonly revision?: string;
  }[];
}

export interface TickReport {
  readonly startedAt: Date;
  readonly durationMs: number;
  /** `failed`: Pods, or every kind, could not be listed. `aborted`: the deadline or a signal cut it short. */
  readonly result: 'success' | 'failed' | 'aborted';
  /** What could not be listed, for people. */
  readonly problems: readonly string[];
  readonly workloads: readonly WorkloadReport[];
}
