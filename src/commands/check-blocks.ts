import { shortDigest } from '../image/digest.ts';
import type { ContainerReport, WorkloadReport } from '../rollout/verdict.ts';
import { wordsOf } from './check-words.ts';
import { decisionStyle, hang, paint, type Paper, verdictStyles } from './paper.ts';

const indent = 2;

/**
 * The same as the table for a terminal that is too narrow for one: a block per workload, what is long on lines of
 * its own.
 *
 * @param workloads printable
 */
export function checkBlocks(workloads: readonly WorkloadReport[], paper: Paper): readonly string[] {
  return workloads.flatMap((workload, index) => [
    ...(index === 0 ? [] : ['']),
    ...blockOf(workload, paper),
  ]);
}

function blockOf(workload: WorkloadReport, paper: Paper): readonly string[] {
  const { id, decision, reason, containers } = workload;
  const name = `${id.kind.toLowerCase()}/${id.name}`;
  const decided = `${decision} (${reason})`;
  const fits = paper.columns === undefined || name.length + 2 + decided.length <= paper.columns;
  return [
    `${paint(paper, 'bold', name)}${fits ? '  ' : '\n  '}${paint(paper, decisionStyle(workload), decided)}`,
    ...wordsOf(workload).flatMap((words) => hang(' '.repeat(indent), words, paper)),
    ...containers.flatMap((container) => containerLines(container, paper)),
  ];
}

function containerLines(container: ContainerReport, paper: Paper): readonly string[] {
  const { name, image, verdict, reason, message } = container;
  const below = ' '.repeat(indent + 2);
  const title = `${' '.repeat(indent)}${name}  ${image}`;
  const fits = paper.columns === undefined || title.length <= paper.columns;
  const judged = `${verdict} (${reason})`;
  const painted = paint(paper, verdictStyles[verdict], judged);
  const digests = digestsOf(container);
  return [
    ...(fits ? [title] : [`${' '.repeat(indent)}${name}`, ...hang(below, image, paper)]),
    ...hang(below, digests === '' ? judged : `${judged}: ${digests}`, paper).map((line) =>
      line.replace(judged, painted),
    ),
    ...(message === '' || reason === 'equal' ? [] : hang(below, message, paper)),
  ];
}

function digestsOf({ running, latest }: ContainerReport): string {
  const parts = [
    ...(running.length === 0 ? [] : [`runs ${running.map(shortDigest).join(', ')}`]),
    ...(latest === null ? [] : [`latest ${shortDigest(latest)}`]),
  ];
  return parts.join(', ');
}
