import type { WorkloadReport } from '../rollout/verdict.ts';
import { type Reason, todoFor } from './reasons.ts';

/** What would change a decision that nobody has to do anything about. */
const changes: Partial<Record<Reason, string>> = {
  changed:
    'the next tick restarts it; the annotation kube-autorollout/hold: "true" on it would hold it',
  'up-to-date': 'a push of another image under one of its tags',
  'scaled-to-zero': 'scaling it up, which pulls the image anyway',
  conflict: 'the next tick looks again',
  ignored: 'another annotation; see the message',
};

/** What would change the decision on a workload, one sentence each; empty where nothing does. */
export function nextSteps({ id, reason, containers }: WorkloadReport): readonly string[] {
  // Of these the containers' own reasons say what to do.
  const isGeneral = reason === 'unknown' || reason === 'nothing-to-watch';
  const own = isGeneral ? undefined : stepFor(reason)?.replace('NAME', id.name);
  const ofContainers = containers
    .filter(({ verdict }) => verdict === (reason === 'nothing-to-watch' ? 'skipped' : 'unknown'))
    .flatMap((container) => {
      const step = stepFor(container.reason);
      return step === undefined ? [] : [`${container.name}: ${step}`];
    });
  return [
    ...(own === undefined ? [] : [own]),
    ...(isGeneral || reason === 'lookup-failed' ? ofContainers : []),
  ];
}

function stepFor(reason: Reason): string | undefined {
  return changes[reason] ?? todoFor(reason);
}
