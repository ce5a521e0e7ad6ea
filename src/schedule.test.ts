import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  createSchedule,
  jitterOf,
  nextTimes,
  TickAborted,
  tickDeadlineMs,
  unevenGaps,
  type Schedule,
  type ScheduleOptions,
} from './schedule.ts';

const everySecond = { pattern: '* * * * * *', timeZone: 'UTC', jitterMs: 0 };
const newYear = { pattern: '0 0 1 1 *', timeZone: 'UTC', jitterMs: 0 };

/** Ends only when its signal does. */
function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve());
  });
}

function schedule(options: Partial<ScheduleOptions>): Schedule {
  return createSchedule({
    ...everySecond,
    runOnStart: false,
    tick: async () => {},
    onSkipped: () => {},
    onError: (error) => assert.fail(String(error)),
    ...options,
  });
}

describe('nextTimes', () => {
  const rows = [
    {
      name: 'case 56 a fixed time in the gap of spring is due at the end of the gap',
      pattern: '30 2 * * *',
      from: '2026-03-28T12:00:00Z',
      want: ['2026-03-29T01:00:00.000Z', '2026-03-30T00:30:00.000Z'],
    },
    {
      name: 'case 56 a recurring time goes on without a pause across the gap of spring',
      pattern: '*/30 * * * *',
      from: '2026-03-29T00:00:00Z',
      want: ['2026-03-29T00:30:00.000Z', '2026-03-29T01:00:00.000Z', '2026-03-29T01:30:00.000Z'],
    },
    {
      name: 'case 56 a fixed time in the hour that comes twice in autumn is due once',
      pattern: '30 2 * * *',
      from: '2026-10-24T12:00:00Z',
      want: ['2026-10-25T00:30:00.000Z', '2026-10-26T01:30:00.000Z'],
    },
    {
      name: 'case 56 a recurring time goes on without a pause through the hour that comes twice',
      pattern: '0 */30 * * * *',
      from: '2026-10-25T00:00:00Z',
      want: ['2026-10-25T00:30:00.000Z', '2026-10-25T01:00:00.000Z', '2026-10-25T01:30:00.000Z'],
    },
    {
      name: 'case 56 a step of 45 seconds is due at :00 and :45',
      pattern: '*/45 * * * * *',
      from: '2026-01-01T00:00:00Z',
      want: ['2026-01-01T00:00:45.000Z', '2026-01-01T00:01:00.000Z', '2026-01-01T00:01:45.000Z'],
    },
    {
      name: 'a day that does not exist is never due',
      pattern: '0 0 31 2 *',
      from: '2026-01-01T00:00:00Z',
      want: [],
    },
  ];
  for (const { name, pattern, from, want } of rows) {
    test(name, () => {
      const times = nextTimes(pattern, 'Europe/Berlin', new Date(from), Math.max(want.length, 1));
      assert.deepEqual(
        times.map((time) => time.toISOString()),
        want,
      );
    });
  }

  test('7 fields and unknown time zones are refused', () => {
    assert.throws(() => nextTimes('* * * * * * *', 'UTC', new Date(0), 1));
    assert.throws(() => nextTimes('* * * * *', 'Mars/Olympus', new Date(0), 1));
  });
});

describe('unevenGaps', () => {
  const rows = [
    { pattern: '0 * * * * *', want: [] },
    { pattern: '*/45 * * * * *', want: [15, 45] },
    { pattern: '*/30 * * * * *', want: [] },
    { pattern: '0 9,17 * * *', want: [16 * 3600, 8 * 3600, 15 * 3600] },
    { pattern: '30 2 * * *', want: [] },
    { pattern: '0 0 31 2 *', want: [] },
  ];
  for (const { pattern, want } of rows) {
    test(`case 56 ${pattern} is ${want.length > 0 ? 'uneven' : 'even'}, a change of clocks aside`, () => {
      const times = nextTimes(pattern, 'Europe/Berlin', new Date('2026-03-27T12:00:00Z'), 5);
      assert.deepEqual(unevenGaps(times), want);
    });
  }
});

