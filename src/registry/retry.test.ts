import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  backOffMs,
  findRetryAfter,
  maxRetryAfterMs,
  parseRateLimit,
  parseRetryAfter,
} from './retry.ts';

describe('case 52: Retry-After in a header', () => {
  const now = new Date('2026-01-01T00:00:00Z');
  const rows: readonly { value: string; want: number | undefined }[] = [
    { value: '0', want: 0 },
    { value: '120', want: 120_000 },
    { value: ' 7 ', want: 7000 },
    { value: '99999999999', want: maxRetryAfterMs },
    { value: 'Thu, 01 Jan 2026 00:02:00 GMT', want: 120_000 },
    { value: 'Thursday, 01-Jan-26 00:02:00 GMT', want: 120_000 },
    { value: 'Thu Jan  1 00:02:00 2026', want: 120_000 },
    { value: 'Wed, 31 Dec 2025 23:00:00 GMT', want: 0 },
    { value: 'Fri, 01 Jan 2027 00:00:00 GMT', want: maxRetryAfterMs },
    { value: '', want: undefined },
    { value: '-5', want: undefined },
    { value: 'soon', want: undefined },
    { value: '2026-01-01', want: undefined },
    { value: 'Thu, nonsense', want: undefined },
    { value: '9'.repeat(400), want: undefined },
  ];
  for (const { value, want } of rows) {
    test(JSON.stringify(value.slice(0, 40)), () => assert.equal(parseRetryAfter(value, now), want));
  }
});

describe('case 52: a duration in the body', () => {
  const rows: readonly { body: string; want: number | undefined }[] = [
    {
      body: '{"errors":[{"code":"TOOMANYREQUESTS","message":"retry-after: 331.163µs, allowed: 44000/minute"}]}',
      want: 1,
    },
    { body: 'retry-after: 12μs', want: 1 },
    { body: 'Retry-After: 1m30s', want: 90_000 },
    { body: 'retry-after:1.5s', want: 1500 },
    { body: 'retry-after: 250ms', want: 250 },
    { body: 'retry-after: 3us', want: 1 },
    { body: 'retry-after: 20h', want: maxRetryAfterMs },
    { body: 'retry-after: soon', want: undefined },
    { body: 'retry-after: 5 minutes', want: undefined },
    { body: 'retry-after: 5xy', want: undefined },
    { body: '', want: undefined },
  ];
  for (const { body, want } of rows) {
    test(JSON.stringify(body.slice(0, 60)), () => assert.equal(findRetryAfter(body), want));
  }
});

describe('case 52: without a hint the wait doubles, half of it at random', () => {
  const rows: readonly [failures: number, random: number, want: number][] = [
    [1, 0, 15_000],
    [1, 0.5, 22_500],
    [2, 0, 30_000],
    [3, 0.999, 119_940],
    [8, 0, maxRetryAfterMs / 2],
    [5000, 0, maxRetryAfterMs / 2],
  ];
  for (const [failures, random, want] of rows) {
    test(`${failures} failures, random ${random}`, () =>
      assert.equal(backOffMs(failures, random), want));
  }
});

describe('case 52: what is left of a quota', () => {
  const rows: readonly { value: string; want: ReturnType<typeof parseRateLimit> }[] = [
    { value: '76;w=21600', want: { remaining: 76, windowMs: 21_600_000 } },
    { value: '0;w=21600', want: { remaining: 0, windowMs: 21_600_000 } },
    { value: ' 5 ; w=60 ', want: { remaining: 5, windowMs: 60_000 } },
    { value: '12', want: { remaining: 12 } },
    { value: '', want: undefined },
    { value: 'unlimited', want: undefined },
    { value: '-1;w=5', want: undefined },
    { value: '1e9', want: undefined },
  ];
  for (const { value, want } of rows) {
    test(JSON.stringify(value), () => assert.deepEqual(parseRateLimit(value), want));
  }
});
