import { randomBytes } from 'node:crypto';

import { errorAnswer, jsonAnswer, type Answer } from './fake-answer.ts';

export interface FakeUser {
  readonly password: string;
  /** What the user may pull; absent means everything. */
  readonly repositories?: readonly string[];
}

interface Accounts {
  readonly users?: Readonly<Record<string, FakeUser>>;
  /** Repositories that anybody may pull, or `true` for all. */
  readonly public?: readonly string[] | true;
}

/** Basic at the registry itself. */
export interface BasicAuth extends Accounts {
  readonly type: 'basic';
  /** Default: `fake registry`. */
  readonly realm?: string;
}

/** Tokens of a realm, as most registries have them. */
export interface BearerAuth extends Accounts {
  readonly type: 'bearer';
  /** As it stands in the challenge; default: this registry's own `/token`. */
  readonly realm?: string;
  /** Default: `fake-registry`. `null` leaves it out of the challenge. */
  readonly service?: string | null;
  /** Asked for by way of other registries' challenges: hand over their `issuer`. */
  readonly issuer?: TokenIssuer;
  /** Which flows the token endpoint knows; 405 otherwise. Default: both. */
  readonly flows?: readonly ('GET' | 'POST')[];
  /** Where the reply holds the token. Default: both. */
  readonly field?: 'token' | 'access_token' | 'both';
  /** As the reply announces it; absent leaves it out. */
  readonly expiresInSeconds?: number;
  /** Refresh (identity) tokens and whose they are. */
  readonly refreshTokens?: Readonly<Record<string, string>>;
}

export type FakeAuth = BasicAuth | BearerAuth;

/** What an authorisation needs to know of a request. */
export interface AuthRequest {
  readonly method: string;
  readonly url: URL;
  readonly authorization: string | undefined;
  readonly body: string;
}

interface Grant {
  readonly repositories: ReadonlySet<string>;
  revoked: boolean;
}

/** The token endpoint: hands out tokens for what the asking account may pull, and knows them again. */
export class TokenIssuer {
  readonly #auth: BearerAuth;
  readonly #grants = new Map<string, Grant>();

  constructor(auth: BearerAuth) {
    this.#auth = auth;
  }

  /** From now on every token given out so far is refused. */
  revokeAll(): void {
    for (const grant of this.#grants.values()) grant.revoked = true;
  }

  accepts(token: string, repository: string): 'yes' | 'no' | 'insufficient' {
    const grant = this.#grants.get(token);
    if (grant === undefined || grant.revoked) return 'no';
    return grant.repositories.has(repository) ? 'yes' : 'insufficient';
  }

  /** @see https://distribution.github.io/distribution/spec/auth/token/ and …/auth/oauth/ */
  answer(request: AuthRequest): Answer {
    if (!(this.#auth.flows ?? ['GET', 'POST']).some((flow) => flow === request.method)) {
      return { status: 405 };
    }
    const form = request.method === 'POST' ? new URLSearchParams(request.body) : undefined;
    const account =
      form === undefined ? basicAccount(this.#auth, request.authorization) : this.#byForm(form);
    if (account === refused) return errorAnswer(401, 'UNAUTHORIZED');
    const scopes = (form ?? request.url.searchParams).getAll('scope');
    const repositories = scopes
      .flatMap((scope) => scope.split(' '))
      .map((scope) => /^repository:(?<name>[^:]+):(?:.*,)?pull/.exec(scope)?.groups?.['name'])
      .filter((name) => name !== undefined)
      .filter((name) => mayPull(this.#auth, account, name));
    return this.#grant(repositories);
  }

  #byForm(form: URLSearchParams): string | typeof refused {
    if (form.get('grant_type') === 'refresh_token') {
      return this.#auth.refreshTokens?.[form.get('refresh_token') ?? ''] ?? refused;
    }
    return login(this.#auth, form.get('username') ?? '', form.get('password') ?? '');
  }

  #grant(repositories: readonly string[]): Answer {
    const token = randomBytes(24).toString('base64url');
    this.#grants.set(token, { repositories: new Set(repositories), revoked: false });
    const { field = 'both', expiresInSeconds } = this.#auth;
    return jsonAnswer({
      ...(field === 'access_token' ? {} : { token }),
      ...(field === 'token' ? {} : { access_token: token }),
      ...(expiresInSeconds === undefined ? {} : { expires_in: expiresInSeconds }),
    });
  }
}

/** The refusal of a request for a repository, or undefined where it may be answered. */
export function refusal(
  auth: FakeAuth,
  issuer: TokenIssuer | undefined,
  request: AuthRequest,
  repository: string | undefined,
): Answer | undefined {
  if (auth.type === 'basic') return basicRefusal(auth, request, repository);
  const [scheme, token = ''] = (request.authorization ?? '').split(' ', 2);
  const isBearer = scheme?.toLowerCase() === 'bearer';
  if (repository === undefined) {
    return isBearer ? undefined : challenge(auth, request, undefined, undefined);
  }
  const accepted = isBearer ? issuer?.accepts(token, repository) : undefined;
  if (accepted === 'yes') return undefined;
  const error = accepted === 'insufficient' ? 'insufficient_scope' : 'invalid_token';
  return challenge(auth, request, repository, accepted === undefined ? undefined : error);
}

function challenge(
  auth: BearerAuth,
  request: AuthRequest,
  repository: string | undefined,
  error: string | undefined,
): Answer {
  const { realm = new URL('/token', request.url).href, service = 'fake-registry' } = auth;
  const parameters = [
    `realm="${realm}"`,
    ...(service === null ? [] : [`service="${service}"`]),
    ...(repository === undefined ? [] : [`scope="repository:${repository}:pull"`]),
    ...(error === undefined ? [] : [`error="${error}"`]),
  ];
  return errorAnswer(401, 'UNAUTHORIZED', { 'www-authenticate': `Bearer ${parameters.join(',')}` });
}

function basicRefusal(
  auth: BasicAuth,
  { authorization }: AuthRequest,
  repository: string | undefined,
): Answer | undefined {
  const who = basicAccount(auth, authorization);
  if (who !== refused && (repository === undefined || mayPull(auth, who, repository))) {
    return undefined;
  }
  if (who !== undefined && who !== refused) return errorAnswer(403, 'DENIED');
  const realm = auth.realm ?? 'fake registry';
  return errorAnswer(401, 'UNAUTHORIZED', { 'www-authenticate': `Basic realm="${realm}"` });
}

/** No account has this password. */
const refused = Symbol('refused');

/** Whose the header is; undefined is nobody's. */
function basicAccount(
  accounts: Accounts,
  authorization: string | undefined,
): string | undefined | typeof refused {
  if (authorization === undefined) return undefined;
  const [scheme, encoded = ''] = authorization.split(' ', 2);
  if (scheme?.toLowerCase() !== 'basic') return refused;
  const text = Buffer.from(encoded, 'base64').toString();
  const colon = text.indexOf(':');
  return login(accounts, text.slice(0, colon), text.slice(colon + 1));
}

function login({ users = {} }: Accounts, name: string, password: string): string | typeof refused {
  return users[name]?.password === password ? name : refused;
}

function mayPull(accounts: Accounts, name: string | undefined, repository: string): boolean {
  if (accounts.public === true || accounts.public?.includes(repository) === true) return true;
  const user = name === undefined ? undefined : accounts.users?.[name];
  return (
    user !== undefined &&
    (user.repositories === undefined || user.repositories.includes(repository))
  );
}
