import { printable } from '../image/quote.ts';
import type { ContainerReport, WorkloadReport } from '../rollout/verdict.ts';
import { levelOf } from '../telemetry/vocabulary.ts';
import type { TickReport } from '../tick.ts';
import { checkBlocks } from './check-blocks.ts';
import { checkTable } from './check-table.ts';
import { beforeCommand } from './hints.ts';
import { hang, paint, type Paper } from './paper.ts';
import { todoFor, type Reason } from './reasons.ts';

/**
 * What `check` prints: a table where it fits, otherwise a block per workload; then what to do, problems, hints and a
 * line that counts the decisions.
 */
export function checkText(report: TickReport, hints: readonly string[], paper: Paper): string {
  const workloads = report.workloads.map((workload) => printableWorkload(workload, paper));
  const answer = checkTable(workloads, paper) ?? checkBlocks(workloads, paper);
  const sections = [
    answer,
    todoLines(workloads, paper),
    [
      ...noteLines('problem:', 'red', report.problems, paper),
      ...noteLines('hint:', 'cyan', hints, paper),
    ],
    hang('', summary(report), paper),
  ];
  return sections
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n');
}

/** Names come from the API server, images and messages from anybody: none of them steers a terminal (case 61). */
function printableWorkload(workload: WorkloadReport, paper: Paper): WorkloadReport {
  return {
    ...workload,
    id: { ...workload.id, name: printable(workload.id.name) },
    message: printable(workload.message),
    warnings: workload.warnings.map(printable),
    containers: workload.containers.map((container) => ({
      ...container,
      name: printable(container.name),
      image: shortened(printable(container.image), paper),
      message: printable(container.message),
    })),
  };
}

/** On a terminal a pinned digest is as short as others are. */
function shortened(image: string, { columns }: Paper): string {
  return columns === undefined ? image : image.replace(/(@\w+:\w{12})\w{20,}$/, '$1…');
}

/** What somebody has to do something about, once for each reason. */
function todoLines(workloads: readonly WorkloadReport[], paper: Paper): readonly string[] {
  const reasons = new Set(workloads.flatMap(troubles));
  const todos = [...reasons].flatMap((reason) => {
    const todo = todoFor(reason);
    return todo === undefined ? [] : [{ reason, todo }];
  });
  if (todos.length === 0) return [];
  const width = Math.max(...todos.map(({ reason }) => reason.length)) + 4;
  const lines = todos.flatMap(({ reason, todo }) =>
    hang(`  ${reason}`.padEnd(width), todo, { ...paper, width }),
  );
  return [paint(paper, 'bold', 'What to do:'), ...lines];
}

function troubles(workload: WorkloadReport): readonly Reason[] {
  // The containers' own reasons say more than that one of them is unknown, or that all are skipped.
  const general = workload.reason === 'unknown' || workload.reason === 'nothing-to-watch';
  const unknown = workload.containers.flatMap(unknownReason);
  return levelOf(workload) === 'warn' && !general ? [workload.reason, ...unknown] : unknown;
}

function unknownReason(container: ContainerReport): readonly Reason[] {
  return container.verdict === 'unknown' ? [container.reason] : [];
}

function noteLines(
  label: string,
  style: 'red' | 'cyan',
  texts: readonly string[],
  paper: Paper,
): readonly string[] {
  const width = label.length + 1;
  return texts.flatMap((text) => {
    const [words = '', command] = printable(text).split(beforeCommand, 2);
    const lines = hang(
      `${paint(paper, style, label)} `,
      command === undefined ? words : `${words}:`,
      {
        ...paper,
        width,
      },
    );
    // Not wrapped: it is there to be copied.
    return command === undefined ? lines : [...lines, `${' '.repeat(width)}${command}`];
  });
}

function summary({ workloads, problems }: TickReport): string {
  if (workloads.length === 0) {
    return problems.length > 0 ? 'No workload could be checked.' : 'Nothing to watch.';
  }
  const plural = workloads.length === 1 ? 'workload' : 'workloads';
  const counts = counted
    .map(([name, isCounted]) => [name, workloads.filter(isCounted).length] as const)
    .filter(([name, count]) => count > 0 || name === 'to restart')
    .map(([name, count]) => `${count} ${name}`);
  return `${workloads.length} ${plural}: ${counts.join(', ')}`;
}

/** How the last line counts; what is not known, and what is not watched, is not up to date. */
const counted: readonly (readonly [string, (workload: WorkloadReport) => boolean])[] = [
  ['to restart', ({ decision }) => decision === 'restart'],
  ['up to date', ({ reason }) => reason === 'up-to-date'],
  ['unknown', ({ reason }) => reason === 'unknown'],
  ['with nothing to watch', ({ reason }) => reason === 'nothing-to-watch'],
  ['held', ({ decision }) => decision === 'hold'],
  ['failed', ({ decision }) => decision === 'failed'],
];
