import * as z from 'zod';

import type { PodContainer, PodFacts } from '../rollout/workload.ts';
import type { Read } from '../tick.ts';
import type { KubeClient } from './client.ts';
import { flag, list, optional, text, textMap } from './field.ts';
import type { KnownObjects } from './known-objects.ts';
import { listAll } from './paging.ts';
import { pullSecretsSchema, roleOf } from './template.ts';

export const ownersSchema = list(
  z.object({ kind: z.string(), name: z.string(), uid: z.string(), controller: flag }),
);

const statusSchema = z.object({
  name: z.string(),
  imageID: text,
  state: optional(z.object({ waiting: optional(z.object({ reason: text })) })),
});

const podSchema = z.object({
  metadata: z.object({
    name: z.string(),
    labels: textMap,
    ownerReferences: ownersSchema,
    creationTimestamp: z.string().pipe(z.coerce.date()),
    deletionTimestamp: text,
  }),
  spec: z.object({
    containers: list(z.object({ name: z.string() })),
    initContainers: list(z.object({ name: z.string(), restartPolicy: text })),
    imagePullSecrets: pullSecretsSchema,
  }),
  status: optional(
    z.object({
      phase: z.enum(['Pending', 'Running', 'Succeeded', 'Failed', 'Unknown']).catch('Unknown'),
      conditions: list(z.object({ type: text, status: text })),
      containerStatuses: list(statusSchema),
      initContainerStatuses: list(statusSchema),
    }),
  ),
});

/** Keeps of a Pod what `observe` needs, some 500 bytes of 5 to 20 kB. @throws {z.ZodError} */
export function parsePod(object: unknown): PodFacts {
  const { metadata, spec, status } = podSchema.parse(object);
  const owner = metadata.ownerReferences.find(({ controller }) => controller);
  const templateHash = metadata.labels['pod-template-hash'];
  const revisionHash = metadata.labels['controller-revision-hash'];
  const templateGeneration = metadata.labels['pod-template-generation'];
  const statuses = byName(status?.containerStatuses ?? []);
  const initStatuses = byName(status?.initContainerStatuses ?? []);
  return {
    name: metadata.name,
    ...(owner !== undefined && { owner: { kind: owner.kind, name: owner.name, uid: owner.uid } }),
    ...(templateHash !== undefined && { templateHash }),
    ...(revisionHash !== undefined && { revisionHash }),
    ...(templateGeneration !== undefined && { templateGeneration }),
    phase: status?.phase ?? 'Pending',
    terminating: metadata.deletionTimestamp !== '',
    ready: (status?.conditions ?? []).some(
      (condition) => condition.type === 'Ready' && condition.status === 'True',
    ),
    createdAt: metadata.creationTimestamp,
    pullSecrets: spec.imagePullSecrets,
    // Ephemeral containers never count (case 19). Image volumes have no status in most versions.
    containers: [
      ...spec.initContainers.map((container) =>
        containerOf(container.name, roleOf(container), initStatuses),
      ),
      ...spec.containers.map(({ name }) => containerOf(name, 'container', statuses)),
    ],
  };
}

/** All Pods of the namespace: owners, not labels, say whose they are, so nothing can be filtered (case 13). */
export async function listPods(
  client: KubeClient,
  request: {
    readonly namespace: string;
    readonly pageSize: number;
    readonly known?: KnownObjects<PodFacts>;
  },
  signal: AbortSignal,
): Promise<Read<readonly PodFacts[]>> {
  const { namespace, pageSize, known } = request;
  return listAll(
    client,
    {
      action: { verb: 'list', group: '', resource: 'pods' },
      path: `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods`,
      pageSize,
      parse: parsePod,
      ...(known !== undefined && { known }),
    },
    signal,
  );
}

type Status = z.output<typeof statusSchema>;

function byName(statuses: readonly Status[]): ReadonlyMap<string, Status> {
  return new Map(statuses.map((status) => [status.name, status]));
}

/** By name: `status.image` is unreliable, and the order of statuses is not that of the spec (case 10). */
function containerOf(
  name: string,
  role: PodContainer['role'],
  statuses: ReadonlyMap<string, Status>,
): PodContainer {
  const status = statuses.get(name);
  const waiting = status?.state?.waiting?.reason ?? '';
  return {
    name,
    role,
    imageId: status?.imageID ?? '',
    ...(waiting !== '' && { waiting }),
  };
}
