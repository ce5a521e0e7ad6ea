import type { Moment } from './ledger.ts';
import type { ModelImage } from './registry.ts';

export interface Poller {
  readonly name: string;
  /** How wrong the clock of its node is. */
  offsetMs: number;
  jumps: number;
  readonly memory: Set<string>;
}

export function pollerOf(name: string): Poller {
  return { name, offsetMs: 0, jumps: 0, memory: new Set() };
}

/** One tick of one poller, with what it was told. */
export interface Visit {
  readonly poller: Poller;
  readonly from: Moment;
  readonly jumpsBefore: number;
  /** Begun in the middle of another's tick. */
  readonly isNested: boolean;
  /** When it read the workload or its Pods, no rollout was going on, or one that had stalled. */
  isSettled: boolean;
  /** By container: what the Pods run that a restart would replace. */
  evidence: ReadonlyMap<string, readonly ModelImage[]>;
  readonly answers: Map<string, { readonly image: ModelImage; readonly change: number }>;
  readonly refused: Set<string>;
  readonly missing: Set<string>;
  readonly crash: PromiseWithResolvers<void>;
  readonly pause: PromiseWithResolvers<void>;
  readonly resume: PromiseWithResolvers<void>;
}

export function visitOf(poller: Poller, from: Moment, isNested: boolean): Visit {
  return {
    poller,
    from,
    jumpsBefore: poller.jumps,
    isNested,
    isSettled: false,
    evidence: new Map(),
    answers: new Map(),
    refused: new Set(),
    missing: new Set(),
    crash: Promise.withResolvers(),
    pause: Promise.withResolvers(),
    resume: Promise.withResolvers(),
  };
}
