import * as z from 'zod';

import type { KubeClient } from './client.ts';
import { type Action, describeAction } from './error.ts';

/** Something that the poller does, where it may not. */
export interface MissingPermission {
  readonly action: Action;
  /** What for, as `to restart workloads`. */
  readonly purpose: string;
}

/** What the poller does, and what it is for. Without the last three it works, with less to tell. */
const needed: readonly MissingPermission[] = [
  ...(['deployments', 'statefulsets', 'daemonsets'] as const).flatMap((resource) =>
    (['list', 'get', 'patch'] as const).map((verb) => ({
      action: { verb, group: 'apps' as const, resource },
      purpose: verb === 'list' ? 'to find workloads' : 'to restart workloads',
    })),
  ),
  { action: { verb: 'list', group: '', resource: 'pods' }, purpose: 'to see what runs' },
  {
    action: { verb: 'get', group: '', resource: 'secrets' },
    purpose: 'to ask private registries as the kubelet does',
  },
  {
    action: { verb: 'list', group: 'apps', resource: 'replicasets' },
    purpose: 'to restart Deployments whose rollout has stalled',
  },
  {
    action: { verb: 'create', group: 'events.k8s.io', resource: 'events' },
    purpose: 'to write Events',
  },
  {
    action: { verb: 'patch', group: 'events.k8s.io', resource: 'events' },
    purpose: 'to write Events',
  },
];

const reviewSchema = z.object({ status: z.object({ allowed: z.boolean() }) });

/**
 * Asks the API server what the poller may not do, one question per verb: the answer with all rules at once is
 * incomplete where a webhook authorizes.
 * @see https://kubernetes.io/docs/reference/access-authn-authz/authorization/#checking-api-access
 *
 * @returns empty where nothing is missing, and where the questions themselves are not answered
 */
export async function missingPermissions(
  client: KubeClient,
  namespace: string,
  signal: AbortSignal,
): Promise<readonly MissingPermission[]> {
  const allowed = await Promise.all(
    needed.map(({ action }) => mayI(client, namespace, action, signal)),
  );
  return needed.filter((_, index) => allowed[index] === false);
}

/** For people: `list replicasets.apps (to restart Deployments whose rollout has stalled)`. */
export function describeMissing({ action, purpose }: MissingPermission): string {
  return `${describeAction(action)} (${purpose})`;
}

async function mayI(
  client: KubeClient,
  namespace: string,
  { verb, group, resource }: Action,
  signal: AbortSignal,
): Promise<boolean> {
  const document = {
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SelfSubjectAccessReview',
    spec: { resourceAttributes: { namespace, verb, group, resource } },
  };
  try {
    const answer = await client.send(
      {
        action: {
          verb: 'create',
          group: 'authorization.k8s.io',
          resource: 'selfsubjectaccessreviews',
        },
        path: '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews',
        body: { contentType: 'application/json', document },
        maxBodyBytes: 64 * 1024,
        deadlineMs: 10_000,
      },
      signal,
    );
    return reviewSchema.parse(answer).status.allowed;
  } catch {
    // Not known is not missing: the requests themselves will tell.
    return true;
  }
}
