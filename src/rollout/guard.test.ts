import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { digest, minutesAgo, now } from '../testing/facts.ts';
import { guard, type GuardMemory, nextRecord, type Remembered } from './guard.ts';
import type { LastRestart, LastRestartRead, SeenDigest } from './last-restart.ts';

const reference = 'r.example.com/app:main';
const suspect = { key: 'app', reference, latest: digest('d') };

/** `d 20 1`: digest d, 20 minutes ago, one attempt; newest first. */
function seen(...entries: readonly string[]): LastRestartRead {
  const parsed = entries.map((entry): SeenDigest => {
    const [letter = '', minutes = '0', attempts = '1'] = entry.split(' ');
    return {
      digest: digest(letter),
      time: minutesAgo(Number(minutes)),
      attempts: Number(attempts),
    };
  });
  return { status: 'read', record: new Map([['app', { reference, seen: parsed }]]) };
}

function restartedAgo(minutes: number): GuardMemory {
  const value = minutesAgo(minutes).toISOString();
  return {
    lastRestart: { status: 'absent' },
    templateAnnotations: { 'kube-autorollout/restartedAt': value },
  };
}

const absent: GuardMemory = { lastRestart: { status: 'absent' }, templateAnnotations: {} };
const hour = 60;
const day = 24 * hour;
const year = 365 * day;

interface Row {
  readonly name: string;
  readonly memory: GuardMemory | LastRestartRead;
  readonly max?: number;
  readonly want: 'clear' | 'blocked';
}

