import { Elsewhere } from './elsewhere.ts';
import type { HttpResponse } from './http.ts';
import type { Identity } from './identity.ts';
import { Lru } from './lru.ts';
import type { Observe } from './observation.ts';
import { type Call, type Proof, Prover, type Refusal, type Rests, whyRefused } from './proof.ts';
import { mayBeGone, printable, RegistryError } from './error.ts';
import type { CredentialUse, CredentialVerdict, Resting } from './resting.ts';
import { isSameRealm, type Scheme, type Schemes } from './schemes.ts';
import type { Target } from './target.ts';
import type { Tokens } from './token.ts';

/** A challenge, a renewed token, and a realm that turned out to be another: more is a loop (case 42). */
const maxSends = 3;

export interface Answered {
  readonly type: 'answered';
  /** Any status but 401 and 429. */
  readonly response: HttpResponse;
  /** Absent where no credential was involved. */
  readonly use?: CredentialUse;
}

/** Worth sending once more, the way the registry says. */
interface Again {
  readonly type: 'again';
  readonly scheme: Scheme;
}

export interface AuthorizerOptions {
  readonly schemes: Schemes;
  readonly tokens: Tokens;
  readonly resting: Resting;
  readonly observe: Observe;
}

/** Sends a request as somebody: answers challenges, renews tokens, lets refused credentials rest. */
export class Authorizer {
  readonly #options: AuthorizerOptions;
  readonly #prover: Prover;
  readonly #elsewhere: Elsewhere;
  /** Tokens of rules that a registry did not take as they are, by registry and fingerprint. */
  readonly #exchanged = new Lru<true>({ maxEntries: 2000 });

  constructor(options: AuthorizerOptions) {
    this.#options = options;
    this.#prover = new Prover(options);
    this.#elsewhere = new Elsewhere(options.tokens);
  }

  /**
   * @returns an answer that this identity may have, whatever its status; a 403 may still change under another method
   * @throws {RegistryError} where no answer can be had, whoever asks
   */
  async send(call: Call, identity: Identity): Promise<Answered | Refusal | Rests> {
    let proof =
      identity.credential?.type === 'registry-token' && !this.#isExchanged(call, identity)
        ? this.#prover.asItIs(call, identity)
        : await this.#proveAsBefore(call, identity);
    for (let sends = 1; ; sends += 1) {
      if (proof.type === 'refused' || proof.type === 'resting') return proof;
      const answer = await this.#transmit(call, identity, proof, sends);
      if (answer.type !== 'again') return answer;
      proof = await this.#prover.prove(call, identity, answer.scheme);
    }
  }

  /**
   * Notes that a 403 is the last word: the credential rests for this repository only (case 51).
   * @throws {RegistryError} where it is not the registry that said so
   */
  forbidden(call: Call, identity: Identity, { response, use }: Answered): Refusal {
    if (isElsewhere(call, response)) throw refusedElsewhere(response, call.target);
    const { status } = response;
    if (use !== undefined && this.#options.resting.wasRead(use)) {
      // Artifactory with Xray forbids single manifests; that says nothing of who asks.
      return { type: 'refused', status, why: 'it may read the repository, but not this manifest' };
    }
    return this.#refuse(call, identity, status, whyRefused(status), use);
  }

