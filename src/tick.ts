import type { Candidate } from './credentials/credential.ts';
import type { PullSecret } from './credentials/docker-config.ts';
import type { Digest } from './image/digest.ts';
import type { Latest, ManifestRead, Repository } from './image/lookup.ts';
import { isImage, type Manifest } from './image/manifest.ts';
import type { Platform } from './image/platform.ts';
import type { TagReference } from './image/reference.ts';
import { lookUp, type LookedUp, type Trace } from './look-up.ts';
import { decide, type Decided } from './rollout/decide.ts';
import { observe, type Observed } from './rollout/observe.ts';
import { indexPods, type PodIndex } from './rollout/pod-index.ts';
import { restartOf, type RestartedAtKey } from './rollout/restart.ts';
import { screen } from './rollout/screen.ts';
import type { Decision, FailedReason, WorkloadReport } from './rollout/verdict.ts';
import {
  workloadKinds,
  type PodFacts,
  type ReplicaSetFacts,
  type WorkloadFacts,
  type WorkloadId,
  type WorkloadKind,
} from './rollout/workload.ts';

/** What came of reading something from the API server; a list that failed is never an empty list. */
export type Read<T> =
  | {
      readonly ok: true;
      readonly value: T;
      /** Objects that could not be read, one sentence each; the others are in `value`. */
      readonly problems?: readonly string[];
    }
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
  /** Pods and at least one kind could be listed, whatever ended the tick afterwards. */
  readonly listed: boolean;
  /** What could not be listed, for people. */
  readonly problems: readonly string[];
  readonly workloads: readonly WorkloadReport[];
}

/** What of the config a tick depends on. */
export interface TickSettings {
  readonly defaultRegistry: string;
  readonly ifNotPresent: 'skip' | 'restart';
  readonly platforms: readonly Platform[];
  readonly maxRestartsPerDigest: number;
  readonly restartedAtKey: RestartedAtKey;
}

export interface TickOptions {
  /** `dry-run` holds instead of restarting; `check` tells that it would restart, and does not. */
  readonly mode: 'act' | 'dry-run' | 'check';
  /** Narrows the tick to one workload. */
  readonly only?: { readonly kind: WorkloadKind; readonly name: string };
  /** Ends the tick: its deadline, or a stop. */
  readonly signal: AbortSignal;
  readonly now: () => Date;
  /** For durations: wall clocks jump. */
  readonly monotonicMs: () => number;
  /** Kept from tick to tick. */
  readonly memory: TickMemory;
  readonly trace?: TickTrace;
}

/** Hears every step of a workload's way; `explain` tells it on. */
export interface TickTrace extends Trace {
  observed(observed: Observed, pods: PodIndex): void;
}

/** What one tick leaves to the next: whose look-ups the deadline cut off, by uid. They go first. */
export type TickMemory = Set<string>;

export interface Ports {
  readonly cluster: Cluster;
  readonly registry: Registry;
  readonly reporter: Reporter;
}

/**
 * Visits every selected workload once: list, observe, screen, look up, judge, decide, act, report.
 *
 * Each workload is judged, acted on and reported as soon as its own look-ups have ended; one that fails is
 * reported and delays nobody. Pods are listed after the workloads, so that they are never older: a Pod list from
 * before a rollout would show old digests under a status that says complete.
 *
 * @returns what was found and done; it does not throw
 */
