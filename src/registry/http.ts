import { performance } from 'node:perf_hooks';

import { checkProxySettings, proxyFor, type ProxySettings } from '../network/proxy.ts';
import { reachOf } from './addresses.ts';
import { ConnectionGone, Connections, type Connection } from './connections.ts';
import { systemLookup, type Lookup, type Route } from './dial.ts';
import { exchange, type Deadlines, type Progress, type RawAnswer, type Wire } from './exchange.ts';
import { exchangeError, truncatedError } from './failure.ts';
import { defaultHostOptions, type HostOptions } from './hosts.ts';
import { HttpError } from './http-error.ts';
import type { LaneResult } from './lanes.ts';
import { maxRedirects, nextHop, type Hop } from './redirects.ts';
import { TrustStore } from './tls.ts';
import { proxyAuthorization, refusedByProxy } from './tunnel.ts';

export { HttpError, type HttpErrorCode } from './http-error.ts';

/** One exchange with a registry or a token endpoint. */
export interface HttpRequest {
  readonly method: 'HEAD' | 'GET' | 'POST';
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  /** How to reach the registry that this exchange is for; its CA, client certificate and leniency hold for that host only. */
  readonly host: HostOptions;
  /** Reading past it is an error, not a truncation. */
  readonly maxBodyBytes: number;
  /**
   * Present for a realm: the registry that named it. The realm must be https unless that registry is
   * `plainHttp`, and must not be private or loopback when that registry resolved to a public address.
   */
  readonly namedBy?: { readonly url: URL; readonly address?: string };
}

export interface HttpResponse {
  readonly status: number;
  /**
   * Every value of a header, in order, name in lower case; nothing joined.
   * Only over HTTP/2 Node has joined repeated lines by ", " already.
   */
  header(name: string): readonly string[];
  /** Raw bytes as sent, decoded from no content coding: `Accept-Encoding: identity` is always asked for. */
  readonly body: Uint8Array;
  /** After redirects. */
  readonly url: URL;
  /** What the host resolved to; absent behind a proxy, unless the URL names an address. */
  readonly address?: string;
}

/** Ends of requests, for metrics and `explain`. URLs pass an allow-list of query keys first. */
export interface HttpObservation {
  /** `host[:port]` of the registry that it was for, also for its realm and its redirects. */
  readonly registry: string;
  readonly method: string;
  readonly url: string;
  /** Absent where no answer came. */
  readonly status?: number;
  readonly durationMs: number;
}

export interface HttpOptions {
  /** PEM texts added to the system's roots for every host. */
  readonly caCertificates: readonly string[];
  readonly proxy: ProxySettings;
  readonly userAgent: string;
  readonly observe: (observation: HttpObservation) => void;
  /** Tests shorten them. Defaults: connect 5 s, headers 10 s, body 10 s. */
  readonly deadlines?: {
    readonly connectMs: number;
    readonly headersMs: number;
    readonly bodyMs: number;
  };
  /** Tests have a resolver of their own. Default: the system's. */
  readonly lookup?: Lookup;
}

/** The network as `registry/` uses it: pooled connections, TLS, proxies, redirects, limits, deadlines. */
export interface Http {
  /** @throws {HttpError} */
  send(request: HttpRequest, options: { readonly signal: AbortSignal }): Promise<HttpResponse>;
  close(): Promise<void>;
}

const defaultDeadlines: Deadlines = { connectMs: 5_000, headersMs: 10_000, bodyMs: 10_000 };

/** On connections that turn out to be dead: the first, one that died meanwhile, and a new one. */
const maxAttempts = 3;

/** Routes are kept for their lanes and TLS sessions; redirects to ever new hosts must not make memory grow. */
const maxIdleRoutes = 256;

/** Of a URL's query only these may be seen: everything else can be a token or a signature. */
const printableKeys = new Set(['service', 'scope']);

/**
 * Opens the network.
 *
 * A registry's own options (CA, client certificate, `insecureSkipTlsVerify`) hold for its scheme, host and port. A
 * redirect or a realm anywhere else is asked with the system's roots and `caCertificates` only.
 *
 * @throws {ProxySettingsError} `HTTPS_PROXY` or `HTTP_PROXY` is no URL of an http or https proxy
 */
