import { quote } from '../image/quote.ts';
import type { Read } from '../tick.ts';

export type FailedReason = Extract<Read<unknown>, { readonly ok: false }>['reason'];

/** One request in the words of a Role's rule. */
export interface Action {
  readonly verb: 'get' | 'list' | 'patch' | 'create';
  /** `''` is the core group. */
  readonly group: '' | 'apps' | 'authorization.k8s.io' | 'events.k8s.io';
  readonly resource: string;
  /** Which object; absent for a list. */
  readonly name?: string;
}

/** A request that did not end well; the message says what was asked, what went wrong and what to do. */
export class KubeError extends Error {
  override readonly name = 'KubeError';
  readonly reason: FailedReason;
  /** Absent where no answer came. */
  readonly status: number | undefined;
  /** `reason` of the answer's `Status`: `AlreadyExists`, `Expired`. */
  readonly statusReason: string | undefined;

  constructor(
    reason: FailedReason,
    message: string,
    options: {
      readonly status?: number;
      readonly statusReason?: string | undefined;
      readonly cause?: unknown;
    } = {},
  ) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.reason = reason;
    this.status = options.status;
    this.statusReason = options.statusReason;
  }
}

/** `list deployments.apps`, `get secrets "regcred"`. */
export function describeAction({ verb, group, resource, name }: Action): string {
  const object = name === undefined ? '' : ` ${quote(name, 253)}`;
  return `${verb} ${group === '' ? resource : `${resource}.${group}`}${object}`;
}

/** What to add to a Role so that the action is allowed, as it stands in YAML. */
export function describeRule({ verb, group, resource }: Action): string {
  return `{apiGroups: ["${group}"], resources: ["${resource}"], verbs: ["${verb}"]}`;
}

/** For a port that never throws: any failure as a value. */
export function failedRead(error: unknown): {
  readonly ok: false;
  readonly reason: FailedReason;
  readonly message: string;
} {
  if (error instanceof KubeError) {
    return { ok: false, reason: error.reason, message: error.message };
  }
  return { ok: false, reason: 'api-error', message: `unexpected: ${quote(messageOf(error), 180)}` };
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
