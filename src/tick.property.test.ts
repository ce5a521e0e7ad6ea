import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import type { Histories } from './testing/model/history.ts';

// oxlint-disable-next-line node/no-process-env -- a test that is run by hand for longer, or again for one seed
const { KUBE_AUTOROLLOUT_HISTORIES = '10000', KUBE_AUTOROLLOUT_SEED = '1' } = process.env;

/** In a thread of its own, where the test runner does not follow every promise: that would take three times as long. */
function playInThread(first: number, count: number): Promise<Histories> {
  const worker = new Worker(new URL('./testing/model/thread.ts', import.meta.url), {
    workerData: `${first} ${count}`,
  });
  return new Promise((resolve, reject) => {
    worker.on('message', (histories: Histories) => {
      resolve(histories);
    });
    worker.on('error', reject);
    worker.on('exit', (code) => {
      reject(new Error(`the thread ended with ${code} and told nothing`));
    });
  });
}

const rules =
  'at most one restart per change of digest, none while paused or mid-rollout, one where it helps';

test(`cases 27 to 30, 57, 59, 60: whatever happens, ${rules}`, async (t) => {
  const first = Number(KUBE_AUTOROLLOUT_SEED);
  const count = Number(KUBE_AUTOROLLOUT_HISTORIES);
  const { restarts, ends, failed } = await playInThread(first, count);
  if (failed !== undefined) {
    const again = `KUBE_AUTOROLLOUT_SEED=${failed.seed} KUBE_AUTOROLLOUT_HISTORIES=1`;
    assert.fail(`${failed.what}; again with ${again}\n${failed.log.join('\n')}`);
  }
  t.diagnostic(
    `${count} histories from seed ${first}: ${restarts} restarts, ${JSON.stringify(ends)}`,
  );
  if (count < 1000) return;
  // A model in which nothing happens would prove nothing.
  assert.ok(restarts > count, `only ${restarts} restarts`);
  assert.ok(ends['up-to-date'] > count / 3, `only ${ends['up-to-date']} up to date`);
  assert.ok(ends['not-converging'] > count / 100, `only ${ends['not-converging']} not converging`);
});
