import type { LookupAddress } from 'node:dns';
import { connect as connectTcp, type LookupFunction, type Socket } from 'node:net';
import { connect as connectTls, type ConnectionOptions, type TLSSocket } from 'node:tls';

import { literalAddress, reachOf } from './addresses.ts';
import { connectError, type Destination } from './failure.ts';
import { HttpError } from './http-error.ts';
import type { Resolver } from './resolver.ts';
import type { TlsMaterial, TrustStore } from './tls.ts';
import { openTunnel } from './tunnel.ts';

/** What a connection is to be, and how it is made. */
export interface Route {
  /** Scheme, host and port. */
  readonly origin: URL;
  readonly tls: TlsMaterial;
  readonly destination: Destination;
  /** With user and password. */
  readonly proxy: URL | undefined;
  /** A public registry named this host: private and loopback addresses are refused (case 41). */
  readonly publicOnly: boolean;
}

export interface Dialled {
  readonly socket: Socket;
  readonly protocol: 'h1' | 'h2';
  /** What the host resolved to; absent behind a proxy, where only a literal is known. */
  readonly address: string | undefined;
}

export interface DialOptions {
  readonly resolver: Resolver;
  readonly trust: TrustStore;
  readonly connectMs: number;
  readonly signal: AbortSignal;
  /** TLS session of an earlier connection of the same route. */
  readonly session?: Buffer | undefined;
  readonly onSession: (session: Buffer) => void;
}

/** The address of a host is refused before anything is sent there. */
class RefusedAddress extends Error {}

/**
 * Opens a connection: addresses checked, tunnel where a proxy stands between, TLS done.
 * Everything together has to end within `connectMs`.
 *
 * @throws {HttpError} `unreachable` or `timed-out` with `connectFailure` · `refused` · `aborted`
 */
export async function dial(route: Route, options: DialOptions): Promise<Dialled> {
  const { host } = route.destination;
  refuseLiteral(route);
  const controller = new AbortController();
  const abort = (): void =>
    controller.abort(new HttpError('aborted', 'aborted', { cause: options.signal.reason }));
  options.signal.addEventListener('abort', abort, { once: true });
  const timer = setTimeout(() => {
    const message = `connecting to ${host} took longer than ${options.connectMs / 1000} s`;
    controller.abort(new HttpError('timed-out', message, { connectFailure: true }));
  }, options.connectMs);
  try {
    if (options.signal.aborted) abort();
    controller.signal.throwIfAborted();
    return await connect(route, options, controller.signal);
  } catch (error) {
    if (error instanceof RefusedAddress) {
      throw new HttpError('refused', error.message, { cause: error });
    }
    throw connectError(error, route.destination);
  } finally {
    clearTimeout(timer);
    options.signal.removeEventListener('abort', abort);
  }
}

async function connect(route: Route, options: DialOptions, signal: AbortSignal): Promise<Dialled> {
  const { origin, proxy } = route;
  const literal = literalAddress(origin);
  const isTls = origin.protocol === 'https:';
  if (proxy === undefined) {
    const socket = isTls
      ? connectTls({
          ...tlsOptions(route, options),
          ...endpointOf(origin),
          lookup: vetted(route, options, signal),
        })
      : connectTcp({ ...endpointOf(origin), lookup: vetted(route, options, signal) });
    await established(socket, isTls, options.onSession, signal);
    return { socket, protocol: protocolOf(socket), address: socket.remoteAddress ?? literal };
  }
  const toProxy = await connectToProxy(proxy, options, signal);
  // A proxy forwards plain HTTP by itself.
  if (!isTls) return { socket: toProxy, protocol: 'h1', address: literal };
  const tunnel = await openTunnel(toProxy, proxy, origin, signal);
  const socket = connectTls({
    ...tlsOptions(route, options),
    host: endpointOf(origin).host,
    socket: tunnel,
  });
  await established(socket, true, options.onSession, signal);
  return { socket, protocol: protocolOf(socket), address: literal };
}

