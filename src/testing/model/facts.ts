import type {
  PodFacts,
  ReplicaSetFacts,
  RolloutFacts,
  WorkloadFacts,
} from '../../rollout/workload.ts';
import { isReady, type ModelWorkload } from './workload.ts';

/** A model workload as the API server would list it. */
export function workloadFacts(workload: ModelWorkload, nowMs: number): WorkloadFacts {
  return {
    id: { kind: workload.kind, namespace: 'shop', name: 'web', uid: 'uid-web' },
    resourceVersion: workload.resourceVersion,
    generation: workload.generation,
    observedGeneration: workload.observed,
    annotations: workload.annotations,
    template: {
      annotations: workload.template.annotations,
      labels: {},
      containers: workload.template.containers.map(({ name, reference, pullPolicy }) => ({
        name,
        image: reference,
        role: 'container',
        pullPolicy,
      })),
      pullSecrets: [],
      platforms: [],
    },
    rollout: rolloutFacts(workload, nowMs),
    fingerprint: workload.fingerprint,
  };
}

function rolloutFacts(workload: ModelWorkload, nowMs: number): RolloutFacts {
  const { replicas, partition, pods, revision } = workload;
  const updated = pods.filter((pod) => pod.revision === revision).length;
  const ready = pods.filter(isReady).length;
  switch (workload.kind) {
    case 'Deployment':
      return {
        kind: workload.kind,
        paused: workload.paused,
        strategy: 'RollingUpdate',
        replicas,
        statusReplicas: pods.length,
        updatedReplicas: updated,
        availableReplicas: ready,
        progressDeadlineExceeded: workload.isPastDeadline(nowMs),
      };
    case 'StatefulSet':
      return {
        kind: workload.kind,
        strategy: 'RollingUpdate',
        podManagement: workload.isOrdered ? 'OrderedReady' : 'Parallel',
        partition,
        firstOrdinal: 0,
        replicas,
        statusReplicas: pods.length,
        updatedReplicas: updated,
        readyReplicas: ready,
        currentRevision: `web-${workload.rolledOut}`,
        updateRevision: `web-${revision}`,
      };
    case 'DaemonSet':
      return {
        kind: workload.kind,
        strategy: 'RollingUpdate',
        desired: replicas,
        updated,
        available: ready,
        templateGeneration: String(workload.templateGeneration),
      };
  }
}

export function podFacts(workload: ModelWorkload): readonly PodFacts[] {
  return workload.pods.map((pod) => ({
    name: pod.name,
    ...(workload.kind === 'Deployment'
      ? {
          owner: { kind: 'ReplicaSet', name: `web-${pod.revision}`, uid: `rs-${pod.revision}` },
          templateHash: String(pod.revision),
        }
      : {
          owner: { kind: workload.kind, name: 'web', uid: 'uid-web' },
          revisionHash: `web-${pod.revision}`,
          ...(workload.kind === 'DaemonSet' && {
            templateGeneration: String(pod.templateGeneration),
          }),
        }),
    phase: pod.images.size > 0 ? 'Running' : 'Pending',
    terminating: false,
    ready: isReady(pod),
    createdAt: new Date(pod.createdMs),
    pullSecrets: [],
    containers: pod.template.containers.map(({ name, reference }) => {
      const digest = pod.images.get(name)?.digest;
      const repository = reference.slice(0, reference.lastIndexOf(':'));
      return {
        name,
        role: 'container',
        imageId: digest === undefined ? '' : `${repository}@${digest}`,
      };
    }),
  }));
}

export function replicaSetFacts(workload: ModelWorkload): readonly ReplicaSetFacts[] {
  return [...workload.revisions.values()].map((revision) => ({
    name: `web-${revision}`,
    ownerUid: 'uid-web',
    // What is in the template now is the newest, even where it was there before.
    revision: revision === workload.revision ? 1000 : revision,
    templateHash: String(revision),
  }));
}
