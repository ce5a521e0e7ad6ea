import type { Credential, Secret } from '../credentials/credential.ts';
import { basicAuthorization, bearerAuthorization, tokenForm } from './authorization.ts';
import { RegistryError } from './error.ts';
import type { HttpRequest, HttpResponse } from './http.ts';
import type { Identity } from './identity.ts';
import { Lru } from './lru.ts';
import type { Observe } from './observation.ts';
import type { CredentialUse, CredentialVerdict, Resting } from './resting.ts';
import type { Realm } from './schemes.ts';
import type { Target } from './target.ts';
import { isGrantRefused, readTokenReply } from './token-reply.ts';
import { SingleFlight, waitFor } from './waiting.ts';
import type { Wire } from './wire.ts';

/** Tokens are one to four KiB; one of 10 MB is an attack (case 43). */
const maxReplyBytes = 64 * 1024;
const maxCacheBytes = 32 * 1024 * 1024;
/** Renewed before it ends, so that no request meets its end on the way. */
const usedShare = 0.8;

/** What a token is wanted for. */
export interface TokenNeed {
  readonly target: Target;
  readonly realm: Realm;
  readonly identity: Identity;
  readonly use: CredentialUse;
  readonly wire: Wire;
  readonly signal: AbortSignal;
}

export type TokenOutcome =
  | { readonly type: 'token'; readonly token: Secret; readonly fresh: boolean }
  | { readonly type: 'refused'; readonly status: number; readonly by: string }
  | { readonly type: 'resting' };

interface Kept {
  readonly token: Secret;
  readonly until: number;
}

export interface TokensOptions {
  readonly resting: Resting;
  readonly monotonic: () => number;
  readonly observe: Observe;
}

/**
 * Gets bearer tokens from realms and keeps them across ticks: one request per registry, realm, scope
 * and credential, for four fifths of the token's life.
 *
 * @see https://distribution.github.io/distribution/spec/auth/token/
 */
export class Tokens {
  readonly #kept = new Lru<Kept>({ maxEntries: 20_000, maxWeight: maxCacheBytes });
  readonly #flights = new SingleFlight<TokenOutcome>();
  /** Which method a realm has answered with a token. */
  readonly #methods = new Lru<Method>({ maxEntries: 2000 });
  readonly #options: TokensOptions;

  constructor(options: TokensOptions) {
    this.#options = options;
  }

  /**
   * @returns `fresh` when it was asked for just now, so that asking again cannot help
   * @throws {RegistryError}
   */
  async get(need: TokenNeed): Promise<TokenOutcome> {
    const key = keyOf(need);
    const kept = this.#kept.get(key);
    if (kept !== undefined && this.#options.monotonic() < kept.until) {
      return { type: 'token', token: kept.token, fresh: false };
    }
    const flight = this.#flights.run(key, () => this.#fetch(need));
    return waitFor(flight, need.signal);
  }

  /** Forgets a token that its registry did not take, unless a new one has come since that was sent. */
  drop(need: Omit<TokenNeed, 'signal' | 'wire' | 'use'>, authorization: string): void {
    const key = keyOf(need);
    const kept = this.#kept.get(key);
    if (kept !== undefined && bearerAuthorization(kept.token) === authorization) {
      this.#kept.delete(key);
    }
  }

  async #fetch(need: TokenNeed): Promise<TokenOutcome> {
    const { resting } = this.#options;
    if (need.identity.credential === undefined) return (await this.#request(need)).outcome;
    // Several look-ups may wait for this one: it ends with the tick, not with the first of them.
    const leave = await resting.enter(need.use, need.wire.signal);
    if (leave === undefined) return { type: 'resting' };
    let verdict: CredentialVerdict = 'undecided';
    try {
      const answer = await this.#request(need);
      verdict = answer.verdict;
      return answer.outcome;
    } finally {
      leave(verdict);
    }
  }

