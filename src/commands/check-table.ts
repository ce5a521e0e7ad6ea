import { styleText } from 'node:util';
import Table from 'cli-table3';
import { shortDigest } from '../image/digest.ts';
import type { ContainerReport, WorkloadReport } from '../rollout/verdict.ts';
import type { TickReport } from '../tick.ts';

/** Where a table is printed. */
export interface Paper {
  /** Characters in a line; absent when it is no terminal: then nothing is wrapped. */
  readonly columns?: number;
  readonly color: boolean;
}

const headings = ['WORKLOAD', 'DECISION', 'CONTAINER', 'IMAGE', 'RUNNING', 'LATEST', 'WHY'];

/** Below this a column of prose reads as one word a line; a narrower terminal then wraps lines itself. */
const narrowestWhy = 24;
const widestImage = 44;

const borderless = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  'left-mid': '',
  mid: '',
  'mid-mid': '',
  right: '',
  'right-mid': '',
  middle: '  ',
};

/**
 * The table that `check` prints: a row per container, its workload and decision on the first of them,
 * why in words, and a line that counts the decisions.
 */
export function checkTable(report: TickReport, paper: Paper): string {
  const rows = report.workloads.flatMap(rowsOf);
  const widths = columnWidths(rows, paper.columns);
  const table = new Table({
    head: headings,
    chars: borderless,
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0 },
    wordWrap: true,
    wrapOnWordBoundary: true,
    colWidths: widths,
  });
  for (const { cells, decision } of rows) {
    table.push(
      paper.color ? cells.map((cell, i) => (i === 1 ? paint(cell, decision) : cell)) : cells,
    );
  }
  const lines =
    rows.length === 0
      ? []
      : table
          .toString()
          .split('\n')
          .map((line) => line.trimEnd());
  const problems = report.problems.map((problem) => `problem: ${problem}`);
  return [...lines, ...(rows.length === 0 ? [] : ['']), ...problems, summary(report)].join('\n');
}

interface Row {
  readonly cells: string[];
  readonly decision: WorkloadReport['decision'];
}

function rowsOf(workload: WorkloadReport): Row[] {
  const name = `${workload.id.kind.toLowerCase()}/${workload.id.name}`;
  const decision = `${workload.decision} (${workload.reason})`;
  const words = [workload.message, ...workload.warnings].filter((text) => text !== '');
  if (workload.containers.length === 0) {
    return [
      { cells: [name, decision, '', '', '', '', words.join('; ')], decision: workload.decision },
    ];
  }
  return workload.containers.map((container, index) => ({
    cells: [
      index === 0 ? name : '',
      index === 0 ? decision : '',
      container.name,
      container.image,
      container.running.map(shortDigest).join(', ') || '-',
      container.latest === null ? '-' : shortDigest(container.latest),
      why(container, index === 0 ? words : []),
    ],
    decision: workload.decision,
  }));
}

/** The container's own words, behind those of its workload where they say more. */
function why(container: ContainerReport, words: readonly string[]): string {
  const own =
    container.message === '' ? container.reason : `${container.reason}: ${container.message}`;
  return [...words.filter((text) => text !== container.message), own].join('; ');
}

function columnWidths(rows: readonly Row[], columns: number | undefined): (number | null)[] {
  if (columns === undefined) return headings.map(() => null);
  const natural = headings.map((heading, i) =>
    Math.max(heading.length, ...rows.map(({ cells }) => cells[i]?.length ?? 0)),
  );
  const images = Math.min(natural[3] ?? 0, widestImage);
  const others = natural.reduce((sum, width, i) => (i === 3 || i === 6 ? sum : sum + width), 0);
  const gaps = 2 * (headings.length - 1);
  const left = Math.max(narrowestWhy, columns - others - images - gaps);
  return natural.map((width, i) => (i === 3 ? images : i === 6 ? Math.min(width, left) : width));
}

function paint(text: string, decision: WorkloadReport['decision']): string {
  const color = ({ restart: 'yellow', none: 'green', hold: 'cyan', failed: 'red' } as const)[
    decision
  ];
  return styleText(color, text, { validateStream: false });
}

function summary(report: TickReport): string {
  if (report.workloads.length === 0) {
    return report.problems.length > 0
      ? 'No workload could be checked.'
      : 'Nothing to watch: no workload carries the label. Add it with: kubectl label deployment/NAME kube-autorollout/enabled=true';
  }
  const count = (decision: WorkloadReport['decision']) =>
    report.workloads.filter((workload) => workload.decision === decision).length;
  const plural = report.workloads.length === 1 ? 'workload' : 'workloads';
  return `${report.workloads.length} ${plural}: ${count('restart')} to restart, ${count('none')} unchanged, ${count('hold')} held, ${count('failed')} failed`;
}
