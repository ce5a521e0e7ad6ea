import { type Challenge, ChallengeError, parseChallenges } from './challenge.ts';
import { lacksTls } from './hosts.ts';
import type { HttpResponse } from './http.ts';
import { Lru } from './lru.ts';
import type { Target } from './target.ts';

/** A token endpoint and what to ask of it. */
export interface Realm {
  readonly url: URL;
  /** Left out of the request where the challenge has none (case 42). */
  readonly service?: string;
  readonly scope: string;
  /** Who named it: where it may lead depends on that (case 41). */
  readonly namedBy: { readonly url: URL; readonly address?: string };
}

/** Real ones have less than 300 characters; what a registry makes us remember must stay small (case 61). */
const maxRealmLength = 2048;
const maxTextLength = 1024;

/** How a registry wants to be told who asks. */
export type Scheme =
  | { readonly type: 'basic' }
  | {
      readonly type: 'bearer';
      readonly realm: Realm;
      /** `error="insufficient_scope"`: who asks is known, but may not do this. */
      readonly isInsufficient: boolean;
    }
  /** A 401 that leaves no way. */
  | { readonly type: 'none'; readonly why: string };

/**
 * Remembers how each repository is to be asked, so that the token is there before the HEAD and one
 * request per image is enough. A realm that names no repository serves all of its registry; whether Basic
 * is asked for may differ from one repository to the next (public ones are often open), so that is not.
 */
export class Schemes {
  readonly #repositories = new Lru<Scheme>({ maxEntries: 20_000, maxWeight: 16 * 1024 * 1024 });
  readonly #registries = new Lru<Omit<Realm, 'scope'>>({ maxEntries: 2000 });

  /** @param asked URL of the manifest */
  known(target: Target, asked: URL): Scheme | undefined {
    const own = this.#repositories.get(placeOf(asked));
    if (own !== undefined) return own;
    const shared = this.#registries.get(asked.origin);
    if (shared === undefined) return undefined;
    const realm = { ...shared, scope: defaultScope(target) };
    return { type: 'bearer', realm, isInsufficient: false };
  }

  /** Reads the challenges of a registry's own 401 and remembers the one to answer: Bearer where usable, else Basic. */
  learn(target: Target, asked: URL, response: HttpResponse): Scheme {
    const scheme = readScheme(target, response);
    if (scheme.type === 'none') return scheme;
    this.#repositories.set(placeOf(asked), scheme, lengthOf(scheme));
    if (scheme.type === 'bearer' && servesAll(scheme.realm, target)) {
      const { scope: _, ...shared } = scheme.realm;
      this.#registries.set(asked.origin, shared);
    }
    return scheme;
  }

  /** A realm that gives no answer may have moved: the registry is to be asked for it anew. */
  forget(asked: URL): void {
    this.#repositories.delete(placeOf(asked));
    this.#registries.delete(asked.origin);
  }
}

/** Two challenges that ask for the same token. */
export function isSameRealm(one: Realm, other: Realm): boolean {
  return (
    one.url.href === other.url.href && one.service === other.service && one.scope === other.scope
  );
}

function readScheme(target: Target, response: HttpResponse): Scheme {
  const { challenges, problem } = readChallenges(response.header('www-authenticate'));
  let unusable = problem;
  let withoutTls: Scheme | undefined;
  for (const { scheme, params } of challenges) {
    const realm = scheme === 'bearer' ? readRealm(target, params, response) : undefined;
    if (realm !== undefined && isTooLong(realm)) {
      unusable = `its realm, service or scope has more than ${maxRealmLength} or ${maxTextLength} characters`;
      continue;
    }
    if (realm === undefined) continue;
    const isInsufficient = params.get('error') === 'insufficient_scope';
    const found: Scheme = { type: 'bearer', realm, isInsufficient };
    if (!lacksTls(realm.url, response.url, target.host)) return found;
    withoutTls ??= found;
  }
  if (challenges.some(({ scheme }) => scheme === 'basic')) return { type: 'basic' };
  // It is not asked, and the message says why.
  if (withoutTls !== undefined) return withoutTls;
  return { type: 'none', why: unusable ?? 'it does not say how to authenticate' };
}

/** The realm of a 401, where it asks for a token. */
export function readBearer(target: Target, response: HttpResponse): Realm | undefined {
  const scheme = readScheme(target, response);
  return scheme.type === 'bearer' ? scheme.realm : undefined;
}

/** One header that cannot be read takes none of the others with it. */
function readChallenges(values: readonly string[]): {
  readonly challenges: readonly Challenge[];
  readonly problem?: string;
} {
  const challenges: Challenge[] = [];
  let problem: string | undefined;
  for (const value of values) {
    try {
      challenges.push(...parseChallenges([value]));
    } catch (error) {
      if (!(error instanceof ChallengeError)) throw error;
      problem = `its WWW-Authenticate cannot be read: ${error.message}`;
    }
  }
  return { challenges, ...(problem !== undefined && { problem }) };
}

function readRealm(
  target: Target,
  params: ReadonlyMap<string, string>,
  response: HttpResponse,
): Realm | undefined {
  const text = params.get('realm') ?? '';
  if (text === '' || !URL.canParse(text, response.url)) return undefined;
  const url = new URL(text, response.url);
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return undefined;
  url.username = '';
  url.password = '';
  url.hash = '';
  const service = params.get('service') ?? '';
  const { address } = response;
  return {
    url,
    ...(service !== '' && { service }),
    scope: params.get('scope') || defaultScope(target),
    namedBy: { url: response.url, ...(address !== undefined && { address }) },
  };
}

function isTooLong({ url, service = '', scope }: Realm): boolean {
  return (
    url.href.length > maxRealmLength ||
    service.length > maxTextLength ||
    scope.length > maxTextLength
  );
}

function lengthOf(scheme: Scheme): number {
  if (scheme.type !== 'bearer') return 0;
  const { url, service = '', scope } = scheme.realm;
  return url.href.length + service.length + scope.length;
}

function defaultScope({ repository }: Target): string {
  return `repository:${repository}:pull`;
}

/** NVIDIA's realm carries the scope in its query, Artifactory's differs by repository key. */
function servesAll({ url, scope }: Realm, target: Target): boolean {
  const namesRepository = [...url.searchParams.values()].some((value) =>
    value.includes(target.repository),
  );
  return scope === defaultScope(target) && !namesRepository;
}

/** The repository's URL, the way it is asked included. */
export function placeOf(asked: URL): string {
  return asked.href.slice(0, asked.href.lastIndexOf('/manifests/'));
}
