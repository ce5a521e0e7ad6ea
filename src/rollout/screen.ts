import { reportOf, skippedReport } from './container-report.ts';
import { message } from './message.ts';
import type { Observed, ObservedContainer } from './observe.ts';
import type { ContainerReport, ScreenedHoldReason } from './verdict.ts';

/** A workload about which everything is said without asking a registry: the report, but for its id. */
export type Screened = (
  | { readonly decision: 'hold'; readonly reason: ScreenedHoldReason }
  | { readonly decision: 'none'; readonly reason: 'nothing-to-watch' }
) & {
  readonly message: string;
  readonly containers: readonly ContainerReport[];
  readonly warnings: readonly string[];
};

/** The holds in their order, each with the words for people; undefined where one does not apply. */
const holds = [
  { reason: 'invalid-annotation', why: invalidAnnotation },
  { reason: 'paused', why: paused },
  { reason: 'scaled-to-zero', why: scaledToZero },
  { reason: 'on-delete', why: onDelete },
  { reason: 'rollout-in-progress', why: rolloutInProgress },
  { reason: 'not-running-yet', why: notRunningYet },
] as const satisfies readonly {
  readonly reason: ScreenedHoldReason;
  readonly why: (observed: Observed) => string | undefined;
}[];

/**
 * Settles what can be settled before any registry is asked: the first hold that applies, then `nothing-to-watch`.
 *
 * @returns undefined when the workload is to be looked up: at least one container is watched
 */
export function screen(observed: Observed): Screened | undefined {
  for (const { reason, why } of holds) {
    const words = why(observed);
    if (words !== undefined) {
      return {
        decision: 'hold',
        reason,
        message: message(words, ...observed.notes),
        containers: observed.containers.map((container) => heldReport(container, reason, words)),
        warnings: [],
      };
    }
  }
  const skipped = observed.containers.filter((container) => !container.watched);
  if (skipped.length < observed.containers.length) return undefined;
  return {
    decision: 'none',
    reason: 'nothing-to-watch',
    message: message('no container is to be watched', ...observed.notes),
    containers: skipped.map((container) => skippedReport(container)),
    warnings: [],
  };
}

/** A container that nobody looked up says why: for a reason of its own, else for its workload's. */
function heldReport(
  container: ObservedContainer,
  reason: ScreenedHoldReason,
  words: string,
): ContainerReport {
  return container.watched
    ? reportOf(container, { verdict: 'skipped', reason }, words)
    : skippedReport(container);
}

function invalidAnnotation({ problems }: Observed): string | undefined {
  return problems.length > 0 ? problems.join('; ') : undefined;
}

/** kubectl refuses it, too (case 23). */
function paused({ workload: { rollout, id } }: Observed): string | undefined {
  return rollout.kind === 'Deployment' && rollout.paused
    ? `the Deployment is paused; resume it with kubectl rollout resume deployment/${id.name} --namespace ${id.namespace}`
    : undefined;
}

/** Nothing runs, and the next scale-up pulls (case 25). */
function scaledToZero({ workload }: Observed): string | undefined {
  const { rollout } = workload;
  if (rollout.kind !== 'DaemonSet') {
    return rollout.replicas === 0
      ? 'it is scaled to zero: nothing runs, and scaling up pulls the image'
      : undefined;
  }
  // A new DaemonSet's status says 0, too, until its controller has seen it.
  const isCounted = workload.generation <= workload.observedGeneration;
  return isCounted && rollout.desired === 0
    ? 'no node is to run it: nothing runs, and a node that comes pulls the image'
    : undefined;
}

/** A restart would change the template and replace no Pod (case 24). */
function onDelete({ workload: { rollout } }: Observed): string | undefined {
  return rollout.strategy === 'OnDelete'
    ? 'its updateStrategy is OnDelete, with which a restart replaces no Pod: delete the Pods, or set RollingUpdate'
    : undefined;
}

function rolloutInProgress({ progress }: Observed): string | undefined {
  return progress.state === 'in-progress' ? progress.message : undefined;
}

/** Nothing to compare (case 11); where nothing would be watched anyway, nothing is waited for. */
function notRunningYet({ containers }: Observed): string | undefined {
  if (containers.some(({ watched }) => watched)) return undefined;
  const pending = containers.find(
    (container) => !container.watched && container.reason === 'not-running-yet',
  );
  return pending && !pending.watched ? `nothing runs yet: ${pending.message}` : undefined;
}
