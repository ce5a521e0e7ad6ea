import { message } from './message.ts';
import type { PodIndex } from './pod-index.ts';
import type { FailedReason } from './verdict.ts';
import type { PodFacts, ReplicaSetFacts, RolloutFacts, WorkloadFacts } from './workload.ts';

/** Where the rollout stands. */
export type Progress =
  | { readonly state: 'complete' }
  /** It has stopped without success: the Pods of the newest revision are judged, for the fix may have been pushed. */
  | { readonly state: 'stalled'; readonly message: string }
  | { readonly state: 'in-progress'; readonly message: string };

/** What came of listing ReplicaSets. */
export type ReplicaSetsRead =
  | { readonly ok: true; readonly value: readonly ReplicaSetFacts[] }
  | { readonly ok: false; readonly reason: FailedReason; readonly message: string };

/** A rollout with the Pods that count: live ones of the newest revision, newest Pod first. */
export interface Rollout {
  readonly progress: Progress;
  readonly counted: readonly PodFacts[];
  /** A StatefulSet's Pods that its `partition` keeps from being replaced (case 24). */
  readonly belowPartition: readonly PodFacts[];
  readonly needsReplicaSets: boolean;
}

type FactsOf<Kind extends RolloutFacts['kind']> = Extract<RolloutFacts, { readonly kind: Kind }>;

/** A Pod that is not ready at this age will hardly become so by waiting. */
const stalledAfterMs = 10 * 60_000;

/**
 * Tells where a rollout stands and which Pods are evidence of what the newest revision runs (cases 13 to 15).
 *
 * Complete means that the controller has seen the template and no live Pod is of an older one; whether the Pods are
 * available does not matter, for a workload that crashes may be waiting for the very image that was just pushed.
 * A status that claims to be complete while the Pods say otherwise is not believed.
 * @see https://github.com/kubernetes/kubectl/blob/v0.34.0/pkg/polymorphichelpers/rollout_status.go
 */
export function followRollout(
  workload: WorkloadFacts,
  pods: PodIndex,
  { now, replicaSets }: { readonly now: Date; readonly replicaSets?: ReplicaSetsRead },
): Rollout {
  const { rollout, id } = workload;
  const owned =
    rollout.kind === 'Deployment' ? pods.byDeployment.get(id.name) : pods.byOwner.get(id.uid);
  const live = (owned ?? [])
    .filter(isLive)
    .toSorted((one, other) => other.createdAt.getTime() - one.createdAt.getTime());

  if (workload.generation > workload.observedGeneration) {
    return inProgress('the controller has not seen the latest change yet', live);
  }
  switch (rollout.kind) {
    case 'Deployment':
      return followDeployment(workload, rollout, live, now, replicaSets);
    case 'StatefulSet':
      return followStatefulSet(workload, rollout, live, now);
    case 'DaemonSet':
      return followDaemonSet(rollout, live, now);
  }
}

function isLive({ terminating, phase }: PodFacts): boolean {
  return !terminating && phase !== 'Failed' && phase !== 'Succeeded';
}

function followDeployment(
  workload: WorkloadFacts,
  facts: FactsOf<'Deployment'>,
  live: readonly PodFacts[],
  now: Date,
  replicaSets: ReplicaSetsRead | undefined,
): Rollout {
  const { updatedReplicas, statusReplicas, replicas } = facts;
  const hasOldPods = statusReplicas > updatedReplicas || revisions(live) > 1;
  if (!hasOldPods && updatedReplicas >= replicas) return complete(live);

  const why = hasOldPods
    ? 'Pods of an older revision are still there'
    : `${updatedReplicas} of ${replicas} Pods exist`;
  if (!hasOldPods && isOld(live[0], now)) return stalled(why, live);
  if (!facts.progressDeadlineExceeded) return inProgress(why, live);

  const failed = 'it is past its progress deadline';
  if (replicaSets === undefined) {
    return { ...inProgress(`${failed}; ${why}`, live), needsReplicaSets: true };
  }
  if (!replicaSets.ok) {
    // Before the API server's own words, which are long and may be cut.
    const remedy =
      replicaSets.reason === 'forbidden' ? ' (the Role must allow list on replicasets.apps)' : '';
    return inProgress(
      `${failed}, and only ReplicaSets tell its newest Pods${remedy}: ${replicaSets.message}`,
      live,
    );
  }
  const newest = newestReplicaSet(replicaSets.value, workload.id.uid);
  return stalled(
    failed,
    live.filter(({ owner }) => owner !== undefined && owner.name === newest?.name),
  );
}

function newestReplicaSet(
  all: readonly ReplicaSetFacts[],
  deploymentUid: string,
): ReplicaSetFacts | undefined {
  return all
    .filter(({ ownerUid }) => ownerUid === deploymentUid)
    .toSorted((one, other) => other.revision - one.revision)[0];
}