describe('tickDeadlineMs', () => {
  const rows = [
    { name: 'never under 60 s', pattern: '*/10 * * * * *', want: 60_000 },
    { name: "the schedule's gap", pattern: '*/5 * * * *', want: 300_000 },
    { name: 'the shortest of uneven gaps', pattern: '0 9,17 * * *', want: 8 * 3_600_000 },
    { name: 'no more than a timer can hold', pattern: '0 0 1 1 *', want: 2 ** 31 - 1 },
    { name: 'a pattern that is never due', pattern: '0 0 31 2 *', want: 2 ** 31 - 1 },
  ];
  for (const { name, pattern, want } of rows) {
    test(name, () =>
      assert.equal(tickDeadlineMs(pattern, 'UTC', new Date('2026-01-01T00:00:00Z')), want),
    );
  }
});

describe('jitterOf', () => {
  test('case 56 namespaces are spread over the whole range, each always at the same place', () => {
    const jitters = Array.from({ length: 1000 }, (_, index) => jitterOf(`team-${index}`, 10));
    assert.ok(jitters.every((ms) => Number.isInteger(ms) && ms >= 0 && ms < 10_000));
    assert.ok(jitters.some((ms) => ms < 1000) && jitters.some((ms) => ms >= 9000));
    assert.ok(new Set(jitters).size > 900, 'spread within a second, too');
    assert.equal(jitterOf('team-7', 10), jitterOf('team-7', 10));
  });

  test('0 switches it off', () => assert.equal(jitterOf('shop', 0), 0));
});

