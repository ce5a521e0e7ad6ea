import type {
  ContainerReport,
  Decision,
  FailedReason,
  HoldReason,
  NoneReason,
  SameReason,
  ScreenedHoldReason,
  SkippedReason,
  UnknownReason,
} from '../rollout/verdict.ts';

type Level = 'info' | 'warn';

/**
 * Every decision with its reasons, and whether a person should look when a workload gets there. `info` is what ends
 * by itself or was asked for by whoever runs the workload; `warn` stays until somebody does something, or hides
 * whether something is to be done.
 */
export const decisionLevels = {
  restart: { changed: 'info' },
  none: { 'up-to-date': 'info', 'nothing-to-watch': 'warn', unknown: 'warn' },
  hold: {
    'invalid-annotation': 'warn',
    paused: 'info',
    'scaled-to-zero': 'info',
    'on-delete': 'info',
    'rollout-in-progress': 'info',
    'not-running-yet': 'info',
    'not-converging': 'warn',
    partition: 'info',
    'pull-secret-refused': 'warn',
    'lookup-failed': 'warn',
    'on-hold': 'info',
    'dry-run': 'info',
  },
  // The next tick looks again at a workload that somebody changed or deleted under our hands.
  failed: { conflict: 'info', gone: 'info', forbidden: 'warn', 'api-error': 'warn' },
} as const satisfies {
  readonly restart: { readonly changed: Level };
  readonly none: Readonly<Record<NoneReason, Level>>;
  readonly hold: Readonly<Record<HoldReason, Level>>;
  readonly failed: Readonly<Record<FailedReason, Level>>;
};

/** Of a workload's decision and reason. */
export function levelOf(decision: Decision): Level {
  switch (decision.decision) {
    case 'restart':
      return decisionLevels.restart[decision.reason];
    case 'none':
      return decisionLevels.none[decision.reason];
    case 'hold':
      return decisionLevels.hold[decision.reason];
    case 'failed':
      return decisionLevels.failed[decision.reason];
  }
}

/** Every container verdict with its reasons: what the metrics count from the first tick on, at 0. */
export const verdictReasons = {
  same: namesOf<SameReason>({
    equal: true,
    'platform-equal': true,
    'config-equal': true,
    'contents-equal': true,
  }),
  changed: ['digest-changed'],
  unknown: namesOf<UnknownReason>({
    unauthorized: true,
    'rate-limited': true,
    unreachable: true,
    'timed-out': true,
    'registry-error': true,
    'tag-not-found': true,
    malformed: true,
    'unsupported-manifest': true,
    'platform-missing': true,
  }),
  skipped: namesOf<SkippedReason | ScreenedHoldReason>({
    'digest-pinned': true,
    'pull-policy': true,
    ignored: true,
    'not-running-yet': true,
    'invalid-reference': true,
    'invalid-annotation': true,
    paused: true,
    'scaled-to-zero': true,
    'on-delete': true,
    'rollout-in-progress': true,
  }),
} as const satisfies Readonly<Record<ContainerReport['verdict'], readonly string[]>>;

/** A list that the compiler finds complete. */
function namesOf<Name extends string>(names: Readonly<Record<Name, true>>): readonly string[] {
  return Object.keys(names);
}
