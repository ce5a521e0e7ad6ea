import { createServer as createHttpServer, type IncomingHttpHeaders } from 'node:http';
import { createSecureServer as createHttp2Server } from 'node:http2';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo, Server, Socket } from 'node:net';

import type { Digest } from '../image/digest.ts';
import {
  errorAnswer,
  sendAnswer,
  type Answer,
  type ServedRequest,
  type ServedResponse,
} from './fake-answer.ts';
import { refusal, TokenIssuer, type FakeAuth } from './fake-authority.ts';
import type { FakeManifest } from './fake-images.ts';

/** A certificate (or chain) with its key, PEM; `certificates.ts` issues them in tests. */
export interface TlsIdentity {
  readonly certificate: string;
  readonly key: string;
}

interface CommonOptions {
  /** Default: none, everything is public. */
  readonly auth?: FakeAuth;
  /** Before each answer. */
  readonly latencyMs?: number;
  /** Sent as `ratelimit-*` headers; a GET of a manifest costs one, and 429 answers when none is left. */
  readonly rateLimit?: RateLimit;
  /** Default true: an unexpected request makes the registry's disposal fail. */
  readonly strict?: boolean;
}

interface PlainOptions extends CommonOptions {
  readonly tls?: false;
}

interface TlsOptions extends CommonOptions {
  /** `h2` also speaks HTTP/1.1 to those who offer nothing else. */
  readonly tls: 'h1' | 'h2';
  readonly identity: TlsIdentity;
  /** PEM; set, only clients with a certificate of this CA are served. */
  readonly clientCertificatesOf?: string;
}

export type FakeRegistryOptions = PlainOptions | TlsOptions;

export interface RateLimit {
  readonly limit: number;
  remaining: number;
  readonly windowSeconds: number;
}

export interface RecordedRequest {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  readonly httpVersion: string;
  /** Which connection it came on, counted from 1. */
  readonly connection: number;
  /** What TLS was told to be the server's name (SNI); absent without. */
  readonly serverName?: string;
}

export type Script = Answer | ((request: RecordedRequest) => Answer | Promise<Answer>);

/**
 * An OCI registry in this process, on a real socket, for tests, the demo and the benchmark.
 *
 * It is strict: a request that no registry client has a reason to send (an unknown path or method, a manifest
 * without `Accept`) and a scripted one-time answer that nobody asked for make its disposal fail.
 *
 * @example
 * await using registry = await FakeRegistry.start();
 * const digest = registry.push('o/web:main', fakeImage('first'));
 * // HEAD http://127.0.0.1:…/v2/o/web/manifests/main answers with it
 */
export class FakeRegistry {
  readonly url: URL;
  readonly requests: RecordedRequest[] = [];
  /** What should not have been asked. */
  readonly problems: string[] = [];
  /** The token endpoint's memory; present with `auth` of type `bearer`. */
  readonly issuer: TokenIssuer | undefined;
  latencyMs: number;
  rateLimit: RateLimit | undefined;

  readonly #server: Server;
  readonly #auth: FakeAuth | undefined;
  readonly #strict: boolean;
  readonly #sockets = new Set<Socket>();
  /** By the client's port, which is all that an HTTP/2 request still knows of its socket. */
  readonly #numbers = new Map<number, number>();
  readonly #repositories = new Map<string, Map<string, FakeManifest>>();
  readonly #scripts = new Map<string, Script>();
  readonly #once = new Map<string, Script[]>();
  readonly #closing = new AbortController();
  #connections = 0;

