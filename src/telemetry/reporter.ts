import type { WorkloadReport } from '../rollout/verdict.ts';
import type { WorkloadId } from '../rollout/workload.ts';
import type { Reporter, Restarted, TickReport } from '../tick.ts';
import { eventsOf, restartedEvent, type Events } from './events.ts';
import type { Fields } from './fields.ts';
import type { Log } from './log.ts';
import type { Metrics } from './metrics.ts';
import { sentenceOf } from './sentences.ts';
import { levelOf } from './vocabulary.ts';

export interface ReporterOptions {
  readonly log: Log;
  readonly metrics: Metrics;
  /** Absent: no Events are written, as in `check`. */
  readonly events?: Events;
  /** No Events either. */
  readonly dryRun: boolean;
  /** For how long a workload has been in a state: wall clocks jump. */
  readonly monotonicMs: () => number;
}

/** What is remembered of a workload, to tell what changed. */
interface Known {
  readonly report: WorkloadReport;
  /** When decision and reason became what they are. */
  readonly sinceMs: number;
  /** The Events that its state called for, by key, and when each was last sent. */
  readonly events: ReadonlyMap<string, number>;
  /** Ticks in a row that did not see it. */
  readonly missed: number;
}

// A kind that cannot be listed hides its workloads; they are not new when it can be again.
const maxMissedTicks = 20;

// The API server deletes an Event an hour after its last change, and a series may be told to go on after 30 min.
const eventAgainMs = 31 * 60_000;

/**
 * Tells what happened and what changed, each once, in log, metrics and Events; what stays as it was is `debug`.
 * It keeps one report per watched workload, and forgets those that are no longer listed.
 */
export function createReporter(options: ReporterOptions): Reporter {
  const { log, metrics, monotonicMs } = options;
  const events = options.dryRun ? undefined : options.events;
  const known = new Map<string, Known>();
  let problems: readonly string[] = [];
  let ticks = 0;

  return {
    workload(report, restart) {
      const key = keyOf(report.id);
      const before = known.get(key);
      const now = monotonicMs();
      const sinceMs =
        before !== undefined && sameState(before.report, report) ? before.sinceMs : now;

      tellDecision(report, restart, before?.report);
      tellWarnings(report, before?.report);
      countRestart(report, restart, before?.report);
      const sent = sendEvents(report, restart, { now, sinceMs }, before?.events);
      known.set(key, { report, sinceMs, events: sent, missed: 0 });
    },

    tick(report) {
      forgetMissing(report);
      tellProblems(report);
      tellTick(report);
      metrics.tickEnded(report);
      metrics.workloads([...known.values()].map((one) => one.report));
      ticks++;
    },
  };

  function tellDecision(
    report: WorkloadReport,
    restart: Restarted | undefined,
    before: WorkloadReport | undefined,
  ): void {
    const fields = { ...nameOf(report.id), ...decisionFields(report) };
    if (restart !== undefined) {
      log.info({ ...fields, ...changeFields(restart) }, sentenceOf(report));
      return;
    }
    // At start everything is new; what is as it should be says so once, in the tick's summary.
    const expected = before === undefined && ticks === 0 && report.reason === 'up-to-date';
    const changed = before === undefined || !sameWords(before, report);
    log[changed && !expected ? levelOf(report) : 'debug'](
      { ...fields, ...containerFields(report) },
      sentenceOf(report),
    );
  }

  function tellWarnings(report: WorkloadReport, before: WorkloadReport | undefined): void {
    const fresh = report.warnings.filter((warning) => before?.warnings.includes(warning) !== true);
    if (fresh.length === 0) return;
    log.warn({ ...nameOf(report.id), warnings: fresh }, 'workload has new warnings');
  }

  function countRestart(
    report: WorkloadReport,
    restart: Restarted | undefined,
    before: WorkloadReport | undefined,
  ): void {
    const { kind } = report.id;
    if (restart !== undefined) {
      metrics.restart(kind, 'restarted');
    } else if (report.decision === 'failed' && changedDigests(report) !== '') {
      metrics.restart(kind, report.reason === 'conflict' ? 'conflict' : 'failed');
    } else if (report.reason === 'dry-run') {
      // Counted as a restart would be: once for what is new, not again at each tick.
      const repeated =
        before?.reason === 'dry-run' && changedDigests(before) === changedDigests(report);
      if (!repeated) metrics.restart(kind, 'dry_run');
    }
  }

  /** @returns what the state calls for, and when it was last sent */
  function sendEvents(
    report: WorkloadReport,
    restart: Restarted | undefined,
    { now, sinceMs }: { readonly now: number; readonly sinceMs: number },
    before: ReadonlyMap<string, number> | undefined,
  ): ReadonlyMap<string, number> {
    const sent = new Map<string, number>();
    if (events === undefined) return sent;
    if (restart !== undefined) events.record(restartedEvent(restart));
    for (const event of eventsOf(report, now - sinceMs)) {
      const key = `${event.reason}\n${event.key}`;
      const lastMs = before?.get(key);
      // A warning that still holds goes on as the same series; what was asked for is told once.
      const again =
        event.type === 'Warning' && lastMs !== undefined && now - lastMs >= eventAgainMs;
      if (lastMs === undefined || again) events.record(event);
      sent.set(key, lastMs === undefined || again ? now : lastMs);
    }
    return sent;
  }

  function forgetMissing(report: TickReport): void {
    const seen = new Set(report.workloads.map(({ id }) => keyOf(id)));
    const complete = report.result === 'success' && report.problems.length === 0;
    for (const [key, one] of known) {
      if (seen.has(key)) continue;
      const missed = one.missed + 1;
      if (!complete && missed < maxMissedTicks) {
        known.set(key, { ...one, missed });
        continue;
      }
      known.delete(key);
      log.info(nameOf(one.report.id), 'workload is no longer watched');
    }
  }

  function tellProblems(report: TickReport): void {
    for (const message of report.problems) {
      if (!problems.includes(message)) log.warn({ message }, 'tick had a problem');
    }
    for (const message of problems) {
      if (!report.problems.includes(message)) log.info({ message }, 'problem is resolved');
    }
    problems = report.problems;
  }

  function tellTick({ result, durationMs, workloads }: TickReport): void {
    const counts = { restart: 0, none: 0, hold: 0, failed: 0 };
    for (const { decision } of workloads) counts[decision]++;
    const unknown = workloads.filter(({ reason }) => reason === 'unknown').length;
    const fields = {
      result,
      durationMs: Math.round(durationMs),
      workloads: workloads.length,
      ...counts,
      unknown,
    };
    log[result === 'success' ? 'info' : 'warn'](fields, 'tick ended');
  }
}

