import { type Digest, shortDigest } from '../image/digest.ts';
import { annotationKeys } from './annotations.ts';
import {
  type ContainerRecord,
  type LastRestart,
  type LastRestartRead,
  maxSeen,
  parseTime,
  type SeenDigest,
} from './last-restart.ts';
import { restartedAtKeys } from './restart.ts';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
/** The last time that a Date holds; waits double without end. */
const lastDateMs = 8.64e15;

/** What the guard knows of a workload. */
export interface GuardMemory {
  readonly lastRestart: LastRestartRead;
  readonly templateAnnotations: Readonly<Record<string, string>>;
}

/** A container that runs something else than its tag names. */
export interface Suspect {
  /** Its key in the record. */
  readonly key: string;
  /** Normalised. */
  readonly reference: string;
  readonly latest: Digest;
}

export interface GuardOptions {
  readonly now: Date;
  readonly maxRestartsPerDigest: number;
}

/** Whether a changed container may cause a restart now. */
export type Clearance =
  | { readonly status: 'clear' }
  | { readonly status: 'blocked'; readonly message: string };

const clear: Clearance = { status: 'clear' };

/**
 * The loop guard: whatever keeps Pods from running what the tag names (a stale mirror, a warm node, flapping
 * replicas of a registry), it costs one restart per digest at the most (cases 27, 28, 30, 60).
 *
 * - A digest that was not seen for this reference is clear.
 * - The newest seen is not, unless `maxRestartsPerDigest` allows another attempt and its wait is over.
 * - An older one is, once 10 min × 2^(its attempts − 1) have passed since the newest entry: the tag was moved back.
 * - Nothing is while `last-restart` is missing and the template says that we were here within the last hour.
 */
export function guard(memory: GuardMemory, suspect: Suspect, options: GuardOptions): Clearance {
  const { lastRestart } = memory;
  if (lastRestart.status === 'invalid') return { status: 'blocked', message: lastRestart.message };
  if (lastRestart.status === 'absent') {
    return guardStripped(memory.templateAnnotations, options.now);
  }
  const seen = seenFor(lastRestart.record, suspect);
  const [newest] = seen;
  const own = seen.find(({ digest }) => digest === suspect.latest);
  if (newest === undefined || own === undefined) return clear;
  return own === newest ? guardNewest(own, options) : guardOlder(own, newest, options.now);
}

/** A container of the template, as it enters the next record. */
export interface Remembered {
  readonly key: string;
  /** Normalised. */
  readonly reference: string;
  /** Undefined where it could not be found out, or was not asked. */
  readonly latest: Digest | undefined;
  readonly isCause: boolean;
}

/**
 * The record to be written with a restart.
 *
 * The digest of each container that caused it comes to the front with one more attempt. The others get an entry for
 * theirs where they have none, since the restart pulls them as well; what is unknown keeps what it has; what is not
 * among `containers` any more, or has another reference, is dropped.
 */
export function nextRecord(
  previous: LastRestartRead,
  containers: readonly Remembered[],
  now: Date,
): LastRestart {
  const record = previous.status === 'read' ? previous.record : new Map<string, ContainerRecord>();
  const next = new Map<string, ContainerRecord>();
  for (const container of containers) {
    const seen = remember(seenFor(record, container), container, now);
    if (seen.length > 0) next.set(container.key, { reference: container.reference, seen });
  }
  return next;
}

function remember(
  seen: readonly SeenDigest[],
  { latest, isCause }: Remembered,
  now: Date,
): readonly SeenDigest[] {
  if (latest === undefined) return seen;
  const own = seen.find(({ digest }) => digest === latest);
  if (own !== undefined && !isCause) return seen;
  const entry = { digest: latest, time: now, attempts: (own?.attempts ?? 0) + 1 };
  return [entry, ...seen.filter((other) => other !== own)].slice(0, maxSeen);
}

/** Newest first; nothing where the record is of another reference (case 28). */
function seenFor(
  record: LastRestart,
  { key, reference }: Pick<Suspect, 'key' | 'reference'>,
): readonly SeenDigest[] {
  const found = record.get(key);
  return found?.reference === reference ? found.seen : [];
}

function guardNewest(newest: SeenDigest, { now, maxRestartsPerDigest }: GuardOptions): Clearance {
  const what = `already restarted for ${shortDigest(newest.digest)} at ${newest.time.toISOString()}`;
  if (newest.attempts >= maxRestartsPerDigest) {
    return {
      status: 'blocked',
      message: `${what}, yet Pods run something else: look for a stale mirror or cached image; kubectl rollout restart tries again`,
    };
  }
  return after(newest.time, retryWaitMs(newest.attempts), now, what);
}

/** 1 h, 6 h, then 24 h: pull-through caches refresh daily (case 27). */
function retryWaitMs(attempts: number): number {
  if (attempts <= 1) return hourMs;
  return attempts === 2 ? 6 * hourMs : 24 * hourMs;
}

function guardOlder(own: SeenDigest, newest: SeenDigest, now: Date): Clearance {
  const waitMs = 10 * minuteMs * 2 ** (own.attempts - 1);
  return after(newest.time, waitMs, now, `the tag went back to ${shortDigest(own.digest)}`);
}

function guardStripped(annotations: Readonly<Record<string, string>>, now: Date): Clearance {
  const restartedAt = parseTime(annotations[restartedAtKeys.own] ?? '');
  if (restartedAt === undefined) return clear;
  return after(
    restartedAt,
    hourMs,
    now,
    `${annotationKeys.lastRestart} is gone, though we restarted it at ${restartedAt.toISOString()}`,
  );
}

/**
 * Clear once the wait has passed since `time`. A time in the future (the clock was wrong then, or is now; case 59)
 * counts as long past as it lies ahead: a small step of the clock cuts no wait short, a great one blocks nobody
 * for years.
 */
function after(time: Date, waitMs: number, now: Date, what: string): Clearance {
  if (Math.abs(now.getTime() - time.getTime()) >= waitMs) return clear;
  const end = new Date(Math.min(time.getTime() + waitMs, lastDateMs));
  return { status: 'blocked', message: `${what}; not again before ${end.toISOString()}` };
}
