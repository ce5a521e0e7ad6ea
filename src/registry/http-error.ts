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
