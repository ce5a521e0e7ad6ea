import { parseImageId, type RunningImage } from '../image/image-id.ts';
import type { Platform } from '../image/platform.ts';
import {
  type ImageReference,
  InvalidReferenceError,
  isTagReference,
  parseReference,
  type TagReference,
} from '../image/reference.ts';
import { annotationKeys, readAnnotations, type Settings } from './annotations.ts';
import { type LastRestartRead, readLastRestart } from './last-restart.ts';
import type { PodIndex } from './pod-index.ts';
import { followRollout, type Progress, type ReplicaSetsRead } from './progress.ts';
import type { SkippedReason } from './verdict.ts';
import type { ContainerSpec, PodContainer, PodFacts, WorkloadFacts } from './workload.ts';

export interface ObserveContext {
  readonly now: Date;
  /** For short names. */
  readonly defaultRegistry: string;
  /** What the config does with containers whose policy is `IfNotPresent`. */
  readonly ifNotPresent: 'skip' | 'restart';
  /** The config's; used where the template does not say. */
  readonly platforms: readonly Platform[];
  /** Absent until a stalled Deployment needs them. */
  readonly replicaSets?: ReplicaSetsRead;
}

interface ContainerFacts {
  readonly spec: ContainerSpec;
  /** What the counted Pods run in it, distinct, newest Pod first. */
  readonly running: readonly RunningImage[];
  /** What a StatefulSet's Pods below its `partition` run: a restart does not replace them (case 24). */
  readonly belowPartition: readonly RunningImage[];
  /** Absent where `image` is no reference. */
  readonly reference?: ImageReference;
  /**
   * What a new Pod has to pull before this container starts, to be looked up before a restart (`lookup-failed`).
   * Of a pinned one there is only to ask whether its digest is still there.
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
  /** For people, said in every message: a rollout that has stalled, a name in an annotation that no container has. */
  readonly notes: readonly string[];
  readonly lastRestart: LastRestartRead;
  readonly progress: Progress;
  /**
   * The rollout of a Deployment has stalled, and only its ReplicaSets tell which Pods are the newest:
   * when `screen` holds it for `rollout-in-progress`, list them once per tick and observe again.
   */
  readonly needsReplicaSets: boolean;
  /** Names of the Pods that are evidence, newest first. */
  readonly counted: readonly string[];
  /** Names of the Pods that a StatefulSet's `partition` keeps from being replaced. */
  readonly belowPartition: readonly string[];
  /** In the template's order. */
  readonly containers: readonly ObservedContainer[];
  /** Empty: unknown. */
  readonly platforms: readonly Platform[];
  /** Distinct names in the kubelet's order: the newest counted Pod's, else the template's. */
  readonly pullSecrets: readonly string[];
}

/** A list longer than this helps nobody, and each name costs a GET and each of its entries a comparison (case 61). */
const maxPullSecrets = 100;

/**
 * Joins a workload with its Pods: what runs, where the rollout stands, what is to be looked up.
 *
 * Counted are the live Pods (not terminating, failed or succeeded) of the newest revision, found by owner and
 * joined with the template by container name; what `status.image` says is never used (cases 10, 13, 14).
 *
 * @param pods of the whole namespace, listed *after* the workload, so that they are not older than it
 */
export function observe(
  workload: WorkloadFacts,
  pods: PodIndex,
  context: ObserveContext,
): Observed {
  const { template } = workload;
  const { settings, problems } = readAnnotations(workload.annotations);
  const lastRestart = readLastRestart(workload.annotations);
  const rollout = followRollout(workload, pods, context);
  // No API server minds a name that is there a thousand times.
  const { pullSecrets } = rollout.counted[0] ?? rollout.belowPartition[0] ?? template;
  const distinctSecrets = [...new Set(pullSecrets)];
  const live = { counted: rollout.counted.map(byName), below: rollout.belowPartition.map(byName) };
  const containers = template.containers.map((spec) =>
    observeContainer(spec, live, settings, context),
  );
  return {
    workload,
    settings,
    problems: lastRestart.status === 'invalid' ? [...problems, lastRestart.message] : problems,
    notes: [
      ...(rollout.progress.state === 'stalled' ? [rollout.progress.message] : []),
      ...unknownNames(template.containers, settings),
      ...tooMany(distinctSecrets),
    ],
    lastRestart,
    progress: rollout.progress,
    needsReplicaSets: rollout.needsReplicaSets,
    counted: rollout.counted.map(({ name }) => name),
    belowPartition: rollout.belowPartition.map(({ name }) => name),
    containers,
    platforms: template.platforms.length > 0 ? template.platforms : context.platforms,
    pullSecrets: distinctSecrets.slice(0, maxPullSecrets),
  };
}

/** A Pod's containers by name: a template may have thousands, and each is looked for in each Pod (case 61). */
interface NamedContainers {
  readonly pod: string;
  readonly containers: ReadonlyMap<string, PodContainer>;
}

function byName({ name, containers }: PodFacts): NamedContainers {
  return { pod: name, containers: new Map(containers.map((one) => [keyOf(one), one])) };
}

