import { createHmac } from 'node:crypto';

/** Text that never prints. `reveal()` is for the two files that put it on the wire; the architecture test counts them. */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  reveal(): string {
    return this.#value;
  }

  /** A keyed hash, to tell whether two secrets are the same without keeping either. */
  fingerprint(key: Uint8Array, context = ''): string {
    return createHmac('sha256', key).update(context).update('\0').update(this.#value).digest('hex');
  }

  get isEmpty(): boolean {
    return this.#value === '';
  }

  toString(): string {
    return '[redacted]';
  }

  toJSON(): string {
    return '[redacted]';
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return '[redacted]';
  }
}

/** One way to prove who asks. Anonymous is the absence of all of them. */
export type Credential =
  /** User and password: Basic at the registry, or at the realm of a Bearer challenge. */
  | { readonly type: 'basic'; readonly username: string; readonly password: Secret }
  /** A refresh token for the realm's POST flow: `identitytoken`, or the users `<token>` and ACR's all-zero UUID. */
  | { readonly type: 'identity-token'; readonly username: string; readonly token: Secret }
  /** Sent as `Authorization: Bearer` as it is: `registrytoken`, or an Opaque rule without a user name. */
  | { readonly type: 'registry-token'; readonly token: Secret };

/** Where a credential comes from, by name only. */
export type CandidateSource =
  | { readonly from: 'pull-secret'; readonly secret: string; readonly entry: string }
  | { readonly from: 'rule'; readonly pattern: string; readonly entry?: string };

/** A credential that matches a reference. */
export interface Candidate {
  readonly credential: Credential;
  readonly source: CandidateSource;
}

/** A source for people, as messages quote it. */
export function describeSource(source: CandidateSource): string {
  if (source.from === 'pull-secret') {
    return `entry "${source.entry}" of Secret "${source.secret}"`;
  }
  return source.entry === undefined
    ? `registry rule "${source.pattern}"`
    : `entry "${source.entry}" of registry rule "${source.pattern}"`;
}
