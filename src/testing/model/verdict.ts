import { annotationKeys } from '../../rollout/annotations.ts';
import { readLastRestart } from '../../rollout/last-restart.ts';
import { restartedAtKeys } from '../../rollout/restart.ts';
import type { RestartPatch } from '../../tick.ts';
import type { Moment, Sight } from './ledger.ts';
import type { Visit } from './visit.ts';
import type { ModelWorld } from './world.ts';

const hourMs = 3_600_000;

/** Containers that the poller took for causes: a new digest in front, or one more attempt at it. */
export function causesOf(
  { workload }: ModelWorld,
  sights: readonly Sight[],
  lastRestart: string,
): ReadonlySet<string> {
  const before = readLastRestart(workload.annotations);
  const after = readLastRestart({ [annotationKeys.lastRestart]: lastRestart });
  const causes = sights.filter(({ name, reference, answer, isStale }) => {
    const written = after.status === 'read' ? after.record.get(name)?.seen[0] : undefined;
    if (written === undefined || written.digest !== answer?.digest) return false;
    const known = before.status === 'read' ? before.record.get(name) : undefined;
    const own =
      known?.reference === reference
        ? known.seen.find(({ digest }) => digest === answer.digest)
        : undefined;
    // A container that was in order gets an entry, too, where it had none.
    return own === undefined ? isStale : own.attempts < written.attempts;
  });
  return new Set(causes.map(({ name }) => name));
}

/** What no restart may ever do, whatever it is for. */
export function forbidden(
  { workload, ownRestart }: ModelWorld,
  visit: Visit,
  restartedAt: RestartPatch['restartedAt'],
  now: Moment,
): string | undefined {
  const { annotations, template } = workload;
  if (workload.paused) return 'a restart while paused';
  if (workload.replicas === 0) return 'a restart while scaled to zero';
  if (annotations[annotationKeys.hold] === 'true') return 'a restart while on hold';
  if (!visit.isSettled) return 'a restart in the middle of a rollout';
  if (template.annotations[restartedAt.key] === restartedAt.value)
    return 'a PATCH that changes nothing';
  for (const { reference, pullPolicy } of template.containers) {
    const isKnown = visit.answers.has(reference) || visit.refused.has(reference);
    if (pullPolicy === 'Always' && !isKnown) {
      return `a restart that may not be able to pull ${reference}`;
    }
  }
  const before = readLastRestart(annotations);
  if (before.status === 'invalid') return 'a restart over a mangled last-restart';
  const stripped = before.status === 'absent' ? ownRestart : undefined;
  if (
    stripped !== undefined &&
    template.annotations[restartedAtKeys.own] === stripped.value &&
    stripped.moment.clock === now.clock &&
    now.ms - stripped.moment.ms < hourMs
  ) {
    return 'two restarts within an hour, the guard stripped';
  }
  return undefined;
}
