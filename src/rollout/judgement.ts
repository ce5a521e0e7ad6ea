import { type Digest, shortDigest } from '../image/digest.ts';
import type { Images } from './contents.ts';
import type { Failed, Needs } from './judge-input.ts';
import type { SameReason, Verdict } from './verdict.ts';

export interface Judged {
  readonly status: 'judged';
  /** `same`, `changed` or `unknown`, never `skipped`. */
  readonly verdict: Exclude<Verdict, { readonly verdict: 'skipped' }>;
  readonly message: string;
}

export type Judgement = Judged | Needs;

export function same(reason: SameReason, message: string): Judged {
  return { status: 'judged', verdict: { verdict: 'same', reason }, message };
}

export function changed(message: string): Judged {
  return { status: 'judged', verdict: { verdict: 'changed', reason: 'digest-changed' }, message };
}

export function unknown({ reason, message }: Failed): Judged {
  return { status: 'judged', verdict: { verdict: 'unknown', reason }, message };
}

/** `111111111111 (running) and 222222222222 (tag)`. */
export function both(running: Digest, latest: Images): string {
  return `${shortDigest(running)} (running) and ${shortDigest(latest.digest)} (tag)`;
}
