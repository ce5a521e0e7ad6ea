import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Digest } from '../image/digest.ts';
import type { ContainerReport, Decision, WorkloadReport } from '../rollout/verdict.ts';
import { eventsOf, restartedEvent } from './events.ts';

const oldDigest: Digest = `sha256:${'a'.repeat(64)}`;
const newDigest: Digest = `sha256:${'b'.repeat(64)}`;
const id = { kind: 'Deployment', namespace: 'shop', name: 'web', uid: 'uid-web' } as const;
const app = { name: 'app', image: 'ghcr.io/o/web:main', running: [oldDigest], message: '' };
const changed: ContainerReport = {
  ...app,
  latest: newDigest,
  verdict: 'changed',
  reason: 'digest-changed',
};
const refused: ContainerReport = {
  ...app,
  latest: null,
  verdict: 'unknown',
  reason: 'unauthorized',
  message: 'all entries were refused',
};
const ifNotPresent: ContainerReport = {
  ...app,
  latest: null,
  verdict: 'skipped',
  reason: 'pull-policy',
  message: 'the policy is IfNotPresent',
};

function held(reason: Extract<Decision, { decision: 'hold' }>['reason']): Decision {
  return { decision: 'hold', reason };
}

function report(decision: Decision, containers: readonly ContainerReport[] = []): WorkloadReport {
  return { id, message: 'why', containers, warnings: [], ...decision };
}

function keyOf(one: WorkloadReport): string | undefined {
  return eventsOf(one, 0)[0]?.key;
}

const minuteMs = 60_000;

describe('eventsOf', () => {
  const rows: readonly {
    readonly name: string;
    readonly report: WorkloadReport;
    readonly sinceMs?: number;
    readonly want: readonly string[];
  }[] = [
    {
      name: 'nothing to tell when all is well',
      report: report({ decision: 'none', reason: 'up-to-date' }),
      want: [],
    },
    {
      name: 'case 23 a hold that was asked for is normal',
      report: report(held('paused')),
      want: ['Normal RestartHeld paused: why'],
    },
    {
      name: 'a hold that needs a person is a warning',
      report: report(held('invalid-annotation')),
      want: ['Warning RestartHeld invalid-annotation: why'],
    },
    {
      name: 'case 27 not converging has its own reason',
      report: report(held('not-converging'), [changed]),
      want: ['Warning NotConverging not-converging: why'],
    },
    {
      name: 'a restart that the Role does not allow',
      report: report({ decision: 'failed', reason: 'forbidden' }, [changed]),
      want: ['Warning RestartHeld forbidden: why'],
    },
    {
      name: 'case 57 a restart that somebody was quicker with is for the next tick',
      report: report({ decision: 'failed', reason: 'conflict' }, [changed]),
      want: [],
    },
    {
      name: 'a restart held for a failed look-up is told once, as that',
      report: report(held('lookup-failed'), [changed, refused]),
      want: ['Warning LookupFailed lookup-failed: why'],
    },
    {
      name: 'a look-up that failed',
      report: report({ decision: 'none', reason: 'unknown' }, [refused]),
      want: [
        'Warning LookupFailed unauthorized: container app (ghcr.io/o/web:main): all entries were refused',
      ],
    },
    {
      name: 'case 22 a container that a restart cannot renew, whatever the others do',
      report: report({ decision: 'none', reason: 'up-to-date' }, [ifNotPresent]),
      want: [
        'Warning RestartHeld pull-policy: container app (ghcr.io/o/web:main): the policy is IfNotPresent',
      ],
    },
    {
      name: 'case 15 a rollout in progress',
      report: report(held('rollout-in-progress')),
      sinceMs: 9 * minuteMs,
      want: [],
    },
    {
      name: 'case 15 a rollout in progress that does not end',
      report: report(held('rollout-in-progress')),
      sinceMs: 10 * minuteMs,
      want: ['Warning RestartHeld rollout-in-progress: why'],
    },
    {
      name: 'a dry run',
      report: report(held('dry-run'), [changed]),
      want: [],
    },
  ];
  for (const { name, report: given, sinceMs = 0, want } of rows) {
    test(name, () => {
      const events = eventsOf(given, sinceMs);
      assert.deepEqual(
        events.map(({ type, reason, note }) => `${type} ${reason} ${note}`),
        want,
      );
      assert.ok(events.every(({ workload }) => workload === id));
    });
  }

  test('the key depends on reason and digests, not on the words or the order of containers', () => {
    const other = { ...changed, name: 'worker' };
    const stuck = report(held('not-converging'), [changed, other]);
    assert.equal(
      keyOf(stuck),
      keyOf({ ...stuck, message: 'other words', containers: [other, changed] }),
    );
    assert.notEqual(keyOf(stuck), keyOf(report(held('not-converging'), [changed])));
    assert.notEqual(keyOf(stuck), keyOf(report(held('pull-secret-refused'), [changed, other])));
  });

  test('case 61 a note is printable and below the limit of the API', () => {
    const message = `\u001b${'ü'.repeat(5000)}`;
    const [event] = eventsOf({ ...report(held('invalid-annotation')), message }, 0);
    assert.match(event?.note ?? '', /^invalid-annotation: \\u\{1b\}ü/);
    assert.ok(Buffer.byteLength(event?.note ?? '') <= 1024);
  });
});

test('restartedEvent names each container with its old and new digest, short', () => {
  const change = { container: 'app', image: app.image, running: [oldDigest], latest: newDigest };
  assert.deepEqual(restartedEvent({ id, changes: [change, { ...change, container: 'worker' }] }), {
    workload: id,
    type: 'Normal',
    reason: 'Restarted',
    note:
      'Restarted: container app (ghcr.io/o/web:main) ran sha256:aaaaaaaaaaaa, latest is sha256:bbbbbbbbbbbb; ' +
      'container worker (ghcr.io/o/web:main) ran sha256:aaaaaaaaaaaa, latest is sha256:bbbbbbbbbbbb',
    key: `app=${newDigest}\nworker=${newDigest}`,
  });
});
