import type { TickReport } from '../tick.ts';

export type ExitCode = 0 | 1 | 2 | 3;

/**
 * The exit code of one tick: 0 when it completed; 1 when something could not be listed, it was cut
 * short, or acting failed other than by `conflict` or `gone`; 3 when something would be restarted.
 *
 * @param options.failOnUnknown 1 also when a container is `unknown`
 * @param options.exitCode      3 when something would be restarted; 1 beats it
 */
export function exitCodeOf(
  report: TickReport,
  options: { readonly failOnUnknown: boolean; readonly exitCode: boolean },
): ExitCode {
  const incomplete = report.result !== 'success' || report.problems.length > 0;
  const actingFailed = report.workloads.some(
    ({ decision, reason }) => decision === 'failed' && reason !== 'conflict' && reason !== 'gone',
  );
  const unknown = report.workloads.some(({ containers }) =>
    containers.some(({ verdict }) => verdict === 'unknown'),
  );
  if (incomplete || actingFailed || (options.failOnUnknown && unknown)) return 1;
  const restart = report.workloads.some(({ decision }) => decision === 'restart');
  return options.exitCode && restart ? 3 : 0;
}
