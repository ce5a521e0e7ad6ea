import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';

/** What was read, by name; a change of the fingerprint is a change of the file. */
export interface WatchedFile {
  /** The path as the config writes it, variables not expanded. */
  readonly name: string;
  /** Of the content; or of why there is none, so that a file that appears is a change. */
  readonly fingerprint: string;
}

/** Rejects with a `code` as `node:fs` does. */
export type ReadFile = (path: string) => Promise<Uint8Array>;

export type FileRead =
  | { readonly ok: true; readonly text: string }
  /** `code` as of `node:fs`, or `not-text`. Message: the rest of a sentence that begins with the file. */
  | { readonly ok: false; readonly code: string; readonly message: string };

/** Twice what the API server lets into a ConfigMap or Secret, and ten times a system's CA bundle. */
const maxBytes = 2 * 1024 * 1024;

/** Reads a regular file of at most 2 MiB: opening a FIFO may never end, nor reading /dev/zero. */
export async function readRegularFile(path: string): Promise<Uint8Array> {
  const found = await stat(path);
  if (found.isDirectory()) throw new FileError('EISDIR', path);
  if (!found.isFile()) throw new FileError('ENXIO', path);
  if (found.size > maxBytes) throw new FileError('EFBIG', path);
  return readFile(path);
}

class FileError extends Error {
  override readonly name = 'FileError';
  readonly code: string;

  constructor(code: string, path: string) {
    super(`${code}: ${path}`);
    this.code = code;
  }
}

/** Reads the files of one load and keeps what is needed to notice their change. */
export class Files {
  readonly #readFile: ReadFile;
  readonly #watched = new Map<string, WatchedFile>();

  constructor(read: ReadFile) {
    this.#readFile = read;
  }

  /** @param name the path as the config writes it */
  async read(path: string, name: string): Promise<FileRead> {
    let content: Uint8Array;
    try {
      content = await this.#readFile(path);
    } catch (error) {
      const code = codeOf(error);
      this.#watched.set(path, { name, fingerprint: code });
      return { ok: false, code, message: messages.get(code) ?? `cannot be read (${code})` };
    }
    const fingerprint = createHash('sha256').update(content).digest('hex');
    this.#watched.set(path, { name, fingerprint });
    const text = decode(content);
    return text === undefined
      ? { ok: false, code: 'not-text', message: 'is no text in UTF-8' }
      : { ok: true, text };
  }

  get watched(): readonly WatchedFile[] {
    return [...this.#watched.values()];
  }
}

const messages: ReadonlyMap<string, string> = new Map([
  ['ENOENT', 'does not exist'],
  ['ENOTDIR', 'does not exist'],
  ['EISDIR', 'is a folder, not a file'],
  ['EACCES', 'may not be read: permission denied'],
  ['EPERM', 'may not be read: permission denied'],
  ['EFBIG', 'is larger than 2 MiB'],
  ['ENXIO', 'is no regular file'],
]);

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string'
    ? error.code
    : 'unknown error';
}

function decode(content: Uint8Array): string | undefined {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(content);
    return text.includes('\0') ? undefined : text;
  } catch {
    return undefined;
  }
}
