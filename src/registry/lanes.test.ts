import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { Lanes, type Lane } from './lanes.ts';

const never = new AbortController().signal;

async function enter(lanes: Lanes, count: number): Promise<Lane[]> {
  return Promise.all(Array.from({ length: count }, async () => lanes.enter(never)));
}

/** Whether a promise is settled once all that is due has run. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  promise.then(
    () => (settled = true),
    () => (settled = true),
  );
  await new Promise((resolve) => {
    setImmediate(resolve);
  });
  return settled;
}

describe('Lanes', () => {
  test('admits as many as the limit, the others one by one in their order', async () => {
    const lanes = new Lanes(2);
    const [first, second] = await enter(lanes, 2);
    const order: number[] = [];
    const third = lanes.enter(never).then((lane) => (order.push(3), lane));
    const fourth = lanes.enter(never).then((lane) => (order.push(4), lane));
    assert.equal(await isSettled(third), false);
    assert.ok(first && second);
    lanes.leave(first, 'good');
    lanes.leave(await third, 'good');
    lanes.leave(second, 'good');
    lanes.leave(await fourth, 'good');
    assert.deepEqual(order, [3, 4]);
    assert.equal(lanes.isIdle, true);
  });

  test('halves once for 429s that were in flight together, never below one', async () => {
    const lanes = new Lanes(8);
    const together = await enter(lanes, 8);
    for (const lane of together) lanes.leave(lane, 'throttled');
    assert.equal(lanes.limit, 4);
    for (const want of [2, 1, 1]) {
      const [lane] = await enter(lanes, 1);
      assert.ok(lane);
      lanes.leave(lane, 'throttled');
      assert.equal(lanes.limit, want);
    }
  });

  test('opens one more lane after every five good answers, up to the maximum', async () => {
    const lanes = new Lanes(4);
    const [throttled] = await enter(lanes, 1);
    assert.ok(throttled);
    lanes.leave(throttled, 'throttled');
    assert.equal(lanes.limit, 2);
    const limits: number[] = [];
    for (let answer = 1; answer <= 20; answer += 1) {
      lanes.leave(await lanes.enter(never), answer % 4 === 0 ? 'neither' : 'good');
      limits.push(lanes.limit);
    }
    assert.deepEqual(limits.indexOf(3), 5);
    assert.equal(lanes.limit, 4);
  });

  test('admits those in line when a connection can bear more, but keeps what a 429 has lowered', async () => {
    const lanes = new Lanes(1);
    const [lane] = await enter(lanes, 1);
    const waiting = lanes.enter(never);
    assert.equal(await isSettled(waiting), false);
    lanes.setMaximum(32);
    assert.equal(await isSettled(waiting), true);
    assert.ok(lane);
    lanes.leave(lane, 'throttled');
    assert.equal(lanes.limit, 16);
    lanes.setMaximum(32);
    assert.equal(lanes.limit, 16);
  });

  test('who gives up leaves the line and takes no lane with him', async () => {
    const lanes = new Lanes(1);
    const [lane] = await enter(lanes, 1);
    const controller = new AbortController();
    const given = lanes.enter(controller.signal);
    const next = lanes.enter(never);
    controller.abort(new Error('given up'));
    await assert.rejects(given, /given up/);
    assert.ok(lane);
    lanes.leave(lane, 'good');
    lanes.leave(await next, 'good');
    assert.equal(lanes.isIdle, true);
  });

  test('a lane given in the moment of giving up is handed on', async () => {
    const lanes = new Lanes(1);
    const [lane] = await enter(lanes, 1);
    const controller = new AbortController();
    const given = lanes.enter(controller.signal);
    controller.abort(new Error('given up'));
    assert.ok(lane);
    lanes.leave(lane, 'good');
    await assert.rejects(given, /given up/);
    lanes.leave(await lanes.enter(never), 'good');
    assert.equal(lanes.isIdle, true);
  });

  test('fails all in line together', async () => {
    const lanes = new Lanes(1);
    await enter(lanes, 1);
    const waiting = [lanes.enter(never), lanes.enter(never)];
    lanes.failWaiting(new Error('no connection'));
    const results = await Promise.allSettled(waiting);
    assert.deepEqual(
      results.map(({ status }) => status),
      ['rejected', 'rejected'],
    );
  });
});
