/** What the table of `check` has to say of a Deployment with such a name; where there is no cluster, and where there is. */
export const symptoms = {
  expired: /unauthorized: .*entry "[^"]+" of Secret "regcred" \(401\).*expired/,
  cached: /pull-policy: .*set Always, or kube-autorollout\/if-not-present/,
  pinned: /digest-pinned: .*pins a digest/,
  down: /unreachable: connecting to 127\.0\.0\.1:1 failed \(ECONNREFUSED\)/,
  untrusted: /unreachable: TLS of .*nobody trusted signed .*caCertificatePath/,
  limited: /rate-limited: /,
  paused: /paused: .*kubectl rollout resume deployment\/paused/,
} as const satisfies Readonly<Record<string, RegExp>>;

/** A label that is in the wrong place is told below the table. */
export const misplaced = /^hint: deployment\/misplaced has the label on its Pod template/m;

/** Of these `check` says below its table what to do. */
export const withAdvice = ['unauthorized', 'unreachable', 'rate-limited'] as const;

/** A Deployment's one row in the table of `check`, as wide as it has to be; empty where there is none. */
export function rowOf(table: string, name: string): string {
  return new RegExp(`^deployment/${name} .*$`, 'm').exec(table)?.[0] ?? '';
}

export function adviceFor(reason: string): RegExp {
  return new RegExp(`^What to do:\n(?: .*\n)* {2}${reason} `, 'm');
}
