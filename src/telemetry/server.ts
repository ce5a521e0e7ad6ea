import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Health, HealthState } from './health.ts';
import type { Metrics } from './metrics.ts';

export interface WebServer {
  /**
   * @param port 0 takes any free one; that the config's 0 means "no web server" is the caller's to know
   * @param host default: all addresses, IPv6 and IPv4
   * @returns the port
   * @throws {WebServerError} when the port cannot be had
   */
  listen(port: number, host?: string): Promise<number>;
  /** Ends within a second, idle and hanging connections included. */
  close(): Promise<void>;
}

/** The port cannot be listened on; `code` is the system's: `EADDRINUSE`, `EACCES`. */
export class WebServerError extends Error {
  override readonly name = 'WebServerError';
  readonly code: string;

  constructor(code: string, message: string, options: { readonly cause: unknown }) {
    super(message, options);
    this.code = code;
  }
}

interface Answer {
  readonly status: number;
  readonly contentType?: string;
  readonly body?: string;
}

// Probes and scrapes are small, few and on the same network: whoever is slower is not one of them.
const limits = {
  maxHeaderSize: 8 * 1024,
  headersTimeout: 5_000,
  requestTimeout: 10_000,
  // Shorter than the time between two probes or scrapes: nothing is gained by keeping a connection.
  keepAliveTimeout: 5_000,
  connectionsCheckingInterval: 1_000,
};
const maxConnections = 64;
const closeWaitMs = 500;

/** Serves `GET /health/live`, `GET /health/ready` and `GET /metrics`; see design 2.6. */
export function createWebServer(options: {
  readonly health: Health;
  readonly metrics: Metrics;
}): WebServer {
  const { health, metrics } = options;
  const routes = new Map<string, () => Answer | Promise<Answer>>([
    ['/health/live', () => healthAnswer(health.live())],
    ['/health/ready', () => healthAnswer(health.ready())],
    [
      '/metrics',
      async () => ({
        status: 200,
        contentType: metrics.contentType,
        body: await metrics.render(),
      }),
    ],
  ]);

  const server = createServer(limits, (request, response) => {
    void respond(request, response);
  });
  server.maxConnections = maxConnections;

  async function respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
    // A body is none of our business; the connection ends rather than be read on.
    if (request.method !== 'GET' && request.method !== 'HEAD') response.shouldKeepAlive = false;
    const route = routes.get((request.url ?? '').split('?', 1)[0] ?? '');
    if (route === undefined) {
      send(response, { status: 404, body: 'not found\n' });
    } else if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.setHeader('Allow', 'GET, HEAD');
      send(response, { status: 405, body: 'only GET and HEAD are allowed\n' });
    } else {
      send(response, await answerOf(route));
    }
  }

  return {
    listen(port, host) {
      const { promise, resolve, reject } = Promise.withResolvers<number>();
      server.once('error', (error) => reject(listenError(port, error)));
      server.listen(port, host, () => {
        const address = server.address();
        resolve(typeof address === 'object' && address !== null ? address.port : port);
      });
      return promise;
    },

    close() {
      const { promise, resolve } = Promise.withResolvers<void>();
      // Closes idle connections, too; what is still open after a moment is not ours to wait for.
      server.close(() => resolve());
      const timer = setTimeout(() => server.closeAllConnections(), closeWaitMs);
      return promise.finally(() => clearTimeout(timer));
    },
  };
}

function healthAnswer(state: HealthState): Answer {
  return state.ok ? { status: 204 } : { status: 503, body: `${state.reason}\n` };
}

async function answerOf(route: () => Answer | Promise<Answer>): Promise<Answer> {
  try {
    return await route();
  } catch {
    // Only rendering the metrics could throw, and its error is nothing that a client should see.
    return { status: 500, body: 'internal error\n' };
  }
}

/** A HEAD gets the same headers; `node:http` leaves its body out. */
function send(response: ServerResponse, { status, contentType, body }: Answer): void {
  if (body === undefined) {
    response.writeHead(status).end();
    return;
  }
  response
    .writeHead(status, {
      'Content-Type': contentType ?? 'text/plain; charset=utf-8',
      'Content-Length': Buffer.byteLength(body),
      'Cache-Control': 'no-store',
      'X-Content-Type-Options': 'nosniff',
    })
    .end(body);
}

function listenError(port: number, error: NodeJS.ErrnoException): WebServerError {
  const code = error.code ?? 'unknown';
  const why: Readonly<Record<string, string>> = {
    EADDRINUSE: 'it is in use',
    EACCES: 'ports below 1024 need a privilege',
  };
  return new WebServerError(
    code,
    `the web server cannot listen on port ${port}: ${why[code] ?? code}; ` +
      'set webserver.port to another one, or to 0 to switch the web server off',
    { cause: error },
  );
}
