import { setTimeout as sleep } from 'node:timers/promises';
import { type Dispatcher, request } from 'undici';

import { type Answer, type BodyReader, readDocument } from './answer.ts';
import { type Action, describeAction, KubeError } from './error.ts';
import { describeNetworkError, wasCut } from './network-error.ts';
import { Turns } from './turns.ts';

/** One exchange with the API server. */
export interface KubeRequest {
  /** What it is in the words of a Role; its verb decides the HTTP method. */
  readonly action: Action;
  /** Below the server's URL, every name in it encoded. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly accept?: string;
  readonly body?: { readonly contentType: string; readonly document: unknown };
  /** Gets the body of a good answer, which is then not kept. Default: it is read as JSON. */
  readonly reader?: BodyReader;
  /** Reading past it is an error, not a truncation. */
  readonly maxBodyBytes: number;
  readonly deadlineMs: number;
  /** How long it goes on after `signal` was aborted: 0 unless it writes something that should end well. */
  readonly graceMs?: number;
}

export interface KubeClient {
  /** @returns the document of a 2xx answer @throws {KubeError} */
  send(request: KubeRequest, signal: AbortSignal): Promise<unknown>;
}

/** How to reach and to convince the API server, at this moment. */
export interface Route {
  readonly server: URL;
  readonly dispatcher: Dispatcher;
  /** `Authorization` and impersonation; they never appear in a message. */
  readonly headers: Readonly<Record<string, string>>;
}

/** Ends of requests, for metrics and debug logs. */
export interface KubeObservation {
  readonly type: 'request';
  readonly action: Action;
  /** Absent where no answer came. */
  readonly status?: number;
  readonly durationMs: number;
}

export interface ClientOptions {
  route(): Promise<Route>;
  /** A 401 came: what is known of the credentials is out of date. */
  refused(): void;
  /** Scheme, host and port, for messages. */
  readonly server: string;
  readonly userAgent: string;
  readonly observe: (observation: KubeObservation) => void;
  /** Requests that are under way at most; more would only wait for a connection while their deadline runs. */
  readonly atOnce: number;
}

/** An answer with the time that it asks to wait. */
interface TimedAnswer extends Answer {
  readonly retryAfterMs: number | undefined;
}

const methods = { get: 'GET', list: 'GET', patch: 'PATCH', create: 'POST' } as const;

/**
 * The API server turns requests away for a moment when it is busy (API priority and fairness) or going down.
 * A read waits as told, once, and no longer than this; a tick that asks again in a minute is no worse.
 * @see https://kubernetes.io/docs/concepts/cluster-administration/flow-control/
 */
const maxRetryAfterMs = 5000;

/** A `Status` has some hundred bytes; whatever a proxy says at greater length is not quoted anyway. */
const maxErrorBytes = 64 * 1024;

/**
 * Sends requests one by one, each with a deadline and a limit on what is read.
 *
 * client-node's generated classes are not used: they open a connection per request, drop unknown fields,
 * and put whole bodies, Secrets included, into error messages.
 */
export function createClient(options: ClientOptions): KubeClient {
  const turns = new Turns(options.atOnce);
  return {
    async send(asked, signal) {
      const ask = async (): Promise<TimedAnswer> => {
        try {
          return await turns.run(async () => exchange(options, asked, signal), signal);
        } catch (error) {
          // Stopped while it waited for its turn: nothing was sent.
          throw error instanceof KubeError ? error : noAnswer(options, asked, stopped, error);
        }
      };
      const answer = await again(ask, asked, await ask(), signal);
      return readDocument(asked.action, answer, asked.reader);
    },
  };
}

const stopped = 'stopped before the answer came';

function noAnswer(
  { server }: ClientOptions,
  { action }: KubeRequest,
  why: string,
  cause: unknown,
): KubeError {
  return new KubeError('api-error', `${describeAction(action)}: API server ${server}: ${why}`, {
    cause,
  });
}

async function again(
  ask: () => Promise<TimedAnswer>,
  asked: KubeRequest,
  first: TimedAnswer,
  signal: AbortSignal,
): Promise<Answer> {
  const reading = methods[asked.action.verb] === 'GET';
  const { status, retryAfterMs } = first;
  if (!reading || (status !== 429 && status !== 503) || retryAfterMs === undefined) return first;
  if (retryAfterMs > maxRetryAfterMs) return first;
  try {
    await sleep(retryAfterMs, undefined, { signal });
  } catch {
    return first;
  }
  return ask();
}

