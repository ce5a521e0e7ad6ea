import { createHash } from 'node:crypto';
import * as z from 'zod';

import type { WorkloadId } from '../rollout/workload.ts';
import type { KubeClient } from './client.ts';
import { type Action, failedRead, KubeError } from './error.ts';
import { optional, text, whole } from './field.ts';
import { Turns } from './turns.ts';

/** Something worth an Event on a workload. */
export interface EventRecord {
  readonly workload: WorkloadId;
  readonly type: 'Normal' | 'Warning';
  /** One word for people, `Restarted`; the same as `action`, which the API demands. */
  readonly reason: string;
  /** For people; cut to 1 KB. */
  readonly note: string;
  /** What makes two records of one reason the same series, such as the digests. */
  readonly key: string;
}

export type EventsObservation =
  /** Once in the life of a process; after that Events are silently left out. */
  | { readonly type: 'events-forbidden'; readonly message: string }
  | { readonly type: 'event-failed'; readonly message: string };

export interface EventsOptions {
  readonly client: KubeClient;
  readonly namespace: string;
  /** Which poller it was: the Pod's name. */
  readonly instance: string;
  readonly now: () => Date;
  readonly observe: (observation: EventsObservation) => void;
}

export interface Events {
  /** Never throws: an Event that cannot be written costs nothing but itself. */
  record(event: EventRecord, signal: AbortSignal): Promise<void>;
}

/** A series that goes on is written at this pace: it tells people no more than that it goes on. */
const seriesPauseMs = 30 * 60 * 1000;
const deadlineMs = 5000;
/** Half of the connections: a namespace of thousands may have as many to tell at once, and restarts go first. */
const maxAtOnce = 4;
const maxObjectBytes = 1024 * 1024;
/** One is some 100 bytes; what was dropped is created again, refused as known, and goes on from there. */
const maxRemembered = 5000;
/** @see https://github.com/kubernetes/kubernetes/blob/v1.36.3/pkg/apis/core/validation/events.go */
const maxNoteBytes = 1024;
const maxInstanceLength = 128;

interface Series {
  readonly count: number;
  /** When the API server was last told. */
  readonly writtenAt: Date;
}

/**
 * Writes Events of `events.k8s.io/v1`. A name made from uid, reason and key makes a restarted poller go on with
 * its predecessor's series instead of repeating it.
 * @see https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/event-v1/
 */
export function createEvents(options: EventsOptions): Events {
  const remembered = new Map<string, Series>();
  const turns = new Turns(maxAtOnce);
  let forbidden = false;

  async function write(event: EventRecord, signal: AbortSignal): Promise<void> {
    const name = nameOf(event);
    const now = options.now();
    const known = remembered.get(name);
    const series = known ?? (await create(options, event, name, signal));
    if (series === undefined) {
      remember(name, { count: 1, writtenAt: now });
      return;
    }
    const count = series.count + 1;
    // A time that lies far ahead is a clock's that was wrong (case 59), and no reason for silence until then.
    if (Math.abs(now.getTime() - series.writtenAt.getTime()) < seriesPauseMs) {
      remember(name, { count, writtenAt: series.writtenAt });
      return;
    }
    const written = await patchSeries(options, name, { count, now }, signal);
    if (!written) remembered.delete(name);
    else remember(name, { count, writtenAt: now });
    // The API server deletes Events after an hour, unless told otherwise: then a new one begins.
    if (!written) await write(event, signal);
  }

  function remember(name: string, series: Series): void {
    remembered.delete(name);
    remembered.set(name, series);
    const [oldest] = remembered.keys();
    if (remembered.size > maxRemembered && oldest !== undefined) remembered.delete(oldest);
  }

  return {
    async record(event, signal) {
      try {
        await turns.run(async () => {
          if (!forbidden) await write(event, signal);
        }, signal);
      } catch (error) {
        const { reason, message } = failedRead(error);
        if (forbidden) return;
        forbidden = reason === 'forbidden';
        options.observe({ type: forbidden ? 'events-forbidden' : 'event-failed', message });
      }
    },
  };
}

