import { proxyFor } from '../network/proxy.ts';
import { reachOf } from './addresses.ts';
import { Connections } from './connections.ts';
import type { Route } from './dial.ts';
import { defaultHostOptions } from './hosts.ts';
import { HttpError } from './http-error.ts';
import type { HttpOptions, HttpRequest } from './http.ts';
import { Resolver, systemLookup } from './resolver.ts';
import { TrustStore } from './tls.ts';

/** Routes are kept for their lanes and TLS sessions; redirects to ever new hosts must not make memory grow. */
const maxIdleRoutes = 256;

/** Which connections a request may use: nothing is shared between different TLS options, proxies or rules of case 41. */
export class Routes {
  readonly #options: HttpOptions;
  readonly #connectMs: number;
  readonly #trust: TrustStore;
  readonly #resolver: Resolver;
  readonly #routes = new Map<string, Connections>();
  #closed = false;

  constructor(options: HttpOptions, connectMs: number) {
    this.#options = options;
    this.#connectMs = connectMs;
    this.#trust = new TrustStore(options.caCertificates);
    const { lookup = systemLookup, lookupsAtOnce = 2 } = options;
    this.#resolver = new Resolver({ lookup, atOnce: lookupsAtOnce });
  }

  /**
   * The connections for one hop of a request.
   * @param registryAddress what the registry resolved to, as far as it is known: a public one leads nowhere private
   * @throws {HttpError} `aborted` once closed
   */
  connectionsFor(request: HttpRequest, url: URL, registryAddress: string | undefined): Connections {
    if (this.#closed) throw new HttpError('aborted', 'the network was closed');
    const registry = request.namedBy?.url ?? request.url;
    const isRegistry = url.origin === registry.origin;
    const tls = isRegistry ? request.host : defaultHostOptions;
    const maxConcurrentRequests = isRegistry ? request.host.maxConcurrentRequests : undefined;
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
      resolver: this.#resolver,
      trust: this.#trust,
      connectMs: this.#connectMs,
    });
    this.#routes.set(key, connections);
    return connections;
  }

  async close(): Promise<void> {
    this.#closed = true;
    const reason = new HttpError('aborted', 'the network was closed');
    await Promise.all([...this.#routes.values()].map((connections) => connections.close(reason)));
    this.#routes.clear();
  }

  #forgetIdleRoutes(): void {
    for (const [key, connections] of this.#routes) {
      if (this.#routes.size < maxIdleRoutes) return;
      if (connections.isIdle) this.#routes.delete(key);
    }
  }
}
