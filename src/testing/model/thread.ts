import { parentPort, workerData } from 'node:worker_threads';
import { playHistories } from './history.ts';

/** The thread of the property test: `workerData` is the first seed and the number of histories. */
const [first = 1, count = 1] = String(workerData).split(' ').map(Number);
// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
parentPort?.postMessage(await playHistories(first, count));
