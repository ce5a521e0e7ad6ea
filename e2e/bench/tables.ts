import Table from 'cli-table3';

import { type Counts, total } from './counts.ts';
import type { Measured } from './measure.ts';
import type { Memory } from './memory.ts';
import type { Plan } from './plan.ts';
import type { Predecessor } from './predecessor.ts';
import type { StartUp } from './start-up.ts';
import type { Target } from './targets.ts';

/** Lines of a Markdown table, which a terminal shows as well. */
function table(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const drawn = new Table({
    head: [...head],
    chars: {
      top: '',
      'top-mid': '',
      'top-left': '',
      'top-right': '',
      bottom: '',
      'bottom-mid': '',
      'bottom-left': '',
      'bottom-right': '',
      left: '|',
      'left-mid': '|',
      mid: '-',
      'mid-mid': '|',
      right: '|',
      'right-mid': '|',
      middle: '|',
    },
    style: { head: [], border: [], compact: true },
    colAligns: head.map((_, index) => (index === 0 ? 'left' : 'right')),
  });
  for (const row of rows) drawn.push([...row]);
  const [titles = '', , ...lines] = drawn.toString().split('\n');
  const rule = titles
    .split('|')
    .slice(1, -1)
    .map((cell, index) =>
      index === 0 ? '-'.repeat(cell.length) : `${'-'.repeat(cell.length - 1)}:`,
    );
  return [titles, `|${rule.join('|')}|`, ...lines].join('\n');
}

export function requestTable(all: readonly Measured[]): string {
  const rows = all.flatMap((measured) => [
    [nameOf(measured.plan), measured.references, ...requestCells(measured.perTick)],
    ...(measured.pushed === undefined
      ? []
      : [
          [
            `… three ticks after ${measured.pushed.images} pushes`,
            measured.references,
            ...requestCells(measured.pushed.counts),
          ],
        ]),
  ]);
  const head = ['requests per tick', 'images', 'HEAD', 'GET', 'token', 'LIST', 'pages', 'Secret'];
  return table([...head, 'GET', 'PATCH', 'Event'], rows);
}

function requestCells(counts: Counts): readonly number[] {
  return [
    counts.HEAD,
    counts['GET manifest'],
    counts.token,
    counts['LIST workloads'] + counts['LIST Pods'],
    counts['further pages'],
    counts['GET Secret'],
    counts['GET workload'],
    counts['PATCH workload'],
    counts.Event,
  ];
}

export function timeTable(all: readonly Measured[]): string {
  const head = ['times', 'first tick', 'tick', 'bare flood', 'ratio', 'CPU', 'resident'];
  const rows = all.map((measured) => [
    nameOf(measured.plan),
    ms(measured.firstTickMs),
    ms(measured.tickMs),
    ms(measured.floodMs),
    `${(measured.tickMs / measured.floodMs).toFixed(2)} ×`,
    ms(measured.cpuMsPerTick),
    mb(measured.residentMb),
  ]);
  return table(
    [...head, 'connections'],
    rows.map((row, index) => [...row, all[index]?.connections ?? 0]),
  );
}

export function startAndMemoryTable(start: StartUp, memory: Memory | undefined): string {
  const rows = [
    ['start to first tick, compile cache as in the image', ms(start.ms)],
    ['start to first tick, no compile cache', ms(start.withoutCacheMs)],
    ...(memory?.after ?? []).map(({ ticks, residentMb }) => [
      `resident after ${ticks} ticks over ${memory?.plan.workloads} workloads`,
      mb(residentMb),
    ]),
  ];
  return table(['start and memory', ''], rows);
}

export function predecessorTable(
  pairs: readonly { readonly measured: Measured; readonly predecessor: Predecessor }[],
): string {
  const head = [
    'against kube-autorollout 0.5',
    'tick',
    'registry',
    'API server',
    'CPU',
    'resident',
  ];
  const rows = pairs.flatMap(({ measured, predecessor }) => [
    [
      `${nameOf(predecessor.plan)}: 0.5`,
      ...resultCells(predecessor.tickMs, predecessor.counts),
      ms(predecessor.cpuMs),
      mb(predecessor.residentMb),
    ],
    [
      `${nameOf(measured.plan)}: this`,
      ...resultCells(measured.tickMs, measured.perTick),
      ms(measured.cpuMsPerTick),
      mb(measured.residentMb),
    ],
  ]);
  return table(head, rows);
}

function resultCells(tickMs: number, counts: Counts): readonly (string | number)[] {
  const registry = total(counts, ['HEAD', 'GET manifest', 'token', 'other registry']);
  return [ms(tickMs), registry, total(counts) - registry];
}

export function targetTable(targets: readonly Target[]): string {
  const rows = targets.map(({ what, want, seen, met }) => [
    what,
    want,
    seen,
    met ? 'met' : 'MISSED',
  ]);
  return table(['target', 'to reach', 'seen', ''], rows);
}

function nameOf({ workloads, podsPerWorkload, registry }: Plan): string {
  return `${workloads} workloads, ${workloads * podsPerWorkload} Pods, ${registryNames[registry]}`;
}

const registryNames = {
  h2: 'HTTP/2',
  h1: 'HTTP/1.1',
  tokens: 'half behind anonymous tokens',
  private: 'pull Secrets',
} as const satisfies Record<Plan['registry'], string>;

function ms(value: number): string {
  return `${value.toFixed(0)} ms`;
}

function mb(value: number): string {
  return `${value.toFixed(0)} MB`;
}
