import type { CommonFlags, Invocation } from '../cli.ts';

import { checkDocument } from './check-document.ts';
import { checkTable, type Paper } from './check-table.ts';
import { hasColour, type Environment } from './environment.ts';
import { exitCodeOf, type ExitCode } from './exit-code.ts';
import { oneTick } from './one-tick.ts';
import { setUp } from './setup.ts';

type Check = Extract<Invocation, { readonly command: 'check' }>;

/** Says what `run --once` would do, changing nothing: stdout holds the answer only. */
export async function check(
  environment: Environment,
  flags: CommonFlags,
  invocation: Check,
): Promise<ExitCode> {
  const setup = await setUp(environment, flags, { logTo: 'stderr', logLevel: 'error' });
  const { workload } = invocation;
  const report = await oneTick(environment, setup, {
    mode: 'check',
    ...(workload && { only: workload }),
  });
  const { stdout } = environment;
  const answer =
    invocation.output === 'json'
      ? JSON.stringify(checkDocument(report, setup.namespace), undefined, 2)
      : checkTable(report, paperOf(environment));
  stdout.write(`${answer}\n`);
  return exitCodeOf(report, invocation);
}

function paperOf(environment: Environment): Paper {
  const { stdout } = environment;
  return {
    color: hasColour(stdout, environment),
    ...(stdout.isTerminal && { columns: stdout.columns ?? 80 }),
  };
}
