import type { Answer } from './fake-answer.ts';
import {
  type KubeApi,
  type RecordedKubeRequest,
  status,
  type Target,
} from './fake-kube-request.ts';
import { type KubeObject, textsAt } from './kube-json.ts';
import { InvalidSelectorError, type LabelMatch, parseSelector } from './kube-selector.ts';
import { resources } from './kube-store.ts';

const queries = new Set(['labelSelector', 'limit', 'continue']);

/** One page of a list: items in the order of their names, without `kind` and `apiVersion`, as a real one has them. */
export function answerList(api: KubeApi, request: RecordedKubeRequest, target: Target): Answer {
  for (const key of Object.keys(request.query)) {
    if (!queries.has(key)) api.problem(`unknown query "${key}" of ${request.path}`);
  }
  const selector = selectorOf(request);
  if (typeof selector === 'string') return status(400, 'BadRequest', selector);
  const token = request.query['continue'];
  const start = token === undefined ? undefined : readToken(token);
  if (start !== undefined && start.version < api.rules.compactedAt) {
    return status(
      410,
      'Expired',
      'The provided continue parameter is too old to display a consistent list result.',
    );
  }
  const limit = Number(request.query['limit'] ?? Infinity);
  const page = takePage(api, target, selector, limit, start?.after ?? '');
  const version = start?.version ?? Number(api.store.resourceVersion);
  const metadataOnly = (request.headers.accept ?? '').includes('as=PartialObjectMetadataList');
  const metadata = {
    resourceVersion: String(version),
    ...(page.more && { continue: writeToken({ version, after: page.last }) }),
  };
  const { kind } = target;
  const head = metadataOnly
    ? `{"kind":"PartialObjectMetadataList","apiVersion":"meta.k8s.io/v1"`
    : `{"kind":"${kind}List","apiVersion":"${resources[kind].group === '' ? 'v1' : 'apps/v1'}"`;
  const items = page.items.flatMap((item, index) => [
    ...(index === 0 ? [] : [comma]),
    metadataOnly ? metadataBytes(item) : itemBytes(item),
  ]);
  const opening = Buffer.from(`${head},"metadata":${JSON.stringify(metadata)},"items":[`);
  return {
    headers: { 'content-type': 'application/json' },
    body: Buffer.concat([opening, ...items, Buffer.from(']}')]),
  };
}

function selectorOf(request: RecordedKubeRequest): LabelMatch | string {
  try {
    return parseSelector(request.query['labelSelector'] ?? '');
  } catch (error) {
    if (error instanceof InvalidSelectorError) return error.message;
    throw error;
  }
}

interface Page {
  readonly items: readonly KubeObject[];
  readonly last: string;
  readonly more: boolean;
}

function takePage(
  { store }: KubeApi,
  { kind, namespace }: Target,
  matches: LabelMatch,
  limit: number,
  after: string,
): Page {
  const names = store.names(kind, namespace);
  const items: KubeObject[] = [];
  let last = '';
  for (let index = firstAfter(names, after); index < names.length; index += 1) {
    const name = names[index] ?? '';
    const object = store.get(kind, namespace, name);
    if (object === undefined || !matches(textsAt(object, 'metadata', 'labels'))) continue;
    if (items.length >= limit) return { items, last, more: true };
    items.push(object);
    last = name;
  }
  return { items, last, more: false };
}

/** Binary search: ten thousand Pods have twenty pages. */
function firstAfter(names: readonly string[], after: string): number {
  let low = 0;
  let high = names.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((names[middle] ?? '') <= after) low = middle + 1;
    else high = middle;
  }
  return low;
}

const comma = Buffer.from(',');

/** Objects never change in place, so each is written once, however often it is listed. */
const written = new WeakMap<KubeObject, Buffer>();

function itemBytes(object: KubeObject): Buffer {
  const known = written.get(object);
  if (known !== undefined) return known;
  const { kind: _kind, apiVersion: _apiVersion, ...item } = object;
  const bytes = Buffer.from(JSON.stringify(item));
  written.set(object, bytes);
  return bytes;
}

function metadataBytes({ metadata }: KubeObject): Buffer {
  return Buffer.from(JSON.stringify({ metadata }));
}

interface Token {
  readonly version: number;
  readonly after: string;
}

function writeToken({ version, after }: Token): string {
  return Buffer.from(`${version} ${after}`).toString('base64url');
}

function readToken(text: string): Token {
  const [version = '', after = ''] = Buffer.from(text, 'base64url').toString().split(' ');
  return { version: Number(version), after };
}