describe('schedule', () => {
  test('runs when due, and again', async () => {
    const twice = Promise.withResolvers<void>();
    let ticks = 0;
    const ticking = schedule({
      tick: async () => {
        if (++ticks === 2) twice.resolve();
      },
    });
    ticking.start();
    await twice.promise;
    assert.equal(await ticking.stop(), 'ended');
  });

  test('runOnStart runs at once, without jitter', async () => {
    const started = Promise.withResolvers<void>();
    const ticking = schedule({
      ...newYear,
      jitterMs: 2 ** 31 - 1,
      runOnStart: true,
      tick: async () => started.resolve(),
    });
    ticking.start();
    await started.promise;
    await ticking.stop();
  });

  test('case 56 ticks never overlap: a due one that finds one running is skipped and counted', async () => {
    const skippedTwice = Promise.withResolvers<void>();
    let ticks = 0;
    let skipped = 0;
    const ticking = schedule({
      runOnStart: true,
      tick: (signal) => {
        ticks++;
        return untilAborted(signal);
      },
      onSkipped: () => {
        if (++skipped === 2) skippedTwice.resolve();
      },
    });
    ticking.start();
    await skippedTwice.promise;
    assert.equal(ticks, 1);
    assert.equal(await ticking.stop(), 'ended');
  });

  test('case 56 a scheduled tick starts late by its jitter', async () => {
    const started = Promise.withResolvers<void>();
    const ticking = schedule({ jitterMs: 300, tick: async () => started.resolve() });
    const firstDueMs = Math.ceil(Date.now() / 1000) * 1000;
    ticking.start();
    await started.promise;
    // The schedule is due at full seconds; a slow machine makes it later, never earlier.
    assert.ok(Date.now() >= firstDueMs + 299);
    await ticking.stop();
  });

  test('a tick that throws is told and the schedule goes on', async () => {
    const again = Promise.withResolvers<void>();
    const errors: unknown[] = [];
    let ticks = 0;
    const ticking = schedule({
      tick: async () => {
        if (++ticks === 1) throw new Error('a defect');
        again.resolve();
      },
      onError: (error) => errors.push(error),
    });
    ticking.start();
    await again.promise;
    await ticking.stop();
    assert.deepEqual(errors.map(String), ['Error: a defect']);
  });

  test("case 59 the tick's own deadline aborts it, by a monotonic timer and with its own reason", async () => {
    const reason = Promise.withResolvers<unknown>();
    const deadlines: number[] = [];
    const ticking = schedule({
      ...newYear,
      runOnStart: true,
      deadlineMs: 20,
      onStarted: (ms) => deadlines.push(ms),
      tick: async (signal) => {
        await untilAborted(signal);
        reason.resolve(signal.reason);
      },
    });
    ticking.start();
    const aborted = await reason.promise;
    assert.ok(aborted instanceof TickAborted);
    assert.equal(aborted.code, 'deadline');
    assert.equal(aborted.message, 'the tick took longer than 0.02 s');
    assert.deepEqual(deadlines, [20]);
    await ticking.stop();
  });

  describe('case 58 stop', () => {
    test('tells the running tick and waits for it', async () => {
      const started = Promise.withResolvers<void>();
      const order: string[] = [];
      const ticking = schedule({
        ...newYear,
        runOnStart: true,
        tick: async (signal) => {
          started.resolve();
          await untilAborted(signal);
          assert.ok(signal.reason instanceof TickAborted);
          order.push(signal.reason.code);
          await new Promise((resolve) => setTimeout(resolve, 20));
          order.push('patch in flight ended');
        },
      });
      ticking.start();
      await started.promise;
      assert.equal(await ticking.stop(), 'ended');
      assert.deepEqual(order, ['stopped', 'patch in flight ended']);
    });

    test('does not wait for ever for a tick that does not listen', async () => {
      const started = Promise.withResolvers<void>();
      const ticking = schedule({
        ...newYear,
        runOnStart: true,
        stopWaitMs: 20,
        tick: () => {
          started.resolve();
          return new Promise(() => {});
        },
      });
      ticking.start();
      await started.promise;
      assert.equal(await ticking.stop(), 'abandoned');
    });

    test('from within the tick finds it running', async () => {
      const stopped = Promise.withResolvers<'ended' | 'abandoned'>();
      let told = false;
      const ticking: Schedule = schedule({
        ...newYear,
        runOnStart: true,
        tick: async (signal) => {
          stopped.resolve(ticking.stop());
          told = signal.aborted;
        },
      });
      ticking.start();
      assert.equal(await stopped.promise, 'ended');
      assert.ok(told);
    });

    test('right after start, or while a tick waits for its jitter, starts nothing more', async () => {
      let ticks = 0;
      const ticking = schedule({
        runOnStart: true,
        jitterMs: 2 ** 31 - 1,
        tick: async () => {
          ticks++;
        },
      });
      ticking.start();
      assert.equal(await ticking.stop(), 'ended');
      assert.equal(await ticking.stop(), 'ended');
      assert.equal(ticks, 0);
    });
  });

  test('rearm takes effect without a restart, and leaves the running tick alone', async () => {
    const due = Promise.withResolvers<void>();
    let ticks = 0;
    const ticking = schedule({
      ...newYear,
      runOnStart: true,
      tick: async (signal) => {
        ticks++;
        await untilAborted(signal);
      },
      onSkipped: () => due.resolve(),
    });
    ticking.start();
    ticking.rearm(everySecond);
    await due.promise;
    assert.equal(ticks, 1);
    await ticking.stop();
  });

  test('rearm minds a jitter alone', async () => {
    const due = Promise.withResolvers<void>();
    const ticking = schedule({ jitterMs: 2 ** 31 - 1, tick: async () => due.resolve() });
    ticking.start();
    ticking.rearm(everySecond);
    await due.promise;
    await ticking.stop();
  });

  test('rearm minds a time zone alone', async () => {
    const due = Promise.withResolvers<void>();
    const hour = new Date().getUTCHours();
    // Every second of this hour and the next in UTC, and of hours that are far away elsewhere.
    const pattern = `* * ${hour},${(hour + 1) % 24} * * *`;
    const ticking = schedule({
      ...everySecond,
      pattern,
      timeZone: 'Etc/GMT-6',
      tick: async () => due.resolve(),
    });
    ticking.start();
    ticking.rearm({ ...everySecond, pattern, timeZone: 'UTC' });
    await due.promise;
    await ticking.stop();
  });

  test('rearm with a bad pattern throws and changes nothing', async () => {
    const due = Promise.withResolvers<void>();
    const ticking = schedule({ tick: async () => due.resolve() });
    ticking.start();
    assert.throws(() => ticking.rearm({ ...everySecond, pattern: 'at noon' }));
    await due.promise;
    await ticking.stop();
  });
});
