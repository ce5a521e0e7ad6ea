import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';

const packageJson = z.object({ name: z.string(), version: z.string(), license: z.string() });

/**
 * The licence texts of all packages that a bundle holds, which most of them want to be passed on.
 *
 * @param root   of the project
 * @param inputs of esbuild's metafile: paths of bundled files, relative to the root
 */
export async function licencesOf(root: string, inputs: readonly string[]): Promise<string> {
  const packages = new Set<string>();
  for (const input of inputs) {
    const [folder] = /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/.exec(input) ?? [];
    if (folder !== undefined) packages.add(folder);
  }
  const texts: string[] = [];
  for (const folder of [...packages].toSorted()) {
    const { name, version, license } = packageJson.parse(
      JSON.parse(await readFile(join(root, folder, 'package.json'), 'utf8')),
    );
    const files = await readdir(join(root, folder));
    const file = files.find((candidate) => /^(licen[cs]e|copying)/i.test(candidate));
    const text = file === undefined ? '' : await readFile(join(root, folder, file), 'utf8');
    texts.push(`${name} ${version} (${license})\n\n${text.trim()}\n`);
  }
  return texts.join(`\n${'-'.repeat(80)}\n\n`);
}
