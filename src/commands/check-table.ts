import Table from 'cli-table3';
import { shortDigest } from '../image/digest.ts';
import type { ContainerReport, Decision, WorkloadReport } from '../rollout/verdict.ts';
import { wordsOf } from './check-words.ts';
import { decisionStyle, paint, type Paper, verdictStyles, wrap } from './paper.ts';

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
const gap = borderless.middle.length;

/** A way to lay the columns out; the last one takes what is left of the line, and its text is wrapped. */
interface Layout {
  readonly headings: readonly string[];
  readonly cellsOf: (row: Row) => readonly string[];
  readonly lastOf: (row: Row) => readonly string[];
  /** Below this the last column reads as a word or two a line. */
  readonly narrowest: number;
}

/** The wide one first; long image references are what does not fit, so the next one has them above the words. */
const layouts: readonly Layout[] = [
  {
    headings: ['WORKLOAD', 'DECISION', 'CONTAINER', 'IMAGE', 'RUNNING', 'LATEST', 'WHY'],
    cellsOf: ({ workload, decided, container, image, running, latest }) => [
      workload,
      decided,
      container,
      image,
      running,
      latest,
    ],
    lastOf: ({ why }) => [why],
    narrowest: 36,
  },
  {
    headings: ['WORKLOAD', 'DECISION', 'CONTAINER', 'RUNNING', 'LATEST', 'IMAGE AND WHY'],
    cellsOf: ({ workload, decided, container, running, latest }) => [
      workload,
      decided,
      container,
      running,
      latest,
    ],
    lastOf: ({ image, why }) => [image, why].filter((text) => text !== ''),
    narrowest: 44,
  },
];

/**
 * A row per container, its workload and decision on the first of them, and why in words.
 *
 * @param workloads printable
 * @returns undefined where the paper is too narrow for it
 */
export function checkTable(
  workloads: readonly WorkloadReport[],
  paper: Paper,
): readonly string[] | undefined {
  if (workloads.length === 0) return [];
  const rows = workloads.flatMap(rowsOf);
  for (const layout of layouts) {
    const last = columnsOfLast(layout, rows, paper.columns);
    if (last === undefined || last >= layout.narrowest) return draw(layout, rows, last, paper);
  }
  return undefined;
}

function draw(
  layout: Layout,
  rows: readonly Row[],
  lastColumns: number | undefined,
  paper: Paper,
): readonly string[] {
  const table = new Table({
    head: layout.headings.map((heading) => paint(paper, 'bold', heading)),
    chars: borderless,
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0 },
  });
  for (const row of rows) {
    const cells = layout.cellsOf(row).map((cell) => paintCell(cell, row, paper));
    const last = layout
      .lastOf(row)
      .flatMap((text) =>
        wrap(text, lastColumns).map((line, index) =>
          text === row.why && index === 0 ? paintReason(line, row, paper) : line,
        ),
      );
    table.push([...cells, last.join('\n')]);
  }
  return table
    .toString()
    .split('\n')
    .map((line) => line.trimEnd());
}

interface Row {
  readonly workload: string;
  readonly decided: string;
  readonly container: string;
  readonly image: string;
  readonly running: string;
  readonly latest: string;
  readonly why: string;
  readonly decision: Decision;
  /** Where `why` begins with the container's reason. */
  readonly verdict?: ContainerReport['verdict'];
}

function rowsOf(workload: WorkloadReport): readonly Row[] {
  const { id, containers } = workload;
  const first = {
    workload: `${id.kind.toLowerCase()}/${id.name}`,
    decided: `${workload.decision} (${workload.reason})`,
  };
  const words = wordsOf(workload);
  if (containers.length === 0) {
    const none = { container: '', image: '', running: '', latest: '' };
    return [{ ...first, ...none, why: words.join('; '), decision: workload }];
  }
  return containers.map((container, index) => ({
    ...(index === 0 ? first : { workload: '', decided: '' }),
    container: container.name,
    image: container.image,
    running: container.running.map(shortDigest).join(', ') || '-',
    latest: container.latest === null ? '-' : shortDigest(container.latest),
    why: whyOf(container, index === 0 ? words : []),
    decision: workload,
    verdict: container.verdict,
  }));
}

/** The container's own words, then those of its workload where they say more. */
function whyOf({ reason, message }: ContainerReport, words: readonly string[]): string {
  return [message === '' ? reason : `${reason}: ${message}`, ...words].join('; ');
}

function columnsOfLast(
  { headings, cellsOf }: Layout,
  rows: readonly Row[],
  columns: number | undefined,
): number | undefined {
  if (columns === undefined) return undefined;
  const cells = [headings.slice(0, -1), ...rows.map(cellsOf)];
  const widths = headings
    .slice(0, -1)
    .map((_, index) => Math.max(...cells.map((row) => row[index]?.length ?? 0)));
  return columns - widths.reduce((sum, width) => sum + width + gap, 0);
}

function paintCell(cell: string, { decided, decision }: Row, paper: Paper): string {
  return cell !== '' && cell === decided ? paint(paper, decisionStyle(decision), cell) : cell;
}

function paintReason(line: string, { verdict }: Row, paper: Paper): string {
  if (verdict === undefined) return line;
  const end = line.search(/[:;]|$/);
  return `${paint(paper, verdictStyles[verdict], line.slice(0, end))}${line.slice(end)}`;
}