/** @returns undefined when it is new, else how far the series is that a predecessor began */
async function create(
  options: EventsOptions,
  event: EventRecord,
  name: string,
  signal: AbortSignal,
): Promise<Series | undefined> {
  const { client, namespace } = options;
  const { workload } = event;
  const document = {
    apiVersion: 'events.k8s.io/v1',
    kind: 'Event',
    metadata: { name, namespace },
    eventTime: microTime(options.now()),
    type: event.type,
    reason: event.reason,
    action: event.reason,
    note: cutBytes(event.note, maxNoteBytes),
    regarding: {
      apiVersion: 'apps/v1',
      kind: workload.kind,
      namespace: workload.namespace,
      name: workload.name,
      uid: workload.uid,
    },
    reportingController: 'kube-autorollout',
    reportingInstance: options.instance.slice(0, maxInstanceLength) || 'kube-autorollout',
  };
  try {
    await client.send(
      {
        action: action('create'),
        path: eventsPath(namespace),
        body: { contentType: 'application/json', document },
        maxBodyBytes: maxObjectBytes,
        deadlineMs,
      },
      signal,
    );
    return undefined;
  } catch (error) {
    const exists = error instanceof KubeError && error.statusReason === 'AlreadyExists';
    if (!exists) throw error;
  }
  // The Role may create and patch Events, not read them; a patch of nothing answers with the object.
  const answer = await patch(options, name, {}, signal);
  const { eventTime, series } = eventSchema.parse(answer);
  return {
    count: series?.count ?? 1,
    writtenAt: new Date(series?.lastObservedTime ?? eventTime),
  };
}

const eventSchema = z.object({
  eventTime: text,
  series: optional(z.object({ count: whole, lastObservedTime: text })),
});

/** @returns false when the Event is gone */
async function patchSeries(
  options: EventsOptions,
  name: string,
  { count, now }: { readonly count: number; readonly now: Date },
  signal: AbortSignal,
): Promise<boolean> {
  try {
    await patch(options, name, { series: { count, lastObservedTime: microTime(now) } }, signal);
    return true;
  } catch (error) {
    if (error instanceof KubeError && error.reason === 'gone') return false;
    throw error;
  }
}

async function patch(
  { client, namespace }: EventsOptions,
  name: string,
  document: object,
  signal: AbortSignal,
): Promise<unknown> {
  return client.send(
    {
      action: action('patch', name),
      path: `${eventsPath(namespace)}/${encodeURIComponent(name)}`,
      body: { contentType: 'application/merge-patch+json', document },
      maxBodyBytes: maxObjectBytes,
      deadlineMs,
    },
    signal,
  );
}

function action(verb: Action['verb'], name?: string): Action {
  const which = { verb, group: 'events.k8s.io', resource: 'events' } as const;
  return name === undefined ? which : { ...which, name };
}

function eventsPath(namespace: string): string {
  return `/apis/events.k8s.io/v1/namespaces/${encodeURIComponent(namespace)}/events`;
}

/** `web.` and 128 bits in hex: a DNS subdomain, and found beside its workload in a list. */
function nameOf({ workload, reason, key }: EventRecord): string {
  const hash = createHash('sha256').update(JSON.stringify([workload.uid, reason, key]));
  const stem = workload.name.slice(0, 200).replace(/[^a-z0-9]+$/, '');
  return `${stem}.${hash.digest('hex').slice(0, 32)}`;
}

/** Go's `MicroTime` takes six digits and no fewer. */
function microTime(time: Date): string {
  return time.toISOString().replace('Z', '000Z');
}

/** At most so many bytes of UTF-8, whole characters. */
function cutBytes(note: string, maxBytes: number): string {
  const bytes = Buffer.from(note);
  if (bytes.length <= maxBytes) return note;
  return `${new TextDecoder().decode(bytes.subarray(0, maxBytes - 3), { stream: true })}…`;
}
