import { tickDeadlineMs } from '../schedule.ts';
import { createMetrics } from '../telemetry/metrics.ts';
import type { TickReport } from '../tick.ts';
import type { Environment } from './environment.ts';
import { createPoller, type PollerOptions } from './poller.ts';
import type { Setup } from './setup.ts';

/** One tick without schedule and web server: `run --once`, `check` and `explain`. */
export async function oneTick(
  environment: Environment,
  setup: Setup,
  options: Pick<PollerOptions, 'mode' | 'only' | 'trace'>,
): Promise<TickReport> {
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
    return await poller.tick(AbortSignal.any([environment.stop, deadline]));
  } finally {
    await poller.close();
  }
}
