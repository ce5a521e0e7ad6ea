import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { cronProblem, formatInZone, isTimeZone } from './cron.ts';

describe('case 56: cronProblem', () => {
  for (const pattern of [
    '* * * * *',
    '0 * * * * *',
    '*/45 * * * * *',
    '  */5   * * * *  ',
    '0 0 29 2 *',
    '0 0 L * *',
    '30 2 * * MON-FRI',
    '0 0 * JAN,JUL *',
    '@daily',
    '@hourly',
  ]) {
    test(`"${pattern}" is fine`, () => assert.equal(cronProblem(pattern), undefined));
  }

  const rows: readonly (readonly [pattern: string, want: RegExp])[] = [
    ['', /^has 1 field; /],
    ['* * * *', /^has 4 fields; /],
    ['* * * * * * *', /^has 7 fields; /],
    ['61 * * * *', /^is no schedule: its minute is out of range; /],
    ['60 * * * * *', /^is no schedule: its second is out of range; /],
    ['* 24 * * *', /^is no schedule: its hour is out of range; /],
    ['* * 32 * *', /^is no schedule: its day of the month is out of range; /],
    ['* * * 13 *', /^is no schedule: its month is out of range; /],
    ['* * * * 8', /^is no schedule: its weekday is out of range; /],
    ['* * * * MON-FOO', /^is no schedule; /],
    ['a b c d e', /^is no schedule; /],
    ['@reboot', /^is no schedule; /],
    ['@', /^is no schedule; /],
    ['0 0 30 2 *', /^never comes due: no such day exists$/],
    ['0 0 31 4,6,9,11 *', /^never comes due: no such day exists$/],
    ['0 0 0 30 2 *', /^never comes due: no such day exists$/],
  ];
  for (const [pattern, want] of rows) {
    test(`"${pattern}" is not`, () => assert.match(cronProblem(pattern) ?? '', want));
  }
});

test('isTimeZone knows the names of IANA', () => {
  for (const name of ['UTC', 'Europe/Berlin', 'America/Argentina/Buenos_Aires', 'asia/kolkata']) {
    assert.ok(isTimeZone(name), name);
  }
  for (const name of ['', 'Europe', 'Mars/Phobos', 'Local', 'Europe/Berlin\n']) {
    assert.ok(!isTimeZone(name), name);
  }
});

describe('formatInZone', () => {
  const rows: readonly (readonly [time: string, zone: string, want: string])[] = [
    ['2026-01-01T00:00:00Z', 'UTC', '2026-01-01T00:00:00Z'],
    ['2026-01-01T00:00:00Z', 'Europe/Berlin', '2026-01-01T01:00:00+01:00'],
    ['2026-07-01T22:00:00Z', 'Europe/Berlin', '2026-07-02T00:00:00+02:00'],
    ['2026-01-01T00:00:00Z', 'America/New_York', '2025-12-31T19:00:00-05:00'],
    ['2026-01-01T00:00:45Z', 'Asia/Kolkata', '2026-01-01T05:30:45+05:30'],
    ['2026-01-01T00:00:00Z', 'Europe/London', '2026-01-01T00:00:00Z'],
  ];
  for (const [time, zone, want] of rows) {
    test(`${time} in ${zone}`, () => {
      assert.equal(formatInZone(new Date(time), zone), want);
      assert.equal(Date.parse(want), Date.parse(time));
    });
  }
});
