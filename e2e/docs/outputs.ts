import { runCli } from '../../src/testing/cli.ts';
import type { Ended } from '../../src/testing/cli.ts';
import { startDocsWorld } from './world.ts';

/** What the program prints, for the README: real runs against an API server and a registry of src/testing. */

const columns = 110;

/** `check`, as wide as a page. */
export async function checkOutput(): Promise<string> {
  await using world = await startDocsWorld();
  const ended = await world.cli.run(['check'], { env: { ...world.env, COLUMNS: `${columns}` } });
  return printed(ended);
}

/** One tick in both formats of the log, with the restart that it makes. */
export async function logOutputs(): Promise<Readonly<Record<'pretty' | 'json', string>>> {
  const logs = { pretty: '', json: '' };
  for (const format of ['pretty', 'json'] as const) {
    await using world = await startDocsWorld();
    // Only web, so that the order of the lines is always the same.
    for (const name of ['api', 'worker', 'search'])
      world.cli.api.delete('Deployment', name, 'shop');
    world.cli.api.delete('StatefulSet', 'cache', 'shop');
    const args = ['run', '--once', '--log-format', format];
    logs[format] = printed(await world.cli.run(args, { env: world.env }));
  }
  return logs;
}

/** The demo, with the fields of its log left out that make lines longer than the page. */
export async function demoOutput(): Promise<string> {
  const ended = await runCli(['demo'], { env: { NO_COLOR: '1' } });
  return printed(ended)
    .replaceAll(longFields, '')
    .split('\n')
    .map((line) => (line.length > columns ? `${line.slice(0, columns - 1)}…` : line))
    .join('\n');
}

const longFields =
  / (?:kind|decision|container|image|running|latest|containerReason|containerMessage|durationMs)=(?:"[^"]*"|\S+)/g;

function printed({ exitCode, stdout, stderr }: Ended): string {
  if (exitCode !== 0 || stderr !== '') throw new Error(`exit code ${exitCode}: ${stderr}${stdout}`);
  return stdout.trim();
}