const rows: readonly Row[] = [
  { name: 'no record and never restarted', memory: absent, want: 'clear' },
  { name: 'a digest that was not seen', memory: seen('c 0'), want: 'clear' },
  {
    name: 'case 27: the newest seen, however long ago',
    memory: seen(`d ${year}`),
    want: 'blocked',
  },
  {
    name: 'case 27: a newer digest is a new cause, at once',
    memory: seen('c 0', 'b 1', 'a 2'),
    want: 'clear',
  },
  {
    name: 'case 28: a record of another container',
    memory: {
      status: 'read',
      record: new Map([['worker', recordOf(seen('d 1'))]]),
    },
    want: 'clear',
  },
  {
    name: 'case 28: a record of another reference: promoted from :main to :stable',
    memory: {
      status: 'read',
      record: new Map([
        ['app', { ...recordOf(seen('d 1')), reference: 'r.example.com/app:stable' }],
      ]),
    },
    want: 'clear',
  },

  { name: 'maxRestartsPerDigest 2, 59 min on', memory: seen('d 59'), max: 2, want: 'blocked' },
  { name: 'maxRestartsPerDigest 2, an hour on', memory: seen('d 60'), max: 2, want: 'clear' },
  { name: 'maxRestartsPerDigest 2, used up', memory: seen(`d ${year} 2`), max: 2, want: 'blocked' },
  { name: 'the third attempt, 5 h on', memory: seen(`d ${5 * hour} 2`), max: 9, want: 'blocked' },
  { name: 'the third attempt, 6 h on', memory: seen(`d ${6 * hour} 2`), max: 9, want: 'clear' },
  {
    name: 'the fourth attempt, 23 h on',
    memory: seen(`d ${23 * hour} 3`),
    max: 9,
    want: 'blocked',
  },
  { name: 'the fourth attempt, a day on', memory: seen(`d ${day} 3`), max: 9, want: 'clear' },
  { name: 'the ninth attempt, a day on', memory: seen(`d ${day} 8`), max: 9, want: 'clear' },

  { name: 'case 30: moved back, 9 min on', memory: seen('c 9', 'd 90'), want: 'blocked' },
  { name: 'case 30: moved back, 10 min on', memory: seen('c 10', 'd 90'), want: 'clear' },
  {
    name: 'case 30: the wait counts from the newest entry, not from its own',
    memory: seen('c 5', 'd 600'),
    want: 'blocked',
  },
  { name: 'case 30: flapping, 19 min on', memory: seen('c 19', 'd 90 2'), want: 'blocked' },
  { name: 'case 30: flapping, 20 min on', memory: seen('c 20', 'd 90 2'), want: 'clear' },
  {
    name: "case 30: its own attempts count, not the newest's",
    memory: seen('c 10 7', 'd 90 1'),
    want: 'clear',
  },
  { name: 'case 30: flapping dies down', memory: seen(`c ${day} 9`, 'd 9999 9'), want: 'blocked' },
  {
    name: 'case 30: attempts that no clock can wait for',
    memory: seen(`c ${year}`, `d 9999 ${Number.MAX_SAFE_INTEGER}`),
    want: 'blocked',
  },

  { name: 'case 60: stripped, restarted just now', memory: restartedAgo(0), want: 'blocked' },
  { name: 'case 60: stripped, restarted 59 min ago', memory: restartedAgo(59), want: 'blocked' },
  { name: 'case 60: stripped, restarted an hour ago', memory: restartedAgo(60), want: 'clear' },
  {
    name: "case 60: kubectl's key is set by people",
    memory: {
      ...absent,
      templateAnnotations: { 'kubectl.kubernetes.io/restartedAt': now.toISOString() },
    },
    want: 'clear',
  },
  {
    name: 'case 60: a restartedAt that is no time says nothing',
    memory: { ...absent, templateAnnotations: { 'kube-autorollout/restartedAt': 'x' } },
    want: 'clear',
  },
  {
    name: 'case 60: a record decides alone: a new digest right after a restart',
    memory: { ...restartedAgo(0), lastRestart: seen('c 0') },
    want: 'clear',
  },
  {
    name: 'an unreadable record, though `screen` holds it before',
    memory: { status: 'invalid', message: 'unreadable' },
    want: 'blocked',
  },

  {
    name: 'case 59: moved back, the newest 9 min ahead',
    memory: seen('c -9', 'd 90'),
    want: 'blocked',
  },
  {
    name: 'case 59: moved back, the newest 70 years ahead',
    memory: seen(`c -${70 * year}`, 'd 90'),
    want: 'clear',
  },
  {
    name: 'case 59: stripped, restarted 5 s ahead',
    memory: restartedAgo(-5 / 60),
    want: 'blocked',
  },
  {
    name: 'case 59: stripped, restarted 70 years ahead',
    memory: restartedAgo(-70 * year),
    want: 'clear',
  },
  {
    name: 'case 59: another attempt, 59 min ahead',
    memory: seen('d -59'),
    max: 2,
    want: 'blocked',
  },
  {
    name: 'case 59: another attempt, 70 years ahead',
    memory: seen(`d -${70 * year}`),
    max: 2,
    want: 'clear',
  },
  {
    name: 'case 59: the newest seen blocks whatever the clock says',
    memory: seen(`d -${70 * year}`),
    want: 'blocked',
  },
];

function recordOf(read: LastRestartRead) {
  const found = read.status === 'read' ? read.record.get('app') : undefined;
  assert.ok(found);
  return found;
}

