#!/usr/bin/env node
import { hostname } from 'node:os';
import { isatty } from 'node:tty';
import packageJson from '../package.json' with { type: 'json' };
import { calledAs, parseCommandLine, type CommonFlags, type Invocation } from './cli.ts';
import { checkNode, StartError, type Environment, type Output } from './commands/environment.ts';
import type { ExitCode } from './commands/exit-code.ts';
import { printable } from './image/quote.ts';

/** The composition root, and the only file that reads the process. */
async function main(): Promise<ExitCode> {
  const environment = readEnvironment();
  const exitCode = await obey(environment);
  const { stop } = environment;
  await Promise.all([written(process.stdout, stop), written(process.stderr, stop)]);
  return exitCode;
}

async function obey(environment: Environment): Promise<ExitCode> {
  const [, script = '', ...args] = process.argv;
  const { stdout, stderr } = environment;
  const line = parseCommandLine(args, packageJson.version, calledAs(script));
  if (!line.ok) {
    (line.exitCode === 0 ? stdout : stderr).write(line.text);
    return line.exitCode;
  }
  try {
    return await dispatch(environment, line.invocation, line.flags);
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    const lines = error.message.split('\n').map(printable);
    stderr.write(`error: ${lines.join('\n')}\n`);
    return error.exitCode;
  }
}

/** Commands are loaded when they are called: `validate` needs no Kubernetes client. */
async function dispatch(
  environment: Environment,
  invocation: Invocation,
  flags: CommonFlags,
): Promise<ExitCode> {
  checkNode(process.versions.node);
  switch (invocation.command) {
    case 'run':
      return (await import('./commands/run.ts')).run(environment, flags, invocation);
    case 'check':
      return (await import('./commands/check.ts')).check(environment, flags, invocation);
    case 'explain':
      return (await import('./commands/explain.ts')).explain(environment, flags, invocation);
    case 'validate':
      return (await import('./commands/validate.ts')).validate(environment, flags);
    case 'schema':
      return (await import('./commands/schema.ts')).schema(environment);
    case 'demo':
      return (await import('./commands/demo.ts')).demo(environment);
  }
}

function readEnvironment(): Environment {
  const stop = new AbortController();
  stopOnSignal(stop);
  return {
    variables: process.env,
    version: packageJson.version,
    hostname: hostname(),
    stdout: outputOf(process.stdout, 1, stop),
    stderr: outputOf(process.stderr, 2, stop),
    stop: stop.signal,
  };
}

function outputOf(stream: NodeJS.WriteStream, descriptor: number, stop: AbortController): Output {
  // `check | head`: whoever read along has seen enough. It ends with the exit code that it would have had.
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    stop.abort(new Error('nobody reads on'));
  });
  return {
    write: (text) => {
      stream.write(text);
    },
    isTerminal: isatty(descriptor),
    ...(isatty(descriptor) && { columns: stream.columns }),
  };
}

/**
 * Until the last of an answer has been taken, or we are to stop. A pipe holds 64 KiB, and whoever reads from it may take
 * their time, as in `check | less`: what they have not taken when we leave is lost.
 */
async function written(stream: NodeJS.WriteStream, stop: AbortSignal): Promise<void> {
  if (stop.aborted) return;
  await new Promise<void>((resolve) => {
    stop.addEventListener('abort', () => resolve(), { once: true });
    stream.write('', () => resolve());
  });
}

/** The first signal asks to stop, the second one does not ask. */
function stopOnSignal(stop: AbortController): void {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      if (stop.signal.aborted) process.exit(signal === 'SIGINT' ? 130 : 143);
      stop.abort(new Error(`${signal} received`));
    });
  }
}

/**
 * Ends without waiting for anything. `process.exit()` joins libuv's threads, one of which may be asking a silent DNS
 * server for half a minute to come (case 58); a program that takes our place needs none of them.
 */
function leave(): void {
  const script = `process.exitCode = ${Number(process.exitCode ?? 0)}`;
  process.execve?.(process.execPath, [process.execPath, '--eval', script], {});
  process.exit();
}

// Half of these threads may ask the DNS at once, and a silent server holds each for half a minute: four are too few.
process.env['UV_THREADPOOL_SIZE'] ??= '64';

// What still holds the loop open now was not meant to; an orderly end has no such thing.
const exitGraceMs = 1_000;

process.exitCode = await main();
setTimeout(leave, exitGraceMs).unref();
