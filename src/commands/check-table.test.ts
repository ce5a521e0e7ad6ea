import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import type { WorkloadReport } from '../rollout/verdict.ts';
import type { TickReport } from '../tick.ts';
import { checkDocument } from './check-document.ts';
import { checkTable } from './check-table.ts';
import { exitCodeOf } from './exit-code.ts';

const a = `sha256:${'a'.repeat(64)}` as const;
const b = `sha256:${'b'.repeat(64)}` as const;

const web: WorkloadReport = {
  id: { kind: 'Deployment', namespace: 'shop', name: 'web', uid: '1' },
  decision: 'restart',
  reason: 'changed',
  message: 'app runs an older image',
  warnings: ['Secret "regcred" does not exist'],
  containers: [
    {
      name: 'app',
      image: 'ghcr.io/o/web:main',
      running: [a],
      latest: b,
      verdict: 'changed',
      reason: 'digest-changed',
      message: 'the tag names bbbbbbbbbbbb now',
    },
    {
      name: 'proxy',
      image: 'envoy@sha256:…',
      running: [],
      latest: null,
      verdict: 'skipped',
      reason: 'digest-pinned',
      message: '',
    },
  ],
};
const db: WorkloadReport = {
  id: { kind: 'StatefulSet', namespace: 'shop', name: 'db', uid: '2' },
  decision: 'failed',
  reason: 'forbidden',
  message: 'may not patch',
  warnings: [],
  containers: [],
};
const report: TickReport = {
  startedAt: new Date('2026-01-01T00:00:00Z'),
  durationMs: 12,
  result: 'success',
  problems: [],
  workloads: [web, db],
};

describe('checkTable', () => {
  test('prints a row per container and counts the decisions', () => {
    assert.deepEqual(checkTable(report, { color: false }).split('\n'), [
      'WORKLOAD        DECISION            CONTAINER  IMAGE               RUNNING       LATEST        WHY',
      'deployment/web  restart (changed)   app        ghcr.io/o/web:main  aaaaaaaaaaaa  bbbbbbbbbbbb  app runs an older image; Secret "regcred" does not exist; digest-changed: the tag names bbbbbbbbbbbb now',
      '                                    proxy      envoy@sha256:…      -             -             digest-pinned',
      'statefulset/db  failed (forbidden)                                                             may not patch',
      '',
      '2 workloads: 1 to restart, 0 unchanged, 0 held, 1 failed',
    ]);
  });

  test('fits the terminal by wrapping the words', () => {
    const lines = checkTable(report, { color: true, columns: 130 })
      .split('\n')
      .map(stripVTControlCharacters);
    for (const line of lines) assert.ok(line.length <= 130, `${line.length}: ${line}`);
    assert.match(lines.join(' '), /older image/);
  });

  test('says what to do where nothing is labelled', () => {
    assert.match(
      checkTable({ ...report, workloads: [] }, { color: false }),
      /kubectl label deployment\/NAME/,
    );
  });

  test('says that nothing could be checked where nothing could be listed', () => {
    const text = checkTable(
      { ...report, workloads: [], problems: ['Pods could not be listed: refused'] },
      { color: false },
    );
    assert.equal(text, 'problem: Pods could not be listed: refused\nNo workload could be checked.');
  });
});

test('checkDocument has the documented shape', () => {
  assert.deepEqual(JSON.parse(JSON.stringify(checkDocument(report, 'shop'))), {
    version: 1,
    namespace: 'shop',
    time: '2026-01-01T00:00:00.000Z',
    problems: [],
    workloads: [
      {
        kind: 'Deployment',
        name: 'web',
        decision: 'restart',
        reason: 'changed',
        message: 'app runs an older image; Secret "regcred" does not exist',
        containers: web.containers,
      },
      {
        kind: 'StatefulSet',
        name: 'db',
        decision: 'failed',
        reason: 'forbidden',
        message: 'may not patch',
        containers: [],
      },
    ],
  });
});

describe('exitCodeOf', () => {
  const none = { failOnUnknown: false, exitCode: false };
  const unknown: WorkloadReport = {
    ...web,
    decision: 'none',
    reason: 'unknown',
    containers: [
      {
        name: 'app',
        image: 'x',
        running: [],
        latest: null,
        verdict: 'unknown',
        reason: 'unreachable',
        message: '',
      },
    ],
  };
  const rows: readonly {
    name: string;
    report: Partial<TickReport>;
    options?: Partial<typeof none>;
    want: number;
  }[] = [
    { name: 'a tick that restarted', report: { workloads: [web] }, want: 0 },
    { name: 'an empty namespace', report: { workloads: [] }, want: 0 },
    {
      name: 'something to restart with --exit-code',
      report: { workloads: [web] },
      options: { exitCode: true },
      want: 3,
    },
    {
      name: 'nothing to restart with --exit-code',
      report: { workloads: [] },
      options: { exitCode: true },
      want: 0,
    },
    {
      name: 'acting was forbidden: 1 beats 3',
      report: { workloads: [web, db] },
      options: { exitCode: true },
      want: 1,
    },
    {
      name: 'a conflict',
      report: { workloads: [{ ...db, decision: 'failed', reason: 'conflict' }] },
      want: 0,
    },
    {
      name: 'a workload that is gone',
      report: { workloads: [{ ...db, decision: 'failed', reason: 'gone' }] },
      want: 0,
    },
    {
      name: 'the API server answered nonsense',
      report: { workloads: [{ ...db, decision: 'failed', reason: 'api-error' }] },
      want: 1,
    },
    {
      name: 'one kind could not be listed',
      report: { problems: ['StatefulSets could not be listed'], workloads: [] },
      want: 1,
    },
    { name: 'Pods could not be listed', report: { result: 'failed', workloads: [] }, want: 1 },
    { name: 'the deadline cut it short', report: { result: 'aborted', workloads: [] }, want: 1 },
    { name: 'unknown', report: { workloads: [unknown] }, want: 0 },
    {
      name: 'unknown with --fail-on-unknown',
      report: { workloads: [unknown] },
      options: { failOnUnknown: true },
      want: 1,
    },
  ];
  for (const { name, report: part, options, want } of rows) {
    test(`${name}: ${want}`, () => {
      assert.equal(exitCodeOf({ ...report, ...part }, { ...none, ...options }), want);
    });
  }
});
