import type { Client } from 'undici';

import { type Bodies, tooLarge } from './body.ts';
import { HttpError } from './http-error.ts';

export interface Deadlines {
  readonly connectMs: number;
  readonly headersMs: number;
  readonly bodyMs: number;
}

/** One request as it goes over one connection. */
export interface Wire {
  readonly method: 'HEAD' | 'GET' | 'POST';
  /** With its query; a whole URL for a proxy that forwards. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
  readonly maxBodyBytes: number;
}

export interface RawAnswer {
  readonly status: number;
  readonly headers: ReadonlyMap<string, readonly string[]>;
  readonly body: Uint8Array;
  /** Why the body was not read to its end; only where the status says enough without it. */
  readonly cutBy?: Error;
}

/** What all exchanges share. */
export interface Limits {
  readonly deadlines: Deadlines;
  readonly bodies: Bodies;
}

/** Servers send one or two of them, and nobody waits for those. */
const maxInterimAnswers = 8;

/** How far an exchange got, for whoever wants to try it again. */
export interface Progress {
  answered: boolean;
}

/**
 * Sends one request over a connection and reads its answer, with a deadline for the headers, one for the whole body,
 * and a cap on its size.
 *
 * The body of a refusal or a redirect is a hint at most. Where it breaks a limit or breaks off, what came of it is the
 * answer: a 401 that was lost for its endless page would have its password sent again and again (case 51).
 *
 * @param host for messages
 * @throws {HttpError} a deadline or the cap; anything else that went wrong as undici says it, or the signal's reason
 */
export async function exchange(
  client: Client,
  wire: Wire,
  host: string,
  { deadlines, bodies }: Limits,
  progress: Progress,
  signal: AbortSignal,
): Promise<RawAnswer> {
  signal.throwIfAborted();
  const { promise, resolve, reject } = Promise.withResolvers<RawAnswer>();
  let abortWire: ((reason: Error) => void) | undefined;
  let failure: Error | undefined;
  let timer = after(deadlines.headersMs, 'headers');

  function after(ms: number, what: string): NodeJS.Timeout {
    const message = `${host} sent no complete ${what} within ${ms / 1000} s`;
    return setTimeout(() => fail(new HttpError('timed-out', message)), ms);
  }
  function fail(error: Error): void {
    if (failure !== undefined) return;
    failure = error;
    end(error);
    abortWire?.(error);
  }
  function end(error: Error): void {
    if (status < 300 || signal.aborted) reject(error);
    else resolve({ status, headers, body: body.bytes, cutBy: error });
  }
  const onAbort = (): void => fail(new HttpError('aborted', 'aborted', { cause: signal.reason }));
  signal.addEventListener('abort', onAbort, { once: true });

  let status = 0;
  let headers: ReadonlyMap<string, readonly string[]> = new Map();
  let interimAnswers = 0;
  const body = bodies.open({ host, maxBytes: wire.maxBodyBytes, onGivenUp: fail });
  try {
    client.dispatch(
      {
        method: wire.method,
        path: wire.path,
        headers: wire.headers,
        body: wire.body ?? null,
        // Otherwise undici closes the connection after every HEAD, https://github.com/nodejs/undici/issues/258
        reset: false,
      },
      {
        onRequestStart(controller) {
          abortWire = (reason) => controller.abort(reason);
          if (failure !== undefined) controller.abort(failure);
        },
        onResponseStart(_controller, statusCode, received) {
          if (statusCode < 200) {
            interimAnswers += 1;
            if (interimAnswers > maxInterimAnswers) fail(tooManyInterim(host));
            return;
          }
          progress.answered = true;
          clearTimeout(timer);
          timer = after(deadlines.bodyMs, 'body');
          status = statusCode;
          headers = headerLines(received);
          if (wire.method === 'HEAD' || statusCode === 204 || statusCode === 304) return;
          const announced = Number(headers.get('content-length')?.[0] ?? 0);
          if (announced > wire.maxBodyBytes) fail(tooLarge(host, wire.maxBodyBytes));
        },
        onResponseData(_controller, piece) {
          if (failure !== undefined) return;
          const problem = body.add(piece);
          if (problem !== undefined) fail(problem);
        },
        onResponseEnd() {
          resolve({ status, headers, body: body.bytes });
        },
        onResponseError(_controller, error) {
          end(failure ?? error);
        },
      },
    );
    return await promise;
  } finally {
    bodies.close(body);
    clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
  }
}

function tooManyInterim(host: string): HttpError {
  return new HttpError('malformed', `${host} sent more than ${maxInterimAnswers} interim answers`);
}

/**
 * Values by lower-case name, a list where a header came in several lines.
 * Node joins repeated lines of HTTP/2 by commas, as https://www.rfc-editor.org/rfc/rfc9110#section-5.3 allows.
 */
function headerLines(
  received: Readonly<Record<string, string | string[] | undefined>>,
): ReadonlyMap<string, readonly string[]> {
  const lines = new Map<string, readonly string[]>();
  for (const [name, value] of Object.entries(received)) {
    if (value !== undefined) lines.set(name, typeof value === 'string' ? [value] : value);
  }
  return lines;
}
