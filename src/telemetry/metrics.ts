import { collectDefaultMetrics, Registry } from 'prom-client';
import type { ContainerReport, Decision } from '../rollout/verdict.ts';
import type { WorkloadKind } from '../rollout/workload.ts';
import type { TickReport } from '../tick.ts';
import { createInstruments } from './instruments.ts';
import { codeLabel, createHostLabels, methodLabel } from './labels.ts';
import { decisionLevels, verdictReasons } from './vocabulary.ts';

/** The end of one request, as `registry/` observes it. */
export interface RequestEnded {
  readonly registry: string;
  readonly method: string;
  /** Absent where no answer came. */
  readonly status?: number;
  readonly durationMs: number;
}

export type RestartResult = 'restarted' | 'conflict' | 'failed' | 'dry_run';

/** What is known of a workload, as far as it is counted. */
export type Counted = Decision & {
  readonly containers: readonly Pick<ContainerReport, 'verdict' | 'reason'>[];
};

/** Each number of design 2.6; how many series there are is bounded, whatever the namespace holds. */
export interface Metrics {
  tickEnded(report: Pick<TickReport, 'result' | 'durationMs' | 'startedAt'>): void;
  tickSkipped(): void;
  /** What is true now of every watched workload; replaces what was said before. */
  workloads(counted: Iterable<Counted>): void;
  restart(kind: WorkloadKind, result: RestartResult): void;
  requestEnded(request: RequestEnded): void;
  tokenRequested(registry: string, result: 'ok' | 'refused' | 'failed'): void;
  credentialRejected(registry: string): void;
  throttled(registry: string): void;
  rateLimitRemaining(registry: string, remaining: number): void;
  configReloaded(result: 'ok' | 'invalid'): void;
  /** In the text format that `contentType` names. */
  render(): Promise<string>;
  readonly contentType: string;
}

/** @param options.processMetrics the client library's own, `process_*` and `nodejs_*`; default: yes */
export function createMetrics(options: {
  readonly version: string;
  readonly processMetrics?: boolean;
}): Metrics {
  const registry = new Registry();
  if (options.processMetrics ?? true) addProcessMetrics(registry);
  const instruments = createInstruments(registry);
  const hostLabel = createHostLabels();

  instruments.buildInfo.set({ version: options.version }, 1);
  startAtZero(instruments);
  resetStates(instruments);

  return {
    tickEnded({ result, durationMs, startedAt }) {
      instruments.ticks.inc({ result });
      instruments.tickDuration.observe(durationMs / 1000);
      if (result === 'success') {
        instruments.lastSuccess.set((startedAt.getTime() + durationMs) / 1000);
      }
    },
    tickSkipped: () => instruments.ticksSkipped.inc(),
    workloads(counted) {
      resetStates(instruments);
      for (const { decision, reason, containers } of counted) {
        instruments.workloads.inc({ decision, reason });
        if (reason === 'not-converging') instruments.notConverging.inc();
        for (const container of containers) {
          instruments.containers.inc({ verdict: container.verdict, reason: container.reason });
        }
      }
    },
    restart: (kind, result) => instruments.restarts.inc({ kind, result }),
    requestEnded({ registry: host, method, status, durationMs }) {
      const label = hostLabel(host);
      instruments.requests.inc({
        registry: label,
        method: methodLabel(method),
        code: codeLabel(status),
      });
      instruments.requestDuration.observe({ registry: label }, durationMs / 1000);
    },
    tokenRequested: (host, result) => instruments.tokens.inc({ registry: hostLabel(host), result }),
    credentialRejected: (host) => instruments.rejections.inc({ registry: hostLabel(host) }),
    throttled: (host) => instruments.throttled.inc({ registry: hostLabel(host) }),
    rateLimitRemaining: (host, remaining) =>
      instruments.rateLimitRemaining.set({ registry: hostLabel(host) }, remaining),
    configReloaded: (result) => instruments.reloads.inc({ result }),
    render: () => registry.metrics(),
    contentType: registry.contentType,
  };
}

type Instruments = ReturnType<typeof createInstruments>;

/** An alert's `increase()` misses the first step of a series that appears with it. */
function startAtZero({ ticks, restarts, reloads }: Instruments): void {
  for (const result of ['success', 'failed', 'aborted']) ticks.inc({ result }, 0);
  for (const result of ['ok', 'invalid']) reloads.inc({ result }, 0);
  for (const kind of ['Deployment', 'StatefulSet', 'DaemonSet'] satisfies WorkloadKind[]) {
    for (const result of ['restarted', 'conflict', 'failed', 'dry_run'] satisfies RestartResult[]) {
      restarts.inc({ kind, result }, 0);
    }
  }
}

/** A state that nothing is in any more reads 0 instead of vanishing, so that graphs and alerts see it end. */
function resetStates({ workloads, containers, notConverging }: Instruments): void {
  workloads.reset();
  containers.reset();
  for (const [decision, reasons] of Object.entries(decisionLevels)) {
    for (const reason of Object.keys(reasons)) workloads.set({ decision, reason }, 0);
  }
  for (const [verdict, reasons] of Object.entries(verdictReasons)) {
    for (const reason of reasons) containers.set({ verdict, reason }, 0);
  }
  notConverging.set(0);
}

function addProcessMetrics(registry: Registry): void {
  collectDefaultMetrics({ register: registry });
  // Gauges with a counter's suffix, which promtool objects to; `nodejs_active_resources` says the same by type.
  for (const what of ['resources', 'handles', 'requests']) {
    registry.removeSingleMetric(`nodejs_active_${what}_total`);
  }
}