export async function tick(
  { cluster, registry, reporter }: Ports,
  settings: TickSettings,
  options: TickOptions,
): Promise<TickReport> {
  const { mode, signal, now, monotonicMs, memory, trace } = options;
  const startedAt = now();
  const startedMs = monotonicMs();

  const listed = await list(cluster, options);
  const pods = listed.pods === undefined ? undefined : indexPods(listed.pods);
  const lookUps = registry.begin(signal);
  const readSecret = once((name: string) => cluster.readPullSecret(name, signal));
  let replicaSets: ReturnType<Cluster['listReplicaSets']> | undefined;

  const cutOff = new Set<string>();
  const workloads =
    pods === undefined
      ? []
      : await Promise.all(
          // Begun first, answered first: hosts serve their look-ups in the order in which they were asked.
          listed.workloads
            .toSorted(byFormerCutOff(memory))
            .map((workload) => visit(workload, pods)),
        );
  // Who was cut off is still to go first when nobody could be visited.
  if (pods !== undefined) memory.clear();
  for (const uid of cutOff) memory.add(uid);

  const report: TickReport = {
    startedAt,
    durationMs: monotonicMs() - startedMs,
    result: signal.aborted ? 'aborted' : listed.failed ? 'failed' : 'success',
    listed: !listed.failed,
    problems: [...listed.problems, ...cutOffProblem(cutOff.size)],
    workloads: workloads.toSorted(byName),
  };
  reporter.tick(report);
  return report;

  async function visit(workload: WorkloadFacts, index: PodIndex): Promise<WorkloadReport> {
    const { id } = workload;
    try {
      const { report: visited, restarted } = await settle(workload, index);
      if (!cutOff.has(id.uid)) reporter.workload(visited, restarted);
      return visited;
    } catch (error) {
      const failed = unexpected(id, error);
      reporter.workload(failed);
      return failed;
    }
  }

  async function settle(
    workload: WorkloadFacts,
    index: PodIndex,
  ): Promise<{ readonly report: WorkloadReport; readonly restarted?: Restarted }> {
    const { id } = workload;
    const observed = await observeFully(workload, index); // facts
    trace?.observed(observed, index);
    const screened = screen(observed);
    if (screened !== undefined) return { report: { id, ...screened } };

    const decideOptions = {
      now: now(),
      maxRestartsPerDigest: settings.maxRestartsPerDigest,
      dryRun: mode === 'dry-run',
    };
    const secrets = await Promise.all(observed.pullSecrets.map(readSecret));
    const found = await lookUp(
      observed,
      secrets.map(({ secret }) => secret),
      lookUps,
      decideOptions,
      trace,
    );
    if (found.cutOff) cutOff.add(id.uid);

    const decided = decide(observed, found.findings, decideOptions); // decision, pure
    const { message, containers } = decided;
    const warnings = [...secrets.flatMap(({ problems }) => problems), ...decided.warnings];
    const toldAs = (decision: Decision, words = message): WorkloadReport => ({
      id,
      ...decision,
      message: words,
      containers,
      warnings,
    });
    if (decided.decision !== 'restart') return { report: toldAs(decisionOf(decided)) };
    if (mode === 'check') return { report: toldAs({ decision: 'restart', reason: 'changed' }) };

    const outcome = await act(workload, decided); // act
    if (outcome.result === 'failed') {
      return { report: toldAs({ decision: 'failed', reason: outcome.reason }, outcome.message) };
    }
    return {
      report: toldAs({ decision: 'restart', reason: 'changed' }),
      restarted: { id, changes: changesOf(decided, found) },
    };
  }

  /** A stalled Deployment's newest Pods are known only by its ReplicaSets; they are listed only then. */
  async function observeFully(workload: WorkloadFacts, index: PodIndex): Promise<Observed> {
    // As old as when they were listed, however long a machine that sleeps takes from there to here.
    const context = { ...settings, now: startedAt };
    const observed = observe(workload, index, context);
    if (!observed.needsReplicaSets || screen(observed)?.reason !== 'rollout-in-progress') {
      return observed;
    }
    replicaSets ??= cluster.listReplicaSets(signal);
    return observe(workload, index, { ...context, replicaSets: await replicaSets });
  }

  async function act(
    workload: WorkloadFacts,
    decided: Extract<Decided, { readonly decision: 'restart' }>,
  ): Promise<RestartOutcome> {
    if (signal.aborted) {
      const message = 'the tick ended before it could be restarted; the next one looks again';
      return { result: 'failed', reason: 'api-error', message };
    }
    const patch = restartOf(workload, decided.lastRestart, {
      now: now(),
      key: settings.restartedAtKey,
    });
    return cluster.restart(workload, patch, signal);
  }
}

interface Listed {
  readonly workloads: readonly WorkloadFacts[];
  /** Undefined where they could not be listed. */
  readonly pods: readonly PodFacts[] | undefined;
  /** Pods, or every kind, could not be listed. */
  readonly failed: boolean;
  readonly problems: readonly string[];
}

