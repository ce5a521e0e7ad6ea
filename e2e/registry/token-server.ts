import { randomUUID, sign, X509Certificate } from 'node:crypto';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TlsIdentity } from '../../src/testing/fake-registry.ts';

/** The names by which a registry and its token server know each other. */
export const service = 'real registry';
export const issuer = 'test token server';

/** Of each token, as the reply says. */
export const tokenLifeSeconds = 300;

export interface TokenServerOptions {
  readonly identity: TlsIdentity;
  /** Whose certificate the registry's `rootcertbundle` vouches for. */
  readonly signer: TlsIdentity;
  readonly accounts: Readonly<Record<string, string>>;
  /** Repositories that anybody may pull. */
  readonly public?: readonly string[];
}

/**
 * A token endpoint for the real registry: signs JWTs that it takes, for those who may pull. It knows the GET flow.
 *
 * @see https://distribution.github.io/distribution/spec/auth/jwt/
 */
export class TokenServer implements AsyncDisposable {
  /** Whose tokens were asked for, in order; empty is anonymous. */
  readonly asked: { readonly account: string; readonly scope: string; readonly status: number }[] =
    [];
  readonly #server: Server;
  readonly #options: TokenServerOptions;

  private constructor(options: TokenServerOptions) {
    this.#options = options;
    const { certificate, key } = options.identity;
    this.#server = createServer({ cert: certificate, key }, (request, response) => {
      const url = new URL(request.url ?? '', 'https://token.server/');
      const { account, reply } = this.#answer(url, request.headers.authorization);
      const status = reply === undefined ? 401 : 200;
      this.asked.push({ account, scope: url.searchParams.get('scope') ?? '', status });
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(JSON.stringify(reply ?? { errors: [{ code: 'UNAUTHORIZED' }] }));
    });
  }

  static async start(options: TokenServerOptions): Promise<TokenServer> {
    const started = new TokenServer(options);
    await new Promise<void>((resolve) => {
      started.#server.listen(0, '127.0.0.1', resolve);
    });
    return started;
  }

  get realm(): string {
    const address: AddressInfo | string | null = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('not listening');
    return `https://127.0.0.1:${address.port}/token`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
    });
  }

  #answer(url: URL, authorization: string | undefined): { account: string; reply?: object } {
    const { accounts, public: open = [] } = this.#options;
    const [account = '', password = ''] = decodeBasic(authorization);
    if (authorization !== undefined && accounts[account] !== password) return { account };
    const [, name = ''] =
      /^repository:([^:]+):pull$/.exec(url.searchParams.get('scope') ?? '') ?? [];
    if (authorization === undefined && !open.includes(name)) return { account };
    const access = [{ type: 'repository', name, actions: ['pull'] }];
    const token = this.#token(account, url.searchParams.get('service') ?? '', access);
    return { account, reply: { token, expires_in: tokenLifeSeconds } };
  }

  #token(subject: string, audience: string, access: readonly object[]): string {
    const { certificate, key } = this.#options.signer;
    const der = new X509Certificate(certificate).raw.toString('base64');
    const now = Math.floor(Date.now() / 1000);
    const signed = [
      { typ: 'JWT', alg: 'ES256', x5c: [der] },
      {
        iss: issuer,
        sub: subject,
        aud: audience,
        exp: now + tokenLifeSeconds,
        nbf: now - 10,
        iat: now,
        jti: randomUUID(),
        access,
      },
    ]
      .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
      .join('.');
    // https://www.rfc-editor.org/rfc/rfc7518#section-3.4: the two numbers, no DER
    const signature = sign('sha256', Buffer.from(signed), { key, dsaEncoding: 'ieee-p1363' });
    return `${signed}.${signature.toString('base64url')}`;
  }
}

function decodeBasic(authorization: string | undefined): readonly string[] {
  const text = Buffer.from(authorization?.replace(/^Basic /, '') ?? '', 'base64').toString();
  const colon = text.indexOf(':');
  return [text.slice(0, colon), text.slice(colon + 1)];
}
