import type { CommonFlags, Invocation } from '../cli.ts';
import type { Environment } from './environment.ts';
import { exitCodeOf, type ExitCode } from './exit-code.ts';
import { Explainer } from './explain-document.ts';
import { explainText } from './explain-text.ts';
import { withPoller } from './one-tick.ts';
import { setUp } from './setup.ts';

type Explain = Extract<Invocation, { readonly command: 'explain' }>;

/** Tells the whole way to the decision for one workload, changing nothing. */
export async function explain(
  environment: Environment,
  flags: CommonFlags,
  invocation: Explain,
): Promise<ExitCode> {
  const setup = await setUp(environment, flags, { logTo: 'stderr', logLevel: 'error' });
  const explainer = new Explainer();
  const report = await withPoller(
    environment,
    setup,
    { mode: 'check', only: invocation.workload, trace: explainer },
    (poller, signal) => poller.tick(signal),
  );
  const document = explainer.document(report, setup.namespace);
  environment.stdout.write(
    invocation.output === 'json'
      ? `${JSON.stringify(document, undefined, 2)}\n`
      : `${explainText(document)}\n`,
  );
  return exitCodeOf(report, invocation);
}
