import { formatLastRestart, type LastRestart, parseTime } from './last-restart.ts';
import type { WorkloadFacts } from './workload.ts';

/** Annotations of the Pod template: ours, and kubectl's where the config asks for it. */
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

/**
 * Makes the patch.
 *
 * A template that did not change starts no rollout. So the time has milliseconds, unlike kubectl's, and where even
 * those are equal to the template's it is a millisecond later.
 */
export function restartOf(
  workload: WorkloadFacts,
  lastRestart: LastRestart,
  { now, key }: { readonly now: Date; readonly key: RestartedAtKey },
): Restart {
  const previous = parseTime(workload.template.annotations[key] ?? '');
  const isSame = previous?.getTime() === now.getTime();
  const time = isSame ? new Date(now.getTime() + 1) : now;
  return {
    restartedAt: { key, value: time.toISOString() },
    lastRestart: formatLastRestart(lastRestart),
  };
}