  private constructor(server: Server, options: FakeRegistryOptions) {
    this.#server = server;
    this.#auth = options.auth;
    this.#strict = options.strict ?? true;
    this.latencyMs = options.latencyMs ?? 0;
    this.rateLimit = options.rateLimit;
    this.issuer =
      options.auth?.type === 'bearer'
        ? (options.auth.issuer ?? new TokenIssuer(options.auth))
        : undefined;
    const scheme = isTls(options) ? 'https' : 'http';
    this.url = new URL(`${scheme}://127.0.0.1:${portOf(server)}/`);
    server.on(scheme === 'http' ? 'connection' : 'secureConnection', (socket: Socket) => {
      this.#connections += 1;
      this.#sockets.add(socket);
      this.#numbers.set(socket.remotePort ?? 0, this.#connections);
      socket.once('close', () => this.#sockets.delete(socket));
      socket.on('error', () => {});
    });
    server.on('request', (request: ServedRequest, response: ServedResponse) => {
      this.#serve(request, response).catch((error: unknown) => this.#trouble(error));
    });
  }

  /** Listens on a free port of 127.0.0.1. */
  static async start(options: FakeRegistryOptions = {}): Promise<FakeRegistry> {
    const server = createServer(options);
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(0, '127.0.0.1', resolve);
    });
    return new FakeRegistry(server, options);
  }

  /** `127.0.0.1:port`, as it stands in image references. */
  get host(): string {
    return this.url.host;
  }

  get port(): number {
    return portOf(this.#server);
  }

  /** How many connections have been accepted so far. */
  get connections(): number {
    return this.#connections;
  }

  /**
   * Stores a manifest with all its children.
   * @param name `repository:tag`, or `repository` to store it by digest only
   */
  push(name: string, manifest: FakeManifest): Digest {
    const colon = name.indexOf(':');
    const repository = colon === -1 ? name : name.slice(0, colon);
    const manifests = this.#repositories.get(repository) ?? new Map<string, FakeManifest>();
    this.#repositories.set(repository, manifests);
    for (const child of manifest.children) this.push(repository, child);
    manifests.set(manifest.digest, manifest);
    if (colon !== -1) manifests.set(name.slice(colon + 1), manifest);
    return manifest.digest;
  }

  /** Forgets a tag or a digest. */
  delete(repository: string, tagOrDigest: string): void {
    this.#repositories.get(repository)?.delete(tagOrDigest);
  }

  /** Answers a path (without query) in its own way until further notice. */
  on(method: string, path: string, script: Script): void {
    this.#scripts.set(`${method} ${path}`, script);
  }

  /** Answers the next request of a path in its own way; several wait in line. It must be asked for. */
  once(method: string, path: string, script: Script): void {
    const key = `${method} ${path}`;
    this.#once.set(key, [...(this.#once.get(key) ?? []), script]);
  }

  /** How often something was asked, by method and path without query. */
  count(method: string, path?: string): number {
    return this.requests.filter(
      (request) =>
        request.method === method && (path === undefined || pathname(request.path) === path),
    ).length;
  }

  /** Cuts every connection, as a restart of the registry would; it goes on listening. */
  disconnect(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async close(): Promise<void> {
    this.#closing.abort();
    this.disconnect();
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
    });
  }

  /** @throws {Error} naming every unexpected request and every scripted answer that was not asked for */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
    const unused = [...this.#once]
      .filter(([, scripts]) => scripts.length > 0)
      .map(([key, scripts]) => `never asked: ${key} (${scripts.length} answers left)`);
    const problems = [...this.problems, ...unused];
    if (this.#strict && problems.length > 0) {
      throw new Error(`fake registry ${this.host}:\n  ${problems.join('\n  ')}`);
    }
  }

  async #serve(request: ServedRequest, response: ServedResponse): Promise<void> {
    const recorded: RecordedRequest = {
      method: request.method ?? '',
      path: request.url ?? '',
      headers: request.headers,
      body: await readBody(request),
      httpVersion: request.httpVersion,
      connection: this.#numbers.get(request.socket.remotePort ?? 0) ?? 0,
      ...serverNameOf(request),
    };
    this.requests.push(recorded);
    const answer = await this.#answer(recorded);
    const delayMs = this.latencyMs + (answer.delayMs ?? 0);
    await sendAnswer(request, response, { ...answer, delayMs }, this.#closing.signal);
  }

  async #answer(request: RecordedRequest): Promise<Answer> {
    const path = pathname(request.path);
    const key = `${request.method} ${path}`;
    const script = this.#once.get(key)?.shift() ?? this.#scripts.get(key);
    if (script !== undefined) return typeof script === 'function' ? script(request) : script;

    const manifest = /^\/v2\/(?<repository>.+)\/manifests\/(?<name>[^/]+)$/.exec(path)?.groups;
    const reading = request.method === 'HEAD' || request.method === 'GET';
    if (reading && manifest !== undefined) {
      return this.#manifest(request, manifest['repository'] ?? '', manifest['name'] ?? '');
    }
    if (reading && path === '/v2/') {
      return this.#refused(request, undefined) ?? { headers: apiVersion, body: '{}' };
    }
    if (path === '/token' && this.issuer !== undefined) {
      return this.issuer.answer(this.#authRequest(request));
    }
    this.problems.push(`unexpected request: ${request.method} ${request.path}`);
    return errorAnswer(404, 'UNSUPPORTED');
  }

  #manifest(request: RecordedRequest, repository: string, name: string): Answer {
    const { accept } = request.headers;
    if (accept === undefined) {
      this.problems.push(`no Accept header: ${request.method} ${request.path}`);
    }
    const refused = this.#refused(request, repository);
    if (refused !== undefined) return refused;
    const limited = this.#limit(request.method);
    if (limited.exceeded) return errorAnswer(429, 'TOOMANYREQUESTS', limited.headers);
    const found = this.#repositories.get(repository)?.get(name);
    if (found === undefined || !isAccepted(found.mediaType, accept)) {
      const code = this.#repositories.has(repository) ? 'MANIFEST_UNKNOWN' : 'NAME_UNKNOWN';
      return errorAnswer(404, code, { ...apiVersion, ...limited.headers });
    }
    const etag = `"${found.digest}"`;
    const headers = {
      ...apiVersion,
      ...limited.headers,
      'content-type': found.mediaType,
      'docker-content-digest': found.digest,
      etag,
    };
    if (request.headers['if-none-match'] === etag) return { status: 304, headers };
    return { headers, body: found.bytes };
  }

  #refused(request: RecordedRequest, repository: string | undefined): Answer | undefined {
    if (this.#auth === undefined) return undefined;
    return refusal(this.#auth, this.issuer, this.#authRequest(request), repository);
  }

  #authRequest({ method, path, headers, body }: RecordedRequest): Parameters<typeof refusal>[2] {
    // The challenge names the registry as it was called, like most do.
    const base = new URL(this.url);
    base.host = headers.host ?? this.#authority(headers) ?? base.host;
    return { method, url: new URL(path, base), authorization: headers.authorization, body };
  }

  #authority(headers: IncomingHttpHeaders): string | undefined {
    const authority = headers[':authority'];
    return typeof authority === 'string' ? authority : undefined;
  }

  #limit(method: string): {
    readonly exceeded: boolean;
    readonly headers: Record<string, string>;
  } {
    const limit = this.rateLimit;
    if (limit === undefined) return { exceeded: false, headers: {} };
    const exceeded = limit.remaining === 0;
    if (method === 'GET' && !exceeded) limit.remaining -= 1;
    return {
      exceeded,
      headers: {
        'ratelimit-limit': `${limit.limit};w=${limit.windowSeconds}`,
        'ratelimit-remaining': `${limit.remaining};w=${limit.windowSeconds}`,
      },
    };
  }

  #trouble(error: unknown): void {
    if (this.#closing.signal.aborted) return;
    this.problems.push(`the fake failed: ${String(error)}`);
  }
}

