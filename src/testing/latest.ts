import { AssertionError } from 'node:assert';

import type { Latest } from '../image/lookup.ts';

/** The answer of a look-up that was to succeed. */
export function found(latest: Latest): Extract<Latest, { status: 'found' }> {
  if (latest.status === 'found') return latest;
  throw new AssertionError({ message: `${latest.reason}: ${latest.message}` });
}

/** The answer of a look-up that was to fail. */
export function failed(latest: Latest): Extract<Latest, { status: 'failed' }> {
  if (latest.status === 'failed') return latest;
  throw new AssertionError({ message: `found ${latest.digest}` });
}
