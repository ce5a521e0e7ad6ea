import { describeAction, describeRule } from '../kube/error.ts';
import { describeMissing, type MissingPermission } from '../kube/permissions.ts';
import type { WorkloadReport } from '../rollout/verdict.ts';
import type { TickReport } from '../tick.ts';
import type { Poller } from './poller.ts';
import type { Setup } from './setup.ts';

/** What the poller may not do; the questions are POSTed, and worth asking only where the credentials are its own. */
export async function missingHere(
  { cluster }: Poller,
  { connection }: Setup,
  signal: AbortSignal,
): Promise<readonly MissingPermission[]> {
  return connection.isServiceAccount ? cluster.missingPermissions(signal) : [];
}

/** Of what would be restarted, what the Role does not let the poller restart: `run` would fail there. */
export function withForbidden(
  report: TickReport,
  missing: readonly MissingPermission[],
): TickReport {
  const acting = missing.filter(({ action }) => action.verb === 'get' || action.verb === 'patch');
  return { ...report, workloads: report.workloads.map((workload) => judged(workload, acting)) };
}

function judged(workload: WorkloadReport, missing: readonly MissingPermission[]): WorkloadReport {
  if (workload.decision !== 'restart') return workload;
  const { id } = workload;
  const found = missing.find(({ action }) => action.resource === `${id.kind.toLowerCase()}s`);
  if (found === undefined) return workload;
  const { action } = found;
  const message = `${describeAction({ ...action, name: id.name })}: not allowed; the Role lacks the rule ${describeRule(action)}`;
  return { ...workload, decision: 'failed', reason: 'forbidden', message };
}

/** Verbs that the poller's own credentials lack, but for those whose lack the tick ran into itself. */
export function permissionHints(
  missing: readonly MissingPermission[],
  { problems }: TickReport,
): readonly string[] {
  const unsaid = missing.filter(
    ({ action }) => !problems.some((problem) => problem.includes(`${describeAction(action)}:`)),
  );
  if (unsaid.length === 0) return [];
  return [`the Role of this ServiceAccount lacks ${unsaid.map(describeMissing).join(', ')}`];
}
