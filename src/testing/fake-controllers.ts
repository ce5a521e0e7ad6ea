import { createHash } from 'node:crypto';

import type { WorkloadKind } from '../rollout/workload.ts';
import { isPullable, podOf, type ResolveImage, statusOf } from './fake-kubelet.ts';
import {
  type JsonObject,
  type KubeObject,
  listAt,
  mergePatch,
  numberAt,
  objectAt,
  type OwnerReference,
  textAt,
  textsAt,
} from './kube-json.ts';
import { type KubeStore, rfc3339, templateGenerationKey } from './kube-store.ts';

export interface Simulation {
  /** What a node would report as `imageID` of an image that is pulled now; undefined: it cannot be pulled. */
  readonly resolveImage: ResolveImage;
  /** How many nodes run a DaemonSet's Pods. Default 2. */
  readonly nodes?: number;
  readonly serviceAccountPullSecrets?: readonly string[];
}

export interface RollOutOptions {
  /** How many Pods are replaced before the rollout stops half-way; default all. */
  readonly replace?: number;
  /** The Deployment's progress deadline has passed. */
  readonly stalled?: boolean;
}

/** What differs between the kinds. */
interface KindRules {
  /** Value of the revision label of a Pod. */
  revisionOf(name: string, hash: string): string;
  readonly revisionLabel: string;
  podName(workload: KubeObject, hash: string, slot: number, serial: number): string;
  /** From here on slots are filled, one Pod each. */
  firstSlot(workload: KubeObject): number;
  status(workload: KubeObject, seen: Seen): JsonObject;
}

/** Pods of a workload after a step of its rollout. */
interface Seen {
  readonly desired: number;
  readonly total: number;
  readonly updated: number;
  readonly ready: number;
  /** Value of the revision label of new Pods. */
  readonly revision: string;
  readonly stalled: boolean;
  readonly now: string;
}

const rules = {
  Deployment: {
    revisionOf: (_name, hash) => hash,
    revisionLabel: 'pod-template-hash',
    podName: ({ metadata }, hash, _slot, serial) =>
      `${metadata.name}-${hash}-${letters(serial, 5)}`,
    firstSlot: () => 0,
    status: deploymentStatus,
  },
  StatefulSet: {
    revisionOf: (name, hash) => `${name}-${hash}`,
    revisionLabel: 'controller-revision-hash',
    podName: ({ metadata }, _hash, slot) => `${metadata.name}-${slot}`,
    firstSlot: (workload) => numberAt(workload, ['spec', 'ordinals', 'start'], 0),
    status: statefulSetStatus,
  },
  DaemonSet: {
    revisionOf: (_name, hash) => hash,
    revisionLabel: 'controller-revision-hash',
    podName: ({ metadata }, _hash, _slot, serial) => `${metadata.name}-${letters(serial, 5)}`,
    firstSlot: () => 0,
    status: daemonSetStatus,
  },
} satisfies Record<WorkloadKind, KindRules>;

/** What is remembered of a workload's Pods. */
interface Rollout {
  /** By slot: an ordinal, a node, or just a place. */
  readonly pods: Map<number, { readonly name: string; readonly hash: string }>;
  readonly templates: Map<string, JsonObject>;
  /** Of the newest ReplicaSet. */
  revision: number;
}

/**
 * The controllers for workloads and a kubelet, as far as a poller can see them: Pods with owners, hashes, image IDs
 * and pull Secrets, and a `status` that fits. One step does what takes a real cluster seconds.
 */
export class FakeControllers {
  readonly #store: KubeStore;
  readonly #simulation: Simulation;
  readonly #now: () => Date;
  readonly #rollouts = new Map<string, Rollout>();
  #serial = 0;

  constructor(store: KubeStore, simulation: Simulation, now: () => Date) {
    this.#store = store;
    this.#simulation = simulation;
    this.#now = now;
  }

