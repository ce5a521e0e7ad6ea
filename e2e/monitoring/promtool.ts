import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Ended, run } from '../command.ts';

/** Runs promtool, which comes with Debian's package `prometheus`, on text that it reads from a pipe. */
export function promtool(args: readonly string[], input = ''): Promise<Ended> {
  return run('promtool', args, { input });
}

/** The same on files, by name; they are gone afterwards. */
export async function promtoolOn(
  args: readonly string[],
  files: Readonly<Record<string, object>>,
): Promise<Ended> {
  const folder = await mkdtemp(join(tmpdir(), 'kube-autorollout-promtool-'));
  try {
    for (const [name, document] of Object.entries(files)) {
      // JSON is YAML.
      await writeFile(join(folder, name), JSON.stringify(document));
    }
    return await run('promtool', [...args, join(folder, Object.keys(files)[0] ?? '')]);
  } finally {
    await rm(folder, { recursive: true });
  }
}
