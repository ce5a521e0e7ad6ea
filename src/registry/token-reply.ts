import * as z from 'zod';
import { Secret } from '../credentials/credential.ts';
import { RegistryError } from './error.ts';

/** @see https://distribution.github.io/distribution/spec/auth/token/#token-response-fields */
const replySchema = z.object({
  token: z.string().nullish(),
  access_token: z.string().nullish(),
  expires_in: z.unknown().optional(),
});

/** The specification's minimum, and what a missing `expires_in` means. */
const minLifeMs = 60_000;
/** A longer promise is not believed. */
const maxLifeMs = 24 * 60 * 60_000;

export interface TokenReply {
  readonly token: Secret;
  /** From when it came, by our clock: `issued_at` is the server's and may be wrong (case 43). */
  readonly lifeMs: number;
}

/**
 * Reads a token endpoint's answer.
 *
 * @param host for the message
 * @throws {RegistryError} `malformed`; the message quotes nothing of the body, which may hold a token
 */
export function readTokenReply(body: Uint8Array, host: string): TokenReply {
  const reply = replySchema.safeParse(parseJson(body));
  const token = reply.data?.token || reply.data?.access_token || '';
  if (!/^[\u0021-\u007E]+$/.test(token)) {
    throw new RegistryError('malformed', `${host} answered without a usable token`);
  }
  return { token: new Secret(token), lifeMs: lifeOf(reply.data?.expires_in) };
}

const errorSchema = z.object({ error: z.enum(['invalid_grant', 'invalid_client']) });

/**
 * Tells an OAuth2 error that says of the password or refresh token itself that it is no good.
 * @see https://www.rfc-editor.org/rfc/rfc6749#section-5.2
 */
export function isGrantRefused(body: Uint8Array): boolean {
  return errorSchema.safeParse(parseJson(body)).success;
}

function parseJson(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(body));
  } catch {
    return undefined;
  }
}

/** Some servers write the number as a string. */
function lifeOf(expiresIn: unknown): number {
  const seconds =
    typeof expiresIn === 'number' || typeof expiresIn === 'string' ? Number(expiresIn) : Number.NaN;
  if (Number.isNaN(seconds)) return minLifeMs;
  return Math.min(Math.max(seconds * 1000, minLifeMs), maxLifeMs);
}