  /** By the challenge that was remembered, so that the registry need not be asked for it. */
  async #proveAsBefore(call: Call, identity: Identity): Promise<Proof | Refusal | Rests> {
    const { schemes } = this.#options;
    const { target, request } = call;
    try {
      return await this.#prover.prove(call, identity, schemes.known(target, request.url));
    } catch (error) {
      if (mayBeGone(error)) schemes.forget(request.url);
      throw error;
    }
  }

  /** A credential on its way goes alone until it was accepted; a token may go with others. */
  async #transmit(
    call: Call,
    identity: Identity,
    proof: Proof,
    sends: number,
  ): Promise<Answered | Refusal | Rests | Again> {
    if (proof.type !== 'direct') {
      return this.#judge(call, identity, proof, await this.#put(call, identity, proof), sends);
    }
    const { resting, schemes } = this.#options;
    const leave = await resting.enter(proof.use, call.signal);
    if (leave === undefined) return { type: 'resting', forMs: resting.restsFor(proof.use) };
    let verdict: CredentialVerdict = 'undecided';
    try {
      const known = schemes.known(call.target, call.request.url);
      // Found out by whoever went first. Only a realm exchanges it: for Basic it goes as it is, or this would not end.
      if (known?.type === 'bearer' && this.#isExchanged(call, identity)) {
        return { type: 'again', scheme: known };
      }
      const response = await this.#put(call, identity, proof);
      const judged = this.#judge(call, identity, proof, response, sends);
      verdict = verdictOf(judged, call);
      return judged;
    } finally {
      leave(verdict);
    }
  }

  #put(call: Call, identity: Identity, proof: Proof): Promise<HttpResponse> {
    const { target, request } = call;
    const authorization = proof.type === 'nothing' ? {} : { authorization: proof.authorization };
    const headers = { ...request.headers, ...authorization };
    return this.#elsewhere.send({ ...request, headers, host: target.host }, call, identity);
  }

  #judge(
    call: Call,
    identity: Identity,
    proof: Proof,
    response: HttpResponse,
    sends: number,
  ): Answered | Refusal | Again {
    const { schemes, tokens, resting } = this.#options;
    const use = proof.type === 'nothing' || identity.key === '' ? undefined : proof.use;
    if (response.status !== 401) {
      if (use !== undefined && response.status < 400) resting.allowed(use);
      return { type: 'answered', response, ...(use !== undefined && { use }) };
    }
    const { target, request } = call;
    if (isElsewhere(call, response)) throw refusedElsewhere(response, target);
    if (proof.type === 'token') {
      tokens.drop({ target, realm: proof.realm, identity }, proof.authorization);
    }
    const scheme = schemes.learn(target, request.url, response);
    if (scheme.type === 'none' && proof.type === 'nothing') {
      // It would say the same to every other identity.
      throw new RegistryError(
        'unauthorized',
        `${target.registry} answered 401, but ${scheme.why}: nobody can be told who asks`,
        { status: 401 },
      );
    }
    if (sends < maxSends && mayHelp(proof, scheme, identity)) {
      if (proof.type === 'direct' && identity.exchangeable) {
        this.#exchanged.set(exchangeKey(call, identity), true);
      }
      return { type: 'again', scheme };
    }
    // The realm took the credential, so it is good; the registry did not take the token, so not for this.
    const isHereOnly =
      proof.type === 'token' || (scheme.type === 'bearer' && scheme.isInsufficient);
    const why = isHereOnly ? `it has no access to ${target.repository}` : whyRefused(401);
    const rests = proof.type === 'token' ? use : undefined;
    return { ...this.#refuse(call, identity, 401, why, rests), isHereOnly };
  }

  /** @param rests for its repository; what is under the guard is settled there */
  #refuse(
    { target }: Call,
    { credential, source }: Identity,
    status: number,
    why: string,
    rests: CredentialUse | undefined,
  ): Refusal {
    const { observe, resting } = this.#options;
    if (rests !== undefined) resting.settle(rests, 'refused-here');
    if (credential !== undefined) {
      const { repository, base } = target;
      observe({ type: 'credential-refused', registry: base.host, repository, source, status });
    }
    return { type: 'refused', status, why };
  }

  #isExchanged(call: Call, identity: Identity): boolean {
    return identity.exchangeable && this.#exchanged.get(exchangeKey(call, identity)) === true;
  }
}

function isElsewhere({ request }: Call, { url }: HttpResponse): boolean {
  return url.origin !== request.url.origin;
}

/** A credential is its registry's: whoever that leads to may not ask for it (CVE-2020-15157), and refuses nobody by it. */
function refusedElsewhere({ url, status }: HttpResponse, { registry }: Target): RegistryError {
  const other = printable(url.host, 100);
  const does = status === 401 ? 'asks for credentials' : `refuses access (${status})`;
  return new RegistryError(
    'unauthorized',
    `${registry} redirects to ${other}, which ${does}: credentials are for ${registry} only`,
    { status },
  );
}

/** Tells whether answering a 401's challenge can lead further than what was sent. */
function mayHelp(proof: Proof, scheme: Scheme, { credential, exchangeable }: Identity): boolean {
  if (scheme.type === 'none') return false;
  if (scheme.type === 'basic') return proof.type === 'nothing' && credential !== undefined;
  if (proof.type === 'token') return !proof.fresh || !isSameRealm(proof.realm, scheme.realm);
  return proof.type === 'nothing' || credential?.type !== 'registry-token' || exchangeable;
}

/**
 * A refusal under the guard is one of the credential itself. An error of HEAD may come from a gateway that does not
 * know the method and looked at no credential; only the GET that follows tells (case 35).
 */
function verdictOf(judged: Answered | Refusal | Again, { request }: Call): CredentialVerdict {
  if (judged.type === 'refused') return judged.isHereOnly ? 'refused-here' : 'refused';
  if (judged.type === 'again') return 'undecided';
  const { status } = judged.response;
  if (status < 400) return 'accepted';
  return request.method === 'HEAD' || status === 403 || status >= 500 ? 'undecided' : 'accepted';
}

function exchangeKey({ request }: Call, { key }: Identity): string {
  return `${request.url.origin} ${key}`;
}