async function exchange(
  options: ClientOptions,
  asked: KubeRequest,
  signal: AbortSignal,
): Promise<TimedAnswer> {
  const { action } = asked;
  const startedAt = performance.now();
  let status: number | undefined;
  using lifetime = startLifetime(asked, signal);
  try {
    const route = await beforeAbort(options.route(), lifetime.signal);
    const answer = await send(options, asked, route, lifetime.signal);
    status = answer.status;
    if (status === 401) options.refused();
    return answer;
  } catch (error) {
    if (error instanceof KubeError) throw error;
    const why = lifetime.expired()
      ? `no whole answer came within ${asked.deadlineMs} ms`
      : lifetime.signal.aborted
        ? stopped
        : describeNetworkError(error);
    throw noAnswer(options, asked, why, error);
  } finally {
    const durationMs = performance.now() - startedAt;
    options.observe({
      type: 'request',
      action,
      ...(status !== undefined && { status }),
      durationMs,
    });
  }
}

async function send(
  options: ClientOptions,
  asked: KubeRequest,
  route: Route,
  signal: AbortSignal,
): Promise<TimedAnswer> {
  const url = new URL(route.server);
  url.pathname = `${url.pathname.replace(/\/$/, '')}${asked.path}`;
  url.search = new URLSearchParams(asked.query).toString();
  const method = methods[asked.action.verb];
  const ask = async (): Promise<Dispatcher.ResponseData> =>
    request(url, {
      dispatcher: route.dispatcher,
      method,
      headers: {
        ...route.headers,
        accept: asked.accept ?? 'application/json',
        'user-agent': options.userAgent,
        ...(asked.body !== undefined && { 'content-type': asked.body.contentType }),
      },
      body: asked.body === undefined ? null : JSON.stringify(asked.body.document),
      signal,
      headersTimeout: asked.deadlineMs,
      bodyTimeout: asked.deadlineMs,
    });
  const response = await (method === 'GET' ? onceMore(ask) : ask());
  return {
    status: response.statusCode,
    contentType: one(response.headers['content-type']),
    retryAfterMs: retryAfter(one(response.headers['retry-after'])),
    body: await readBody(asked, response),
  };
}

/**
 * A kept-alive connection may break just when it is used again: a load balancer forgot it, an API server of
 * several was replaced. What only reads asks once more, as Go's clients do.
 * @see https://pkg.go.dev/net/http#Transport
 */
async function onceMore<T>(ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    if (!wasCut(error)) throw error;
    return ask();
  }
}

/** @returns all of it, or its beginning where a reader had it or where it is a long error's */
async function readBody(
  asked: KubeRequest,
  { statusCode, body }: Dispatcher.ResponseData,
): Promise<Uint8Array> {
  const isGood = statusCode >= 200 && statusCode < 300;
  const reader = isGood ? asked.reader : undefined;
  const kept: Buffer[] = [];
  let length = 0;
  // undici types chunks as `any`; leaving the loop early destroys the stream and its connection.
  const stream: AsyncIterable<Buffer> = body;
  for await (const chunk of stream) {
    length += chunk.length;
    if (!isGood && length > maxErrorBytes) break;
    if (length > asked.maxBodyBytes) {
      throw new KubeError(
        'api-error',
        `${describeAction(asked.action)}: the API server's answer is larger than ${asked.maxBodyBytes} bytes`,
      );
    }
    reader?.push(chunk);
    if (reader === undefined || kept.length === 0) kept.push(chunk);
  }
  return Buffer.concat(kept);
}

interface Lifetime extends Disposable {
  readonly signal: AbortSignal;
  /** The deadline passed; not: the caller gave up. */
  expired(): boolean;
}

/** Ends at the deadline, or `graceMs` after the caller's signal. */
function startLifetime({ deadlineMs, graceMs = 0 }: KubeRequest, signal: AbortSignal): Lifetime {
  const controller = new AbortController();
  let expired = false;
  let grace: NodeJS.Timeout | undefined;
  const deadline = setTimeout(() => {
    expired = true;
    controller.abort();
  }, deadlineMs);
  const giveUp = (): void => {
    if (graceMs === 0) controller.abort(signal.reason);
    else grace = setTimeout(() => controller.abort(signal.reason), graceMs);
  };
  if (signal.aborted) giveUp();
  else signal.addEventListener('abort', giveUp, { once: true });
  return {
    signal: controller.signal,
    expired: () => expired,
    [Symbol.dispose]() {
      clearTimeout(deadline);
      clearTimeout(grace);
      signal.removeEventListener('abort', giveUp);
    },
  };
}

/** A credential plugin may be slow; nobody waits for it longer than for the answer. */
async function beforeAbort<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  const aborted = Promise.withResolvers<never>();
  const giveUp = (): void => aborted.reject(new Error('aborted'));
  signal.addEventListener('abort', giveUp, { once: true });
  try {
    return await Promise.race([work, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', giveUp);
  }
}

function one(header: string | string[] | undefined): string {
  return typeof header === 'string' ? header : (header?.[0] ?? '');
}

/** The API server sends whole seconds. */
function retryAfter(header: string): number | undefined {
  return /^\d{1,6}$/.test(header) ? Number(header) * 1000 : undefined;
}
