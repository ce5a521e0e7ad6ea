import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { Throttle } from './throttle.ts';

const quota = { host: 'r.example.com', fingerprint: '' };

describe('case 52: answers to what was in flight together with a 429', () => {
  test('case 52: one that is no 429 does not end the limit of its tick', () => {
    const throttle = new Throttle(
      () => 0,
      () => 0,
    );
    throttle.limited(quota, 1, 120_000);
    throttle.answered(quota, 1, undefined);
    assert.equal(throttle.limitedFor(quota, 1), 120_000);
    assert.equal(throttle.limitedFor(quota, 2), 120_000);
  });

  test('case 52: of two hints the longer one counts', () => {
    const throttle = new Throttle(
      () => 0,
      () => 0,
    );
    throttle.limited(quota, 1, 120_000);
    throttle.limited(quota, 1, 1_000);
    assert.equal(throttle.limitedFor(quota, 2), 120_000);
  });
});
