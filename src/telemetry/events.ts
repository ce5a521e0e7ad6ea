import { printable } from '../image/quote.ts';
import type { ContainerReport, WorkloadReport } from '../rollout/verdict.ts';
import type { WorkloadId } from '../rollout/workload.ts';
import type { Restarted } from '../tick.ts';
import { clipBytes } from './text.ts';
import { levelOf } from './vocabulary.ts';

/** A Kubernetes Event on a workload, before it has a name. */
export interface EventRecord {
  readonly workload: WorkloadId;
  readonly type: 'Normal' | 'Warning';
  readonly reason: 'Restarted' | 'RestartHeld' | 'LookupFailed' | 'NotConverging';
  /** Printable, for people, below the API's limit. */
  readonly note: string;
  /**
   * Tells one series of a workload and reason from another, the same before and after the poller was restarted:
   * the hold's reason and the digests.
   */
  readonly key: string;
}

/** Where Events go; `kube/` provides it. Returns at once and never throws: what cannot be written is its own affair. */
export interface Events {
  record(event: EventRecord): void;
}

// https://github.com/kubernetes/kubernetes/blob/v1.34.0/pkg/apis/core/validation/events.go: NoteLengthLimit = 1024
const maxNoteBytes = 1024;

/** Holds that end by themselves: an Event each time a rollout runs would be noise, unless it does not end. */
const transientHolds = new Set(['rollout-in-progress', 'not-running-yet']);
const transientMs = 10 * 60_000;

/** Holds with an Event of their own name. */
const ownReasons = new Map<string, EventRecord['reason']>([
  ['not-converging', 'NotConverging'],
  ['lookup-failed', 'LookupFailed'],
]);

/**
 * The Events that a workload's state calls for; none of an earlier tick's are to be sent again.
 *
 * @param report  of this tick
 * @param sinceMs how long the workload has been in this decision and reason
 */
export function eventsOf(report: WorkloadReport, sinceMs: number): readonly EventRecord[] {
  const events = [
    heldEvent(report, sinceMs),
    failedEvent(report),
    lookUpFailedEvent(report),
    notWatchedEvent(report),
  ];
  return events.filter((event) => event !== undefined);
}

/** What a restart was for; every restart is told. */
export function restartedEvent({ id, changes }: Restarted): EventRecord {
  const parts = changes.map(({ container, image, running, latest }) => {
    const old = running.map(short).join(', ');
    return `container ${container} (${image}) ran ${old}, latest is ${short(latest)}`;
  });
  return {
    workload: id,
    type: 'Normal',
    reason: 'Restarted',
    note: note(`Restarted: ${parts.join('; ')}`),
    key: keyOf(changes.map(({ container, latest }) => `${container}=${latest}`)),
  };
}

function heldEvent(report: WorkloadReport, sinceMs: number): EventRecord | undefined {
  if (report.decision !== 'hold' || report.reason === 'dry-run') return undefined;
  if (transientHolds.has(report.reason) && sinceMs < transientMs) return undefined;
  return {
    workload: report.id,
    type: levelOf(report) === 'warn' || transientHolds.has(report.reason) ? 'Warning' : 'Normal',
    reason: ownReasons.get(report.reason) ?? 'RestartHeld',
    note: note(`${report.reason}: ${report.message}`),
    key: keyOf([report.reason, ...latestOf(report.containers)]),
  };
}

/** A restart that is not allowed will not be at the next tick either; what may mend by itself is not told. */
function failedEvent(report: WorkloadReport): EventRecord | undefined {
  if (report.reason !== 'forbidden') return undefined;
  return {
    workload: report.id,
    type: 'Warning',
    reason: 'RestartHeld',
    note: note(`${report.reason}: ${report.message}`),
    key: keyOf([report.reason, ...latestOf(report.containers)]),
  };
}

function lookUpFailedEvent(report: WorkloadReport): EventRecord | undefined {
  const unknown = report.containers.filter(({ verdict }) => verdict === 'unknown');
  if (unknown.length === 0 || report.reason === 'lookup-failed') return undefined;
  return {
    workload: report.id,
    type: 'Warning',
    reason: 'LookupFailed',
    note: note(unknown.map(sentenceOf).join('; ')),
    key: keyOf(unknown.map(({ name, image, reason }) => `${name}=${image} ${reason}`)),
  };
}

/** Case 22: a restart would start the image that the node has, and nobody sees why nothing happens. */
function notWatchedEvent(report: WorkloadReport): EventRecord | undefined {
  const skipped = report.containers.filter(({ reason }) => reason === 'pull-policy');
  if (skipped.length === 0) return undefined;
  return {
    workload: report.id,
    type: 'Warning',
    reason: 'RestartHeld',
    note: note(skipped.map(sentenceOf).join('; ')),
    key: keyOf(['pull-policy', ...skipped.map(({ name }) => name)]),
  };
}

function sentenceOf({ name, image, reason, message }: ContainerReport): string {
  return `${reason}: container ${name} (${image})${message === '' ? '' : `: ${message}`}`;
}

function latestOf(containers: readonly ContainerReport[]): readonly string[] {
  return containers
    .filter(({ verdict }) => verdict === 'changed')
    .map(({ name, latest }) => `${name}=${latest ?? ''}`);
}

function keyOf([first = '', ...rest]: readonly string[]): string {
  return [first, ...rest.toSorted()].join('\n');
}

function note(text: string): string {
  return clipBytes(printable(text), maxNoteBytes);
}

/** As in the log, but short: `sha256:` and twelve digits. */
function short(digest: string): string {
  return digest.slice(0, digest.indexOf(':') + 13);
}
