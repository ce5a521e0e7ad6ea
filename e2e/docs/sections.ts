import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const file = join(import.meta.dirname, '../../README.md');

/** The README, of which parts are made: what stands between `<!-- name -->` and `<!-- /name -->`. */
export class Readme {
  #text: string;

  private constructor(text: string) {
    this.#text = text;
  }

  static async read(): Promise<Readme> {
    return new Readme(await readFile(file, 'utf8'));
  }

  /** @throws {Error} where the README has no such section */
  section(name: string): string {
    const [text] = between(name).exec(this.#text) ?? [];
    if (text === undefined)
      throw new Error(`README.md has no <!-- ${name} --> … <!-- /${name} -->`);
    return text;
  }

  replace(name: string, text: string): void {
    this.#text = this.#text.replace(between(name), () => text);
  }

  async write(): Promise<void> {
    await writeFile(file, this.#text);
  }
}

/** A block of code. */
export function block(text: string, language = ''): string {
  return `\`\`\`${language}\n${text}\n\`\`\``;
}

function between(name: string): RegExp {
  return new RegExp(`(?<=<!-- ${name} -->\n)[^]*?(?=\n<!-- /${name} -->)`);
}