function followStatefulSet(
  { id }: WorkloadFacts,
  facts: FactsOf<'StatefulSet'>,
  live: readonly PodFacts[],
  now: Date,
): Rollout {
  const { partition, firstOrdinal, replicas, currentRevision, updateRevision } = facts;
  const belowPartition = live.filter((pod) => ordinalOf(pod) < partition);
  const above = live.filter((pod) => ordinalOf(pod) >= partition);
  const counted = above.filter(({ revisionHash }) => revisionHash === updateRevision);
  const expected = Math.max(0, firstOrdinal + replicas - Math.max(partition, firstOrdinal));
  const isUpdated =
    partition > firstOrdinal
      ? facts.updatedReplicas >= expected
      : currentRevision === updateRevision;
  if (isUpdated && counted.length === above.length) return complete(counted, belowPartition);

  const why = updatedSoFar(counted.length, expected);
  if (facts.podManagement === 'Parallel') {
    return isStuck(counted, now) ? stalled(why, counted, belowPartition) : inProgress(why, counted);
  }
  // A new revision does not replace it, so a restart could not help: https://github.com/kubernetes/kubernetes/issues/67250
  const broken = live
    .filter((pod) => !pod.ready && isOld(pod, now))
    .toSorted((one, other) => ordinalOf(one) - ordinalOf(other))[0];
  if (broken === undefined) return inProgress(why, counted);
  return inProgress(
    `it waits for Pod ${broken.name}, which is not ready and which no restart replaces: kubectl delete pod ${broken.name} --namespace ${id.namespace}`,
    counted,
  );
}

/** A StatefulSet's Pods are named `<name>-<ordinal>`. */
function ordinalOf({ name }: PodFacts): number {
  return Number(name.slice(name.lastIndexOf('-') + 1));
}

function followDaemonSet(
  facts: FactsOf<'DaemonSet'>,
  live: readonly PodFacts[],
  now: Date,
): Rollout {
  const { updated, desired } = facts;
  if (updated >= desired && revisions(live) <= 1) return complete(live);

  const revision = newestRevision(facts, live);
  const newest = live.filter(
    ({ revisionHash }) => revision !== undefined && revisionHash === revision,
  );
  const why = updatedSoFar(updated, desired);
  // No old Pod is left to be replaced: the controller waits for a node that is down, or for room to make one more.
  const hasOnlyNew = newest.length === live.length && isOld(newest[0], now);
  return updated > 0 && (hasOnlyNew || isStuck(newest, now))
    ? stalled(why, newest)
    : inProgress(why, live);
}

/**
 * The revision that the template is now, where some Pod is of it; undefined where that cannot be told.
 *
 * The controller makes Pods of the newest revision only, so it is the youngest one's. Unless that was made before the
 * latest change of the template: then somebody went back to an older revision, certainly not the one before.
 */
function newestRevision(
  { templateGeneration }: FactsOf<'DaemonSet'>,
  live: readonly PodFacts[],
): string | undefined {
  const [youngest] = live;
  const made = youngest?.templateGeneration;
  if (made === undefined || templateGeneration === undefined || made === templateGeneration) {
    return youngest?.revisionHash;
  }
  const isOfBefore = (pod: PodFacts): boolean =>
    Number(pod.templateGeneration) === Number(templateGeneration) - 1;
  const outdated = new Set(live.filter(isOfBefore).map(({ revisionHash }) => revisionHash));
  const [only, ...others] = new Set(live.map(({ revisionHash }) => revisionHash)).difference(
    outdated,
  );
  return others.length === 0 ? only : undefined;
}

function updatedSoFar(updated: number, expected: number): string {
  return updated < expected
    ? `${updated} of ${expected} Pods are updated`
    : 'all Pods are updated, not all are ready';
}

function revisions(pods: readonly PodFacts[]): number {
  return new Set(pods.map(({ templateHash, revisionHash }) => templateHash ?? revisionHash)).size;
}

/** Nothing new came for long, and something new is not ready: the controller waits in vain. */
function isStuck(newestFirst: readonly PodFacts[], now: Date): boolean {
  return isOld(newestFirst[0], now) && newestFirst.some(({ ready }) => !ready);
}

function isOld(pod: PodFacts | undefined, now: Date): boolean {
  return pod !== undefined && now.getTime() - pod.createdAt.getTime() > stalledAfterMs;
}

function complete(counted: readonly PodFacts[], belowPartition: readonly PodFacts[] = []): Rollout {
  return { progress: { state: 'complete' }, counted, belowPartition, needsReplicaSets: false };
}

function stalled(
  why: string,
  counted: readonly PodFacts[],
  belowPartition: readonly PodFacts[] = [],
): Rollout {
  const progress = { state: 'stalled', message: `the rollout has stalled: ${why}` } as const;
  return { progress, counted, belowPartition, needsReplicaSets: false };
}

function inProgress(why: string, counted: readonly PodFacts[]): Rollout {
  const progress = {
    state: 'in-progress',
    message: message(`a rollout is under way: ${why}`),
  } as const;
  return { progress, counted, belowPartition: [], needsReplicaSets: false };
}