describe('guard', () => {
  for (const { name, memory, max = 1, want } of rows) {
    test(`${name}: ${want}`, () => {
      const whole = 'status' in memory ? { lastRestart: memory, templateAnnotations: {} } : memory;
      const clearance = guard(whole, suspect, { now, maxRestartsPerDigest: max });
      assert.equal(clearance.status, want);
    });
  }

  const words = [
    {
      memory: seen('d 30'),
      max: 1,
      want: 'already restarted for dddddddddddd at 2026-01-01T11:30:00.000Z, yet Pods run something else: look for a stale mirror or cached image; kubectl rollout restart tries again',
    },
    {
      memory: seen('d 30'),
      max: 2,
      want: 'already restarted for dddddddddddd at 2026-01-01T11:30:00.000Z; not again before 2026-01-01T12:30:00.000Z',
    },
    {
      memory: seen('c 5', 'd 90 2'),
      max: 1,
      want: 'the tag went back to dddddddddddd; not again before 2026-01-01T12:15:00.000Z',
    },
  ];
  for (const { memory, max, want } of words) {
    test(`says: ${want}`, () => {
      const options = { now, maxRestartsPerDigest: max };
      const clearance = guard({ lastRestart: memory, templateAnnotations: {} }, suspect, options);
      assert.deepEqual(clearance, { status: 'blocked', message: want });
    });
  }

  test('says when the hour after a stripped record ends', () => {
    assert.deepEqual(guard(restartedAgo(20), suspect, { now, maxRestartsPerDigest: 1 }), {
      status: 'blocked',
      message:
        'kube-autorollout/last-restart is gone, though we restarted it at 2026-01-01T11:40:00.000Z; not again before 2026-01-01T12:40:00.000Z',
    });
  });
});

/** `app: d 0 2, c 5 1` */
function shown(record: LastRestart): readonly string[] {
  return [...record].map(([key, { seen: entries }]) => {
    const texts = entries.map(({ digest: { [7]: letter }, time, attempts }) => {
      const minutes = (now.getTime() - time.getTime()) / 60_000;
      return `${letter} ${minutes} ${attempts}`;
    });
    return `${key}: ${texts.join(', ')}`;
  });
}

describe('the next record', () => {
  const app: Remembered = { key: 'app', reference, latest: digest('d'), isCause: true };
  const other = { ...app, isCause: false };
  const steps = [
    {
      name: 'a cause without a record begins one',
      previous: absent.lastRestart,
      next: app,
      want: ['app: d 0 1'],
    },
    {
      name: 'a cause comes to the front',
      previous: seen('c 5 1', 'b 9 3'),
      next: app,
      want: ['app: d 0 1, c 5 1, b 9 3'],
    },
    {
      name: 'case 30: one that was seen comes to the front with one more attempt',
      previous: seen('c 15 1', 'd 90 2'),
      next: app,
      want: ['app: d 0 3, c 15 1'],
    },
    {
      name: 'another attempt at the newest counts',
      previous: seen('d 90 1', 'c 95 1'),
      next: app,
      want: ['app: d 0 2, c 95 1'],
    },
    {
      name: 'the five newest stay',
      previous: seen('c 1', 'b 2', 'a 3', 'f 4', 'e 5'),
      next: app,
      want: ['app: d 0 1, c 1 1, b 2 1, a 3 1, f 4 1'],
    },
    {
      name: 'another container whose digest is known gets an entry',
      previous: absent.lastRestart,
      next: other,
      want: ['app: d 0 1'],
    },
    {
      name: 'another container whose digest was seen keeps its entries',
      previous: seen('c 15 1', 'd 90 2'),
      next: other,
      want: ['app: c 15 1, d 90 2'],
    },
    {
      name: 'an unknown container keeps its record',
      previous: seen('c 15 1'),
      next: { ...other, latest: undefined },
      want: ['app: c 15 1'],
    },
    {
      name: 'an unknown container without a record gets none',
      previous: absent.lastRestart,
      next: { ...other, latest: undefined },
      want: [],
    },
    {
      name: 'case 28: one whose reference changed begins anew',
      previous: seen('c 15 1'),
      next: { ...app, reference: 'r.example.com/app:stable' },
      want: ['app: d 0 1'],
    },
    {
      name: 'one whose reference changed and that is unknown is dropped',
      previous: seen('c 15 1'),
      next: { ...other, reference: 'r.example.com/app:stable', latest: undefined },
      want: [],
    },
    {
      name: 'one that left the template is dropped',
      previous: seen('c 15 1'),
      next: { ...app, key: 'worker' },
      want: ['worker: d 0 1'],
    },
  ];
  for (const { name, previous, next, want } of steps) {
    test(name, () => {
      assert.deepEqual(shown(nextRecord(previous, [next], now)), want);
    });
  }
});
