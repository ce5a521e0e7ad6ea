import type { WorkloadReport } from '../rollout/verdict.ts';

/** The fixed sentence of a log line about a workload. */
export function sentenceOf({ decision, reason }: WorkloadReport): string {
  switch (decision) {
    case 'restart':
      return 'workload restarted';
    case 'failed':
      return 'workload could not be restarted';
    case 'hold':
      return reason === 'dry-run' ? 'workload would be restarted' : 'workload is held';
    case 'none':
      return noneSentences[reason];
  }
}

const noneSentences = {
  'up-to-date': 'workload is up to date',
  unknown: 'workload could not be compared',
  'nothing-to-watch': 'workload has nothing to watch',
} as const;
