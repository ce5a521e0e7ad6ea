import { basicAuthorization, bearerAuthorization } from './authorization.ts';
import type { HttpRequest } from './http.ts';
import type { Identity } from './identity.ts';
import type { CredentialUse, Resting } from './resting.ts';
import type { Realm, Scheme } from './schemes.ts';
import type { Target } from './target.ts';
import type { Tokens } from './token.ts';
import type { Wire } from './wire.ts';

/** One request for a manifest, before it is said who asks. */
export interface Call {
  readonly target: Target;
  readonly request: Pick<HttpRequest, 'method' | 'url' | 'headers' | 'maxBodyBytes'>;
  readonly wire: Wire;
  /** Ends the look-up. */
  readonly signal: AbortSignal;
}

/** This identity may not; the next one is tried. */
export interface Refusal {
  readonly type: 'refused';
  /** Absent where nothing could be sent. */
  readonly status?: number;
  /** For people, as far as it can be told. */
  readonly why: string;
  /** The credential is good, but not for this repository. */
  readonly isHereOnly?: boolean;
}

/** Refused earlier, and not sent again yet (case 51). */
export interface Rests {
  readonly type: 'resting';
  readonly forMs: number;
}

/** What goes into `Authorization`. */
export type Proof =
  | { readonly type: 'nothing' }
  /** The credential itself: Basic, or a token as it is. */
  | { readonly type: 'direct'; readonly authorization: string; readonly use: CredentialUse }
  | {
      readonly type: 'token';
      readonly authorization: string;
      readonly realm: Realm;
      /** Asked for just now: another would be no better. */
      readonly fresh: boolean;
      readonly use: CredentialUse;
    };

/** Turns an identity into what a registry's scheme wants to see. */
export class Prover {
  readonly #resting: Resting;
  readonly #tokens: Tokens;

  constructor(options: { readonly resting: Resting; readonly tokens: Tokens }) {
    this.#resting = options.resting;
    this.#tokens = options.tokens;
  }

  /**
   * @param scheme undefined as long as the registry has not asked: a password is shown only to those who ask
   * @throws {RegistryError} where the realm gave no answer
   */
  async prove(
    call: Call,
    identity: Identity,
    scheme: Scheme | undefined,
  ): Promise<Proof | Refusal | Rests> {
    const { credential } = identity;
    if (scheme?.type === 'bearer') return this.#exchange(call, identity, scheme.realm);
    if (scheme?.type !== 'basic' || credential === undefined) return { type: 'nothing' };
    if (credential.type === 'registry-token') return this.asItIs(call, identity);
    if (credential.username === '') {
      return { type: 'refused', why: 'without a user name it is good for a token endpoint only' };
    }
    return this.#direct(call, identity, basicAuthorization(credential));
  }

  /** A registry token needs no challenge: it is sent as it is. */
  asItIs(call: Call, identity: Identity): Proof | Refusal | Rests {
    const { credential } = identity;
    if (credential?.type !== 'registry-token') return { type: 'nothing' };
    const authorization = bearerAuthorization(credential.token);
    if (authorization === undefined) {
      return { type: 'refused', why: 'it holds characters that cannot be sent' };
    }
    return this.#direct(call, identity, authorization);
  }

  #direct(call: Call, identity: Identity, authorization: string): Proof | Rests {
    const use = useOf(call, identity, call.request.url.host);
    const forMs = this.#resting.restsFor(use);
    return forMs > 0 ? { type: 'resting', forMs } : { type: 'direct', authorization, use };
  }

  async #exchange(call: Call, identity: Identity, realm: Realm): Promise<Proof | Refusal | Rests> {
    const { target, wire, signal } = call;
    const use = useOf(call, identity, realm.url.host);
    const forMs = this.#resting.restsFor(use);
    if (forMs > 0) return { type: 'resting', forMs };
    const outcome = await this.#tokens.get({ target, realm, identity, use, wire, signal });
    if (outcome.type === 'resting') return { type: 'resting', forMs: this.#resting.restsFor(use) };
    if (outcome.type === 'refused') return { ...outcome, why: whyRefused(outcome.status) };
    const authorization = bearerAuthorization(outcome.token);
    if (authorization === undefined) return { type: 'nothing' };
    return { type: 'token', authorization, realm, fresh: outcome.fresh, use };
  }
}

/** What a status says of the credential that got it. */
export function whyRefused(status: number): string {
  return status === 403 ? 'the token may have expired' : 'it is wrong or has expired';
}

/** Anonymous use has no fingerprint; nothing is held against it. */
function useOf({ target }: Call, { key }: Identity, authority: string): CredentialUse {
  const repository = `${target.base.host}/${target.repository}`;
  return { authority, fingerprint: key, repository };
}
