import {
  createServer,
  request as forwardRequest,
  type IncomingMessage,
  type Server,
} from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { connect, type AddressInfo, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';

import type { TlsIdentity } from './fake-registry.ts';

export interface FakeProxyOptions {
  /** Demanded of everybody, as `user:password`. */
  readonly account?: string;
  /** Where a `host:port` really is; what is not listed is connected to as it stands. */
  readonly routes?: Readonly<Record<string, string>>;
  /** Set, the proxy itself speaks TLS. */
  readonly identity?: TlsIdentity;
}

export interface ProxiedRequest {
  readonly method: string;
  /** `host:port` of a CONNECT, a whole URL otherwise. */
  readonly target: string;
  readonly authorization: string | undefined;
}

/**
 * An HTTP proxy in this process: CONNECT, and forwarding of plain HTTP.
 *
 * @example
 * await using proxy = await FakeProxy.start({ account: 'ann:secret' });
 * // HTTPS_PROXY=http://ann:secret@127.0.0.1:…
 */
export class FakeProxy {
  readonly url: URL;
  readonly requests: ProxiedRequest[] = [];
  readonly #server: Server;
  readonly #options: FakeProxyOptions;
  readonly #sockets = new Set<Duplex>();

  private constructor(server: Server, options: FakeProxyOptions) {
    this.#server = server;
    this.#options = options;
    const address: AddressInfo | string | null = server.address();
    if (address === null || typeof address === 'string') throw new Error('not listening');
    const scheme = options.identity === undefined ? 'http' : 'https';
    this.url = new URL(`${scheme}://127.0.0.1:${address.port}/`);
    server.on('connection', (socket: Socket) => this.#keep(socket));
    server.on('connect', (request: IncomingMessage, socket: Duplex) =>
      this.#tunnel(request, socket),
    );
    server.on('request', (request, response) => {
      if (!this.#admits(request)) {
        response.writeHead(407, { 'proxy-authenticate': 'Basic realm="proxy"' }).end();
        return;
      }
      const url = new URL(request.url ?? '');
      const [hostname, port] = this.#route(url.host);
      const { 'proxy-authorization': _, ...headers } = request.headers;
      forwardRequest(
        { method: request.method, hostname, port, path: url.pathname + url.search, headers },
        (answer) => {
          response.writeHead(answer.statusCode ?? 502, answer.headers);
          answer.pipe(response);
        },
      )
        .on('error', () => response.writeHead(502).end())
        .end();
    });
  }

  static async start(options: FakeProxyOptions = {}): Promise<FakeProxy> {
    const server =
      options.identity === undefined
        ? createServer()
        : createTlsServer({ cert: options.identity.certificate, key: options.identity.key });
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    return new FakeProxy(server, options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
    });
  }

  #tunnel(request: IncomingMessage, socket: Duplex): void {
    if (!this.#admits(request)) {
      socket.end('HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n');
      return;
    }
    const [hostname, port] = this.#route(request.url ?? '');
    const upstream = connect(Number(port), hostname);
    this.#keep(upstream);
    let isOpen = false;
    upstream.once('connect', () => {
      isOpen = true;
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      upstream.pipe(socket);
      socket.pipe(upstream);
    });
    upstream.once('close', () => {
      if (isOpen) socket.destroy();
      else socket.end('HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n');
    });
    socket.once('close', () => upstream.destroy());
  }

  /** Records a request and checks who sends it. */
  #admits({ method = '', url = '', headers }: IncomingMessage): boolean {
    const authorization = headers['proxy-authorization'];
    this.requests.push({ method, target: url, authorization });
    const { account } = this.#options;
    if (account === undefined) return true;
    return authorization === `Basic ${Buffer.from(account).toString('base64')}`;
  }

  #route(target: string): readonly [string, string] {
    const url = new URL(`http://${this.#options.routes?.[target] ?? target}`);
    return [url.hostname, url.port === '' ? '80' : url.port];
  }

  #keep(socket: Duplex): void {
    this.#sockets.add(socket);
    socket.on('error', () => {});
    socket.once('close', () => this.#sockets.delete(socket));
  }
}
