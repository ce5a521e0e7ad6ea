import type { CommonFlags, Invocation } from '../cli.ts';
import type { TickReport } from '../tick.ts';
import { checkDocument } from './check-document.ts';
import { checkText } from './check-text.ts';
import type { Environment } from './environment.ts';
import { exitCodeOf, type ExitCode } from './exit-code.ts';
import { missingHere, permissionHints, withForbidden } from './forbidden.ts';
import { configHints, hintsOf, lacksRules } from './hints.ts';
import { withPoller } from './one-tick.ts';
import { paperOf } from './paper.ts';
import type { Poller } from './poller.ts';
import { printableJson } from './printable-json.ts';
import { showProgress } from './progress.ts';
import { setUp, type Setup } from './setup.ts';

type Check = Extract<Invocation, { readonly command: 'check' }>;

/** Says what `run --once` would do, changing nothing: stdout holds the answer only. */
export async function check(
  environment: Environment,
  flags: CommonFlags,
  invocation: Check,
): Promise<ExitCode> {
  const setup = await setUp(environment, flags, { logTo: 'stderr', logLevel: 'error' });
  const { report, hints } = await look(environment, setup, invocation);
  environment.stdout.write(
    invocation.output === 'json'
      ? printableJson(checkDocument(report, setup.namespace, hints))
      : `${checkText(report, hints, paperOf(environment))}\n`,
  );
  return exitCodeOf(report, invocation);
}

interface Look {
  readonly report: TickReport;
  readonly hints: readonly string[];
}

async function look(environment: Environment, setup: Setup, { workload }: Check): Promise<Look> {
  const { namespace } = setup;
  using progress = showProgress(
    { stderr: environment.stderr, quiet: setup.logLevel !== 'error' },
    `checking namespace ${namespace}`,
  );
  // Awaited here, for the progress line is gone when this returns.
  return await withPoller(
    environment,
    setup,
    {
      mode: 'check',
      ...(workload && { only: workload }),
      trace: { ...silent, observed: () => progress.found() },
      onWorkload: () => progress.done(),
    },
    async (poller, signal) => {
      // All at once: what is looked at for hints costs no time of its own.
      const hinting = lookAround(poller, setup, signal);
      const report = await poller.tick(signal);
      const { neighbours, missing } = await hinting;
      const { selector } = setup.loaded.config;
      const place = { namespace, selector, ...(workload && { only: workload }) };
      const labels = neighbours === undefined ? [] : hintsOf(neighbours, place);
      const rules = lacksRules(setup, report) ? configHints(neighbours, namespace) : [];
      return {
        report: withForbidden(report, missing),
        hints: [...labels, ...rules, ...permissionHints(missing, report)],
      };
    },
  );
}

async function lookAround(poller: Poller, setup: Setup, signal: AbortSignal) {
  const [neighbours, missing] = await Promise.all([
    poller.cluster.neighbours(signal),
    missingHere(poller, setup, signal),
  ]);
  return { neighbours, missing };
}

const silent = {
  candidates() {},
  latest() {},
  manifest() {},
  request() {},
};
