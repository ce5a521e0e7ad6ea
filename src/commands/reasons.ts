import type {
  FailedReason,
  HoldReason,
  NoneReason,
  SameReason,
  SkippedReason,
  UnknownReason,
} from '../rollout/verdict.ts';

/** Every word that answers "why". */
export type Reason =
  | 'changed'
  | 'digest-changed'
  | NoneReason
  | HoldReason
  | FailedReason
  | SameReason
  | UnknownReason
  | SkippedReason;

/** What a reason means, and what to do about it; in Markdown, for the README. */
export interface Advice {
  readonly means: string;
  /** Absent: nothing. */
  readonly todo?: string;
}

/** All reasons, those of workloads first; `check`, `explain` and the README's table say the same. */
export const advice = {
  changed: {
    means: 'the tag names another image; the workload was (or would be) restarted',
  },
  'up-to-date': { means: 'every container runs what its tag names' },
  unknown: {
    means: 'nothing changed as far as is known, but some image could not be looked up',
    todo: "see the container's reason",
  },
  'nothing-to-watch': {
    means: 'every container is skipped',
    todo: "see the containers' reasons",
  },
  'invalid-annotation': {
    means: 'an annotation has a value that is not allowed; the message quotes it',
    todo: 'correct it; delete a mangled `kube-autorollout/last-restart`',
  },
  paused: {
    means: 'the Deployment is paused, and a restart would wait',
    todo: '`kubectl rollout resume deployment/NAME`',
  },
  'scaled-to-zero': { means: 'nothing runs; the next scale-up pulls anyway' },
  'on-delete': {
    means: 'the update strategy is `OnDelete`: a restart would replace no Pod',
    todo: 'delete the Pods yourself, or use `RollingUpdate`',
  },
  'rollout-in-progress': {
    means: 'a rollout is under way, or stuck',
    todo: 'wait; if it is stuck, the message says on what',
  },
  'not-running-yet': {
    means: 'no Pod has pulled its image yet, so there is nothing to compare',
    todo: "look at the Pods' own state: `kubectl describe pod`",
  },
  'not-converging': {
    means:
      'restarted for this digest already, and the Pods still run another: a stale mirror, or a node that did not pull; or the tag was moved back a moment ago',
    todo: 'check the mirror and `imagePullPolicy`; `convergence.maxRestartsPerDigest` allows more attempts, `kubectl rollout restart` makes one now',
  },
  partition: {
    means:
      "only Pods below the StatefulSet's `partition` are stale, and a restart would not replace them",
    todo: 'lower the partition',
  },
  'pull-secret-refused': {
    means:
      "the digest is known, by a rule or anonymously; but the registry refused the Pod's pull Secret, so a new Pod could not pull",
    todo: 'renew the Secret that the message names',
  },
  'lookup-failed': {
    means: 'an image that a new Pod must pull could not be looked up, so it might not start',
    todo: "see the container's reason; leave it out with `kube-autorollout/ignore-containers`",
  },
  'on-hold': {
    means: '`kube-autorollout/hold: "true"`',
    todo: 'remove the annotation when it may go on',
  },
  'dry-run': { means: '`--dry-run`', todo: 'run without it' },
  forbidden: {
    means: 'the API server refused; the message names the missing rule',
    todo: 'add it to the Role',
  },
  conflict: {
    means: 'somebody changed the workload at the same moment; the next tick looks again',
  },
  gone: { means: 'it was deleted at the same moment, or is being deleted' },
  'api-error': {
    means: 'the API server could not be reached or failed',
    todo: 'see the message',
  },
  equal: { means: 'the container runs the very digest that its tag names' },
  'platform-equal': { means: 'it runs the image that the tag has for its platform' },
  'config-equal': {
    means: 'another manifest of the same image: only what surrounds it was built anew',
  },
  'contents-equal': {
    means: 'another index with the same images: a new attestation, as a rule',
  },
  'digest-changed': { means: 'the tag names another image' },
  unauthorized: {
    means: 'every credential was refused, anonymous access too',
    todo: 'renew the Secret or the rule that the message names; a Pod without `imagePullSecrets` needs one',
  },
  'rate-limited': {
    means: 'the registry asks to wait',
    todo: 'wait, ask less often by `cronSchedule`, or add a credential: many registries grant more to those who log in',
  },
  unreachable: {
    means: 'no connection: name, address or certificate; the message says which',
    todo: 'check the name, the port, the network and `HTTPS_PROXY`; for a CA of your own set the key that the message names',
  },
  'timed-out': {
    means: 'no answer in time',
    todo: 'look at the registry, and at what stands between',
  },
  'registry-error': {
    means: 'the registry answered with an error',
    todo: 'look at the registry',
  },
  'tag-not-found': {
    means: 'the tag does not exist, or is hidden from those who asked; a restart could not pull it',
    todo: 'push it, or correct `image:`',
  },
  malformed: {
    means: "the answer is not what the protocol allows: a captive proxy's HTML, a wrong digest",
    todo: 'check what stands between; is it a registry at all?',
  },
  'unsupported-manifest': {
    means: 'a format that container runtimes no longer run (schema 1)',
    todo: 'push the image anew',
  },
  'platform-missing': {
    means: "the index has no image for your nodes' platform",
    todo: 'build for it, or correct `platforms`',
  },
  'digest-pinned': {
    means: '`image@sha256:…` never changes; there is no tag to follow',
    todo: 'to follow a tag: name it in `image:`, without a digest',
  },
  'pull-policy': {
    means: '`imagePullPolicy` is `IfNotPresent` or `Never`: a restart may not pull',
    todo: 'set `imagePullPolicy: Always`, or annotate `kube-autorollout/if-not-present: "restart"`',
  },
  ignored: {
    means: 'left out by an annotation; an init container without one; an image volume',
  },
  'invalid-reference': { means: '`image:` cannot be parsed', todo: 'correct it' },
} as const satisfies Record<Reason, Advice>;

/** What to do about a reason, for a terminal; undefined: nothing. */
export function todoFor(reason: Reason): string | undefined {
  const known: Advice = advice[reason];
  return known.todo?.replaceAll('`', '');
}
