import type { ProxySettings } from '../network/proxy.ts';
import type { HostOptions } from './hosts.ts';
import type { Lookup } from './resolver.ts';
import { Sender } from './sender.ts';

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
  /** What another origin gets to see, and no other, when a redirect leads there. */
  readonly elsewhere?: { readonly origin: string; readonly authorization: string };
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
  /**
   * How many unknown host names are resolved together; each may block one of libuv's threads for half a minute,
   * and half of these may be blocked. Default 2, which is right for its four threads.
   */
  readonly lookupsAtOnce?: number;
}

/** The network as `registry/` uses it: pooled connections, TLS, proxies, redirects, limits, deadlines. */
export interface Http {
  /** @throws {HttpError} */
  send(request: HttpRequest, options: { readonly signal: AbortSignal }): Promise<HttpResponse>;
  close(): Promise<void>;
}

/**
 * Opens the network.
 *
 * A registry's own options (CA, client certificate, `insecureSkipTlsVerify`) hold for its scheme, host and port. A
 * redirect or a realm anywhere else is asked with the system's roots and `caCertificates` only.
 *
 * @throws {ProxySettingsError} `HTTPS_PROXY` or `HTTP_PROXY` is no URL of an http or https proxy
 */
export function createHttp(options: HttpOptions): Http {
  return new Sender(options);
}
