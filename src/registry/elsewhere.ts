import { bearerAuthorization } from './authorization.ts';
import { mayBeGone } from './error.ts';
import { defaultHostOptions } from './hosts.ts';
import type { HttpRequest, HttpResponse } from './http.ts';
import { anonymous, type Identity } from './identity.ts';
import { Lru } from './lru.ts';
import type { Call } from './proof.ts';
import { placeOf, readBearer, type Realm } from './schemes.ts';
import type { TokenNeed, Tokens } from './token.ts';

/** A registry that another one redirects to, and its token endpoint. */
interface Other {
  readonly origin: string;
  readonly realm: Realm;
}

/**
 * Sends requests whose registry may redirect them to another registry that wants a token: names of one's own in front
 * of Docker Hub or GHCR do so, and containerd and Docker follow. Nothing that we have is for that one, so that it gets
 * an anonymous token of its own realm, and nobody else gets that (case 39).
 *
 * @see https://github.com/containerd/containerd/pull/5504
 */
export class Elsewhere {
  readonly #tokens: Tokens;
  /** By repository, so that the token is there before the redirect. */
  readonly #others = new Lru<Other>({ maxEntries: 5000, maxWeight: 8 * 1024 * 1024 });

  constructor(tokens: Tokens) {
    this.#tokens = tokens;
  }

  /** @returns any answer, also a 401 of the other registry */
  async send(request: HttpRequest, call: Call, identity: Identity): Promise<HttpResponse> {
    const { wire, signal } = call;
    const place = placeOf(request.url);
    const known = this.#others.get(place);
    const first = known && (await this.#shownAsBefore(call, known, place));
    const response = await wire.send({ ...request, ...first }, identity, signal);
    const { origin } = response.url;
    if (response.status !== 401 || origin === request.url.origin) return response;

    const realm = readBearer(call.target, response);
    if (realm === undefined) return response;
    const other = { origin, realm };
    this.#others.set(place, other, realm.url.href.length);
    if (known !== undefined && first?.elsewhere !== undefined) {
      this.#tokens.drop(needOf(call, known), first.elsewhere.authorization);
    }
    const shown = await this.#shown(call, other);
    return shown === undefined ? response : wire.send({ ...request, ...shown }, identity, signal);
  }

  /** Where the other one's realm is gone, the registry may lead somewhere else by now. */
  async #shownAsBefore(
    call: Call,
    other: Other,
    place: string,
  ): Promise<Pick<HttpRequest, 'elsewhere'> | undefined> {
    try {
      return await this.#shown(call, other);
    } catch (error) {
      if (mayBeGone(error)) this.#others.delete(place);
      throw error;
    }
  }

  async #shown(call: Call, other: Other): Promise<Pick<HttpRequest, 'elsewhere'> | undefined> {
    const outcome = await this.#tokens.get(needOf(call, other));
    if (outcome.type !== 'token') return undefined;
    const authorization = bearerAuthorization(outcome.token);
    if (authorization === undefined) return undefined;
    return { elsewhere: { origin: other.origin, authorization } };
  }
}

/** The options of a registry's rule are not for where it leads. */
function needOf({ target, wire, signal }: Call, { realm }: Other): TokenNeed {
  const use = { authority: realm.url.host, fingerprint: '', repository: target.repository };
  return {
    target: { ...target, host: defaultHostOptions },
    realm,
    identity: anonymous,
    use,
    wire,
    signal,
  };
}
