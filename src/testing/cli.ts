import { fork } from 'node:child_process';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** How a child process ended, with all that it said. */
export interface Ended {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The program as a user runs it: a process of its own, from its sources. */
export interface Cli extends AsyncDisposable {
  /** What it has said so far, on both. */
  readonly output: () => string;
  readonly ended: Promise<Ended>;
  kill(signal: NodeJS.Signals): void;
  /** Closes the pipes that it writes to, as `| head` does when it has seen enough. */
  stopReading(): void;
  /** Waits until it has said something; throws when it ends without. */
  says(pattern: RegExp): Promise<void>;
}

export interface CliOptions {
  /** All of its environment. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Once it has begun to answer on stdout, nothing is read for so many milliseconds, as by `| less`. */
  readonly pauseMs?: number;
}

const main = join(import.meta.dirname, '../main.ts');

/** Long for a machine that is busy, short for one whose tests hang. */
const patienceMs = 120_000;

export function startCli(
  args: readonly string[],
  { env = {}, cwd, pauseMs = 0 }: CliOptions = {},
): Cli {
  // Of all ways to start a child, this one takes the very Node that the tests run on.
  const child = fork(main, args, {
    env,
    execArgv: [],
    silent: true,
    ...(cwd !== undefined && { cwd }),
  });
  let stdout = '';
  let stderr = '';
  const read = (): void => {
    child.stdout?.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  };
  if (pauseMs === 0) read();
  else child.stdout?.once('readable', () => setTimeout(read, pauseMs));
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  let hasEnded = false;
  const ended = new Promise<Ended>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (exitCode, signal) => {
      hasEnded = true;
      resolve({ exitCode, signal, stdout, stderr });
    });
  });
  const output = (): string => stdout + stderr;
  return {
    output,
    ended,
    kill: (signal) => {
      child.kill(signal);
    },
    stopReading: () => {
      child.stdout?.destroy();
      child.stderr?.destroy();
    },
    says: (pattern) =>
      waitFor(`it says ${String(pattern)}`, () => {
        if (pattern.test(output())) return true;
        if (hasEnded) throw new Error(`ended without saying ${String(pattern)}:\n${output()}`);
        return false;
      }),
    async [Symbol.asyncDispose]() {
      if (!hasEnded) child.kill('SIGKILL');
      await ended;
    },
  };
}

/** Runs the program to its end. */
export async function runCli(args: readonly string[], options: CliOptions = {}): Promise<Ended> {
  await using cli = startCli(args, options);
  return await cli.ended;
}

/** Asks until the answer is yes. */
export async function waitFor(
  what: string,
  condition: () => boolean | Promise<boolean>,
): Promise<void> {
  const endsAt = performance.now() + patienceMs;
  while (!(await condition())) {
    if (performance.now() > endsAt) throw new Error(`waited in vain until ${what}`);
    // oxlint-disable-next-line no-await-in-loop -- that is what waiting is
    await sleep(50);
  }
}

/** A port that nobody listens on at this moment. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  await new Promise((resolve) => {
    server.close(resolve);
  });
  if (address === null || typeof address === 'string') throw new Error('no port to be had');
  return address.port;
}
