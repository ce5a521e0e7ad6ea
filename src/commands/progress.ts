import type { Output } from './environment.ts';

/** A line on stderr that says how far a tick is, while it takes long. */
export interface Progress extends Disposable {
  /** A workload begins. */
  found(): void;
  /** It has been decided on. */
  done(): void;
}

export interface ProgressOptions {
  readonly stderr: Output;
  /** Something else is written to the same terminal: the log. */
  readonly quiet: boolean;
  readonly monotonicMs?: () => number;
}

/** Who waits no longer than this need not be told. */
const silentMs = 700;
const everyMs = 200;

const clearLine = '\r\u{1b}[K';

/**
 * Begins to count; on a terminal a line appears when it takes long, and is gone at the end.
 *
 * @param what the first words: `checking namespace shop`
 */
export function showProgress(
  { stderr, quiet, monotonicMs = () => performance.now() }: ProgressOptions,
  what: string,
): Progress {
  const startedMs = monotonicMs();
  let found = 0;
  let done = 0;
  let isShown = false;
  const timer = stderr.isTerminal && !quiet ? setInterval(show, everyMs) : undefined;

  function show(): void {
    const passedMs = monotonicMs() - startedMs;
    if (passedMs < silentMs) return;
    isShown = true;
    const count = found === 0 ? '' : ` ${done} of ${found} workloads,`;
    const line = `${what}:${count} ${Math.floor(passedMs / 1000)} s`;
    // A line that wraps cannot be taken back.
    stderr.write(`${clearLine}${line.slice(0, (stderr.columns || 80) - 1)}`);
  }

  return {
    found() {
      found += 1;
    },
    done() {
      done += 1;
    },
    [Symbol.dispose]() {
      clearInterval(timer);
      if (isShown) stderr.write(clearLine);
    },
  };
}
