import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createHealth } from './health.ts';

/** Health with a clock that is moved by hand. */
function setUp() {
  let nowMs = 1000;
  const health = createHealth({ monotonicMs: () => nowMs });
  return { health, pass: (ms: number) => (nowMs += ms) };
}

describe('live', () => {
  test('case 59 flips when a tick hangs past its deadline and a moment of grace, and back when it ends', () => {
    const { health, pass } = setUp();
    assert.ok(health.live().ok);
    health.tickStarted(60_000);
    pass(60_000);
    assert.ok(health.live().ok, 'its deadline has only just aborted it');
    pass(5_001);
    assert.deepEqual(health.live(), {
      ok: false,
      reason: 'a tick runs for 65 s, its deadline was 60 s',
    });
    health.tickEnded('success');
    assert.ok(health.live().ok);
  });

  test('failed ticks are not for a restart of the process to mend', () => {
    const { health } = setUp();
    for (let tick = 0; tick < 10; tick++) health.tickEnded('failed');
    assert.ok(health.live().ok);
  });
});

describe('ready', () => {
  test('comes with the config and the first LIST', () => {
    const { health } = setUp();
    assert.deepEqual(health.ready(), {
      ok: false,
      reason: 'the configuration is not loaded yet',
    });
    health.configLoaded();
    assert.deepEqual(health.ready(), {
      ok: false,
      reason: 'no LIST of the API server has succeeded yet',
    });
    health.listed();
    assert.ok(health.ready().ok);
  });

  test('a successful tick is a LIST, too', () => {
    const { health } = setUp();
    health.configLoaded();
    health.tickEnded('failed');
    assert.ok(!health.ready().ok);
    health.tickEnded('success');
    assert.ok(health.ready().ok);
  });

  test('goes with the third failed tick in a row and comes back with a success', () => {
    const { health } = setUp();
    health.configLoaded();
    health.tickEnded('success');
    health.tickEnded('failed');
    health.tickEnded('failed');
    health.tickEnded('success');
    health.tickEnded('failed');
    health.tickEnded('failed');
    assert.ok(health.ready().ok);
    health.tickEnded('failed');
    assert.deepEqual(health.ready(), {
      ok: false,
      reason: 'the last 3 ticks failed; the log says why',
    });
    health.tickEnded('success');
    assert.ok(health.ready().ok);
  });
});
