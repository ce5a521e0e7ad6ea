import * as z from 'zod';

import { type WorkloadKind, workloadKinds } from '../rollout/workload.ts';
import type { KubeClient } from './client.ts';
import { optional, textMap } from './field.ts';
import { fitsSelector } from './label-selector.ts';
import { listAll } from './paging.ts';
import { ownersSchema } from './pods.ts';
import { metadataOnly } from './replica-sets.ts';
import { kinds, workloadsPath } from './workloads.ts';

/** A workload of the namespace, watched or not. */
export interface Neighbour {
  readonly kind: WorkloadKind;
  readonly name: string;
  /** Where the labels stand that the selector asks for; only those on the workload `itself` count. */
  readonly labelled: 'itself' | 'template' | 'no';
}

/** A Pod that the selector would find, which means nothing. */
export interface LabelledPod {
  readonly name: string;
  /** The controller owner, a ReplicaSet of a Deployment as often as not. */
  readonly owner?: { readonly kind: string; readonly name: string };
}

/** What there is in a namespace beside what is watched: `check` hints at labels in the wrong place. */
export interface Neighbours {
  /** By kind and name. */
  readonly workloads: readonly Neighbour[];
  readonly labelledPods: readonly LabelledPod[];
}

const workloadSchema = z.object({
  metadata: z.object({ name: z.string(), labels: textMap }),
  spec: z.object({
    template: z.object({ metadata: optional(z.object({ labels: textMap })) }),
  }),
});
const podSchema = z.object({
  metadata: z.object({ name: z.string(), ownerReferences: ownersSchema }),
});

interface Request {
  readonly namespace: string;
  readonly selector: string;
  readonly pageSize: number;
}

/**
 * Lists all workloads, without the selector, and the Pods that fit it. Only `check` and `explain` ask for it.
 * @returns undefined where the workloads cannot be listed: the tick itself says why
 */
export async function listNeighbours(
  client: KubeClient,
  request: Request,
  signal: AbortSignal,
): Promise<Neighbours | undefined> {
  const lists = await Promise.all(
    workloadKinds.map((kind) => listKind(client, kind, request, signal)),
  );
  const pods = await listLabelledPods(client, request, signal);
  const workloads = lists.flatMap((list) => list ?? []);
  return lists.includes(undefined) ? undefined : { workloads, labelledPods: pods };
}

async function listKind(
  client: KubeClient,
  kind: WorkloadKind,
  { namespace, selector, pageSize }: Request,
  signal: AbortSignal,
): Promise<readonly Neighbour[] | undefined> {
  const listed = await listAll(
    client,
    {
      action: { verb: 'list', group: 'apps', resource: kinds[kind].resource },
      path: workloadsPath(kind, namespace),
      pageSize,
      parse: (item): Neighbour => {
        const { metadata, spec } = workloadSchema.parse(item);
        const templateLabels = spec.template.metadata?.labels ?? {};
        const labelled = fitsSelector(selector, metadata.labels)
          ? 'itself'
          : fitsSelector(selector, templateLabels)
            ? 'template'
            : 'no';
        return { kind, name: metadata.name, labelled };
      },
    },
    signal,
  );
  return listed.ok ? listed.value : undefined;
}

async function listLabelledPods(
  client: KubeClient,
  { namespace, selector, pageSize }: Request,
  signal: AbortSignal,
): Promise<readonly LabelledPod[]> {
  const listed = await listAll(
    client,
    {
      action: { verb: 'list', group: '', resource: 'pods' },
      path: `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods`,
      labelSelector: selector,
      accept: metadataOnly,
      pageSize,
      parse: (item): LabelledPod => {
        const { name, ownerReferences } = podSchema.parse(item).metadata;
        const owner = ownerReferences.find(({ controller }) => controller);
        return {
          name,
          ...(owner !== undefined && { owner: { kind: owner.kind, name: owner.name } }),
        };
      },
    },
    signal,
  );
  return listed.ok ? listed.value : [];
}
