import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';

import { Gate } from './gate.ts';

/** A gate, and who is in, in the order of entering. */
function openGate(total: number, atOnce = 1) {
  const controller = new AbortController();
  const gate = new Gate(total, controller.signal);
  const entered: string[] = [];
  const leave = new Map<string, () => void>();
  const come = async (name: string): Promise<void> => {
    const [host = ''] = name.split('-');
    leave.set(name, await gate.enter(host, () => atOnce));
    entered.push(name);
  };
  return {
    controller,
    entered,
    come,
    leave: async (name: string): Promise<void> => {
      leave.get(name)?.();
      await turn();
    },
  };
}

describe('Gate', () => {
  test('lets so many in at once, and of one host as many as it bears', async () => {
    const { come, entered, leave } = openGate(3, 2);
    const all = ['a-1', 'a-2', 'a-3', 'b-1', 'b-2'].map(come);
    await turn();
    assert.deepEqual(entered, ['a-1', 'a-2', 'b-1']);
    await leave('b-1');
    assert.deepEqual(entered.slice(3), ['b-2']);
    for (const name of ['a-1', 'a-2', 'a-3', 'b-2']) await leave(name);
    await Promise.all(all);
  });

  test('case 62: a place that becomes free goes to the host whose turn it is, not to the first one again', async () => {
    const { come, entered, leave } = openGate(2);
    const holes = ['hole1', 'hole2'].flatMap((host) =>
      [1, 2, 3].map((one) => come(`${host}-${one}`)),
    );
    const others = ['web-1', 'api-1'].map(come);
    await turn();
    assert.deepEqual(entered, ['hole1-1', 'hole2-1']);
    await leave('hole1-1');
    await leave('hole2-1');
    assert.deepEqual(entered.slice(2).toSorted(), ['api-1', 'web-1']);
    for (const name of ['web-1', 'api-1', 'hole1-2', 'hole2-2', 'hole1-3', 'hole2-3']) {
      await leave(name);
    }
    await Promise.all([...holes, ...others]);
  });

  test('sends everybody home when the tick ends, and lets nobody in after it', async () => {
    const { come, controller } = openGate(1);
    await come('a-1');
    const waiting = [come('a-2'), come('b-1')];
    controller.abort(new Error('the end'));
    const results = await Promise.allSettled([...waiting, come('c-1')]);
    assert.deepEqual(
      results.map((result) => result.status === 'rejected' && String(result.reason)),
      ['Error: the end', 'Error: the end', 'Error: the end'],
    );
  });
});