  async #request(need: TokenNeed): Promise<{ outcome: TokenOutcome; verdict: CredentialVerdict }> {
    const { observe, monotonic } = this.#options;
    const registry = need.target.base.host;
    let result: 'ok' | 'refused' | 'failed' = 'failed';
    try {
      const response = await this.#ask(need);
      const { status } = response;
      if (status >= 200 && status < 300) {
        const { token, lifeMs } = readTokenReply(response.body, response.url.host);
        const until = monotonic() + lifeMs * usedShare;
        this.#kept.set(keyOf(need), { token, until }, response.body.length);
        result = 'ok';
        return { outcome: { type: 'token', token, fresh: true }, verdict: 'accepted' };
      }
      if (!isRefusal(status, need.identity.credential)) throw unexpected(response);
      result = 'refused';
      this.#observeRefusal(need, status);
      const outcome = { type: 'refused', status, by: need.realm.url.host } as const;
      return { outcome, verdict: isDead(response) ? 'refused' : 'refused-here' };
    } finally {
      observe({ type: 'token', registry, result });
    }
  }

  #observeRefusal({ target, identity }: TokenNeed, status: number): void {
    const { credential, source } = identity;
    if (credential === undefined) return;
    const registry = target.base.host;
    const { repository } = target;
    this.#options.observe({ type: 'credential-refused', registry, repository, source, status });
  }

  /** Asks by the method that has worked here, else by the usual one and then by the other (case 44). */
  async #ask(need: TokenNeed): Promise<HttpResponse> {
    const { credential } = need.identity;
    const methodKey = `${need.realm.url.origin}${need.realm.url.pathname} ${credential?.type}`;
    const known = this.#methods.get(methodKey);
    const [first, second] = methodsOf(credential);
    if (known !== undefined) {
      const response = await this.#send(need, known);
      if (isMissing(response.status)) this.#methods.delete(methodKey);
      return response;
    }
    const response = await this.#send(need, first);
    if (response.status < 300) this.#methods.set(methodKey, first);
    if (second === undefined || !isUnsupported(first, response.status)) return response;
    const other = await this.#send(need, second);
    if (other.status < 300) this.#methods.set(methodKey, second);
    // Where there is no other way, what the first one said was no want of support.
    return isMissing(other.status) ? response : other;
  }

  #send(need: TokenNeed, method: Method): Promise<HttpResponse> {
    const { realm, target, identity, wire } = need;
    const request: HttpRequest = {
      ...(method === 'GET' ? asQuery(realm, identity) : asForm(realm, identity)),
      host: target.host,
      maxBodyBytes: maxReplyBytes,
      namedBy: realm.namedBy,
    };
    return wire.send(request, identity, wire.signal);
  }
}

type Method = 'GET' | 'POST';

/** GET works everywhere for passwords; identity tokens are made for POST. */
function methodsOf(credential: Credential | undefined): readonly [Method, Method?] {
  if (credential?.type === 'basic') return ['GET', 'POST'];
  if (credential?.type !== 'identity-token') return ['GET'];
  // `<token>` says that there is no user, and GET needs one.
  const hasUser = credential.username !== '' && credential.username !== '<token>';
  return hasUser ? ['POST', 'GET'] : ['POST'];
}

/** GCR answers 404 to a POST, Artifactory 401, others 400 or 405; after GET a 401 means the password. */
function isUnsupported(method: Method, status: number): boolean {
  return isMissing(status) || (method === 'POST' && [400, 401].includes(status));
}

function isMissing(status: number): boolean {
  return status === 404 || status === 405;
}

/** Where nobody may ask by GET there is no anonymous access. */
function isRefusal(status: number, credential: Credential | undefined): boolean {
  return [400, 401, 403].includes(status) || (credential === undefined && isMissing(status));
}

/** It is the credential itself that is refused, not only this use of it. */
function isDead({ status, body }: HttpResponse): boolean {
  return status === 401 || (status === 400 && isGrantRefused(body));
}

function asQuery(
  { url, service, scope }: Realm,
  { credential }: Identity,
): Pick<HttpRequest, 'method' | 'url' | 'headers'> {
  const asked = new URL(url);
  if (service !== undefined && !asked.searchParams.has('service')) {
    asked.searchParams.set('service', service);
  }
  for (const one of scope.split(' ').filter((part) => part !== '')) {
    // NVIDIA's realm holds the scope already.
    if (!asked.searchParams.has('scope', one)) asked.searchParams.append('scope', one);
  }
  return { method: 'GET', url: asked, headers: { ...authorizationOf(credential) } };
}

function authorizationOf(
  credential: Credential | undefined,
): Readonly<Record<'authorization', string>> | undefined {
  if (credential === undefined) return undefined;
  const authorization =
    credential.type === 'registry-token'
      ? bearerAuthorization(credential.token)
      : basicAuthorization(credential);
  return authorization === undefined ? undefined : { authorization };
}

function asForm(
  { url, service, scope }: Realm,
  { credential }: Identity,
): Pick<HttpRequest, 'method' | 'url' | 'headers' | 'body'> {
  const form = new URLSearchParams({
    ...(credential !== undefined && credential.type !== 'registry-token' && tokenForm(credential)),
    ...(service !== undefined && { service }),
    scope,
    client_id: 'kube-autorollout',
  });
  const headers = { 'content-type': 'application/x-www-form-urlencoded' };
  return { method: 'POST', url, headers, body: form.toString() };
}

function unexpected({ status, url }: HttpResponse): RegistryError {
  return new RegistryError('registry-error', `token endpoint ${url.host} answered ${status}`, {
    status,
  });
}

/** The registry is part of it: a token goes only to the one that it was made for. */
function keyOf({
  target,
  realm,
  identity,
}: Pick<TokenNeed, 'target' | 'realm' | 'identity'>): string {
  const { url, service = '', scope } = realm;
  return JSON.stringify([target.base.origin, url.href, service, scope, identity.key]);
}
