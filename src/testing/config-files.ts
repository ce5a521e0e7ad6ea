import type { EnvironmentVariables } from '../config/expand.ts';
import { formatProblem, loadConfig } from '../config/load.ts';
import type { Loaded } from '../config/load.ts';

/** What a config is loaded in. */
export interface ConfigWorld {
  readonly environment?: EnvironmentVariables;
  /** Content by path; a path that others begin with is a folder. */
  readonly files?: Readonly<Record<string, string>>;
  readonly now?: Date;
}

type ValidConfig = Extract<Loaded, { readonly ok: true }>;

/** Loads a text as `config.yaml` among files that are given by path. */
export async function loadText(
  text: string,
  { environment = {}, files = {}, now = new Date() }: ConfigWorld = {},
): Promise<Loaded> {
  const all = new Map(Object.entries({ ...files, 'config.yaml': text }));
  const readFile = async (path: string): Promise<Uint8Array> => {
    const content = all.get(path);
    if (content !== undefined) return Buffer.from(content);
    throw failure(codeOf(path, [...all.keys()]), path);
  };
  return loadConfig('config.yaml', { environment, readFile, now: () => now });
}

/** Every problem as people see it; empty for a valid config. */
export async function problemsOf(text: string, world?: ConfigWorld): Promise<readonly string[]> {
  const loaded = await loadText(text, world);
  return loaded.ok ? [] : loaded.problems.map(formatProblem);
}

/** @throws where the config is not valid */
export async function loadValid(text: string, world?: ConfigWorld): Promise<ValidConfig> {
  const loaded = await loadText(text, world);
  if (loaded.ok) return loaded;
  throw new Error(loaded.problems.map(formatProblem).join('\n'));
}

/** An error as `node:fs` rejects with. */
export function failure(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${path}`), { code });
}

function codeOf(path: string, paths: readonly string[]): string {
  if (paths.some((other) => other.startsWith(`${path}/`))) return 'EISDIR';
  return paths.some((other) => path.startsWith(`${other}/`)) ? 'ENOTDIR' : 'ENOENT';
}
