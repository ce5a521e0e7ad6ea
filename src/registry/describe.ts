import { maxTried } from '../credentials/keyring.ts';
import type { UnknownReason } from '../image/lookup.ts';
import type { Denied } from './attempts.ts';
import { printable, RegistryError } from './error.ts';
import type { Identity } from './identity.ts';
import type { Target } from './target.ts';

/** Why there is no answer, and whether the tick's own end is to blame. */
export interface Failure {
  readonly reason: UnknownReason;
  readonly message: string;
  readonly cutOff: boolean;
}

export interface FailureContext {
  /** The registry as people know it. */
  readonly registry: string;
  /** Of the tick; a look-up's own deadline is none of it. */
  readonly signal: AbortSignal;
  readonly lookUpMs: number;
}

/** Puts anything that was thrown on the way into a look-up's words. */
export function describeError(
  error: unknown,
  { registry, signal, lookUpMs }: FailureContext,
): Failure {
  if (error instanceof RegistryError) {
    return { reason: error.reason, message: error.message, cutOff: false };
  }
  if (signal.aborted) {
    const message = `the tick ended before ${registry} had answered; it is asked first in the next one`;
    return { reason: 'timed-out', message, cutOff: true };
  }
  if (isAbort(error)) {
    const message = `${registry} gave no answer within ${lookUpMs / 1000} s`;
    return { reason: 'timed-out', message, cutOff: false };
  }
  const text = error instanceof Error ? error.message : String(error);
  const message = `asking ${registry} failed unexpectedly: ${printable(text, 120)}`;
  return { reason: 'registry-error', message, cutOff: false };
}

function isAbort(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return error.name === 'TimeoutError' || error.name === 'AbortError' || isAborted(error);
}

function isAborted(error: Error): boolean {
  return 'code' in error && error.code === 'aborted';
}

/** The message for a tag that nobody of those who asked can see. */
export function describeMissing({ registry, repository }: Target, tag: string): string {
  return `${registry} has no ${repository}:${tag} (404), or hides it from those who asked`;
}

/** How many refused entries a message names; `attempts` has them all. */
const namedEntries = 3;

/**
 * The message for a look-up in which everybody was refused.
 * @param matching how many entries of pull Secrets match: the right one may be among those that were not tried
 */
export function describeDenied(
  { registry, repository }: Target,
  denied: readonly Denied[],
  matching: number,
): string {
  const credentials = denied.filter(({ identity }) => identity.credential !== undefined);
  if (credentials.length === 0) {
    const status = denied.map(statusOf).join('');
    return `${registry} refused anonymous access to ${repository}${status}: name a pull Secret in the Pod, or add a rule with a secret to registries`;
  }
  const named = credentials.slice(0, namedEntries).map(describeOne);
  const more = credentials.length - named.length;
  const rest = more > 0 ? [`and ${more} more`] : [];
  const all = [...named, ...rest].join(', ');
  return [
    ...describeTooMany(matching),
    `${registry} refused ${all}`,
    'anonymous access was refused, too',
  ].join('; ');
}

/**
 * What a user should know though the digest was found: who was refused on the way.
 *
 * @param worked what was accepted in the end
 * @example `ghcr.io refused entry "ghcr.io" of Secret "regcred" (403): the token may have expired; anonymous access worked`
 */
export function describeWarnings(
  { registry }: Target,
  denied: readonly Denied[],
  worked: Identity | undefined,
): readonly string[] {
  const end = worked?.credential === undefined ? 'anonymous access' : worked.source;
  return denied.map((one) => `${registry} refused ${describeOne(one)}; ${end} worked`);
}

/** Entries beyond the limit are not tried; whoever has so many should know. */
export function describeTooMany(count: number): readonly string[] {
  if (count <= maxTried) return [];
  return [
    `more than ${maxTried} entries of pull Secrets match; only the first ${maxTried} are tried`,
  ];
}

function describeOne(denied: Denied): string {
  const { identity, told } = denied;
  if (told.type === 'refused') return `${identity.source}${statusOf(denied)}: ${told.why}`;
  const minutes = Math.max(1, Math.ceil(told.forMs / 60_000));
  return `${identity.source} earlier: it is not sent again for ${minutes} min, unless it changes`;
}

function statusOf({ told }: Denied): string {
  return told.type === 'refused' && told.status !== undefined ? ` (${told.status})` : '';
}
