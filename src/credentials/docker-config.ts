import * as z from 'zod';

import { quote } from '../image/quote.ts';
import { credentialOf } from './credential-forms.ts';
import type { Credential } from './credential.ts';

/** One `auths` entry: its key as written, but for a user in it, and the credential it holds. */
export interface DockerConfigEntry {
  readonly key: string;
  readonly credential: Credential;
}

/** A pull Secret, parsed. */
export interface PullSecret {
  readonly name: string;
  readonly entries: readonly DockerConfigEntry[];
}

export interface ParsedDockerConfig {
  readonly entries: readonly DockerConfigEntry[];
  /** For people; they name entries and never quote a value. */
  readonly problems: readonly string[];
  /** The text is no docker config at all. */
  readonly malformed: boolean;
}

export interface ParsedPullSecret {
  readonly secret: PullSecret;
  /** For people, each naming the Secret; empty when all is well. */
  readonly problems: readonly string[];
}

/** `dockerconfigjson` has its entries under `auths`; the older `dockercfg` is the map of entries itself. */
export type DockerConfigFormat = 'dockerconfigjson' | 'dockercfg';

const secretTypes: ReadonlyMap<string, DockerConfigFormat> = new Map([
  ['kubernetes.io/dockerconfigjson', 'dockerconfigjson'],
  ['kubernetes.io/dockercfg', 'dockercfg'],
]);

/** Nobody has that many; ten thousand would cost each image's look-up a walk through them (case 61). */
const maxEntries = 1_000;
/** An image reference is no longer, so a longer key could match by its `*` only. */
const maxKeyLength = 1_024;
const maxProblems = 5;

const dockerConfigSchema = z.object({
  auths: z.record(z.string(), z.unknown()).nullish(),
  credsStore: z.unknown().optional(),
  credHelpers: z.unknown().optional(),
});
const dockercfgSchema = z.record(z.string(), z.unknown());

/**
 * Reads a pull Secret as the API server gives it.
 *
 * Both docker types are read, as by the kubelet; Secrets of other types are neither parsed nor quoted.
 *
 * @param data base64 by key, as in a Secret's JSON; absent counts as empty
 * @returns no entries, and a problem, where the Secret is of another type or malformed; it never throws
 * @see https://github.com/kubernetes/kubernetes/blob/v1.34.0/pkg/credentialprovider/secrets/secrets.go
 */
export function parsePullSecret({
  name,
  type,
  data = {},
}: {
  readonly name: string;
  readonly type: string | undefined;
  readonly data?: Readonly<Record<string, string>> | undefined;
}): ParsedPullSecret {
  const none = (problem: string): ParsedPullSecret => ({
    secret: { name, entries: [] },
    problems: [`Secret ${quote(name)} ${problem}`],
  });
  const format = secretTypes.get(type ?? '');
  if (format === undefined) {
    return none(
      `is of type ${quote(type ?? '')}; a pull Secret is of type ${[...secretTypes.keys()].join(' or ')}`,
    );
  }
  const encoded = new Map(Object.entries(data)).get(`.${format}`);
  if (encoded === undefined || encoded === '') return none(`has no key ".${format}"`);

  const text = Buffer.from(encoded, 'base64').toString('utf8');
  const { entries, problems } = parseDockerConfig(text, format);
  return {
    secret: { name, entries },
    problems: problems.map((problem) => `Secret ${quote(name)}: ${problem}`),
  };
}

/**
 * Reads a docker config. An entry that cannot be read costs no other entry.
 *
 * @returns at most 1,000 entries, in the file's order, those without any credential left out;
 *   problems instead of errors: it throws nothing, whatever the text (case 50)
 */
export function parseDockerConfig(text: string, format: DockerConfigFormat): ParsedDockerConfig {
  const config = readConfig(text, format);
  if ('problem' in config) {
    return { entries: [], problems: [config.problem], malformed: true };
  }

  const found = Object.entries(config.auths);
  const problems: string[] = [];
  if (found.length > maxEntries) {
    problems.push(`it has ${found.length} entries; only the first ${maxEntries} are used`);
  }
  const entries: DockerConfigEntry[] = [];
  for (const [key, value] of found.slice(0, maxEntries)) {
    if (key.length > maxKeyLength) {
      problems.push(`entry ${quote(key, 40)} is longer than ${maxKeyLength} characters`);
      continue;
    }
    const read = credentialOf(value);
    const name = withoutUser(key);
    if (read.problem !== undefined) problems.push(`entry ${quote(name, 60)}: ${read.problem}`);
    if (read.credential !== undefined) entries.push({ key: name, credential: read.credential });
  }
  if (entries.length === 0 && problems.length === 0) {
    problems.push(
      config.usesHelper
        ? 'it holds no credential, only the name of a helper (credsStore, credHelpers) that keeps them on the machine of the docker login'
        : 'it holds no credential',
    );
  }
  return { entries, problems: capped(problems), malformed: false };
}

function readConfig(
  text: string,
  format: DockerConfigFormat,
):
  | { readonly auths: Readonly<Record<string, unknown>>; readonly usesHelper: boolean }
  | { readonly problem: string } {
  const json = readJson(text);
  // Not JSON.parse's own message, which quotes the text.
  if (json === undefined) return { problem: 'the docker config is no JSON' };
  if (format === 'dockercfg') {
    const { success, data } = dockercfgSchema.safeParse(json);
    return success
      ? { auths: data, usesHelper: false }
      : { problem: 'the docker config is no map of registries' };
  }
  const { success, data } = dockerConfigSchema.safeParse(json);
  if (!success) return { problem: 'the docker config is no map with "auths", a map of registries' };
  const usesHelper = data.credsStore !== undefined || data.credHelpers !== undefined;
  if (!data.auths && !usesHelper) return { problem: 'the docker config has no "auths"' };
  return { auths: data.auths ?? {}, usesHelper };
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** `https://user:password@host/`: the kubelet looks at the host only, and a password is not to be shown. */
function withoutUser(key: string): string {
  const [scheme = ''] = /^https?:\/\//.exec(key) ?? [];
  const rest = key.slice(scheme.length);
  const slash = rest.indexOf('/');
  const authority = slash < 0 ? rest : rest.slice(0, slash);
  return scheme + rest.slice(authority.lastIndexOf('@') + 1);
}

function capped(problems: readonly string[]): readonly string[] {
  const more = problems.length - maxProblems;
  return more <= 0
    ? problems
    : [...problems.slice(0, maxProblems), `and ${more} more such problems`];
}
