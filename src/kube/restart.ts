import * as z from 'zod';

import { quote } from '../image/quote.ts';
import type { WorkloadFacts } from '../rollout/workload.ts';
import type { RestartOutcome, RestartPatch } from '../tick.ts';
import type { KubeClient } from './client.ts';
import { type Action, failedRead, KubeError } from './error.ts';
import { parseWorkload, kinds, workloadsPath } from './workloads.ts';

/** Status writes of a flapping workload must not starve the restart that would fix it (case 29). */
const maxAttempts = 3;
const deadlineMs = 10_000;
/** After SIGTERM a PATCH in flight may end; the process is to be gone within 5 s (case 58). */
const patchGraceMs = 3500;
/** An object has 1.5 MB in etcd at most, and JSON writes it larger. */
const maxObjectBytes = 16 * 1024 * 1024;

const lastRestartKey = 'kube-autorollout/last-restart';

/**
 * Restarts a workload, as `kubectl rollout restart` would, when it is still what was judged.
 *
 * Reads it again, compares, and sends a merge patch that the API server takes only for the very version that was
 * compared; on 409 the same again. Annotations are all that is patched, so a merge patch and a strategic one
 * would do the same. Once a PATCH was sent and no answer came nothing is repeated: it may have been carried out,
 * and the next tick will see it in `last-restart`.
 * @see https://kubernetes.io/docs/reference/using-api/api-concepts/#patch-and-apply
 */
export async function restart(
  client: KubeClient,
  request: RestartRequest,
  signal: AbortSignal,
): Promise<RestartOutcome> {
  try {
    for (let attempt = 1; attempt <= maxAttempts; attempt += 1) {
      const outcome = await readAndPatch(client, request, signal);
      if (outcome !== 'stale') return outcome;
    }
    return failure(
      'conflict',
      `written to by others ${maxAttempts} times in a row; the next tick tries again`,
    );
  } catch (error) {
    const { reason, message } = failedRead(error);
    return failure(reason, message);
  }
}

export interface RestartRequest {
  /** As it was judged. */
  readonly workload: WorkloadFacts;
  readonly patch: RestartPatch;
  readonly fieldManager: string;
  /** How long a PATCH in flight outlives `signal`; tests shorten it. */
  readonly graceMs?: number;
}

/** @returns `stale` when somebody wrote in between */
async function readAndPatch(
  client: KubeClient,
  { workload, patch, fieldManager, graceMs = patchGraceMs }: RestartRequest,
  signal: AbortSignal,
): Promise<RestartOutcome | 'stale'> {
  const { kind, namespace, name } = workload.id;
  const path = `${workloadsPath(kind, namespace)}/${encodeURIComponent(name)}`;
  const object = { group: 'apps', resource: kinds[kind].resource, name } as const;
  const limits = { maxBodyBytes: maxObjectBytes, deadlineMs };

  const get: Action = { ...object, verb: 'get' };
  const document = await client.send({ action: get, path, ...limits }, signal);
  const fresh = read(workload, document);
  const changed = differenceOf(workload, fresh);
  if (changed !== undefined) return changed;
  // A finalizer may keep it and its Pods for long, and its controller replaces none of them any more.
  if (isBeingDeleted(document)) return failure('gone', `${quote(name, 253)} is being deleted`);
  if (signal.aborted) return failure('api-error', 'stopped before the restart was asked for');
  try {
    await client.send(
      {
        action: { ...object, verb: 'patch' },
        path,
        query: { fieldManager },
        body: {
          contentType: 'application/merge-patch+json',
          document: patchDocument(patch, fresh.resourceVersion),
        },
        ...limits,
        graceMs,
      },
      signal,
    );
    return { result: 'restarted' };
  } catch (error) {
    if (error instanceof KubeError && error.status === 409) return 'stale';
    throw error;
  }
}

function read(workload: WorkloadFacts, document: unknown): WorkloadFacts {
  try {
    return parseWorkload(workload.id.kind, document);
  } catch (error) {
    if (!(error instanceof z.ZodError)) throw error;
    throw new KubeError('api-error', 'the API server answered with an object that makes no sense');
  }
}

function differenceOf(judged: WorkloadFacts, fresh: WorkloadFacts): RestartOutcome | undefined {
  if (fresh.id.uid !== judged.id.uid) {
    return failure(
      'gone',
      `${quote(judged.id.name, 253)} was deleted, and another has its name now`,
    );
  }
  if (fresh.fingerprint === judged.fingerprint) return undefined;
  return failure('conflict', 'changed since it was judged; the next tick looks again');
}

const deletionSchema = z.object({ metadata: z.object({ deletionTimestamp: z.string() }) });

function isBeingDeleted(document: unknown): boolean {
  return deletionSchema.safeParse(document).success;
}

function patchDocument(
  { restartedAt, lastRestart }: RestartPatch,
  resourceVersion: string,
): object {
  return {
    metadata: { resourceVersion, annotations: { [lastRestartKey]: lastRestart } },
    spec: { template: { metadata: { annotations: { [restartedAt.key]: restartedAt.value } } } },
  };
}

type FailedReason = Extract<RestartOutcome, { readonly result: 'failed' }>['reason'];

function failure(reason: FailedReason, message: string): RestartOutcome {
  return { result: 'failed', reason, message };
}