export function createHttp(options: HttpOptions): Http {
  return new UndiciHttp(options);
}

class UndiciHttp implements Http {
  readonly #options: HttpOptions;
  readonly #deadlines: Deadlines;
  readonly #trust: TrustStore;
  readonly #routes = new Map<string, Connections>();
  #closed = false;

  constructor(options: HttpOptions) {
    checkProxySettings(options.proxy);
    this.#options = options;
    this.#deadlines = options.deadlines ?? defaultDeadlines;
    this.#trust = new TrustStore(options.caCertificates);
  }

  async send(
    request: HttpRequest,
    { signal }: { readonly signal: AbortSignal },
  ): Promise<HttpResponse> {
    checkRealm(request);
    let registryAddress = request.namedBy?.address;
    let hop: Hop = {
      url: request.url,
      headers: {
        'user-agent': this.#options.userAgent,
        ...request.headers,
        'accept-encoding': 'identity',
      },
    };
    for (let redirects = 0; redirects <= maxRedirects; redirects += 1) {
      const { answer, address } = await this.#ask(request, hop, registryAddress, signal);
      const next = nextHop(request.method, hop, {
        status: answer.status,
        location: answer.headers.get('location')?.[0],
      });
      if (next === undefined) return responseOf(answer, hop.url, address);
      registryAddress ??= address;
      hop = next;
    }
    throw new HttpError(
      'malformed',
      `${request.url.host} redirects more than ${maxRedirects} times`,
    );
  }

