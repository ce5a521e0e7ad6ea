import type { ContainerReport, WorkloadReport } from '../rollout/verdict.ts';
import type { TickReport } from '../tick.ts';

/** What `check --output json` prints; its shape is a contract, `version` counts its changes. */
export interface CheckDocument {
  readonly version: 1;
  readonly namespace: string;
  /** RFC 3339, UTC. */
  readonly time: string;
  readonly problems: readonly string[];
  /** Why what somebody expects may not be there; absent where there is none. They change no exit code. */
  readonly hints?: readonly string[];
  readonly workloads: readonly WorkloadDocument[];
}

export interface WorkloadDocument {
  readonly kind: string;
  readonly name: string;
  readonly decision: WorkloadReport['decision'];
  readonly reason: string;
  readonly message: string;
  readonly containers: readonly ContainerReport[];
}

/** The document of one tick, in the order in which the workloads were listed. */
export function checkDocument(
  report: TickReport,
  namespace: string,
  hints: readonly string[],
): CheckDocument {
  return {
    version: 1,
    namespace,
    time: report.startedAt.toISOString(),
    problems: report.problems,
    ...(hints.length > 0 && { hints }),
    workloads: report.workloads.map(workloadDocument),
  };
}

/** One workload of the document; warnings stand behind its message. */
export function workloadDocument(report: WorkloadReport): WorkloadDocument {
  return {
    kind: report.id.kind,
    name: report.id.name,
    decision: report.decision,
    reason: report.reason,
    message: [report.message, ...report.warnings].filter((text) => text !== '').join('; '),
    containers: report.containers.map(inOrder),
  };
}

/** Keys as the documentation has them. */
function inOrder({ name, image, running, latest, message, ...verdict }: ContainerReport) {
  return { name, image, running, latest, ...verdict, message } satisfies ContainerReport;
}
