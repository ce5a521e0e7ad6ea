import type { UnknownReason } from '../image/lookup.ts';
import { quote } from '../image/quote.ts';
import { HttpError, type HttpErrorCode } from './http.ts';

/** A look-up that ended without an answer; it never leaves `registry/`, where the port turns it into a value. */
export class RegistryError extends Error {
  override readonly name = 'RegistryError';
  readonly reason: UnknownReason;
  /** Of the answer that decided; absent where none came. */
  readonly status?: number;

  constructor(
    reason: UnknownReason,
    message: string,
    options: { readonly status?: number; readonly cause?: unknown } = {},
  ) {
    super(message, { cause: options.cause });
    this.reason = reason;
    if (options.status !== undefined) this.status = options.status;
  }
}

/**
 * A refused realm, redirect or address is `malformed`, which warns, and not `unreachable`, which holds a
 * restart: the kubelet may go where we do not.
 */
const reasons: Readonly<Record<Exclude<HttpErrorCode, 'aborted'>, UnknownReason>> = {
  unreachable: 'unreachable',
  'timed-out': 'timed-out',
  malformed: 'malformed',
  refused: 'malformed',
};

/** What failed on the wire, in the words of a look-up; anything that is not the wire's own stays as it is. */
export function fromHttpError(error: unknown): unknown {
  if (!(error instanceof HttpError) || error.code === 'aborted') return error;
  const reason = error.connectFailure ? 'unreachable' : reasons[error.code];
  return new RegistryError(reason, printable(error.message), { cause: error });
}

/** Tells a failure after which what was learned of a realm is in doubt. Who limits us is there; what was aborted says nothing. */
export function mayBeGone(error: unknown): boolean {
  return error instanceof RegistryError && error.reason !== 'rate-limited';
}

/** Text from outside as a part of a message: on one line, visible, and cut. */
export function printable(text: string, maxLength = 200): string {
  return quote(text, maxLength).slice(1, -1);
}
