import { quote } from '../image/quote.ts';
import { messageOf } from './error.ts';

/**
 * Says in words why no answer came.
 * @param error what undici, a socket or TLS threw
 */
export function describeNetworkError(error: unknown): string {
  const code = codeOf(error);
  const known = sentences[code];
  if (known !== undefined) return known;
  if (/CERT|SSL|TLS|VERIFY|SIGNATURE/.test(code)) {
    return `its certificate or TLS was not accepted: ${quote(messageOf(rootOf(error)), 100)}`;
  }
  const root = rootOf(error);
  if (root instanceof Error && root.name === 'HTTPParserError') {
    return 'what answered does not speak HTTP';
  }
  const refused = /^Proxy response \((?<status>\d{3})\)/.exec(messageOf(root))?.groups?.['status'];
  if (refused !== undefined) {
    const remedy = refused === '407' ? ': it demands a user and password, or other ones' : '';
    return `the proxy refused to connect to it (${refused})${remedy}`;
  }
  return quote(messageOf(root), 120);
}

/** The connection broke, as opposed to: it could not be made, or nothing came in time. */
export function wasCut(error: unknown): boolean {
  return ['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET'].includes(codeOf(error));
}

const notTls = 'what answered does not speak TLS; is its URL to begin with http:// ?';

const sentences: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'the connection was refused',
  ECONNRESET: 'the connection was cut before the whole answer came',
  EPIPE: 'the connection was cut before the whole answer came',
  UND_ERR_SOCKET: 'the connection was cut before the whole answer came',
  ENOTFOUND: 'its host name is not known',
  EAI_AGAIN: 'its host name could not be resolved',
  EHOSTUNREACH: 'its host cannot be reached',
  ENETUNREACH: 'its network cannot be reached',
  ETIMEDOUT: 'connecting took too long',
  UND_ERR_CONNECT_TIMEOUT: 'connecting took too long',
  UND_ERR_HEADERS_TIMEOUT: 'no answer came in time',
  UND_ERR_BODY_TIMEOUT: 'the answer stopped half-way',
  ERR_SSL_WRONG_VERSION_NUMBER: notTls,
  ERR_SSL_PACKET_LENGTH_TOO_LONG: notTls,
  UND_ERR_HEADERS_OVERFLOW: 'the headers of the answer are too large',
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: 'the connection was cut before the whole answer came',
};

/** Some errors of undici wrap the socket's, and Node tries several addresses at once. */
function rootOf(error: unknown): unknown {
  if (error instanceof AggregateError && error.errors.length > 0) return rootOf(error.errors[0]);
  if (error instanceof Error && error.cause instanceof Error) return rootOf(error.cause);
  return error;
}

function codeOf(error: unknown): string {
  const root = rootOf(error);
  if (root instanceof Error && 'code' in root && typeof root.code === 'string') return root.code;
  return '';
}