const apiVersion = { 'docker-distribution-api-version': 'registry/2.0' };

function isTls(options: FakeRegistryOptions): options is TlsOptions {
  return options.tls !== undefined && options.tls !== false;
}

function createServer(options: FakeRegistryOptions): Server {
  if (!isTls(options)) return createHttpServer();
  const tls = {
    cert: options.identity.certificate,
    key: options.identity.key,
    ...(options.clientCertificatesOf === undefined
      ? {}
      : { ca: options.clientCertificatesOf, requestCert: true, rejectUnauthorized: true }),
  };
  return options.tls === 'h2'
    ? createHttp2Server({ ...tls, allowHTTP1: true })
    : createHttpsServer(tls);
}

function portOf(server: Server): number {
  const address: AddressInfo | string | null = server.address();
  if (address === null || typeof address === 'string') throw new Error('the fake is not listening');
  return address.port;
}

async function readBody(request: ServedRequest): Promise<string> {
  if (request.method !== 'POST') return '';
  let text = '';
  request.setEncoding('utf8');
  for await (const chunk of request) text += String(chunk);
  return text;
}

function serverNameOf({ socket }: ServedRequest): { readonly serverName?: string } {
  if (!('servername' in socket)) return {};
  return typeof socket.servername === 'string' ? { serverName: socket.servername } : {};
}

function pathname(path: string): string {
  const query = path.indexOf('?');
  return query === -1 ? path : path.slice(0, query);
}

function isAccepted(mediaType: string, accept: string | undefined): boolean {
  const accepted = (accept ?? '*/*').split(',').map((part) => part.split(';', 1)[0]?.trim());
  return accepted.includes(mediaType) || accepted.includes('*/*');
}
