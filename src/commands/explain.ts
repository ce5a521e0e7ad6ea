import type { CommonFlags, Invocation } from '../cli.ts';
import type { TickReport } from '../tick.ts';
import type { Environment } from './environment.ts';
import { exitCodeOf, type ExitCode } from './exit-code.ts';
import { explainText } from './explain-text.ts';
import { Explainer } from './explainer.ts';
import { missingHere, withForbidden } from './forbidden.ts';
import { configHints, hintsOf, lacksRules } from './hints.ts';
import { withPoller } from './one-tick.ts';
import { paperOf } from './paper.ts';
import { printableJson } from './printable-json.ts';
import { showProgress } from './progress.ts';
import { setUp, type Setup } from './setup.ts';

type Explain = Extract<Invocation, { readonly command: 'explain' }>;

/** Tells the whole way to the decision for one workload, changing nothing. */
export async function explain(
  environment: Environment,
  flags: CommonFlags,
  invocation: Explain,
): Promise<ExitCode> {
  const setup = await setUp(environment, flags, { logTo: 'stderr', logLevel: 'error' });
  const explainer = new Explainer();
  const { report, hints } = await look(environment, setup, invocation.workload, explainer);
  const document = explainer.document(report, setup.namespace, hints);
  environment.stdout.write(
    invocation.output === 'json'
      ? printableJson(document)
      : `${explainText(document, paperOf(environment))}\n`,
  );
  return exitCodeOf(report, invocation);
}

async function look(
  environment: Environment,
  setup: Setup,
  only: Explain['workload'],
  trace: Explainer,
): Promise<{ readonly report: TickReport; readonly hints: readonly string[] }> {
  using progress = showProgress(
    { stderr: environment.stderr, quiet: setup.logLevel !== 'error' },
    `explaining ${only.kind.toLowerCase()}/${only.name}`,
  );
  const options = { mode: 'check', only, trace, onWorkload: () => progress.done() } as const;
  // Awaited here, for the progress line is gone when this returns.
  return await withPoller(environment, setup, options, async (poller, signal) => {
    const [ticked, missing] = await Promise.all([
      poller.tick(signal),
      missingHere(poller, setup, signal),
    ]);
    const report = withForbidden(ticked, missing);
    const isFound = report.workloads.length > 0;
    if (isFound && !lacksRules(setup, report)) return { report, hints: [] };
    const { namespace } = setup;
    const neighbours = await poller.cluster.neighbours(signal);
    if (isFound) return { report, hints: configHints(neighbours, namespace) };
    const { selector } = setup.loaded.config;
    const place = { namespace, selector, only };
    return { report, hints: neighbours === undefined ? [] : hintsOf(neighbours, place) };
  });
}
