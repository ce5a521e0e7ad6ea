import { createHmac } from 'node:crypto';

import { quote } from '../image/quote.ts';

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

  equals(other: Secret): boolean {
    return this.#value === other.#value;
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

/** Tells whether two credentials would put the same on the wire. */
export function sameCredential(one: Credential, other: Credential): boolean {
  switch (one.type) {
    case 'basic':
      return (
        other.type === 'basic' &&
        one.username === other.username &&
        one.password.equals(other.password)
      );
    case 'identity-token':
      return (
        other.type === 'identity-token' &&
        one.username === other.username &&
        one.token.equals(other.token)
      );
    case 'registry-token':
      return other.type === 'registry-token' && one.token.equals(other.token);
  }
}

/** A source for people, as messages quote it; a Secret's keys are text from outside (case 61). */
export function describeSource(source: CandidateSource): string {
  if (source.from === 'pull-secret') {
    return `entry ${quote(source.entry)} of Secret ${quote(source.secret)}`;
  }
  return source.entry === undefined
    ? `registry rule ${quote(source.pattern)}`
    : `entry ${quote(source.entry)} of registry rule ${quote(source.pattern)}`;
}
