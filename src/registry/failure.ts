import { quote } from '../image/quote.ts';
import { HttpError } from './http-error.ts';

/** Undici's own, where what came is no HTTP, too long, or too short. */
const malformedCodes = new Set([
  'UND_ERR_HEADERS_OVERFLOW',
  'UND_ERR_RES_CONTENT_LENGTH_MISMATCH',
  'UND_ERR_RES_EXCEEDED_MAX_SIZE',
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
  if (code === 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH') {
    return new HttpError('malformed', `${host} sent less or more than it announced`, { cause });
  }
  if (code !== undefined && (malformedCodes.has(code) || code.startsWith('HPE_'))) {
    return new HttpError('malformed', `what ${host} sent is not HTTP (${code})`, { cause });
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
  const own = (keys: string): string =>
    isRegistry
      ? `${keys} of a rule of registries`
      : 'no key of a registry rule, which hold for its host only';
  if (unknownIssuerCodes.has(code)) {
    const key = isRegistry ? 'caCertificatePath (registry rule) or ' : '';
    return `nobody trusted signed the certificate (${code}): set ${key}tls.caCertificatePaths`;
  }
  if (certificateCodes.has(code)) {
    const remedy = isRegistry ? ', or set insecureSkipTlsVerify for this registry' : '';
    return `${describe(cause)} (${code}): the certificate must be replaced${remedy}`;
  }
  if (notTlsCodes.has(code)) {
    return `the server does not speak TLS (${code}): set ${own('plainHttp')}`;
  }
  if (/ALERT.*CERTIFICATE|HANDSHAKE_FAILURE/.test(code)) {
    return `the server refused (${code}): set ${own('clientCertificatePath and clientKeyPath')}`;
  }
  return code.startsWith('ERR_SSL_') || code.startsWith('ERR_TLS_') || code.startsWith('ERR_OSSL_')
    ? `${describe(cause)} (${code})`
    : undefined;
}

function unreachable(message: string, cause: unknown): HttpError {
  return new HttpError('unreachable', message, { cause, connectFailure: true });
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