/** Joined by name, since `status.image` may say anything (case 10); volumes have names of their own. */
function keyOf({ name, role }: Pick<ContainerSpec, 'name' | 'role'>): string {
  return role === 'volume' ? `volume/${name}` : name;
}

function observeContainer(
  spec: ContainerSpec,
  live: {
    readonly counted: readonly NamedContainers[];
    readonly below: readonly NamedContainers[];
  },
  settings: Settings,
  context: ObserveContext,
): ObservedContainer {
  const parsed = readReference(spec.image, context.defaultRegistry);
  const isPulled = spec.pullPolicy === 'Always' && !settings.ignoreContainers.has(spec.name);
  const facts = {
    spec,
    running: runningIn(spec, live.counted),
    belowPartition: runningIn(spec, live.below),
    ...(parsed.ok && { reference: parsed.reference }),
    ...(parsed.ok && isPulled && { mustPull: parsed.reference }),
  };
  const left = leftOut(spec, settings);
  if (left !== undefined) return skipped('ignored', left);
  if (!parsed.ok) return skipped('invalid-reference', parsed.message);
  if (!isTagReference(parsed.reference)) {
    return skipped('digest-pinned', 'the template pins a digest, which never changes');
  }
  const policy = pullPolicyAgainst(spec, settings.ifNotPresent ?? context.ifNotPresent);
  if (policy !== undefined) return skipped('pull-policy', policy);
  if (facts.running.length > 0 || facts.belowPartition.length > 0) {
    return { ...facts, reference: parsed.reference, watched: true };
  }
  return spec.role === 'volume'
    ? skipped('ignored', 'this kubelet reports no digest for image volumes')
    : skipped('not-running-yet', notPulled(spec, live.counted));

  function skipped(reason: SkippedReason, message: string): SkippedContainer {
    return { ...facts, watched: false, reason, message };
  }
}

/** Why an annotation, or the lack of one, leaves a container out (case 19); undefined when it counts. */
function leftOut({ name, role }: ContainerSpec, settings: Settings): string | undefined {
  if (settings.ignoreContainers.has(name)) return `named in ${annotationKeys.ignoreContainers}`;
  if (settings.containers !== undefined) {
    return settings.containers.has(name) ? undefined : `not named in ${annotationKeys.containers}`;
  }
  if (role !== 'init' || settings.initContainers) return undefined;
  return `init containers count only with ${annotationKeys.initContainers}: "true"`;
}

/** Why a restart may not pull anything (case 22); undefined when it does or when the user asks for it anyway. */
function pullPolicyAgainst(
  { pullPolicy }: ContainerSpec,
  ifNotPresent: 'skip' | 'restart',
): string | undefined {
  if (pullPolicy === 'Always') return undefined;
  if (pullPolicy === 'Never') return 'imagePullPolicy is Never: a restart pulls nothing';
  if (ifNotPresent === 'restart') return undefined;
  return `imagePullPolicy is IfNotPresent: a node that has the tag does not pull it again; set Always, or ${annotationKeys.ifNotPresent}: "restart"`;
}

type ReferenceRead =
  | { readonly ok: true; readonly reference: ImageReference }
  | { readonly ok: false; readonly message: string };

function readReference(image: string, defaultRegistry: string): ReferenceRead {
  try {
    return { ok: true, reference: parseReference(image, defaultRegistry) };
  } catch (error) {
    if (!(error instanceof InvalidReferenceError)) throw error;
    return { ok: false, message: error.message };
  }
}

function runningIn(
  spec: ContainerSpec,
  newestFirst: readonly NamedContainers[],
): readonly RunningImage[] {
  const distinct = new Map<string, RunningImage>();
  for (const { containers } of newestFirst) {
    const imageId = containers.get(keyOf(spec))?.imageId ?? '';
    if (distinct.has(imageId)) continue;
    const image = parseImageId(imageId);
    if (image !== undefined) distinct.set(imageId, image);
  }
  return [...distinct.values()];
}

function notPulled(spec: ContainerSpec, counted: readonly NamedContainers[]): string {
  for (const { pod, containers } of counted) {
    const waiting = containers.get(keyOf(spec))?.waiting;
    if (waiting !== undefined) {
      return `Pod ${pod} has not pulled it yet (${waiting}); the kubelet goes on trying`;
    }
  }
  const [newest] = counted;
  return newest === undefined
    ? 'no Pod of the newest revision exists yet'
    : `Pod ${newest.pod} has not pulled it yet`;
}

function unknownNames(
  containers: readonly ContainerSpec[],
  { containers: only, ignoreContainers }: Settings,
): readonly string[] {
  const known = new Set(containers.map(({ name }) => name));
  return [
    ...[...(only ?? [])].map((name) => ({ name, key: annotationKeys.containers })),
    ...[...ignoreContainers].map((name) => ({ name, key: annotationKeys.ignoreContainers })),
  ]
    .filter(({ name }) => !known.has(name))
    .map(({ name, key }) => `${key} names "${name}", and no container has that name`);
}

function tooMany(pullSecrets: readonly string[]): readonly string[] {
  return pullSecrets.length > maxPullSecrets
    ? [`it names ${pullSecrets.length} pull Secrets, of which the first ${maxPullSecrets} are used`]
    : [];
}
