import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { Agent, request } from 'undici';

/** A request that came by. */
export interface Passed {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  /** Absent while the answer is not there. */
  readonly status?: number;
}

export interface RelayOptions {
  /** Where to listen; default: a free port of loopback. */
  readonly at?: { readonly host: string; readonly port: number };
  readonly to: URL;
  /** Of the server, where it is not one that the system knows. */
  readonly ca?: string;
  /** Another path instead. */
  readonly path?: (path: string) => string;
  /** Holds a request back before it is passed on, for as long as this takes. */
  readonly before?: (passing: Passed) => Promise<void>;
  /** Holds an answer back. */
  readonly after?: (passed: Passed) => Promise<void>;
}

/** A server that passes requests on to another, and lets a scenario see or hold them. */
export class Relay implements AsyncDisposable {
  readonly url: string;
  readonly #server: Server;
  readonly #options: RelayOptions;
  readonly #agent: Agent;
  readonly #passed: Passed[] = [];

  private constructor(server: Server, options: RelayOptions) {
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    this.url = `http://${address.address}:${address.port}`;
    this.#server = server;
    this.#options = options;
    this.#agent = new Agent({ connect: options.ca === undefined ? {} : { ca: options.ca } });
  }

  static async start(options: RelayOptions): Promise<Relay> {
    const server = createServer();
    server.listen(options.at ?? { host: '127.0.0.1', port: 0 });
    await once(server, 'listening');
    const relay = new Relay(server, options);
    server.on('request', (incoming: IncomingMessage, outgoing: ServerResponse) => {
      // Whoever asked may be gone, killed by the scenario.
      relay.#pass(incoming, outgoing).catch(() => outgoing.destroy());
    });
    return relay;
  }

  /** What came by, in the order in which it came. */
  get passed(): readonly Passed[] {
    return this.#passed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await this.#agent.destroy();
  }

  async #pass(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const { to, path: rewritten, before, after } = this.#options;
    const { method = 'GET', url: path = '/' } = incoming;
    const place = this.#passed.push({ method, path }) - 1;
    await before?.({ method, path });
    const { host: _host, connection: _connection, ...headers } = incoming.headers;
    const answer = await request(new URL(rewritten?.(path) ?? path, to), {
      method,
      headers,
      body: method === 'GET' || method === 'HEAD' ? null : incoming,
      dispatcher: this.#agent,
    });
    const passed = { method, path, status: answer.statusCode };
    this.#passed[place] = passed;
    await after?.(passed);
    outgoing.writeHead(answer.statusCode, answer.headers);
    await pipeline(answer.body, outgoing);
  }
}