/** The operator chose the proxy: it may stand anywhere, and only the global CAs vouch for it. */
async function connectToProxy(
  proxy: URL,
  { resolver, trust }: DialOptions,
  signal: AbortSignal,
): Promise<Socket> {
  const endpoint = endpointOf(proxy);
  const lookup = checked(resolver, signal, (addresses) => addresses);
  const isTls = proxy.protocol === 'https:';
  try {
    const socket = isTls
      ? connectTls({
          ...endpoint,
          ...trust.connectionOptions(endpoint.host, { insecureSkipTlsVerify: false }),
          ALPNProtocols: ['http/1.1'],
          lookup,
        })
      : connectTcp({ ...endpoint, lookup });
    await established(socket, isTls, () => {}, signal);
    return socket;
  } catch (error) {
    throw connectError(error, { host: `the proxy ${proxy.host}`, isRegistry: false });
  }
}

function tlsOptions(route: Route, { trust, session }: DialOptions): ConnectionOptions {
  return {
    ...trust.connectionOptions(endpointOf(route.origin).host, route.tls),
    ALPNProtocols: ['h2', 'http/1.1'],
    ...(session === undefined ? {} : { session }),
  };
}

function endpointOf(url: URL): { readonly host: string; readonly port: number } {
  const host = literalAddress(url) ?? url.hostname;
  return {
    host,
    port: url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port),
  };
}

async function established(
  socket: Socket,
  isTls: boolean,
  onSession: (session: Buffer) => void,
  signal: AbortSignal,
): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const abort = (): void => {
    reject(signal.reason);
    socket.destroy();
  };
  signal.addEventListener('abort', abort, { once: true });
  socket.once(isTls ? 'secureConnect' : 'connect', resolve);
  // Stays for good: a socket may fail before undici listens to it, and after undici let go of it.
  socket.on('error', reject);
  socket.once('close', () => reject(new Error('the connection was closed')));
  if (isTls) socket.on('session', onSession);
  socket.setNoDelay(true);
  try {
    await promise;
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

function protocolOf(socket: Socket | TLSSocket): 'h1' | 'h2' {
  return 'alpnProtocol' in socket && socket.alpnProtocol === 'h2' ? 'h2' : 'h1';
}

/** Refuses by the URL alone, which is all that can be checked behind a proxy. */
function refuseLiteral(route: Route): void {
  const literal = literalAddress(route.origin);
  if (literal !== undefined && !isAllowed(literal, route)) {
    throw new HttpError('refused', refusal(literal, route));
  }
}

function isAllowed(address: string, { publicOnly }: Route): boolean {
  const reach = reachOf(address);
  return reach === 'public' || (reach === 'private' && !publicOnly);
}

function refusal(address: string, { destination, publicOnly }: Route): string {
  return reachOf(address) === 'forbidden'
    ? `${destination.host} is a link-local or metadata address (${address}), which is never asked`
    : `${destination.host} is a private address (${address}${publicOnly ? '), to which no public registry may lead' : ')'}`;
}

/** Resolution for the very connection that follows it, so that no second answer of the DNS can slip through. */
function vetted(route: Route, { resolver }: DialOptions, signal: AbortSignal): LookupFunction {
  return checked(resolver, signal, (addresses) => {
    const allowed = addresses.filter(({ address }) => isAllowed(address, route));
    const [first] = addresses;
    if (allowed.length === 0 && first !== undefined) {
      throw new RefusedAddress(refusal(first.address, route));
    }
    return allowed;
  });
}

function checked(
  resolver: Resolver,
  signal: AbortSignal,
  check: (addresses: readonly LookupAddress[]) => readonly LookupAddress[],
): LookupFunction {
  return (hostname, { all = false }, callback) => {
    resolver
      .resolve(hostname, signal)
      .then(check)
      .then(
        (addresses) => {
          const [first] = addresses;
          if (first === undefined) {
            callback(Object.assign(new Error('no address'), { code: 'ENODATA' }), []);
          } else if (all) {
            callback(null, [...addresses]);
          } else {
            callback(null, first.address, first.family);
          }
        },
        (error: Error) => callback(error, []),
      );
  };
}
