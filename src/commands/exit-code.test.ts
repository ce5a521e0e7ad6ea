import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { WorkloadReport } from '../rollout/verdict.ts';
import { db, report, web } from '../testing/reports.ts';
import type { TickReport } from '../tick.ts';
import { exitCodeOf } from './exit-code.ts';

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
