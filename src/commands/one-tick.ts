import { tickDeadlineMs } from '../schedule.ts';
import { createMetrics } from '../telemetry/metrics.ts';
import type { Environment } from './environment.ts';
import { createPoller, type Poller, type PollerOptions } from './poller.ts';
import type { Setup } from './setup.ts';

/**
 * A poller for one tick, without schedule and web server: `run --once`, `check` and `explain`.
 *
 * @param use given a signal that ends with the tick's deadline, or when we are told to stop
 */
export async function withPoller<Result>(
  environment: Environment,
  setup: Setup,
  options: Pick<PollerOptions, 'mode' | 'only' | 'trace' | 'onWorkload'>,
  use: (poller: Poller, signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const { config } = setup.loaded;
  const poller = createPoller({
    ...setup,
    ...options,
    config: () => config,
    instance: environment.hostname,
    metrics: createMetrics({ version: environment.version, processMetrics: false }),
  });
  const deadline = AbortSignal.timeout(
    tickDeadlineMs(config.cronSchedule, config.timeZone, new Date()),
  );
  try {
    return await use(poller, AbortSignal.any([environment.stop, deadline]));
  } finally {
    await poller.close();
  }
}
