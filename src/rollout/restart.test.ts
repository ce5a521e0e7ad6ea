import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { deployment, digest, now } from '../testing/facts.ts';
import type { LastRestart } from './last-restart.ts';
import { restartedAtKeys, restartOf } from './restart.ts';

const record: LastRestart = new Map([
  [
    'app',
    {
      reference: 'r.example.com/app:main',
      seen: [{ digest: digest('a'), time: now, attempts: 1 }],
    },
  ],
]);

describe('restart', () => {
  test('case 59: the time is RFC 3339 in UTC, with milliseconds', () => {
    const { restartedAt, lastRestart } = restartOf(deployment(), record, {
      now: new Date('2026-01-01T13:00:00.123+01:00'),
      key: restartedAtKeys.own,
    });
    assert.deepEqual(restartedAt, {
      key: 'kube-autorollout/restartedAt',
      value: '2026-01-01T12:00:00.123Z',
    });
    assert.match(lastRestart, /^\{"v":1,"containers":\{"app":/);
  });

  test("case 32: kubectl's key where the config asks for it", () => {
    const { restartedAt } = restartOf(deployment(), record, { now, key: restartedAtKeys.kubectl });
    assert.equal(restartedAt.key, 'kubectl.kubernetes.io/restartedAt');
  });

  const previous = [
    {
      name: 'within the same second',
      value: '2026-01-01T12:00:00Z',
      time: '2026-01-01T12:00:00.400Z',
      want: '2026-01-01T12:00:00.400Z',
    },
    {
      name: 'at the very same time',
      value: '2026-01-01T12:00:00.000Z',
      time: '2026-01-01T12:00:00.000Z',
      want: '2026-01-01T12:00:00.001Z',
    },
    {
      name: 'at the same time in another notation',
      value: '2026-01-01T13:00:00+01:00',
      time: '2026-01-01T12:00:00.000Z',
      want: '2026-01-01T12:00:00.001Z',
    },
    {
      name: 'after the clock was set back',
      value: '2026-01-01T18:00:00.000Z',
      time: '2026-01-01T12:00:00.000Z',
      want: '2026-01-01T12:00:00.000Z',
    },
    {
      name: 'over a value that is no time',
      value: 'x',
      time: '2026-01-01T12:00:00.000Z',
      want: '2026-01-01T12:00:00.000Z',
    },
  ];
  for (const { name, value, time, want } of previous) {
    test(`a second restart ${name} changes the template`, () => {
      const key = restartedAtKeys.own;
      const workload = deployment({}, { template: { annotations: { [key]: value } } });
      const { restartedAt } = restartOf(workload, record, { now: new Date(time), key });
      assert.equal(restartedAt.value, want);
      assert.notEqual(restartedAt.value, value);
    });
  }
});