async function list(
  cluster: Cluster,
  { only, signal }: Pick<TickOptions, 'only' | 'signal'>,
): Promise<Listed> {
  const kinds = only === undefined ? workloadKinds : [only.kind];
  const reads = await Promise.all(
    kinds.map(async (kind) => ({ kind, read: await cluster.listWorkloads(kind, signal) })),
  );
  const pods = await cluster.listPods(signal);
  const workloads = reads
    .flatMap(({ read }) => (read.ok ? read.value : []))
    .filter(({ id }) => only === undefined || id.name === only.name);
  return {
    workloads,
    pods: pods.ok ? pods.value : undefined,
    failed: !pods.ok || reads.every(({ read }) => !read.ok),
    problems: [
      ...reads.flatMap(({ kind, read }) =>
        read.ok ? (read.problems ?? []) : [`${kind}s could not be listed: ${read.message}`],
      ),
      ...(pods.ok ? (pods.problems ?? []) : [`Pods could not be listed: ${pods.message}`]),
      ...(only === undefined || workloads.length > 0 || !reads.every(({ read }) => read.ok)
        ? []
        : [`${only.kind} ${only.name} is not watched: the selector finds no such object`]),
    ],
  };
}

/** The same promise for the same argument, so that a Secret that many workloads name is read once a tick. */
function once<Value>(read: (name: string) => Promise<Value>): (name: string) => Promise<Value> {
  const promises = new Map<string, Promise<Value>>();
  return (name) => {
    const promise = promises.get(name) ?? read(name);
    promises.set(name, promise);
    return promise;
  };
}

function byFormerCutOff(memory: TickMemory) {
  const rank = ({ id }: WorkloadFacts): number => (memory.has(id.uid) ? 0 : 1);
  return (a: WorkloadFacts, b: WorkloadFacts): number => rank(a) - rank(b);
}

function byName({ id: a }: WorkloadReport, { id: b }: WorkloadReport): number {
  const kinds = workloadKinds.indexOf(a.kind) - workloadKinds.indexOf(b.kind);
  return kinds === 0 ? (a.name < b.name ? -1 : 1) : kinds;
}

function cutOffProblem(count: number): readonly string[] {
  if (count === 0) return [];
  const workloads = count === 1 ? '1 workload' : `${count} workloads`;
  return [`${workloads} could not be looked up in time and will go first in the next tick`];
}

function decisionOf(decided: Exclude<Decided, { readonly decision: 'restart' }>): Decision {
  return decided.decision === 'hold'
    ? { decision: decided.decision, reason: decided.reason }
    : { decision: decided.decision, reason: decided.reason };
}

function unexpected(id: WorkloadId, error: unknown): WorkloadReport {
  const words = error instanceof Error ? error.message : String(error);
  const message = `unexpected error, please report it: ${words.slice(0, 150)}`;
  return { id, decision: 'failed', reason: 'api-error', message, containers: [], warnings: [] };
}

function changesOf(
  { causes }: Extract<Decided, { readonly decision: 'restart' }>,
  { manifests }: LookedUp,
): Restarted['changes'] {
  return causes.map(({ container, running, latest }) => {
    const image = imageThatWasRead(latest, manifests);
    return {
      container: container.spec.name,
      image: container.spec.image,
      running,
      latest,
      ...(image?.created !== undefined && { created: image.created }),
      ...(image?.revision !== undefined && { revision: image.revision }),
    };
  });
}

type ImageManifest = Extract<Manifest, { readonly type: 'image' }>;

/** What a digest names or, of an index, the first of its images that the comparison had to open: one build made all. */
function imageThatWasRead(
  digest: Digest,
  manifests: LookedUp['manifests'],
): ImageManifest | undefined {
  const named = manifestOf(digest);
  if (named?.type !== 'index') return named?.type === 'image' ? named : undefined;
  return named.children
    .filter(isImage)
    .map((child) => manifestOf(child.digest))
    .find((manifest) => manifest?.type === 'image');

  function manifestOf(wanted: Digest): Manifest | undefined {
    const read = manifests.get(wanted);
    return read?.status === 'found' ? read.manifest : undefined;
  }
}
