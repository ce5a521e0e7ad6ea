import * as z from 'zod';

import { quote } from '../image/quote.ts';
import type { Read } from '../tick.ts';
import { parseJson } from './answer.ts';
import type { KubeClient } from './client.ts';
import { type Action, describeAction, failedRead, KubeError } from './error.ts';
import { describeIssue, list, text } from './field.ts';
import type { KnownObjects } from './known-objects.ts';
import { ListBody, versionOf } from './list-body.ts';

export interface ListRequest<T> {
  readonly action: Action;
  readonly path: string;
  readonly labelSelector?: string;
  readonly accept?: string;
  readonly pageSize: number;
  /** Keeps what is needed of one object. @throws {z.ZodError} this object alone is then a problem */
  readonly parse: (item: unknown) => T;
  /** What the last list kept: an object that is still the same version is not parsed again. */
  readonly known?: KnownObjects<T>;
}

const frameSchema = z.object({
  metadata: z.object({ continue: text }),
  items: list(z.unknown()),
});
const nameSchema = z.object({ metadata: z.object({ name: z.string() }) });

/** Real pages have some 20 MB, of which nothing is kept; an object may have etcd's 1.5 MB. */
const maxPageBytes = 256 * 1024 * 1024;
const pageDeadlineMs = 30_000;

/**
 * Lists all objects, page by page: of each object only what `parse` returns is kept, so that ten thousand Pods
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
  const found: Found<T> = { value: [], problems: [], versions: new Map() };
  let token = '';
  do token = await readPage(client, request, { token, found }, signal);
  while (token !== '');
  const { value, problems, versions } = found;
  request.known?.replace(versions);
  return { ok: true, value, ...(problems.length > 0 && { problems }) };
}

interface Found<T> {
  readonly value: T[];
  readonly problems: string[];
  readonly versions: Map<string, T>;
}

/** @returns the token for the next page; empty after the last one */
async function readPage<T>(
  client: KubeClient,
  request: ListRequest<T>,
  { token, found }: { readonly token: string; readonly found: Found<T> },
  signal: AbortSignal,
): Promise<string> {
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
      reader: new ListBody((bytes) => takeItem(request, bytes, found)),
      maxBodyBytes: maxPageBytes,
      deadlineMs: pageDeadlineMs,
    },
    signal,
  );
  const frame = frameSchema.safeParse(document);
  if (frame.success) return frame.data.metadata.continue;
  throw new KubeError(
    'api-error',
    `${describeAction(action)}: the API server's answer is no list: ${describeIssue(frame.error)}`,
  );
}

function takeItem<T>(request: ListRequest<T>, bytes: Uint8Array, found: Found<T>): void {
  const version = request.known === undefined ? undefined : versionOf(bytes);
  const kept = version === undefined ? undefined : request.known?.get(version);
  const document = kept === undefined ? parseItem(request, bytes) : undefined;
  try {
    const value = kept ?? request.parse(document);
    found.value.push(value);
    if (version !== undefined) found.versions.set(version, value);
  } catch (error) {
    if (!(error instanceof z.ZodError)) throw error;
    const name = nameSchema.safeParse(document);
    const which = name.success ? quote(name.data.metadata.name, 253) : 'one without a name';
    const { resource } = request.action;
    found.problems.push(
      `${resource}: ${which} could not be read: ${quote(describeIssue(error), 120)}`,
    );
  }
}

/** @throws {KubeError} the whole answer is not JSON then */
function parseItem<T>({ action }: ListRequest<T>, bytes: Uint8Array): unknown {
  try {
    return parseJson(bytes);
  } catch {
    // Without its cause: a parser's message quotes the text.
    throw new KubeError(
      'api-error',
      `${describeAction(action)}: the API server answered something that is not JSON with status 200`,
    );
  }
}

function isExpired(error: unknown): boolean {
  return error instanceof KubeError && error.status === 410;
}
