import * as z from 'zod';

import type { ReplicaSetFacts } from '../rollout/workload.ts';
import type { Read } from '../tick.ts';
import type { KubeClient } from './client.ts';
import { textMap } from './field.ts';
import { listAll } from './paging.ts';
import { ownersSchema } from './pods.ts';

const replicaSetSchema = z.object({
  metadata: z.object({
    name: z.string(),
    labels: textMap,
    annotations: textMap,
    ownerReferences: ownersSchema,
  }),
});

/**
 * Nothing but metadata is wanted, and every Deployment keeps ten old ReplicaSets with whole Pod templates.
 * @see https://kubernetes.io/docs/reference/using-api/api-concepts/#metadata-only-fetches
 */
export const metadataOnly =
  'application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io,application/json';

/** @throws {z.ZodError} */
export function parseReplicaSet(object: unknown): ReplicaSetFacts {
  const { metadata } = replicaSetSchema.parse(object);
  const owner = metadata.ownerReferences.find(({ controller }) => controller);
  const templateHash = metadata.labels['pod-template-hash'];
  const revision = Number(metadata.annotations['deployment.kubernetes.io/revision'] ?? 0);
  return {
    name: metadata.name,
    ...(owner !== undefined && { ownerUid: owner.uid }),
    ...(templateHash !== undefined && { templateHash }),
    revision: Number.isSafeInteger(revision) ? revision : 0,
  };
}

/** Asked for only when a Deployment's rollout has stalled (case 15). */
export async function listReplicaSets(
  client: KubeClient,
  { namespace, pageSize }: { readonly namespace: string; readonly pageSize: number },
  signal: AbortSignal,
): Promise<Read<readonly ReplicaSetFacts[]>> {
  return listAll(
    client,
    {
      action: { verb: 'list', group: 'apps', resource: 'replicasets' },
      path: `/apis/apps/v1/namespaces/${encodeURIComponent(namespace)}/replicasets`,
      accept: metadataOnly,
      pageSize,
      parse: parseReplicaSet,
    },
    signal,
  );
}
