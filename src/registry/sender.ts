import { performance } from 'node:perf_hooks';

import { checkProxySettings } from '../network/proxy.ts';
import { Bodies } from './body.ts';
import { ConnectionGone, type Connection, type Connections } from './connections.ts';
import {
  exchange,
  type Deadlines,
  type Limits,
  type Progress,
  type RawAnswer,
  type Wire,
} from './exchange.ts';
import { exchangeError, truncatedError } from './failure.ts';
import { lacksTls } from './hosts.ts';
import { HttpError } from './http-error.ts';
import type { Http, HttpOptions, HttpRequest, HttpResponse } from './http.ts';
import type { LaneResult } from './lanes.ts';
import { printableUrl } from './printable-url.ts';
import { maxRedirects, nextHop, type Hop } from './redirects.ts';
import { Routes } from './routes.ts';
import { proxyAuthorization, refusedByProxy } from './tunnel.ts';

const defaultDeadlines: Deadlines = { connectMs: 5_000, headersMs: 10_000, bodyMs: 10_000 };

/** On connections that turn out to be dead: the first, one that died meanwhile, and a new one. */
const maxAttempts = 3;

/** Sends requests and follows their redirects; see {@link Http}. */
export class Sender implements Http {
  readonly #options: HttpOptions;
  readonly #limits: Limits;
  readonly #routes: Routes;

  constructor(options: HttpOptions) {
    checkProxySettings(options.proxy);
    this.#options = options;
    const deadlines = options.deadlines ?? defaultDeadlines;
    this.#limits = { deadlines, bodies: new Bodies() };
    this.#routes = new Routes(options, deadlines.connectMs);
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
      const { answer, address } = await this.#ask(request, hop, registryAddress, signal).catch(
        (error: unknown) => {
          throw redirects === 0 ? error : elsewhere(error);
        },
      );
      const location = answer.headers.get('location')?.[0];
      const { status } = answer;
      const next = nextHop(request.method, hop, { status, location }, request.elsewhere);
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
    await this.#routes.close();
  }

  /** One wire request, from its place in line to its last byte. */
  async #ask(
    request: HttpRequest,
    hop: Hop,
    registryAddress: string | undefined,
    signal: AbortSignal,
  ): Promise<{ readonly answer: RawAnswer; readonly address: string | undefined }> {
    const connections = this.#routes.connectionsFor(request, hop.url, registryAddress);
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
      const { proxy } = connections.route;
      if (status === 407 && proxy !== undefined && hop.url.protocol === 'http:') {
        throw refusedByProxy(proxy, hop.url.host, status);
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
      url: printableUrl(hop.url),
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
          this.#limits,
          progress,
          signal,
        );
        connection.served += 1;
        if (answer.cutBy !== undefined) connections.discard(connection, answer.cutBy);
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
}

/** @throws {HttpError} `refused`: a realm that is not https though its registry is, or not even HTTP */
function checkRealm({ url, namedBy, host }: HttpRequest): void {
  if (url.protocol !== 'https:' && url.protocol !== 'http:') {
    throw new HttpError('refused', `${url.protocol} is not spoken; only http and https are`);
  }
  if (namedBy !== undefined && lacksTls(url, namedBy.url, host)) {
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

/** That a redirect leads to where nobody answers says nothing of the host that was asked (case 62). */
function elsewhere(error: unknown): unknown {
  if (!(error instanceof HttpError) || !error.connectFailure) return error;
  return new HttpError(error.code, error.message, { cause: error.cause });
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
