import type { WorkloadReport } from '../rollout/verdict.ts';
import type { TickReport } from '../tick.ts';

/** Reports for tests of what is printed: a workload to be restarted, and one that failed. */

export const a = `sha256:${'a'.repeat(64)}` as const;
export const b = `sha256:${'b'.repeat(64)}` as const;

export const web: WorkloadReport = {
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
export const db: WorkloadReport = {
  id: { kind: 'StatefulSet', namespace: 'shop', name: 'db', uid: '2' },
  decision: 'failed',
  reason: 'forbidden',
  message: 'may not patch',
  warnings: [],
  containers: [],
};
export const report: TickReport = {
  startedAt: new Date('2026-01-01T00:00:00Z'),
  durationMs: 12,
  result: 'success',
  listed: true,
  problems: [],
  workloads: [web, db],
};
