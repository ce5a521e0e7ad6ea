import type { CommonFlags, Invocation } from '../cli.ts';
import type { Config } from '../config/config.ts';
import { formatProblem } from '../config/load.ts';
import { watchConfig } from '../config/watch.ts';
import { describeMissing } from '../kube/permissions.ts';
import { createSchedule, jitterOf, type Schedule, type Timing } from '../schedule.ts';
import { createHealth, type Health } from '../telemetry/health.ts';
import type { Log } from '../telemetry/log.ts';
import { createMetrics, type Metrics } from '../telemetry/metrics.ts';
import { createWebServer, WebServerError, type WebServer } from '../telemetry/server.ts';
import { StartError, type Environment } from './environment.ts';
import { exitCodeOf, type ExitCode } from './exit-code.ts';
import { withPoller } from './one-tick.ts';
import { createPoller, type Poller } from './poller.ts';
import { scheduleTimes } from './schedule-times.ts';
import { setUp, type Setup } from './setup.ts';

type Run = Extract<Invocation, { readonly command: 'run' }>;

/** Watches on a schedule until it is told to stop, or for one tick. */
export async function run(
  environment: Environment,
  flags: CommonFlags,
  invocation: Run,
): Promise<ExitCode> {
  const setup = await setUp(environment, flags, { logTo: 'stdout', logLevel: 'info' });
  const mode = flags.dryRun ? 'dry-run' : 'act';
  tellStart(environment, setup, invocation.once);
  if (invocation.once) {
    const report = await withPoller(environment, setup, { mode }, (poller, signal) =>
      poller.tick(signal),
    );
    return exitCodeOf(report, { ...invocation, exitCode: false });
  }
  return watch(environment, setup, mode);
}

/** Everything that runs until the stop. */
async function watch(
  environment: Environment,
  setup: Setup,
  mode: 'act' | 'dry-run',
): Promise<ExitCode> {
  const { log, namespace } = setup;
  let { config } = setup.loaded;
  const metrics = createMetrics({ version: environment.version });
  const health = createHealth({ monotonicMs: () => performance.now() });
  health.configLoaded();
  const server = await listen(config.webserver.port, { health, metrics, log });
  const poller = createPoller({
    ...setup,
    mode,
    config: () => config,
    instance: environment.hostname,
    metrics,
    onListed: () => health.listed(),
  });
  const schedule = createSchedule({
    ...timingOf(config, namespace),
    runOnStart: config.runOnStart,
    tick: async (signal) => {
      const { listed } = await poller.tick(signal);
      health.tickEnded(listed ? 'success' : 'failed');
    },
    onStarted: (deadlineMs) => health.tickStarted(deadlineMs),
    onSkipped: () => {
      metrics.tickSkipped();
      log.warn({}, 'tick skipped: the one before still runs');
    },
    onError: (error) => {
      health.tickEnded('failed');
      log.error({ error }, 'tick threw, which is a defect; please report it');
    },
  });
  const watcher = watchConfig({
    load: setup.load,
    current: setup.loaded,
    onChange: ({ config: changed, warnings }, names) => {
      const { port } = config.webserver;
      metrics.configReloaded('ok');
      config = changed;
      schedule.rearm(timingOf(changed, namespace));
      log.info({ changed: names }, 'configuration changed; it takes effect with the next tick');
      for (const warning of warnings) log.warn({ warning }, 'configuration has a warning');
      tellSchedule(log, changed);
      if (changed.webserver.port !== port) {
        log.warn({ port: changed.webserver.port }, 'webserver.port takes effect after a restart');
      }
    },
    onInvalid: (problems) => {
      metrics.configReloaded('invalid');
      log.error(
        { problems: problems.map(formatProblem) },
        'configuration is invalid; the last good one stays in force',
      );
    },
    onRestored: () => log.info({}, 'configuration is valid again, and what is in force'),
  });

  schedule.start();
  void tellPermissions(poller, log, environment.stop);
  if (!config.runOnStart) void probe(poller, { health, log }, environment.stop);
  await stopped(environment.stop);

  log.info({}, 'stopping');
  watcher.stop();
  return stop({ schedule, server, poller, log });
}

/** In order: nothing new is begun, what runs is told to end, then connections are closed. */
async function stop(parts: {
  readonly schedule: Schedule;
  readonly server: WebServer | undefined;
  readonly poller: Poller;
  readonly log: Log;
}): Promise<ExitCode> {
  const ended = await parts.schedule.stop();
  await Promise.all([parts.server?.close(), parts.poller.close()]);
  if (ended === 'abandoned') {
    parts.log.error({}, 'stopped, but the tick under way had not ended');
    return 1;
  }
  parts.log.info({}, 'stopped');
  return 0;
}

async function stopped(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

function timingOf(config: Config, namespace: string): Timing {
  return {
    pattern: config.cronSchedule,
    timeZone: config.timeZone,
    jitterMs: jitterOf(namespace, config.jitterSeconds),
  };
}

async function listen(
  port: number,
  { log, ...parts }: { readonly health: Health; readonly metrics: Metrics; readonly log: Log },
): Promise<WebServer | undefined> {
  if (port === 0) return undefined;
  const server = createWebServer(parts);
  try {
    await server.listen(port);
  } catch (error) {
    if (error instanceof WebServerError) throw new StartError(error.message, 1);
    throw error;
  }
  log.debug({ port }, 'web server listens');
  return server;
}

/** Until the API server has answered once: what is ready must have seen it. */
async function probe(
  poller: Poller,
  { health, log }: { readonly health: Health; readonly log: Log },
  signal: AbortSignal,
): Promise<void> {
  let said = '';
  while (!signal.aborted) {
    // oxlint-disable-next-line no-await-in-loop -- one question after the other
    const answer = await poller.cluster.probe(signal);
    if (answer.ok) {
      health.listed();
      return;
    }
    // The first tick, which would tell, may be a day away.
    if (answer.message !== said && !signal.aborted) {
      said = answer.message;
      log.warn({ message: said }, 'not ready yet: workloads could not be listed');
    }
    // oxlint-disable-next-line no-await-in-loop
    await pause(probePauseMs, signal);
  }
}

const probePauseMs = 5_000;

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  signal.addEventListener('abort', () => resolve(), { once: true });
  await promise;
  clearTimeout(timer);
}

async function tellPermissions(poller: Poller, log: Log, signal: AbortSignal): Promise<void> {
  const missing = await poller.cluster.missingPermissions(signal);
  if (missing.length > 0 && !signal.aborted) {
    log.warn(
      { missing: missing.map(describeMissing) },
      'the Role lacks permissions; what they are for does not work',
    );
  }
}

function tellStart(environment: Environment, setup: Setup, once: boolean): void {
  const { log, loaded, namespace, connection } = setup;
  const { config, warnings } = loaded;
  log.info(
    {
      version: environment.version,
      namespace,
      server: connection.server,
      selector: config.selector,
      registries: config.registries.map(({ hostnamePattern }) => hostnamePattern),
    },
    'kube-autorollout started',
  );
  for (const warning of warnings) log.warn({ warning }, 'configuration has a warning');
  if (!once) tellSchedule(log, config);
}

/** A step of 45 seconds is :00 and :45, not every 45 seconds: people see it in the times (case 56). */
function tellSchedule(log: Log, config: Config): void {
  const { cronSchedule, timeZone } = config;
  const { next, uneven } = scheduleTimes(config, new Date());
  log.info({ cronSchedule, timeZone, next }, 'ticks are scheduled');
  if (uneven !== undefined) {
    log.warn({ cronSchedule, next, gaps: uneven }, 'the schedule fires unevenly');
  }
}
