import type { Digest } from '../image/digest.ts';

/** A digest for which the workload was restarted, or that was the latest when it was. */
export interface SeenDigest {
  readonly digest: Digest;
  readonly time: Date;
  /** Restarts that this digest caused, at least 1. */
  readonly attempts: number;
}

export interface ContainerRecord {
  /** Normalised; a record says nothing of another reference (case 28). */
  readonly reference: string;
  /** One to five, newest first; the order counts, not the times: clocks jump. */
  readonly seen: readonly SeenDigest[];
}

/** The annotation `kube-autorollout/last-restart`, by container. */
export type LastRestart = ReadonlyMap<string, ContainerRecord>;

export type LastRestartRead =
  | { readonly status: 'read'; readonly record: LastRestart }
  | { readonly status: 'absent' }
  | { readonly status: 'invalid'; readonly message: string };
