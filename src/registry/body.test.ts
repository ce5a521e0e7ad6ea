import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { Bodies, type Body } from './body.ts';
import type { HttpError } from './http-error.ts';

const kiB = 1024;

/** Bodies that note why each was given up. */
function openBodies(maxBytes?: number) {
  const bodies = new Bodies(maxBytes);
  const givenUp = new Map<string, HttpError>();
  const open = (host: string, maxBodyBytes = 8 * 1024 * kiB): Body =>
    bodies.open({
      host,
      maxBytes: maxBodyBytes,
      onGivenUp: (error) => givenUp.set(host, error),
    });
  return { bodies, givenUp, open };
}

function fill(body: Body, bytes: number): void {
  for (let rest = bytes; rest > 0; rest -= 64 * kiB) {
    assert.equal(body.add(Buffer.alloc(Math.min(rest, 64 * kiB), 'x')), undefined);
  }
}

describe('Bodies', () => {
  test('gives back what was put in, however it was cut', () => {
    const { open } = openBodies();
    const bytes = Buffer.from(Array.from({ length: 200 * kiB }, (_, number) => number % 251));
    for (const step of [999, 4096, 65_536, 200 * kiB]) {
      const body = open('r.example.com');
      for (let at = 0; at < bytes.length; at += step) body.add(bytes.subarray(at, at + step));
      assert.deepEqual(Buffer.from(body.bytes), bytes);
    }
    assert.equal(open('r.example.com').bytes.length, 0);
  });

  test('a body may be as large as its limit, and no byte larger', () => {
    const { open } = openBodies();
    const body = open('r.example.com', 10);
    assert.equal(body.add(Buffer.alloc(10)), undefined);
    assert.match(body.add(Buffer.alloc(1))?.message ?? '', /r\.example\.com sent more than the 10/);
  });

  test('case 61: bytes one by one take no more memory than together, and not many of them are taken', () => {
    const { open } = openBodies();
    const body = open('r.example.com');
    const one = Buffer.from('x');
    for (let number = 0; number < 32 * kiB; number += 1) assert.equal(body.add(one), undefined);
    assert.equal(body.bytes.length, 32 * kiB);
    assert.ok(body.capacity <= 128 * kiB, `${body.capacity}`);
    assert.match(body.add(one)?.message ?? '', /in more than 32768 pieces/);
  });

  test('case 61: when all are too large together, the largest is given up and the others go on', () => {
    const { givenUp, open } = openBodies(1024 * kiB);
    const small = open('small.example.com');
    const large = open('large.example.com');
    const other = open('other.example.com');
    fill(small, 10 * kiB);
    fill(large, 500 * kiB);
    fill(other, 300 * kiB);
    assert.deepEqual([...givenUp.keys()], []);
    fill(small, 200 * kiB);
    assert.deepEqual([...givenUp.keys()], ['large.example.com']);
    assert.equal(givenUp.get('large.example.com')?.code, 'malformed');
    fill(small, 100 * kiB);
    assert.deepEqual([small.bytes.length, large.bytes.length], [310 * kiB, 0]);
    fill(large, 2_000 * kiB);
    assert.deepEqual([...givenUp.keys()], ['large.example.com']);
  });

  test('who makes it too much may be the largest himself', () => {
    const { givenUp, open } = openBodies(1024 * kiB);
    fill(open('small.example.com'), 300 * kiB);
    fill(open('large.example.com'), 700 * kiB);
    assert.deepEqual([...givenUp.keys()], ['large.example.com']);
  });

  test('what was read makes room', () => {
    const { bodies, givenUp, open } = openBodies(1024 * kiB);
    for (const _ of [1, 2, 3]) {
      const body = open('r.example.com');
      fill(body, 900 * kiB);
      bodies.close(body);
      assert.equal(body.bytes.length, 0);
    }
    assert.equal(givenUp.size, 0);
  });
});
