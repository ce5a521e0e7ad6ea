import type { ProxySettings } from '../network/proxy.ts';
import type { HostOptions } from './hosts.ts';

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
  /** Every value of a header, in order, name in lower case; nothing joined. */
  header(name: string): readonly string[];
  /** Raw bytes as sent, decoded from no content coding: `Accept-Encoding: identity` is always asked for. */
  readonly body: Uint8Array;
  /** After redirects. */
  readonly url: URL;
  /** What the host resolved to; absent behind a proxy. */
  readonly address?: string;
}

export type HttpErrorCode =
  /** DNS, connect, TLS: no answer could be had. */
  | 'unreachable'
  /** A deadline passed: connect, headers or body. */
  | 'timed-out'
  /** What came is not HTTP, is too large, truncated, or redirects where it may not. */
  | 'malformed'
  /** `signal` was aborted. */
  | 'aborted'
  /** A realm, redirect or address that is refused (cases 39 and 41); nothing was sent there. */
  | 'refused';

/** Message for people, quoting host and remedy, never a query string: `TLS of r.example.com: certificate has expired (…)`. */
export class HttpError extends Error {
  override readonly name = 'HttpError';
  readonly code: HttpErrorCode;
  /** Connecting failed: what three of in a row make a host `unreachable` for the tick. */
  readonly connectFailure: boolean;

  constructor(
    code: HttpErrorCode,
    message: string,
    options: { readonly cause?: unknown; readonly connectFailure?: boolean } = {},
  ) {
    super(message, { cause: options.cause });
    this.code = code;
    this.connectFailure = options.connectFailure ?? false;
  }
}

/** Ends of requests, for metrics and `explain`. URLs pass an allow-list of query keys first. */
export interface HttpObservation {
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
}

/** The network as `registry/` uses it: pooled connections, TLS, proxies, redirects, limits, deadlines. */
export interface Http {
  /** @throws {HttpError} */
  send(request: HttpRequest, options: { readonly signal: AbortSignal }): Promise<HttpResponse>;
  close(): Promise<void>;
}
