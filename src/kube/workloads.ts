import * as z from 'zod';

import type { RolloutFacts, WorkloadFacts, WorkloadKind } from '../rollout/workload.ts';
import type { Read } from '../tick.ts';
import type { KubeClient } from './client.ts';
import { flag, list, optional, text, textMap, whole } from './field.ts';
import { fingerprintOf } from './fingerprint.ts';
import type { KnownObjects } from './known-objects.ts';
import { listAll } from './paging.ts';
import { isOurs, keepKeys, templateSchema } from './template.ts';

/** All that differs between the kinds, one row each. */
interface KindApi {
  readonly resource: 'deployments' | 'statefulsets' | 'daemonsets';
  /** Reads `spec` and `status`; what is left out has the API server's default. */
  readonly rollout: z.ZodType<RolloutFacts>;
}

const replicas = z
  .int()
  .nullish()
  .transform((value) => value ?? 1);
const rolling = text.transform((type) => (type === 'OnDelete' ? 'OnDelete' : 'RollingUpdate'));

/**
 * Deprecated and kept up all the same: the API server writes it, and the controller labels Pods with it.
 * @see https://github.com/kubernetes/kubernetes/blob/v1.36.3/pkg/controller/daemon/util/daemonset_util.go
 */
const templateGenerationKey = 'deprecated.daemonset.template.generation';

export const kinds = {
  Deployment: {
    resource: 'deployments',
    rollout: z
      .object({
        spec: z.object({ replicas, paused: flag, strategy: optional(z.object({ type: text })) }),
        status: optional(
          z.object({
            replicas: whole,
            updatedReplicas: whole,
            availableReplicas: whole,
            conditions: list(z.object({ type: text, status: text, reason: text })),
          }),
        ),
      })
      .transform(({ spec, status }): RolloutFacts => ({
        kind: 'Deployment',
        paused: spec.paused,
        strategy: spec.strategy?.type === 'Recreate' ? 'Recreate' : 'RollingUpdate',
        replicas: spec.replicas,
        statusReplicas: status?.replicas ?? 0,
        updatedReplicas: status?.updatedReplicas ?? 0,
        availableReplicas: status?.availableReplicas ?? 0,
        progressDeadlineExceeded: (status?.conditions ?? []).some(
          (condition) =>
            condition.type === 'Progressing' &&
            condition.status === 'False' &&
            condition.reason === 'ProgressDeadlineExceeded',
        ),
      })),
  },
  StatefulSet: {
    resource: 'statefulsets',
    rollout: z
      .object({
        spec: z.object({
          replicas,
          podManagementPolicy: text,
          ordinals: optional(z.object({ start: whole })),
          updateStrategy: optional(
            z.object({ type: rolling, rollingUpdate: optional(z.object({ partition: whole })) }),
          ),
        }),
        status: optional(
          z.object({
            replicas: whole,
            updatedReplicas: whole,
            readyReplicas: whole,
            currentRevision: text,
            updateRevision: text,
          }),
        ),
      })
      .transform(({ spec, status }): RolloutFacts => ({
        kind: 'StatefulSet',
        strategy: spec.updateStrategy?.type ?? 'RollingUpdate',
        podManagement: spec.podManagementPolicy === 'Parallel' ? 'Parallel' : 'OrderedReady',
        partition: spec.updateStrategy?.rollingUpdate?.partition ?? 0,
        firstOrdinal: spec.ordinals?.start ?? 0,
        replicas: spec.replicas,
        statusReplicas: status?.replicas ?? 0,
        updatedReplicas: status?.updatedReplicas ?? 0,
        readyReplicas: status?.readyReplicas ?? 0,
        currentRevision: status?.currentRevision ?? '',
        updateRevision: status?.updateRevision ?? '',
      })),
  },
  DaemonSet: {
    resource: 'daemonsets',
    rollout: z
      .object({
        metadata: z.object({ annotations: textMap }),
        spec: z.object({ updateStrategy: optional(z.object({ type: rolling })) }),
        status: optional(
          z.object({
            desiredNumberScheduled: whole,
            updatedNumberScheduled: whole,
            numberAvailable: whole,
          }),
        ),
      })
      .transform(({ metadata, spec, status }): RolloutFacts => {
        const templateGeneration = metadata.annotations[templateGenerationKey];
        return {
          kind: 'DaemonSet',
          strategy: spec.updateStrategy?.type ?? 'RollingUpdate',
          desired: status?.desiredNumberScheduled ?? 0,
          updated: status?.updatedNumberScheduled ?? 0,
          available: status?.numberAvailable ?? 0,
          ...(templateGeneration !== undefined && { templateGeneration }),
        };
      }),
  },
} satisfies Record<WorkloadKind, KindApi>;

/** What the kinds have in common. */
const commonSchema = z.object({
  metadata: z.object({
    name: z.string(),
    namespace: z.string(),
    uid: z.string(),
    resourceVersion: z.string(),
    generation: whole,
    annotations: textMap,
  }),
  spec: z.object({ template: templateSchema }),
  status: optional(z.object({ observedGeneration: whole })),
});

/** Reads one object of the API, from a list or on its own. @throws {z.ZodError} */
export function parseWorkload(kind: WorkloadKind, object: unknown): WorkloadFacts {
  const { metadata, spec, status } = commonSchema.parse(object);
  return {
    id: { kind, namespace: metadata.namespace, name: metadata.name, uid: metadata.uid },
    resourceVersion: metadata.resourceVersion,
    generation: metadata.generation,
    observedGeneration: status?.observedGeneration ?? 0,
    annotations: keepKeys(metadata.annotations, isOurs),
    template: spec.template,
    rollout: kinds[kind].rollout.parse(object),
    fingerprint: fingerprintOf(object),
  };
}

export function workloadsPath(kind: WorkloadKind, namespace: string): string {
  return `/apis/apps/v1/namespaces/${encodeURIComponent(namespace)}/${kinds[kind].resource}`;
}

/** Lists the workloads of one kind; the API server evaluates the selector. */
export async function listWorkloads(
  client: KubeClient,
  request: {
    readonly kind: WorkloadKind;
    readonly namespace: string;
    readonly selector: string;
    readonly pageSize: number;
    readonly known?: KnownObjects<WorkloadFacts>;
  },
  signal: AbortSignal,
): Promise<Read<readonly WorkloadFacts[]>> {
  const { kind, namespace, selector, pageSize, known } = request;
  return listAll(
    client,
    {
      action: { verb: 'list', group: 'apps', resource: kinds[kind].resource },
      path: workloadsPath(kind, namespace),
      labelSelector: selector,
      pageSize,
      parse: (item) => parseWorkload(kind, item),
      ...(known !== undefined && { known }),
    },
    signal,
  );
}
