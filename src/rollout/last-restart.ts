import { type Digest, isDigest } from '../image/digest.ts';
import { quote } from '../image/quote.ts';
import { annotationKeys } from './annotations.ts';

/** A digest for which the workload was restarted, or that was the latest when it was. */
export interface SeenDigest {
  readonly digest: Digest;
  readonly time: Date;
  /** Restarts that this digest caused, at least 1. */
  readonly attempts: number;
}

export interface ContainerRecord {
  /** Normalised; a record says nothing of another reference (case 28). */
  readonly reference: string;
  /** One to five, newest first; the order counts, not the times: clocks jump. */
  readonly seen: readonly SeenDigest[];
}

/** The annotation `kube-autorollout/last-restart`, by container. */
export type LastRestart = ReadonlyMap<string, ContainerRecord>;

export type LastRestartRead =
  | { readonly status: 'read'; readonly record: LastRestart }
  | { readonly status: 'absent' }
  | { readonly status: 'invalid'; readonly message: string };

export const maxSeen = 5;

/** What the API server takes for all annotations of an object together: nothing longer was written by us. */
const maxLength = 256 * 1024;

/**
 * Reads the loop guard's memory, as {@link formatLastRestart} writes it and not otherwise.
 *
 * What cannot be read holds the workload: to take it for empty would cost a restart at every tick. An empty value
 * and a record of nothing are unreadable, too; keys that we do not know are passed over.
 */
export function readLastRestart(annotations: Readonly<Record<string, string>>): LastRestartRead {
  const text = annotations[annotationKeys.lastRestart];
  if (text === undefined) return { status: 'absent' };
  const record = parseRecord(text);
  if (record !== undefined) return { status: 'read', record };
  return {
    status: 'invalid',
    message: `annotation ${annotationKeys.lastRestart} is ${quote(text, 40)}, not what kube-autorollout wrote: delete it to forget past restarts`,
  };
}

/** The JSON of the annotation; containers in the record's order. */
export function formatLastRestart(record: LastRestart): string {
  return JSON.stringify({ v: 1, containers: Object.fromEntries(record) });
}

function parseRecord(text: string): LastRestart | undefined {
  if (text.length > maxLength) return undefined;
  const root = parseJson(text);
  if (!isObject(root) || root['v'] !== 1 || !isObject(root['containers'])) return undefined;

  const record = new Map<string, ContainerRecord>();
  for (const [name, value] of Object.entries(root['containers'])) {
    const container = parseContainer(value);
    if (container === undefined) return undefined;
    record.set(name, container);
  }
  return record.size > 0 ? record : undefined;
}

function parseContainer(value: unknown): ContainerRecord | undefined {
  if (!isObject(value)) return undefined;
  const { reference, seen } = value;
  if (typeof reference !== 'string' || reference === '' || !Array.isArray(seen)) return undefined;
  if (seen.length < 1 || seen.length > maxSeen) return undefined;

  const entries = seen.map(parseSeen).filter((entry) => entry !== undefined);
  const distinct = new Set(entries.map(({ digest }) => digest));
  return distinct.size === seen.length ? { reference, seen: entries } : undefined;
}

function parseSeen(value: unknown): SeenDigest | undefined {
  if (!isObject(value)) return undefined;
  const { digest, time, attempts } = value;
  if (typeof digest !== 'string' || !isDigest(digest)) return undefined;
  if (typeof attempts !== 'number' || !Number.isSafeInteger(attempts) || attempts < 1) {
    return undefined;
  }
  const date = typeof time === 'string' ? parseTime(time) : undefined;
  return date && { digest, time: date, attempts };
}

const timePattern =
  /^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?(?:Z|[+-][0-9]{2}:[0-9]{2})$/;

/** An RFC 3339 time; undefined for all that merely looks like one. */
export function parseTime(text: string): Date | undefined {
  const date = timePattern.test(text) ? new Date(text) : undefined;
  return date === undefined || Number.isNaN(date.getTime()) ? undefined : date;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
