import * as z from 'zod';

import type { KubeClient } from './client.ts';
import { type Action, describeAction } from './error.ts';

/** Something that the poller may not do. */
export interface MissingPermission {
  readonly action: Action;
  /** What for, as `to restart workloads`. */
  readonly purpose: string;
}

/** What the poller does, and what it is for. Without the last three it works, with less to tell. */
const needed: readonly (readonly [Action, string])[] = [
  ...(['deployments', 'statefulsets', 'daemonsets'] as const).flatMap((resource) =>
    (['list', 'get', 'patch'] as const).map(
      (verb) =>
        [
          { verb, group: 'apps', resource },
          verb === 'list' ? 'to find workloads' : 'to restart workloads',
        ] as const,
    ),
  ),
  [{ verb: 'list', group: '', resource: 'pods' }, 'to see what runs'],
  [
    { verb: 'get', group: '', resource: 'secrets' },
    'to ask private registries as the kubelet does',
  ],
  [
    { verb: 'list', group: 'apps', resource: 'replicasets' },
    'to restart Deployments whose rollout has stalled',
  ],
  [{ verb: 'create', group: 'events.k8s.io', resource: 'events' }, 'to write Events'],
  [{ verb: 'patch', group: 'events.k8s.io', resource: 'events' }, 'to write Events'],
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
  const missing = await Promise.all(
    needed.map(async ([action, purpose]) => {
      const allowed = await mayI(client, namespace, action, signal);
      return allowed ? undefined : { action, purpose };
    }),
  );
  return missing.filter((found) => found !== undefined);
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
