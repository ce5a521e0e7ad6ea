import type { Credential, Secret } from '../credentials/credential.ts';

/** `Authorization` with a user and password, or with an identity token in the password's place. */
export function basicAuthorization(
  credential: Exclude<Credential, { type: 'registry-token' }>,
): string {
  const secret = credential.type === 'basic' ? credential.password : credential.token;
  const pair = Buffer.from(`${credential.username}:${secret.reveal()}`, 'utf8');
  return `Basic ${pair.toString('base64')}`;
}

/** `Authorization` with a token as it is; undefined where its characters cannot stand in a header. */
export function bearerAuthorization(token: Secret): string | undefined {
  const text = token.reveal();
  return /^[\u0021-\u007E]+$/.test(text) ? `Bearer ${text}` : undefined;
}

/**
 * The credential's part of a token endpoint's POST form.
 * @see https://github.com/distribution/distribution/blob/v3.0.0/docs/content/spec/auth/oauth.md
 */
export function tokenForm(
  credential: Exclude<Credential, { type: 'registry-token' }>,
): Readonly<Record<string, string>> {
  return credential.type === 'basic'
    ? {
        grant_type: 'password',
        username: credential.username,
        password: credential.password.reveal(),
      }
    : { grant_type: 'refresh_token', refresh_token: credential.token.reveal() };
}
