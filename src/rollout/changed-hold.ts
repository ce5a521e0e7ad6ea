import type { UnknownReason } from '../image/lookup.ts';
import { isTagReference } from '../image/reference.ts';
import { annotationKeys } from './annotations.ts';
import type { Finding } from './finding.ts';
import type { Observed, ObservedContainer } from './observe.ts';
import type { ChangedHoldReason } from './verdict.ts';

/** An image that a new Pod will pull, with what was found out about it. */
export interface Pull {
  readonly container: ObservedContainer;
  readonly finding: Finding;
}

/** A workload in which something is `changed`. */
export interface Situation {
  readonly observed: Observed;
  readonly hasCause: boolean;
  /** What the guard said of those that are changed and no cause. */
  readonly blocked: readonly string[];
  readonly pulls: readonly Pull[];
  readonly dryRun: boolean;
  /** What changed, in words. */
  readonly change: string;
}

/** The holds in their order, each with the words for people; undefined where one does not apply. */
const holds = [
  { reason: 'not-converging', why: ({ hasCause, blocked }) => (hasCause ? undefined : blocked[0]) },
  { reason: 'partition', why: partition },
  { reason: 'pull-secret-refused', why: pullSecretRefused },
  { reason: 'lookup-failed', why: lookupFailed },
  { reason: 'on-hold', why: onHold },
  {
    reason: 'dry-run',
    why: ({ dryRun, change }) => (dryRun ? `would restart: ${change}` : undefined),
  },
] as const satisfies readonly {
  readonly reason: ChangedHoldReason;
  readonly why: (situation: Situation) => string | undefined;
}[];

/** The first hold that keeps a changed workload from being restarted. */
export function changedHold(
  situation: Situation,
): { readonly reason: ChangedHoldReason; readonly why: string } | undefined {
  for (const { reason, why } of holds) {
    const words = why(situation);
    if (words !== undefined) return { reason, why: words };
  }
  return undefined;
}

/** Only Pods that a restart would leave alone are stale (case 24). */
function partition({ hasCause }: Situation): string | undefined {
  return hasCause
    ? undefined
    : 'only Pods below the partition run something else, and a restart leaves those alone: lower spec.updateStrategy.rollingUpdate.partition';
}

/** The kubelet does not fall back to anonymous when an entry matched, as we do (design 2.4). */
function pullSecretRefused({ pulls }: Situation): string | undefined {
  const refused = pulls.find(
    ({ finding: { latest } }) => latest?.status === 'found' && latest.pullSecretRefused,
  );
  return (
    refused &&
    `every pull Secret entry for the image of ${refused.container.spec.name} was refused, so a new Pod could not pull it: renew the Secret`
  );
}

function lookupFailed({ pulls }: Situation): string | undefined {
  for (const pull of pulls) {
    const failure = pullFailure(pull);
    if (failure !== undefined && !onlyWarns.has(failure.reason)) {
      return `a new Pod might not start: ${pull.container.spec.name}: ${failure.message}`;
    }
  }
  return undefined;
}

/** The kubelet may have what we lack (design 2.5). */
const onlyWarns: ReadonlySet<UnknownReason> = new Set(['unauthorized', 'malformed']);

/** Of the images that could not be looked up, those that hold nothing. */
export function pullWarnings(pulls: readonly Pull[]): readonly string[] {
  return pulls.flatMap((pull) => {
    const failure = pullFailure(pull);
    return failure !== undefined && onlyWarns.has(failure.reason)
      ? [`a new Pod may not be able to pull ${pull.container.spec.name}: ${failure.message}`]
      : [];
  });
}

/** Why a new Pod might not pull it; an image that nobody asked for counts as one that failed. */
function pullFailure({
  container,
  finding,
}: Pull): { readonly reason: UnknownReason; readonly message: string } | undefined {
  const { latest, pullable } = finding;
  if (latest?.status === 'failed') return latest;
  if (pullable?.status === 'failed') return pullable;
  const hasTag = container.reference !== undefined && isTagReference(container.reference);
  return latest === undefined && hasTag
    ? { reason: 'timed-out', message: 'the tick ended before it was looked up' }
    : undefined;
}

function onHold({ observed, change }: Situation): string | undefined {
  const { kind, name, namespace } = observed.workload.id;
  return observed.settings.hold
    ? `${change}, and it is on hold; let it go with kubectl annotate ${kind.toLowerCase()}/${name} ${annotationKeys.hold}- --namespace ${namespace}`
    : undefined;
}
