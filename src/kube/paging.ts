import { z } from 'zod';

import { quote } from '../image/quote.ts';
import type { Read } from '../tick.ts';
import type { KubeClient } from './client.ts';
import { type Action, describeAction, failedRead, KubeError } from './error.ts';
import { describeIssue, list, text } from './field.ts';
import { parseJson, RawItem, splitPage } from './raw-page.ts';

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

/** By uid and resource version; a list that was read to its end leaves here what it found, and nothing else. */
export type KnownObjects<T> = Map<string, T>;

/** The key of {@link KnownObjects}. */
export function versionKey(uid: string, resourceVersion: string): string {
  return `"${uid}" "${resourceVersion}"`;
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
  const seen = new Map<string, T>();
  let token = '';
  do {
    const page = await readPage(client, request, token, signal);
    for (const item of page.items) {
      const read = readItem(request, item);
      if (read.ok) {
        value.push(read.value);
        if (read.version !== undefined) seen.set(read.version, read.value);
      } else {
        problems.push(read.problem);
      }
    }
    token = page.metadata.continue;
  } while (token !== '');
  remember(request.known, seen);
  return { ok: true, value, ...(problems.length > 0 && { problems }) };
}

function remember<T>(known: KnownObjects<T> | undefined, seen: ReadonlyMap<string, T>): void {
  if (known === undefined) return;
  known.clear();
  for (const [version, value] of seen) known.set(version, value);
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
      read: (body) => splitPage(body) ?? parseJson(body),
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

type ItemRead<T> =
  | { readonly ok: true; readonly value: T; readonly version: string | undefined }
  | { readonly ok: false; readonly problem: string };

function readItem<T>(request: ListRequest<T>, item: unknown): ItemRead<T> {
  const raw = item instanceof RawItem ? item : undefined;
  const version = request.known === undefined ? undefined : raw?.version;
  const kept = version === undefined ? undefined : request.known?.get(version);
  if (kept !== undefined) return { ok: true, value: kept, version };
  const document = raw === undefined ? item : parseItem(request, raw);
  try {
    return { ok: true, value: request.parse(document), version };
  } catch (error) {
    if (!(error instanceof z.ZodError)) throw error;
    const name = nameSchema.safeParse(document);
    const which = name.success ? quote(name.data.metadata.name, 253) : 'one without a name';
    const { resource } = request.action;
    const problem = `${resource}: ${which} could not be read: ${quote(describeIssue(error), 120)}`;
    return { ok: false, problem };
  }
}

/** @throws {KubeError} the whole answer is not JSON then */
function parseItem<T>({ action }: ListRequest<T>, item: RawItem): unknown {
  try {
    return item.parse();
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    // Without its cause: a parser's message quotes the text.
    // oxlint-disable-next-line preserve-caught-error
    throw new KubeError(
      'api-error',
      `${describeAction(action)}: the API server answered something that is not JSON with status 200`,
    );
  }
}

function isExpired(error: unknown): boolean {
  return error instanceof KubeError && error.status === 410;
}
