import * as z from 'zod';

import { Secret } from './credential.ts';
import type { Credential } from './credential.ts';

/** What a docker config's entry holds: a credential, a problem for people, or neither. */
export interface EntryContent {
  readonly credential?: Credential;
  readonly problem?: string;
}

const entrySchema = z.object({
  username: z.string().nullish(),
  password: z.string().nullish(),
  auth: z.string().nullish(),
  identitytoken: z.string().nullish(),
  registrytoken: z.string().nullish(),
});

/** User names that say "the password is a refresh token": Docker's own, and Azure's (case 44). */
const identityUsers: ReadonlySet<string> = new Set([
  '<token>',
  '00000000-0000-0000-0000-000000000000',
]);

/**
 * Reads one entry of a docker config, in every form of case 50.
 *
 * The kubelet knows `username`, `password` and `auth` only, and `auth` wins where it is not empty. So a user with
 * a password comes first here; `identitytoken` and `registrytoken` count where there is no password.
 *
 * @see https://github.com/kubernetes/kubernetes/blob/v1.34.0/pkg/credentialprovider/config.go
 */
export function credentialOf(value: unknown): EntryContent {
  const { success, data } = entrySchema.safeParse(value);
  if (!success) {
    return {
      problem: 'it is no map of texts (auth, username, password, identitytoken, registrytoken)',
    };
  }
  const login = readLogin(data);
  if (login === undefined) {
    return { problem: 'its auth is not the base64 of user:password' };
  }
  return loginCredential(login) ?? tokenCredential(data, login.username) ?? userAlone(login) ?? {};
}

interface Login {
  readonly username: string;
  readonly password: string;
}

function readLogin(entry: z.infer<typeof entrySchema>): Login | undefined {
  if (entry.auth) return decodeAuth(entry.auth);
  return { username: entry.username ?? '', password: entry.password ?? '' };
}

function loginCredential({ username, password }: Login): EntryContent | undefined {
  if (username === '' || password === '') return undefined;
  return identityUsers.has(username)
    ? { credential: { type: 'identity-token', username, token: new Secret(password) } }
    : { credential: { type: 'basic', username, password: new Secret(password) } };
}

function tokenCredential(
  { identitytoken, registrytoken }: z.infer<typeof entrySchema>,
  username: string,
): EntryContent | undefined {
  if (identitytoken) {
    return { credential: { type: 'identity-token', username, token: new Secret(identitytoken) } };
  }
  if (registrytoken) {
    return { credential: { type: 'registry-token', token: new Secret(registrytoken) } };
  }
  return undefined;
}

/** A user with an empty password is sent by the kubelet as it is. */
function userAlone({ username }: Login): EntryContent | undefined {
  if (username === '' || identityUsers.has(username)) return undefined;
  return { credential: { type: 'basic', username, password: new Secret('') } };
}

/** @returns undefined where the text is not base64 of `user:password`; only the first colon separates */
function decodeAuth(auth: string): Login | undefined {
  const text = auth.replaceAll(/\s/g, '');
  if (!/^[A-Za-z0-9+/_-]+={0,2}$/.test(text)) return undefined;
  // Takes both alphabets, with padding or without.
  const decoded = withoutTail(Buffer.from(text, 'base64').toString('utf8'));
  const colon = decoded.indexOf(':');
  if (colon < 0) return undefined;
  return { username: decoded.slice(0, colon), password: decoded.slice(colon + 1) };
}

/** Old docker clients padded with NUL, and `echo user:password | base64` adds a newline. */
function withoutTail(text: string): string {
  let end = text.length;
  // A loop: /[\0\r\n]+$/ would be slow on a megabyte of newlines.
  while (end > 0 && '\0\r\n'.includes(text.charAt(end - 1))) end -= 1;
  return text.slice(0, end);
}
