import type { IncomingHttpHeaders } from 'node:http';

import { type Answer, jsonAnswer, type ServedRequest } from './fake-answer.ts';
import { type JsonObject, isObject, type KubeObject } from './kube-json.ts';
import { isKind, type Kind, type KubeStore, resources } from './kube-store.ts';

export interface RecordedKubeRequest {
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly headers: IncomingHttpHeaders;
  /** As sent; parsed in `document` where it is JSON. */
  readonly body: string;
  readonly document: JsonObject | undefined;
  /** Which connection it came on, counted from 1. */
  readonly connection: number;
}

/** What the Role lacks, and how old a continue token may be. */
export interface KubeRules {
  /** Resource to verbs. */
  readonly denied: Map<string, Set<string>>;
  compactedAt: number;
}

export interface KubeApi {
  readonly store: KubeStore;
  readonly rules: KubeRules;
  changed(object: KubeObject): void;
  problem(text: string): void;
}

/** What a path names. */
export interface Target {
  readonly kind: Kind;
  readonly namespace: string;
  /** Absent for a list or a create. */
  readonly name: string | undefined;
}

/** @see https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/status/ */
export function status(
  code: number,
  reason: string,
  message: string,
  details: JsonObject = {},
): Answer {
  const document = {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message,
    reason,
    details,
    code,
  };
  return jsonAnswer(document, code);
}

/** `deployments.apps "web"`, as messages name it. */
export function quoted({ kind, name }: Target): string {
  const { group, resource } = resources[kind];
  const full = group === '' ? resource : `${resource}.${group}`;
  return name === undefined ? full : `${full} "${name}"`;
}

/** Reads a request whole. */
export async function readRequest(
  request: ServedRequest,
  connection: number,
): Promise<RecordedKubeRequest> {
  let body = '';
  request.setEncoding('utf8');
  for await (const chunk of request) body += String(chunk);
  const url = new URL(request.url ?? '', 'http://fake');
  return {
    method: request.method ?? '',
    path: url.pathname,
    query: Object.fromEntries(url.searchParams),
    headers: request.headers,
    body,
    document: parse(body),
    connection,
  };
}

function parse(body: string): JsonObject | undefined {
  if (body === '') return undefined;
  try {
    const document: unknown = JSON.parse(body);
    return isObject(document) ? document : undefined;
  } catch {
    return undefined;
  }
}

const pathPattern =
  /^\/(?:api|apis\/(?<group>[^/]+))\/v1\/namespaces\/(?<namespace>[^/]+)\/(?<resource>[^/]+)(?:\/(?<name>[^/]+))?$/;

/** Undefined where it is no path of what the fake stores. */
export function targetOf(path: string): Target | undefined {
  const found = pathPattern.exec(path)?.groups;
  if (found === undefined) return undefined;
  const kind = Object.entries(resources).find(
    ([, { group, resource }]) => group === (found['group'] ?? '') && resource === found['resource'],
  )?.[0];
  if (kind === undefined || !isKind(kind)) return undefined;
  const name = found['name'];
  return {
    kind,
    namespace: decodeURIComponent(found['namespace'] ?? ''),
    name: name === undefined ? undefined : decodeURIComponent(name),
  };
}