  async close(): Promise<void> {
    this.#closed = true;
    const reason = new HttpError('aborted', 'the network was closed');
    await Promise.all([...this.#routes.values()].map((connections) => connections.close(reason)));
    this.#routes.clear();
  }

  /** One wire request, from its place in line to its last byte. */
  async #ask(
    request: HttpRequest,
    hop: Hop,
    registryAddress: string | undefined,
    signal: AbortSignal,
  ): Promise<{ readonly answer: RawAnswer; readonly address: string | undefined }> {
    const connections = this.#connectionsFor(request, hop.url, registryAddress);
    const lane = await connections.lanes.enter(signal).catch((error: unknown) => {
      throw asHttpError(error);
    });
    const start = performance.now();
    let status: number | undefined;
    let result: LaneResult = 'neither';
    let sent = true;
    try {
      const asked = await this.#overConnection(request, hop, connections, signal);
      status = asked.answer.status;
      if (status === 407 && connections.route.proxy !== undefined) {
        throw refusedByProxy(connections.route.proxy, hop.url.host, status);
      }
      result = status === 429 ? 'throttled' : status < 500 ? 'good' : 'neither';
      return asked;
    } catch (error) {
      sent = !(error instanceof HttpError && error.code === 'refused');
      throw error;
    } finally {
      connections.lanes.leave(lane, result);
      const durationMs = performance.now() - start;
      if (sent) this.#observe(request, hop, status, durationMs);
    }
  }

  #observe(
    { method, url, namedBy }: HttpRequest,
    hop: Hop,
    status: number | undefined,
    durationMs: number,
  ): void {
    this.#options.observe({
      registry: (namedBy?.url ?? url).host,
      method,
      url: printable(hop.url),
      ...(status === undefined ? {} : { status }),
      durationMs,
    });
  }

  async #overConnection(
    request: HttpRequest,
    hop: Hop,
    connections: Connections,
    signal: AbortSignal,
  ): Promise<{ readonly answer: RawAnswer; readonly address: string | undefined }> {
    const { destination } = connections.route;
    const wire = wireOf(request, hop, connections.route.proxy);
    for (let attempt = 1; ; attempt += 1) {
      const connection = await connections.acquire(signal).catch((error: unknown) => {
        throw asHttpError(error);
      });
      const progress: Progress = { answered: false };
      try {
        const answer = await exchange(
          connection.client,
          wire,
          destination.host,
          this.#deadlines,
          progress,
          signal,
        );
        connection.served += 1;
        return { answer, address: connection.address };
      } catch (error) {
        connections.discard(connection, error);
        if (attempt < maxAttempts && !progress.answered && mayRepeat(error, request, connection)) {
          connections.discardIdle();
          continue;
        }
        if (signal.aborted) throw asHttpError(signal.reason);
        throw progress.answered
          ? truncatedError(error, destination)
          : exchangeError(error, destination);
      } finally {
        connections.release(connection);
      }
    }
  }

  #connectionsFor(
    request: HttpRequest,
    url: URL,
    registryAddress: string | undefined,
  ): Connections {
    if (this.#closed) throw new HttpError('aborted', 'the network was closed');
    const registry = request.namedBy?.url ?? request.url;
    const isRegistry = url.origin === registry.origin;
    const tls = isRegistry ? request.host : defaultHostOptions;
    const { maxConcurrentRequests } = request.host;
    const route: Route = {
      origin: new URL(url.origin),
      tls,
      destination: { host: url.host, isRegistry },
      proxy: proxyFor(url, this.#options.proxy),
      publicOnly:
        !isRegistry && registryAddress !== undefined && reachOf(registryAddress) === 'public',
    };
    const key = [
      url.origin,
      this.#trust.keyOf(tls),
      route.proxy?.href,
      isRegistry,
      route.publicOnly,
      maxConcurrentRequests,
    ].join(' ');
    const known = this.#routes.get(key);
    if (known !== undefined) return known;
    this.#forgetIdleRoutes();
    const connections = new Connections(route, maxConcurrentRequests, {
      lookup: this.#options.lookup ?? systemLookup,
      trust: this.#trust,
      connectMs: this.#deadlines.connectMs,
    });
    this.#routes.set(key, connections);
    return connections;
  }

  #forgetIdleRoutes(): void {
    for (const [key, connections] of this.#routes) {
      if (this.#routes.size < maxIdleRoutes) return;
      if (connections.isIdle) this.#routes.delete(key);
    }
  }
}

/** @throws {HttpError} `refused`: a realm that is not https though its registry is, or not even HTTP */
function checkRealm({ url, namedBy, host }: HttpRequest): void {
  if (url.protocol !== 'https:' && url.protocol !== 'http:') {
    throw new HttpError('refused', `${url.protocol} is not spoken; only http and https are`);
  }
  if (namedBy === undefined || url.protocol === 'https:') return;
  if (namedBy.url.protocol === 'https:' && !host.plainHttp) {
    throw new HttpError(
      'refused',
      `${namedBy.url.host} names a realm without TLS (${url.host}), which is allowed with plainHttp only`,
    );
  }
}

function wireOf(request: HttpRequest, hop: Hop, proxy: URL | undefined): Wire {
  const { url } = hop;
  const path = `${url.pathname}${url.search}`;
  // https://www.rfc-editor.org/rfc/rfc9112#section-3.2.2
  const forwarded = proxy !== undefined && url.protocol === 'http:';
  return {
    method: request.method,
    path: forwarded ? `${url.origin}${path}` : path,
    headers: forwarded ? { ...hop.headers, ...proxyAuthorization(proxy) } : hop.headers,
    body: request.body,
    maxBodyBytes: request.maxBodyBytes,
  };
}

/**
 * A server may let go of an idle connection in the very moment in which it is used again. What was not answered
 * then is asked once more, over a new one, if it changes nothing.
 * @see https://www.rfc-editor.org/rfc/rfc9110#section-9.2.2
 */
function mayRepeat(error: unknown, { method }: HttpRequest, { served }: Connection): boolean {
  if (error instanceof ConnectionGone) return true;
  return !(error instanceof HttpError) && served > 0 && method !== 'POST';
}

function asHttpError(error: unknown): HttpError {
  return error instanceof HttpError ? error : new HttpError('aborted', 'aborted', { cause: error });
}

function responseOf(
  { status, headers, body }: RawAnswer,
  url: URL,
  address: string | undefined,
): HttpResponse {
  return {
    status,
    header: (name) => headers.get(name.toLowerCase()) ?? [],
    body,
    url,
    ...(address === undefined ? {} : { address }),
  };
}

/** A URL as logs, metrics and `explain` may show it. */
export function printable(url: URL): string {
  const query = new URLSearchParams(
    [...url.searchParams].filter(([name]) => printableKeys.has(name)),
  );
  const text = query.size === 0 ? '' : `?${query.toString()}`;
  return `${url.origin}${url.pathname}${text}`;
}
