import * as z from 'zod';

import { quote } from '../image/quote.ts';
import {
  type Action,
  describeAction,
  describeRule,
  type FailedReason,
  KubeError,
} from './error.ts';

/** What came back, read whole. */
export interface Answer {
  readonly status: number;
  readonly contentType: string;
  readonly body: Uint8Array;
}

/** @see https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/status/ */
const statusSchema = z.object({
  kind: z.literal('Status'),
  message: z.string().catch(''),
  reason: z.string().catch(''),
});

/** Takes a body piece by piece, so that it need not be kept. */
export interface BodyReader {
  push(piece: Uint8Array): void;
  /** @returns undefined where it is not what was asked for; an exception says the same */
  end(): unknown;
}

/**
 * Reads the document of a good answer.
 * @param reader has had the body already; of `answer.body` only the beginning is there then
 * @throws {KubeError} never quoting the body: it may be a Secret
 */
export function readDocument(action: Action, answer: Answer, reader?: BodyReader): unknown {
  if (answer.status >= 200 && answer.status < 300) {
    const document = tryRead(() => (reader === undefined ? parseJson(answer.body) : reader.end()));
    if (document !== undefined) return document;
    throw new KubeError(
      'api-error',
      `${describeAction(action)}: the API server answered ${looksOf(answer)} with status ${answer.status}`,
      { status: answer.status },
    );
  }
  throw refusal(action, answer);
}

function refusal(action: Action, answer: Answer): KubeError {
  const parsed = statusSchema.safeParse(tryRead(() => parseJson(answer.body)));
  const { status } = answer;
  const statusReason = parsed.success ? parsed.data.reason : undefined;
  const said = parsed.success
    ? parsed.data.message === ''
      ? ''
      : `: ${quote(parsed.data.message, 120)}`
    : ` with ${looksOf(answer)}`;
  const explain = explanations[status];
  const text = explain?.(action, parsed.success ? parsed.data.message : undefined);
  return new KubeError(
    reasonOf(action, status),
    `${describeAction(action)}: ${text ?? `the API server answered ${status}${said}`}`,
    { status, statusReason },
  );
}

/** What a status means beyond its number; undefined: nothing more than the server says itself. */
const explanations: Readonly<
  Record<number, (action: Action, message: string | undefined) => string | undefined>
> = {
  401: () =>
    'the API server does not accept the credentials (401); a service account token may have expired, a kubeconfig may need a new login',
  403: (action, message) => {
    // An authorizer says "User … cannot list resource …"; admission webhooks and quotas also answer 403,
    // and no rule of a Role helps against those.
    // https://github.com/kubernetes/kubernetes/blob/v1.36.3/staging/src/k8s.io/apiserver/pkg/endpoints/handlers/responsewriters/errors.go
    if (message === undefined || !/ cannot \S+ (resource|path) /.test(message)) return undefined;
    const user = /User "(?<user>[^"]{1,253})"/.exec(message)?.groups?.['user'];
    const who = user === undefined ? 'not allowed' : `not allowed for ${quote(user, 120)}`;
    return `${who}; the Role lacks the rule ${describeRule(action)}`;
  },
  404: ({ name }) => (name === undefined ? undefined : 'it does not exist'),
};

function reasonOf(action: Action, status: number): FailedReason {
  if (status === 403) return 'forbidden';
  if (status === 409) return 'conflict';
  // The resource of a LIST is never gone: its whole API is missing.
  if (status === 404 && action.name !== undefined) return 'gone';
  return 'api-error';
}

export function parseJson(bytes: Uint8Array): unknown {
  return JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8'));
}

function tryRead(read: () => unknown): unknown {
  try {
    return read();
  } catch {
    // The parser's own message quotes the text, which may be a Secret.
    return undefined;
  }
}

function looksOf({ contentType, body }: Answer): string {
  const start = Buffer.from(body.subarray(0, 100)).toString('latin1').trimStart();
  if (/html/i.test(contentType) || start.startsWith('<')) {
    return 'HTML (a proxy or a login page in between?)';
  }
  return body.length === 0 ? 'nothing' : 'something that is not JSON';
}
