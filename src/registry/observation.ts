/** What happened at a registry, for metrics and log; `registry` is the `host[:port]` that was asked. */
export type RegistryObservation =
  /** An answer refused a credential that was sent; a resting one is not sent and not counted. */
  | {
      readonly type: 'credential-refused';
      readonly registry: string;
      readonly repository: string;
      /** `entry "ghcr.io" of Secret "regcred"`: a name, never a value. */
      readonly source: string;
      readonly status: number;
    }
  | {
      readonly type: 'token';
      readonly registry: string;
      readonly result: 'ok' | 'refused' | 'failed';
    }
  | { readonly type: 'throttled'; readonly registry: string; readonly forMs: number }
  | {
      readonly type: 'rate-limit-remaining';
      readonly registry: string;
      readonly remaining: number;
    }
  /** The host answers GET but not HEAD; asked by GET for an hour from now. */
  | { readonly type: 'no-head'; readonly registry: string };

export type Observe = (observation: RegistryObservation) => void;
