import type { LastRestart } from './last-restart.ts';
import type { WorkloadFacts } from './workload.ts';

export const restartedAtKeys = {
  own: 'kube-autorollout/restartedAt',
  kubectl: 'kubectl.kubernetes.io/restartedAt',
} as const;
export type RestartedAtKey = (typeof restartedAtKeys)[keyof typeof restartedAtKeys];

/** What a restart writes; `tick.ts` knows it as `RestartPatch`. */
export interface Restart {
  /** Annotation of the Pod template: its change starts the rollout. RFC 3339 in UTC, with milliseconds. */
  readonly restartedAt: { readonly key: RestartedAtKey; readonly value: string };
  /** The workload's own annotation `kube-autorollout/last-restart`. */
  readonly lastRestart: string;
}

/** Makes the patch; its `restartedAt` differs from the template's, so that it does start a rollout. */
export declare function restartOf(
  workload: WorkloadFacts,
  lastRestart: LastRestart,
  options: { readonly now: Date; readonly key: RestartedAtKey },
): Restart;
