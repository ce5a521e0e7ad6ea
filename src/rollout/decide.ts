import { type Digest, shortDigest } from '../image/digest.ts';
import { formatReference } from '../image/reference.ts';
import { changedHold, type Pull, pullWarnings } from './changed-hold.ts';
import { digestsOf } from './container-report.ts';
import { type Finding, findingReport, type Findings, isEvidence, latestDigest } from './finding.ts';
import { type Clearance, guard, nextRecord } from './guard.ts';
import type { LastRestart } from './last-restart.ts';
import { message } from './message.ts';
import type { Observed, ObservedContainer, WatchedContainer } from './observe.ts';
import type { ChangedHoldReason, ContainerReport, NoneReason } from './verdict.ts';

export type { Finding } from './finding.ts';

export interface DecideOptions {
  readonly now: Date;
  /** `convergence.maxRestartsPerDigest`. */
  readonly maxRestartsPerDigest: number;
  /** Hold with `dry-run` instead of restarting. */
  readonly dryRun: boolean;
}

/** A container that is a reason to restart. */
export interface Cause {
  readonly container: WatchedContainer;
  /** What the counted Pods run. */
  readonly running: readonly Digest[];
  readonly latest: Digest;
}

/** The report, but for its id; and what to do. */
export type Decided = (
  | {
      readonly decision: 'restart';
      readonly reason: 'changed';
      /** At least one. */
      readonly causes: readonly Cause[];
      /** The new value of `last-restart`, to be written with the restart. */
      readonly lastRestart: LastRestart;
    }
  | { readonly decision: 'hold'; readonly reason: ChangedHoldReason }
  | { readonly decision: 'none'; readonly reason: Exclude<NoneReason, 'nothing-to-watch'> }
) & {
  readonly message: string;
  readonly containers: readonly ContainerReport[];
  readonly warnings: readonly string[];
};

/**
 * Tells whether a restart is asked for so far, so that what else a new Pod must pull is worth looking up.
 *
 * @param findings of the watched containers at least
 */
export function wouldRestart(
  observed: Observed,
  findings: Findings,
  options: DecideOptions,
): boolean {
  return weigh(observed, findings, options).causes.length > 0;
}

/**
 * Decides what to do with a workload that `screen` let through.
 *
 * @param findings of every watched container; and, where {@link wouldRestart}, of every one with `mustPull`
 */
export function decide(observed: Observed, findings: Findings, options: DecideOptions): Decided {
  const containers = observed.containers.map((container) =>
    findingReport(container, findingOf(findings, container)),
  );
  // In the template's order, not in that in which registries answered.
  const warnings = observed.containers.flatMap((container) => {
    const { latest } = findingOf(findings, container);
    return latest?.status === 'found' ? latest.warnings : [];
  });
  const changed = containers.filter(({ verdict }) => verdict === 'changed');
  if (changed.length === 0) {
    const { reason, words } = withoutChange(containers);
    const said = message(words, ...observed.notes);
    return { decision: 'none', reason, message: said, containers, warnings: unique(warnings) };
  }

  const { causes, blocked } = weigh(observed, findings, options);
  const pulls = pullsOf(observed, findings, causes);
  const told = { containers, warnings: unique([...warnings, ...pullWarnings(pulls)]) };
  const change = changeInWords(causes, changed);
  const hold = changedHold({
    observed,
    hasCause: causes.length > 0,
    blocked,
    pulls,
    dryRun: options.dryRun,
    change,
  });
  if (hold !== undefined) {
    const said = message(hold.why, ...observed.notes);
    return { decision: 'hold', reason: hold.reason, message: said, ...told };
  }
  return {
    decision: 'restart',
    reason: 'changed',
    message: message(change, ...observed.notes),
    ...told,
    causes,
    lastRestart: recordOf(observed, findings, causes, options.now),
  };
}

/** Asks the guard about every container whose evidence says that a restart would change it. */
function weigh(
  observed: Observed,
  findings: Findings,
  options: DecideOptions,
): { readonly causes: readonly Cause[]; readonly blocked: readonly string[] } {
  const causes: Cause[] = [];
  const blocked: string[] = [];
  for (const container of observed.containers) {
    const finding = findingOf(findings, container);
    const latest = latestDigest(finding);
    if (!container.watched || latest === undefined || !isEvidence(finding)) continue;
    const clearance = askGuard(observed, container, latest, options);
    if (clearance.status === 'blocked') blocked.push(clearance.message);
    else causes.push({ container, running: digestsOf(container.running), latest });
  }
  return { causes, blocked };
}

function askGuard(
  { lastRestart, workload }: Observed,
  { spec, reference }: WatchedContainer,
  latest: Digest,
  options: DecideOptions,
): Clearance {
  const memory = { lastRestart, templateAnnotations: workload.template.annotations };
  const suspect = { key: keyOf(spec), reference: formatReference(reference), latest };
  return guard(memory, suspect, options);
}

/** What a new Pod pulls: what it must, and what the restart is for. */
function pullsOf(
  observed: Observed,
  findings: Findings,
  causes: readonly Cause[],
): readonly Pull[] {
  return observed.containers
    .filter(
      (container) =>
        container.mustPull !== undefined || causes.some((cause) => cause.container === container),
    )
    .map((container) => ({ container, finding: findingOf(findings, container) }));
}

function recordOf(
  observed: Observed,
  findings: Findings,
  causes: readonly Cause[],
  now: Date,
): LastRestart {
  const remembered = observed.containers.flatMap((container) =>
    container.reference === undefined
      ? []
      : [
          {
            key: keyOf(container.spec),
            reference: formatReference(container.reference),
            latest: latestDigest(findingOf(findings, container)),
            isCause: causes.some((cause) => cause.container === container),
          },
        ],
  );
  return nextRecord(observed.lastRestart, remembered, now);
}

/** Its place in the record. A volume may have a container's name, and no name has a slash. */
function keyOf({ name, role }: ObservedContainer['spec']): string {
  return role === 'volume' ? `volume/${name}` : name;
}

function findingOf(findings: Findings, container: ObservedContainer): Finding {
  return findings.get(container) ?? {};
}

/** Nothing changed, but "I could not find out" is not "same". */
function withoutChange(containers: readonly ContainerReport[]): {
  readonly reason: 'up-to-date' | 'unknown';
  readonly words: string;
} {
  const [first, ...others] = containers.filter(({ verdict }) => verdict === 'unknown');
  if (first === undefined) return { reason: 'up-to-date', words: 'runs what its tags name' };
  const more = others.length > 0 ? ` (and ${others.length} more)` : '';
  return { reason: 'unknown', words: `${first.name} could not be judged${more}: ${first.message}` };
}

function changeInWords(causes: readonly Cause[], changed: readonly ContainerReport[]): string {
  if (causes.length === 0) return changed.map(({ name }) => `${name} changed`).join(', ');
  return causes
    .map(({ container, running, latest }) => {
      const runs = running.map(shortDigest).join(' and ');
      return `${container.spec.name} runs ${runs}, its tag names ${shortDigest(latest)}`;
    })
    .join('; ');
}

function unique(texts: readonly string[]): readonly string[] {
  return [...new Set(texts)];
}