  /** Brings Pods and `status` to what the template says, as far as strategy, partition and `paused` allow. */
  rollOut(kind: WorkloadKind, workload: KubeObject, options: RollOutOptions = {}): KubeObject {
    const rollout = this.#rolloutOf(workload);
    const template = objectAt(workload, 'spec', 'template');
    const hash = hashOf(template);
    rollout.templates.set(hash, template);
    if (workload['spec'] !== undefined && objectAt(workload, 'spec')['paused'] === true) {
      return this.#writeStatus(workload, {
        observedGeneration: workload.metadata.generation ?? 1,
      });
    }
    const owner =
      kind === 'Deployment' ? this.#replicaSet(workload, hash, rollout) : ownerOf(workload);
    const fresh =
      this.#store.get(kind, workload.metadata.namespace, workload.metadata.name) ?? workload;
    this.#replacePods(kind, fresh, { hash, owner, rollout, options });
    return this.#writeStatus(fresh, this.#statusOf(kind, fresh, hash, rollout, options));
  }

  /** A container of a Pod is started again on its node: with `Always` its image is pulled anew (case 12). */
  restartContainer(namespace: string, podName: string, container: string): void {
    const pod = this.#store.get('Pod', namespace, podName);
    if (pod === undefined) throw new Error(`no Pod "${podName}"`);
    const spec = listAt(pod, 'spec', 'containers').find((one) => textAt(one, 'name') === container);
    const restarted = listAt(pod, 'status', 'containerStatuses').map((status) =>
      textAt(status, 'name') === container
        ? {
            ...statusOf(podName, spec, this.#simulation.resolveImage, rfc3339(this.#now()), true),
            restartCount: numberAt(status, ['restartCount'], 0) + 1,
          }
        : status,
    );
    this.#store.updateStatus(pod, {
      ...pod,
      status: { ...objectAt(pod, 'status'), containerStatuses: restarted },
    });
  }

  /** Deletes what a deleted workload owned. */
  forget(workload: KubeObject): void {
    const { namespace, uid, name } = workload.metadata;
    const rollout = this.#rollouts.get(uid);
    for (const pod of rollout?.pods.values() ?? []) this.#store.delete('Pod', namespace, pod.name);
    for (const hash of rollout?.templates.keys() ?? []) {
      this.#store.delete('ReplicaSet', namespace, `${name}-${hash}`);
    }
    this.#rollouts.delete(uid);
  }

  #rolloutOf(workload: KubeObject): Rollout {
    const known = this.#rollouts.get(workload.metadata.uid);
    if (known !== undefined) return known;
    const rollout: Rollout = { pods: new Map(), templates: new Map(), revision: 0 };
    this.#rollouts.set(workload.metadata.uid, rollout);
    return rollout;
  }

  #replacePods(
    kind: WorkloadKind,
    workload: KubeObject,
    step: {
      readonly hash: string;
      readonly owner: OwnerReference;
      readonly rollout: Rollout;
      readonly options: RollOutOptions;
    },
  ): void {
    const { hash, owner, rollout, options } = step;
    const { pods } = rollout;
    const first = rules[kind].firstSlot(workload);
    const desired = this.#desired(kind, workload);
    for (const [slot, pod] of pods) {
      if (slot < first || slot >= first + desired)
        this.#deletePod(workload, rollout, slot, pod.name);
    }
    const slots = Array.from({ length: desired }, (_, index) => first + index);
    // Highest ordinal first; what has no ordinal has no order.
    const stale = slots.toReversed().filter((slot) => pods.get(slot)?.hash !== hash);
    const isNew = pods.size === 0;
    const broken =
      !isNew && !isPullable(objectAt(workload, 'spec', 'template'), this.#simulation.resolveImage);
    let left = Math.min(options.replace ?? Infinity, broken ? 1 : Infinity);
    for (const slot of stale) {
      const old = pods.get(slot);
      if (old !== undefined && (left <= 0 || keepsOld(workload, slot))) continue;
      const kept = old === undefined && !isNew && isBelowPartition(workload, slot);
      const wanted = kept ? this.#currentHash(workload, rollout, hash) : hash;
      left -= 1;
      if (old !== undefined && kind === 'Deployment' && broken) {
        // The surge: an old Pod stays until the new one is ready, which never comes.
        this.#createPod(kind, workload, first + desired, hash, owner, rollout);
        continue;
      }
      if (old !== undefined) this.#deletePod(workload, rollout, slot, old.name);
      this.#createPod(kind, workload, slot, wanted, owner, rollout);
    }
  }

  #createPod(
    kind: WorkloadKind,
    workload: KubeObject,
    slot: number,
    hash: string,
    owner: OwnerReference,
    rollout: Rollout,
  ): void {
    this.#serial += 1;
    const { metadata } = workload;
    const name = rules[kind].podName(workload, hash, slot, this.#serial);
    const plan = {
      name,
      namespace: metadata.namespace,
      owner,
      revision: {
        [rules[kind].revisionLabel]: rules[kind].revisionOf(metadata.name, hash),
        ...(kind === 'DaemonSet' && {
          'pod-template-generation': textAt(
            workload,
            'metadata',
            'annotations',
            templateGenerationKey,
          ),
        }),
      },
      template: rollout.templates.get(hash) ?? {},
      serviceAccountPullSecrets: this.#simulation.serviceAccountPullSecrets ?? [],
    };
    this.#store.create(podOf(plan, this.#simulation.resolveImage, rfc3339(this.#now())));
    rollout.pods.set(slot, { name, hash });
  }

  #deletePod(workload: KubeObject, rollout: Rollout, slot: number, name: string): void {
    this.#store.delete('Pod', workload.metadata.namespace, name);
    rollout.pods.delete(slot);
  }

  #desired(kind: WorkloadKind, workload: KubeObject): number {
    return kind === 'DaemonSet'
      ? (this.#simulation.nodes ?? 2)
      : numberAt(workload, ['spec', 'replicas'], 1);
  }

  /** Below the partition a new Pod has the old revision. */
  #currentHash(workload: KubeObject, rollout: Rollout, newest: string): string {
    const current = textAt(workload, 'status', 'currentRevision');
    const hashes = [...rollout.templates.keys()];
    return hashes.find((hash) => current === `${workload.metadata.name}-${hash}`) ?? newest;
  }

  #replicaSet(workload: KubeObject, hash: string, rollout: Rollout): OwnerReference {
    const { name, namespace } = workload.metadata;
    const known = this.#store.get('ReplicaSet', namespace, `${name}-${hash}`);
    const isNewest =
      textsAt(known, 'metadata', 'annotations')[revisionKey] === String(rollout.revision);
    if (known !== undefined && isNewest) return ownerOf(known);
    rollout.revision += 1;
    const annotations = { [revisionKey]: String(rollout.revision) };
    this.#store.updateStatus(workload, annotated(workload, annotations));
    if (known !== undefined)
      return ownerOf(this.#store.updateStatus(known, annotated(known, annotations)));
    const replicaSet = this.#store.create({
      apiVersion: 'apps/v1',
      kind: 'ReplicaSet',
      metadata: {
        name: `${name}-${hash}`,
        namespace,
        annotations,
        labels: {
          ...objectAt(workload, 'spec', 'template', 'metadata', 'labels'),
          'pod-template-hash': hash,
        },
        ownerReferences: [ownerOf(workload)],
      },
      spec: { replicas: numberAt(workload, ['spec', 'replicas'], 1) },
    });
    return ownerOf(replicaSet);
  }

  #statusOf(
    kind: WorkloadKind,
    workload: KubeObject,
    hash: string,
    rollout: Rollout,
    options: RollOutOptions,
  ): JsonObject {
    const pods = [...rollout.pods.values()];
    const { namespace, name, generation } = workload.metadata;
    const ready = pods.filter((pod) => isReady(this.#store.get('Pod', namespace, pod.name)));
    const status = rules[kind].status(workload, {
      desired: this.#desired(kind, workload),
      total: pods.length,
      updated: pods.filter((pod) => pod.hash === hash).length,
      ready: ready.length,
      revision: rules[kind].revisionOf(name, hash),
      stalled: options.stalled ?? false,
      now: rfc3339(this.#now()),
    });
    return { ...status, observedGeneration: generation ?? 1 };
  }

  #writeStatus(workload: KubeObject, status: JsonObject): KubeObject {
    const merged = mergePatch(workload['status'], status);
    return this.#store.updateStatus(workload, { ...workload, status: merged });
  }
}

const revisionKey = 'deployment.kubernetes.io/revision';

/** `OnDelete` and a partition keep what is there. */
function keepsOld(workload: KubeObject, slot: number): boolean {
  const onDelete = textAt(workload, 'spec', 'updateStrategy', 'type') === 'OnDelete';
  return onDelete || isBelowPartition(workload, slot);
}

function isBelowPartition(workload: KubeObject, slot: number): boolean {
  const path = ['spec', 'updateStrategy', 'rollingUpdate', 'partition'];
  return slot < numberAt(workload, path, 0);
}

function deploymentStatus(_workload: KubeObject, seen: Seen): JsonObject {
  const { desired, total, updated, ready, stalled, now } = seen;
  const complete = total === desired && updated === desired && ready === desired;
  const times = { lastUpdateTime: now, lastTransitionTime: now };
  const progress = stalled
    ? { status: 'False', reason: 'ProgressDeadlineExceeded' }
    : { status: 'True', reason: complete ? 'NewReplicaSetAvailable' : 'ReplicaSetUpdated' };
  return {
    replicas: total,
    updatedReplicas: updated,
    readyReplicas: ready,
    availableReplicas: ready,
    unavailableReplicas: total - ready,
    conditions: [
      { type: 'Available', status: ready >= desired ? 'True' : 'False', ...times },
      { type: 'Progressing', ...progress, ...times },
    ],
  };
}

/** @see https://github.com/kubernetes/kubernetes/blob/v1.36.3/pkg/controller/statefulset/stateful_set_utils.go */
function statefulSetStatus(workload: KubeObject, seen: Seen): JsonObject {
  const { total, updated, ready, revision } = seen;
  const before = textAt(workload, 'status', 'currentRevision');
  const rolling = textAt(workload, 'spec', 'updateStrategy', 'type') !== 'OnDelete';
  const complete = rolling && updated === total && ready === total;
  const current = before === '' || complete ? revision : before;
  return {
    replicas: total,
    readyReplicas: ready,
    availableReplicas: ready,
    updatedReplicas: updated,
    currentReplicas: current === revision ? updated : total - updated,
    currentRevision: current,
    updateRevision: revision,
    collisionCount: 0,
  };
}

function daemonSetStatus(_workload: KubeObject, seen: Seen): JsonObject {
  const { desired, total, updated, ready } = seen;
  return {
    desiredNumberScheduled: desired,
    currentNumberScheduled: total,
    updatedNumberScheduled: updated,
    numberReady: ready,
    numberAvailable: ready,
    numberUnavailable: total - ready,
    numberMisscheduled: 0,
  };
}

function isReady(pod: KubeObject | undefined): boolean {
  return listAt(pod, 'status', 'conditions').some(
    (condition) => textAt(condition, 'type') === 'Ready' && textAt(condition, 'status') === 'True',
  );
}

function annotated(object: KubeObject, annotations: JsonObject): KubeObject {
  const merged = { ...objectAt(object, 'metadata', 'annotations'), ...annotations };
  return { ...object, metadata: { ...object.metadata, annotations: merged } };
}

function ownerOf({ apiVersion, kind, metadata }: KubeObject): OwnerReference {
  return {
    apiVersion,
    kind,
    name: metadata.name,
    uid: metadata.uid,
    controller: true,
    blockOwnerDeletion: true,
  };
}

function hashOf(template: JsonObject): string {
  const digest = createHash('sha256').update(JSON.stringify(template)).digest();
  return letters(digest.readUInt32BE(0), 4) + letters(digest.readUInt32BE(4), 5);
}

/** Kubernetes' own alphabet for generated names: no vowels, so no words. */
const alphabet = 'bcdfghjklmnpqrstvwxz2456789';

function letters(number: number, length: number): string {
  let rest = number;
  let text = '';
  for (let index = 0; index < length; index += 1) {
    text = `${alphabet[rest % alphabet.length] ?? ''}${text}`;
    rest = Math.floor(rest / alphabet.length);
  }
  return text;
}
