import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

const prefix = 'kube_autorollout_';

/** Every metric of its own, by name, help and labels; what feeds them is in `metrics.ts`. */
export function createInstruments(registry: Registry) {
  const registers = [registry];
  const counter = <Label extends string>(name: string, help: string, labelNames: Label[] = []) =>
    new Counter({ name: `${prefix}${name}`, help, labelNames, registers });
  const gauge = <Label extends string>(name: string, help: string, labelNames: Label[] = []) =>
    new Gauge({ name: `${prefix}${name}`, help, labelNames, registers });

  return {
    ticks: counter('ticks_total', 'Ticks that ended, by result.', ['result']),
    ticksSkipped: counter('ticks_skipped_total', 'Due ticks that found one running.'),
    tickDuration: new Histogram({
      name: `${prefix}tick_duration_seconds`,
      help: 'Time from the start to the end of a tick.',
      buckets: [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120, 300],
      registers,
    }),
    lastSuccess: gauge(
      'last_success_timestamp_seconds',
      'Unix time at which the last successful tick ended; 0 before the first.',
    ),
    workloads: gauge(
      'workloads',
      'Watched workloads by what the last tick that saw them decided, and why.',
      ['decision', 'reason'],
    ),
    containers: gauge(
      'containers',
      'Containers of watched workloads by what the last tick that saw them found, and why.',
      ['verdict', 'reason'],
    ),
    notConverging: gauge(
      'not_converging',
      'Workloads that were restarted for what their tag names and do not run it.',
    ),
    restarts: counter('restarts_total', 'Restarts by kind of workload and by result.', [
      'kind',
      'result',
    ]),
    requests: counter(
      'registry_requests_total',
      'Requests to registries and their token endpoints; the code is "none" where no answer came.',
      ['registry', 'method', 'code'],
    ),
    requestDuration: new Histogram({
      name: `${prefix}registry_request_duration_seconds`,
      help: 'Time that requests to registries and their token endpoints took.',
      labelNames: ['registry'],
      buckets: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
      registers,
    }),
    rateLimitRemaining: gauge(
      'registry_rate_limit_remaining',
      'Requests that the registry said are left in its current window.',
      ['registry'],
    ),
    throttled: counter(
      'registry_throttled_total',
      'Times that a registry asked to come back later.',
      ['registry'],
    ),
    tokens: counter('token_requests_total', 'Requests for a token, by result.', [
      'registry',
      'result',
    ]),
    rejections: counter(
      'credential_rejections_total',
      'Answers by which a registry refused a credential.',
      ['registry'],
    ),
    reloads: counter('config_reloads_total', 'Reloads of the configuration, by result.', [
      'result',
    ]),
    buildInfo: gauge('build_info', 'Always 1; the version is in its label.', ['version']),
  };
}
