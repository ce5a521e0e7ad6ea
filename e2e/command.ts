import { spawn } from 'node:child_process';

export interface Ended {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CommandOptions {
  readonly input?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Ends the command; 120 s. */
  readonly timeoutMs?: number;
}

/** Runs a command to its end, whatever that is. */
export function run(
  command: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      env: { ...process.env, ...options.env },
      timeout: options.timeoutMs ?? 120_000,
    });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    child.on('error', (error) => reject(new Error(`${command} does not start`, { cause: error })));
    child.on('close', (exitCode) => resolve({ exitCode, stdout, stderr }));
    // A command that ends without reading its input closes the pipe; how it ended says enough.
    child.stdin.on('error', () => {});
    child.stdin.end(options.input ?? '');
  });
}

/** The same for a command that must succeed: its standard output. */
export async function output(
  command: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<string> {
  const ended = await run(command, args, options);
  if (ended.exitCode !== 0) {
    const words = `${ended.stdout}${ended.stderr}`.trim();
    throw new Error(`${command} ${args.join(' ')}: exit code ${ended.exitCode}: ${words}`);
  }
  return ended.stdout;
}
