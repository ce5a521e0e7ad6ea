import { fromHttpError, RegistryError } from './error.ts';
import { type Http, HttpError, type HttpRequest, type HttpResponse } from './http.ts';
import type { Identity } from './identity.ts';
import type { Observe } from './observation.ts';
import { findRetryAfter, parseRateLimit, parseRetryAfter } from './retry.ts';
import type { Throttle } from './throttle.ts';

/** After so many connect failures in a row a host is left alone for the rest of the tick (case 62). */
const maxConnectFailures = 3;

export interface WireOptions {
  readonly http: Http;
  readonly throttle: Throttle;
  /** Number of the tick, different from every other's. */
  readonly tick: number;
  /** Ends the tick. */
  readonly signal: AbortSignal;
  readonly now: () => Date;
  readonly observe: Observe;
}

interface HostState {
  connectFailures: number;
  lastFailure: string;
  answered: boolean;
}

/** The network during one tick: what is limited or dead is not asked again before the next. */
export class Wire {
  readonly signal: AbortSignal;
  readonly #options: WireOptions;
  /** By {@link placeOf}. */
  readonly #hosts = new Map<string, HostState>();
  /** Of requests that wait for one connect all fail with the same error. */
  readonly #counted = new WeakSet<Error>();

  constructor(options: WireOptions) {
    this.signal = options.signal;
    this.#options = options;
  }

  /** Tells whether a host has answered in this tick, whatever it said. */
  hasAnswered(host: string): boolean {
    return this.#hosts.get(host)?.answered === true;
  }

  /**
   * Sends one request as somebody.
   *
   * @returns any answer but 429
   * @throws {RegistryError} `rate-limited`, `unreachable`, `timed-out`, `malformed`
   * @throws {HttpError} `aborted`
   */
  async send(request: HttpRequest, identity: Identity, signal: AbortSignal): Promise<HttpResponse> {
    const { host } = request.url;
    const quota = { host: placeOf(request), fingerprint: identity.key };
    this.#mayAsk(request, identity);
    const response = await this.#exchange(request, signal);
    const [limitText = ''] = response.header('ratelimit-remaining');
    const limit = parseRateLimit(limitText);
    const { throttle, tick, observe } = this.#options;
    const registry = (request.namedBy?.url ?? request.url).host;
    if (limit !== undefined) {
      observe({ type: 'rate-limit-remaining', registry, remaining: limit.remaining });
    }
    const isLimited = response.status === 429;
    const forMs = isLimited
      ? throttle.limited(quota, tick, this.#retryAfter(response))
      : throttle.answered(quota, tick, limit);
    if (forMs !== undefined) observe({ type: 'throttled', registry, forMs });
    if (isLimited) throw limitedError(host, identity, forMs ?? 0, 429);
    return response;
  }

  #mayAsk(request: HttpRequest, identity: Identity): void {
    const { throttle, tick } = this.#options;
    const host = placeOf(request);
    const limitedFor = throttle.limitedFor({ host, fingerprint: identity.key }, tick);
    if (limitedFor !== undefined) throw limitedError(request.url.host, identity, limitedFor);
    const state = this.#hosts.get(host);
    if (state !== undefined && state.connectFailures >= maxConnectFailures) {
      throw new RegistryError('unreachable', `${state.lastFailure}; not asked again in this tick`);
    }
  }

  async #exchange(request: HttpRequest, signal: AbortSignal): Promise<HttpResponse> {
    const host = placeOf(request);
    const state = this.#hosts.get(host) ?? { connectFailures: 0, lastFailure: '', answered: false };
    this.#hosts.set(host, state);
    try {
      const response = await this.#options.http.send(request, { signal });
      state.connectFailures = 0;
      state.answered = true;
      return response;
    } catch (error) {
      const mapped = fromHttpError(error);
      if (error instanceof HttpError && error.connectFailure && mapped instanceof RegistryError) {
        if (!this.#counted.has(error)) state.connectFailures += 1;
        this.#counted.add(error);
        state.lastFailure = mapped.message;
      }
      throw mapped;
    }
  }

  #retryAfter(response: HttpResponse): number | undefined {
    const [header = ''] = response.header('retry-after');
    return (
      parseRetryAfter(header, this.#options.now()) ??
      findRetryAfter(new TextDecoder().decode(response.body.subarray(0, 4096)))
    );
  }
}

/** What a host does at the bidding of another registry, which named it as its realm, is not held against its own. */
function placeOf({ url, namedBy }: HttpRequest): string {
  return namedBy === undefined || namedBy.url.host === url.host
    ? url.host
    : `${namedBy.url.host} ${url.host}`;
}

function limitedError(
  host: string,
  { source }: Identity,
  forMs: number,
  status?: number,
): RegistryError {
  const wait = forMs < 60_000 ? 'until the next tick' : `for ${Math.ceil(forMs / 60_000)} min`;
  return new RegistryError(
    'rate-limited',
    `${host} limits the requests of ${source}${status === undefined ? '' : ` (${status})`}: left alone ${wait}`,
    status === undefined ? {} : { status },
  );
}
