import type { Platform } from '../image/platform.ts';

export const workloadKinds = ['Deployment', 'StatefulSet', 'DaemonSet'] as const;
export type WorkloadKind = (typeof workloadKinds)[number];

/** Which object; everything that names a workload to people or to the API server. */
export interface WorkloadId {
  readonly kind: WorkloadKind;
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
}

/**
 * How a template uses an image. `sidecar` is an init container with `restartPolicy: Always`;
 * `volume` an image volume (`volumes[].image`).
 */
export type ContainerRole = 'container' | 'init' | 'sidecar' | 'volume';

export interface ContainerSpec {
  readonly name: string;
  /** As written in the template; empty where the template leaves it out. */
  readonly image: string;
  readonly role: ContainerRole;
  readonly pullPolicy: 'Always' | 'IfNotPresent' | 'Never';
}

/** The Pod template as far as a restart depends on it. */
export interface TemplateFacts {
  readonly annotations: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  readonly containers: readonly ContainerSpec[];
  readonly pullSecrets: readonly string[];
  /** What `nodeSelector` and required affinity allow; empty where they do not say. */
  readonly platforms: readonly Platform[];
}

/** What `status` and `spec` say of the rollout, kind by kind; numbers default to what the API server defaults to. */
export type RolloutFacts =
  | {
      readonly kind: 'Deployment';
      readonly paused: boolean;
      readonly strategy: 'RollingUpdate' | 'Recreate';
      readonly replicas: number;
      readonly statusReplicas: number;
      readonly updatedReplicas: number;
      readonly availableReplicas: number;
      readonly progressDeadlineExceeded: boolean;
    }
  | {
      readonly kind: 'StatefulSet';
      readonly strategy: 'RollingUpdate' | 'OnDelete';
      readonly podManagement: 'OrderedReady' | 'Parallel';
      readonly partition: number;
      /** `spec.ordinals.start`, 0 by default: `partition` counts ordinals, not Pods. */
      readonly firstOrdinal: number;
      readonly replicas: number;
      readonly statusReplicas: number;
      readonly updatedReplicas: number;
      readonly readyReplicas: number;
      readonly currentRevision: string;
      readonly updateRevision: string;
    }
  | {
      readonly kind: 'DaemonSet';
      readonly strategy: 'RollingUpdate' | 'OnDelete';
      readonly desired: number;
      readonly updated: number;
      readonly available: number;
      /** Counts the changes of the template; absent where the API server does not say. */
      readonly templateGeneration?: string;
    };

/** A workload as the API server lists it, free of API types. */
export interface WorkloadFacts {
  readonly id: WorkloadId;
  readonly resourceVersion: string;
  readonly generation: number;
  readonly observedGeneration: number;
  /** The workload's own annotations under `kube-autorollout/`. */
  readonly annotations: Readonly<Record<string, string>>;
  readonly template: TemplateFacts;
  readonly rollout: RolloutFacts;
  /**
   * A hash of all that must be unchanged when the PATCH goes out: everything outside `status`,
   * `metadata.managedFields`, `metadata.resourceVersion`, `deployment.kubernetes.io/*` annotations
   * and a `spec.replicas` that stays above 0. `metadata.generation` is left out, too: scaling counts it up, and
   * all else that does is compared itself.
   */
  readonly fingerprint: string;
}

export interface PodContainer {
  readonly name: string;
  readonly role: ContainerRole;
  /** As the kubelet reports it; empty before the first pull. Parsed by `image/image-id.ts`. */
  readonly imageId: string;
  /** `state.waiting.reason`, for the message: `ImagePullBackOff`. */
  readonly waiting?: string;
}

/** What is kept of a Pod: only what `observe` needs. */
export interface PodFacts {
  readonly name: string;
  /** The controller owner; absent for a bare Pod. */
  readonly owner?: { readonly kind: string; readonly name: string; readonly uid: string };
  /** Label `pod-template-hash`. */
  readonly templateHash?: string;
  /** Label `controller-revision-hash`. */
  readonly revisionHash?: string;
  /** Label `pod-template-generation` of a DaemonSet's Pod: which change of the template it was made after. */
  readonly templateGeneration?: string;
  readonly phase: 'Pending' | 'Running' | 'Succeeded' | 'Failed' | 'Unknown';
  readonly terminating: boolean;
  readonly ready: boolean;
  readonly createdAt: Date;
  /** Names in `spec.imagePullSecrets`, the ServiceAccount's included by then. */
  readonly pullSecrets: readonly string[];
  readonly containers: readonly PodContainer[];
}

/** What is kept of a ReplicaSet; listed only for a stalled Deployment. */
export interface ReplicaSetFacts {
  readonly name: string;
  readonly ownerUid?: string;
  /** Annotation `deployment.kubernetes.io/revision`; 0 where absent. */
  readonly revision: number;
  /** Label `pod-template-hash`. */
  readonly templateHash?: string;
}
