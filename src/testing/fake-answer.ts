import type { IncomingMessage, ServerResponse } from 'node:http';
import { constants, type Http2ServerRequest, type Http2ServerResponse } from 'node:http2';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';

export type ServedRequest = IncomingMessage | Http2ServerRequest;
export type ServedResponse = ServerResponse | Http2ServerResponse;

/** How an answer goes wrong on the wire. */
export type Fault =
  /** Nothing is ever answered. */
  | 'hang'
  /** The connection (HTTP/2: the stream) is cut before the status line. */
  | 'reset'
  /** HTTP/1.1 only: what comes is not HTTP. */
  | 'garbage'
  /** The whole length is announced, half of the body sent, then the connection is cut. */
  | 'truncate'
  /** Status, headers and body are sent, the end never comes. */
  | 'stall'
  /** The body is repeated without end, one byte every 20 ms. */
  | 'trickle'
  /** The body is repeated without end, as fast as it is read. */
  | 'endless';

/** What a scripted answer looks like; all absent is an empty 200. */
export interface Answer {
  readonly status?: number;
  /** A list of values is sent as so many header lines. `content-length` is that of the body unless it is given here. */
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: string | Uint8Array;
  /** Before anything is sent. */
  readonly delayMs?: number;
  readonly fault?: Fault;
}

/** A registry's error document. */
export function errorAnswer(
  status: number,
  code: string,
  headers: Answer['headers'] = {},
  message = code.toLowerCase().replaceAll('_', ' '),
): Answer {
  return {
    status,
    headers: { 'content-type': 'application/json; charset=utf-8', ...headers },
    body: JSON.stringify({ errors: [{ code, message }] }),
  };
}

export function jsonAnswer(document: object, status = 200): Answer {
  return {
    status,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(document),
  };
}

/** Puts an answer on the wire; ends early when the client has gone or `signal` is aborted. */
export async function sendAnswer(
  request: ServedRequest,
  response: ServedResponse,
  answer: Answer,
  signal: AbortSignal,
): Promise<void> {
  if (answer.delayMs !== undefined && answer.delayMs > 0) {
    await sleep(answer.delayMs, undefined, { signal });
  }
  if (answer.fault === 'hang') return;
  if (answer.fault === 'reset') return cut(response);
  if (answer.fault === 'garbage') {
    if (!isHttp2(response)) response.socket?.end('SSH-2.0-OpenSSH_9.2\r\n\r\n');
    return;
  }
  const body = bytesOf(answer.body ?? '');
  start(response, answer.status ?? 200, headersOf(answer, body));
  if (request.method === 'HEAD') {
    response.end();
    return;
  }
  await sendBody(response, body, answer.fault, signal);
}

/** Bytes are not copied: a page of a list has megabytes. */
function bytesOf(body: string | Uint8Array): Buffer {
  if (typeof body === 'string') return Buffer.from(body);
  return Buffer.from(body.buffer, body.byteOffset, body.byteLength);
}

function headersOf(answer: Answer, body: Buffer): Record<string, string | string[]> {
  const given = Object.entries(answer.headers ?? {});
  const headers = Object.fromEntries(
    given.map(([name, value]) => [
      name.toLowerCase(),
      typeof value === 'string' ? value : [...value],
    ]),
  );
  const unknownLength = answer.fault === 'endless' || answer.fault === 'trickle';
  const noContent = answer.status === 204 || answer.status === 304;
  if (unknownLength || noContent || 'content-length' in headers) return headers;
  return { ...headers, 'content-length': String(body.length) };
}

async function sendBody(
  response: ServedResponse,
  body: Buffer,
  fault: Answer['fault'],
  signal: AbortSignal,
): Promise<void> {
  if (fault === 'truncate') {
    write(response, body.subarray(0, body.length / 2), () => cut(response));
  } else if (fault === 'stall') {
    write(response, body);
  } else if (fault === 'trickle') {
    for (let at = 0; isOpen(response) && !signal.aborted; at = (at + 1) % body.length) {
      write(response, body.subarray(at, at + 1));
      await sleep(20, undefined, { signal });
    }
  } else if (fault === 'endless') {
    while (isOpen(response) && !signal.aborted) {
      const { promise, resolve } = Promise.withResolvers<void>();
      response.once('close', resolve);
      write(response, body, resolve);
      await promise;
      response.off('close', resolve);
      // Writes may succeed at once: let the event loop see that the client has gone.
      await nextTurn();
    }
  } else {
    response.end(body);
  }
}

function isHttp2(response: ServedResponse): response is Http2ServerResponse {
  return 'stream' in response;
}

function isOpen(response: ServedResponse): boolean {
  return isHttp2(response) ? !response.stream.destroyed : !response.destroyed;
}

function start(
  response: ServedResponse,
  status: number,
  headers: Record<string, string | string[]>,
): void {
  if (isHttp2(response)) response.writeHead(status, headers);
  else response.writeHead(status, headers);
}

function write(response: ServedResponse, bytes: Buffer, done: () => void = () => {}): void {
  if (isHttp2(response)) response.write(bytes, 'utf8', done);
  else response.write(bytes, 'utf8', done);
}

function cut(response: ServedResponse): void {
  if (isHttp2(response)) response.stream.close(constants.NGHTTP2_INTERNAL_ERROR);
  else response.socket?.destroy();
}
