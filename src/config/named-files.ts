import type { ConfigDocument } from './document.ts';
import type { Files } from './files.ts';
import { quoted } from './issues.ts';
import type { Finding, KeyPath } from './problem.ts';

/** Reads the files that the config names, and gathers what is wrong with them by the key that names them. */
export class NamedFiles {
  readonly problems: Finding[] = [];
  readonly warnings: Finding[] = [];
  readonly now: Date;
  readonly #files: Files;
  readonly #document: ConfigDocument;

  constructor(files: Files, document: ConfigDocument, now: Date) {
    this.#files = files;
    this.#document = document;
    this.now = now;
  }

  /** The text of a file; undefined where it cannot be read, which is noted then. */
  async read(path: string, key: KeyPath): Promise<string | undefined> {
    const read = await this.#files.read(path, this.#name(path, key));
    if (read.ok) return read.text;
    this.complain(key, read.message);
    return undefined;
  }

  /** The text of the first of several files in a folder that exists; the folder may be a file itself. */
  async readOneOf(
    folder: string,
    names: readonly string[],
    key: KeyPath,
  ): Promise<{ readonly name: string; readonly text: string } | undefined> {
    const written = withoutSlash(this.#name(folder, key));
    for (const name of names) {
      // oxlint-disable-next-line no-await-in-loop -- the second only where the first is absent
      const read = await this.#files.read(`${withoutSlash(folder)}/${name}`, `${written}/${name}`);
      if (read.ok) return { name, text: read.text };
      if (read.code === 'ENOTDIR') {
        // oxlint-disable-next-line no-await-in-loop -- the last turn
        const text = await this.read(folder, key);
        return text === undefined ? undefined : { name: folder, text };
      }
      if (read.code !== 'ENOENT') {
        this.complain(key, `holds a ${name} that ${read.message}`);
        return undefined;
      }
    }
    this.complain(key, `does not exist or holds no ${names.join(' or ')}`);
    return undefined;
  }

  /** Notes a problem as a sentence that begins with the value of the key. */
  complain(key: KeyPath, message: string): void {
    this.problems.push({ path: key, message: `${quoted(key, this.#document)} ${message}` });
  }

  warn(key: KeyPath, message: string): void {
    this.warnings.push({ path: key, message: `${quoted(key, this.#document)} ${message}` });
  }

  #name(path: string, key: KeyPath): string {
    return this.#document.written(key) ?? path;
  }
}

function withoutSlash(folder: string): string {
  return folder.endsWith('/') ? folder.slice(0, -1) : folder;
}
