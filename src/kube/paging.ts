import { z } from 'zod';

import { quote } from '../image/quote.ts';
import type { Read } from '../tick.ts';
import type { KubeClient } from './client.ts';
import { type Action, describeAction, failedRead, KubeError } from './error.ts';
import { describeIssue, list, text } from './field.ts';

export interface ListRequest<T> {
  readonly action: Action;
  readonly path: string;
  readonly labelSelector?: string;
  readonly accept?: string;
  readonly pageSize: number;
  /** Keeps what is needed of one object. @throws {z.ZodError} this object alone is then a problem */
  readonly parse: (item: unknown) => T;
}

const pageSchema = z.object({
  metadata: z.object({ continue: text }),
  items: list(z.unknown()),
});
const nameSchema = z.object({ metadata: z.object({ name: z.string() }) });

/** 500 objects of which many are near etcd's 1.5 MB each; real pages have a few MB. */
const maxPageBytes = 256 * 1024 * 1024;
const pageDeadlineMs = 30_000;

/**
 * Lists all objects, page by page: of each page only what `parse` returns outlives it, so that ten thousand Pods
 * stay small.
 *
 * A continue token expires with etcd's compaction, some 5 minutes; then the list starts over, once.
 * @see https://kubernetes.io/docs/reference/using-api/api-concepts/#retrieving-large-results-sets-in-chunks
 */
export async function listAll<T>(
  client: KubeClient,
  request: ListRequest<T>,
  signal: AbortSignal,
): Promise<Read<readonly T[]>> {
  try {
    return await readPages(client, request, signal);
  } catch (error) {
    if (!isExpired(error)) return failedRead(error);
  }
  try {
    return await readPages(client, request, signal);
  } catch (error) {
    return failedRead(error);
  }
}

async function readPages<T>(
  client: KubeClient,
  request: ListRequest<T>,
  signal: AbortSignal,
): Promise<Read<readonly T[]>> {
  const value: T[] = [];
  const problems: string[] = [];
  let token = '';
  do {
    const page = await readPage(client, request, token, signal);
    for (const item of page.items) {
      const parsed = tryParse(request, item);
      if (parsed.ok) value.push(parsed.value);
      else problems.push(parsed.problem);
    }
    token = page.metadata.continue;
  } while (token !== '');
  return { ok: true, value, ...(problems.length > 0 && { problems }) };
}

async function readPage<T>(
  client: KubeClient,
  request: ListRequest<T>,
  token: string,
  signal: AbortSignal,
): Promise<z.output<typeof pageSchema>> {
  const { action, path, labelSelector, accept, pageSize } = request;
  const document = await client.send(
    {
      action,
      path,
      query: {
        ...(labelSelector !== undefined && { labelSelector }),
        limit: String(pageSize),
        ...(token !== '' && { continue: token }),
      },
      ...(accept !== undefined && { accept }),
      maxBodyBytes: maxPageBytes,
      deadlineMs: pageDeadlineMs,
    },
    signal,
  );
  const page = pageSchema.safeParse(document);
  if (page.success) return page.data;
  throw new KubeError(
    'api-error',
    `${describeAction(action)}: the API server's answer is no list: ${describeIssue(page.error)}`,
  );
}

function tryParse<T>(
  { action, parse }: ListRequest<T>,
  item: unknown,
): { readonly ok: true; readonly value: T } | { readonly ok: false; readonly problem: string } {
  try {
    return { ok: true, value: parse(item) };
  } catch (error) {
    if (!(error instanceof z.ZodError)) throw error;
    const name = nameSchema.safeParse(item);
    const which = name.success ? quote(name.data.metadata.name, 253) : 'one without a name';
    const problem = `${action.resource}: ${which} could not be read: ${quote(describeIssue(error), 120)}`;
    return { ok: false, problem };
  }
}

function isExpired(error: unknown): boolean {
  return error instanceof KubeError && error.status === 410;
}