function keyOf({ kind, name, uid }: WorkloadId): string {
  return `${kind}/${name}/${uid}`;
}

function nameOf({ kind, name }: WorkloadId): Fields {
  return { kind, workload: name };
}

function sameState(before: WorkloadReport, report: WorkloadReport): boolean {
  return before.decision === report.decision && before.reason === report.reason;
}

/** The same decision for the same reason, and the same containers unknown for the same reasons. */
function sameWords(before: WorkloadReport, report: WorkloadReport): boolean {
  return sameState(before, report) && unknownReasons(before) === unknownReasons(report);
}

function unknownReasons({ containers }: WorkloadReport): string {
  return containers
    .filter(({ verdict }) => verdict === 'unknown')
    .map(({ name, reason }) => `${name} ${reason}`)
    .join('\n');
}

function changedDigests({ containers }: WorkloadReport): string {
  return containers
    .filter(({ verdict }) => verdict === 'changed')
    .map(({ name, latest }) => `${name} ${latest ?? ''}`)
    .join('\n');
}

function decisionFields({ decision, reason, message }: WorkloadReport): Fields {
  return { decision, reason, ...(message === '' ? {} : { message }) };
}

/**
 * One container's fields stand by themselves, so that the usual line is flat; several make a list. Those that are
 * skipped are told where nothing else is to tell.
 */
function containerFields({ message: said, reason: why, containers }: WorkloadReport): Fields {
  const told = containers
    .filter(
      ({ verdict }) => verdict === 'changed' || verdict === 'unknown' || why === 'nothing-to-watch',
    )
    .map(({ name, image, running, latest, reason, message }) => ({
      container: name,
      image,
      running,
      ...(latest === null ? {} : { latest }),
      containerReason: reason,
      ...(message === '' || message === said ? {} : { containerMessage: message }),
    }));
  return oneOrList('containers', told);
}

function changeFields({ changes }: Restarted): Fields {
  return oneOrList('changes', changes);
}

function oneOrList(name: string, items: readonly Fields[]): Fields {
  const [first, ...others] = items;
  if (first === undefined) return {};
  return others.length === 0 ? first : { [name]: items };
}
