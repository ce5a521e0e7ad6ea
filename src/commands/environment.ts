/** Somewhere to print; a terminal or not. */
export interface Output {
  write(text: string): void;
  readonly isTerminal: boolean;
  /** Characters in a line of the terminal. */
  readonly columns?: number;
}

/** All that a command takes from outside its arguments; `main.ts` reads it from the process. */
export interface Environment {
  readonly variables: Readonly<Record<string, string | undefined>>;
  readonly version: string;
  /** The Pod's name in a cluster. */
  readonly hostname: string;
  readonly stdout: Output;
  readonly stderr: Output;
  /** SIGTERM or SIGINT came: end soon. */
  readonly stop: AbortSignal;
}

/** A command cannot begin: the message is all that is printed. 2: usage or config, 1: the world. */
export class StartError extends Error {
  override readonly name = 'StartError';
  readonly exitCode: 1 | 2;

  constructor(message: string, exitCode: 1 | 2) {
    super(message);
    this.exitCode = exitCode;
  }
}

const oldestNode = 24;

/**
 * Older ones end in the stack trace of the first module that they cannot load, a page of bundled code: `npm` brings the
 * right one, but a link in the `PATH` takes whatever the machine has.
 *
 * @throws {StartError} exit code 2
 */
export function checkNode(version: string): void {
  if (Number.parseInt(version, 10) >= oldestNode) return;
  throw new StartError(`Node ${oldestNode} or newer is needed; this is ${version}`, 2);
}

/** Colours are for terminals whose owner did not refuse them. @see https://no-color.org */
export function hasColour(output: Output, { variables }: Environment): boolean {
  return output.isTerminal && (variables['NO_COLOR'] ?? '') === '' && variables['TERM'] !== 'dumb';
}

/** An empty variable is as good as none. */
export function variable({ variables }: Environment, name: string): string | undefined {
  const value = variables[name];
  return value === '' ? undefined : value;
}
