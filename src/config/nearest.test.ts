import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { nearest } from './nearest.ts';

describe('nearest', () => {
  const known = ['cronSchedule', 'timeZone', 'tls', 'token', 'tokenFile', 'type'];
  const rows: readonly (readonly [word: string, want: string | undefined])[] = [
    ['cronSchedule', 'cronSchedule'],
    ['cronShedule', 'cronSchedule'],
    ['cronSchedlue', 'cronSchedule'],
    ['cron_schedule', 'cronSchedule'],
    ['CRONSCHEDULE', 'cronSchedule'],
    ['timezone', 'timeZone'],
    ['tsl', 'tls'],
    ['tokenfile', 'tokenFile'],
    ['tokne', 'token'],
    ['tpye', 'type'],
    ['x', undefined],
    ['', undefined],
    ['schedule', 'cronSchedule'],
    ['registries', undefined],
    ['a'.repeat(10_000), undefined],
  ];
  for (const [word, want] of rows) {
    test(`${word.slice(0, 20)}: ${want ?? 'nothing'}`, () =>
      assert.equal(nearest(word, known), want));
  }

  test('of nothing is nothing', () => assert.equal(nearest('a', []), undefined));
});
