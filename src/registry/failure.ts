import { errors } from 'undici';

import { quote } from '../image/quote.ts';
import { HttpError } from './http-error.ts';

/**
 * HTTP/2's words for a peer that breaks the protocol; a flood of headers is among them.
 * https://www.rfc-editor.org/rfc/rfc9113#section-7
 */
const brokenHttp2 = new Map([
  [1, 'PROTOCOL_ERROR'],
  [3, 'FLOW_CONTROL_ERROR'],
  [6, 'FRAME_SIZE_ERROR'],
  [9, 'COMPRESSION_ERROR'],
  [11, 'ENHANCE_YOUR_CALM'],
]);

/** Nobody vouches for the certificate. https://nodejs.org/api/tls.html#x509-certificate-error-codes */
const unknownIssuerCodes = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'CERT_UNTRUSTED',
  'INVALID_CA',
]);

const certificateCodes = new Set([
  'CERT_HAS_EXPIRED',
  'CERT_NOT_YET_VALID',
  'CERT_REVOKED',
  'CERT_REJECTED',
  'ERR_TLS_CERT_ALTNAME_INVALID',
  'HOSTNAME_MISMATCH',
]);

/** The server's first bytes were no TLS record: it speaks plain HTTP, as a rule. */
const notTlsCodes = new Set(['ERR_SSL_WRONG_VERSION_NUMBER', 'ERR_SSL_PACKET_LENGTH_TOO_LONG']);

/** Whom a connection was meant for, as its messages need it. */
export interface Destination {
  readonly host: string;
  /** The options of a registry hold for its own host only; elsewhere only the global keys help. */
  readonly isRegistry: boolean;
}

/** Says why no connection could be had, and which key helps. */
export function connectError(cause: unknown, destination: Destination): HttpError {
  if (cause instanceof HttpError) return cause;
  const { host } = destination;
  const code = codeOf(cause);
  const because = tlsProblem(code, cause, destination);
  if (because !== undefined) return unreachable(`TLS of ${host}: ${because}`, cause);
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN' || code === 'ENODATA') {
    return unreachable(`the name of ${host} could not be resolved (${code})`, cause);
  }
  if (code === 'ETIMEDOUT') {
    return new HttpError('timed-out', `connecting to ${host} timed out`, {
      cause,
      connectFailure: true,
    });
  }
  return unreachable(`connecting to ${host} failed (${code ?? describe(cause)})`, cause);
}

/** Says what went wrong after the connection stood. */
export function exchangeError(cause: unknown, destination: Destination): HttpError {
  if (cause instanceof HttpError) return cause;
  const { host } = destination;
  const code = codeOf(cause);
  if (code === 'UND_ERR_HEADERS_OVERFLOW') {
    return new HttpError('malformed', `${host} sent too many headers`, { cause });
  }
  if (cause instanceof errors.InvalidArgumentError) {
    // Names the header, not its value: a token that is no header value, as a rule.
    const what = quote(cause.message, 60);
    return new HttpError('malformed', `nothing was sent to ${host}: ${what}`, { cause });
  }
  const broken = cause instanceof errors.HTTPParserError ? 'HTTP/1.1' : brokenHttp2Of(cause);
  if (broken !== undefined) {
    return new HttpError('malformed', `what ${host} sent is not HTTP (${broken})`, { cause });
  }
  const because = tlsProblem(code, cause, destination);
  if (because !== undefined) return unreachable(`TLS of ${host}: ${because}`, cause);
  return new HttpError('unreachable', `${host} ended the connection (${code ?? describe(cause)})`, {
    cause,
  });
}

/** The same for a connection that ended in the middle of a body. */
export function truncatedError(cause: unknown, { host }: Destination): HttpError {
  if (cause instanceof HttpError) return cause;
  return new HttpError('malformed', `${host} ended the connection within the body`, { cause });
}

function tlsProblem(
  code: string | undefined,
  cause: unknown,
  { isRegistry }: Destination,
): string | undefined {
  if (code === undefined) return undefined;
  const inRule = (keys: string): string =>
    isRegistry ? `: set ${keys} in its rule of registries` : '';
  if (unknownIssuerCodes.has(code)) {
    const key = isRegistry ? 'caCertificatePath in its rule of registries, or ' : '';
    return `nobody trusted signed its certificate (${code}): set ${key}tls.caCertificatePaths`;
  }
  if (certificateCodes.has(code)) {
    const remedy = isRegistry ? ', or set insecureSkipTlsVerify in its rule of registries' : '';
    return `${describe(cause)} (${code}): replace its certificate${remedy}`;
  }
  if (notTlsCodes.has(code)) return `it does not speak TLS (${code})${inRule('plainHttp')}`;
  if (/ALERT.*CERTIFICATE|HANDSHAKE_FAILURE/.test(code)) {
    return `it refused us (${code})${inRule('clientCertificatePath and clientKeyPath')}`;
  }
  return code.startsWith('ERR_SSL_') || code.startsWith('ERR_TLS_') || code.startsWith('ERR_OSSL_')
    ? `${describe(cause)} (${code})`
    : undefined;
}

function unreachable(message: string, cause: unknown): HttpError {
  return new HttpError('unreachable', message, { cause, connectFailure: true });
}

function brokenHttp2Of(cause: unknown): string | undefined {
  if (!(cause instanceof Error) || !('http2ErrorCode' in cause)) return undefined;
  const { http2ErrorCode } = cause;
  return typeof http2ErrorCode === 'number' ? brokenHttp2.get(http2ErrorCode) : undefined;
}

/** The code of an error, or of the first one where several addresses were tried. */
export function codeOf(error: unknown): string | undefined {
  if (error instanceof AggregateError && error.errors.length > 0) {
    const first: unknown = error.errors[0];
    return codeOf(first);
  }
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

function describe(error: unknown): string {
  return error instanceof Error ? quote(error.message, 80) : 'for an unknown reason';
}
