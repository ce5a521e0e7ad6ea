import { randomBytes } from 'node:crypto';
import type { Config } from '../config/config.ts';
import { candidatesOf, ruleFor } from '../credentials/rules.ts';
import type { Repository } from '../image/lookup.ts';
import { createCluster, type KubeCluster } from '../kube/cluster.ts';
import type { Connection } from '../kube/connection.ts';
import { createEvents } from '../kube/events.ts';
import type { MissingPermission } from '../kube/permissions.ts';
import type { ProxySettings } from '../network/proxy.ts';
import { createRegistry, type MatchedRule, type RegistryObservation } from '../registry/client.ts';
import { createHttp, type Http, type HttpObservation } from '../registry/http.ts';
import { restartedAtKeys } from '../rollout/restart.ts';
import type { Events } from '../telemetry/events.ts';
import type { Log } from '../telemetry/log.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { createReporter } from '../telemetry/reporter.ts';
import {
  tick,
  type Cluster,
  type Registry,
  type Reporter,
  type TickMemory,
  type TickOptions,
  type TickReport,
  type TickSettings,
  type TickTrace,
} from '../tick.ts';

/** Hears a tick's every step, requests included. */
export interface PollerTrace extends TickTrace {
  request(observation: HttpObservation): void;
}

export interface PollerOptions {
  /** Asked when a tick begins, so that a changed file takes effect with the next one. */
  readonly config: () => Config;
  readonly connection: Connection;
  readonly namespace: string;
  readonly mode: TickOptions['mode'];
  readonly only?: NonNullable<TickOptions['only']>;
  readonly proxy: ProxySettings;
  readonly userAgent: string;
  /** Which poller it is, for Events: the Pod's name. */
  readonly instance: string;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly trace?: PollerTrace;
  /** A workload has been decided on, for who shows how far a tick is. */
  readonly onWorkload?: () => void;
  /** Workloads have been listed, for readiness: it does not wait for slow registries. */
  readonly onListed?: () => void;
}

/** One namespace's poller: the adapters, wired; the same for `run`, `check`, `explain` and `demo`. */
export interface Poller {
  tick(signal: AbortSignal): Promise<TickReport>;
  readonly cluster: Pick<KubeCluster, 'probe' | 'missingPermissions' | 'neighbours'>;
  /** Waits for Events on their way, and closes every connection. */
  close(): Promise<void>;
}

/** How long a stop waits for Events that are on their way. */
const eventsGraceMs = 1_000;

export function createPoller(options: PollerOptions): Poller {
  const { connection, namespace, log, mode } = options;
  const cluster = createCluster({
    connection,
    namespace,
    selector: () => options.config().selector,
    fieldManager: () => options.config().fieldManager,
  });
  const watched: Cluster = {
    ...cluster,
    async listWorkloads(kind, signal) {
      const read = await cluster.listWorkloads(kind, signal);
      if (read.ok) options.onListed?.();
      return read;
    },
  };
  let asked: Promise<readonly MissingPermission[]> | undefined;
  const events = createEventSink(options, () => asked);
  const reporter = createReporter({
    log,
    metrics: options.metrics,
    ...(mode === 'act' && { events }),
    dryRun: mode !== 'act',
    monotonicMs,
  });
  const told: Reporter = {
    workload(report, restarted) {
      reporter.workload(report, restarted);
      options.onWorkload?.();
    },
    tick: (report) => reporter.tick(report),
  };
  const network = createNetwork(options);
  const registry = createPollerRegistry(options, network);
  const memory: TickMemory = new Set();

  return {
    cluster: {
      ...cluster,
      missingPermissions(signal) {
        asked = cluster.missingPermissions(signal);
        return asked;
      },
    },
    async tick(signal) {
      const config = options.config();
      await network.trust(config.tls.caCertificates);
      return tick({ cluster: watched, registry, reporter: told }, tickSettings(config), {
        mode,
        ...(options.only && { only: options.only }),
        ...(options.trace && { trace: options.trace }),
        signal,
        now: () => new Date(),
        monotonicMs,
        memory,
      });
    },
    async close() {
      await events.settled();
      await network.close();
      await connection.close();
    },
  };
}

function monotonicMs(): number {
  return performance.now();
}

function tickSettings(config: Config): TickSettings {
  return {
    defaultRegistry: config.defaultRegistry,
    ifNotPresent: config.pullPolicy.ifNotPresent,
    platforms: config.platforms,
    maxRestartsPerDigest: config.convergence.maxRestartsPerDigest,
    restartedAtKey: config.featureFlags.enableKubectlAnnotation
      ? restartedAtKeys.kubectl
      : restartedAtKeys.own,
  };
}

function createPollerRegistry(options: PollerOptions, http: Http): Registry {
  return createRegistry({
    http,
    settings: () => {
      const config = options.config();
      return {
        ruleFor: (repository) => matchedRule(config, repository),
        jfrogFallback: config.featureFlags.enableJfrogArtifactoryFallback,
      };
    },
    observe: (observation) => tell(options, observation),
    now: () => new Date(),
    monotonic: monotonicMs,
    random: Math.random,
    fingerprintKey: randomBytes(32),
  });
}

function matchedRule(config: Config, repository: Repository): MatchedRule | undefined {
  const rule = ruleFor(config.registries, repository);
  return (
    rule && {
      candidates: candidatesOf(rule, repository),
      options: rule.options,
      pattern: rule.hostnamePattern,
    }
  );
}

/** Counts and logs what happened at a registry. */
function tell({ log, metrics }: PollerOptions, observation: RegistryObservation): void {
  const { type, registry, ...rest } = observation;
  switch (observation.type) {
    case 'credential-refused':
      metrics.credentialRejected(registry);
      log.warn(
        { registry, ...rest },
        'registry refused a credential; it rests until its text changes or its pause ends',
      );
      break;
    case 'token':
      metrics.tokenRequested(registry, observation.result);
      log.debug({ registry, ...rest }, 'asked for a token');
      break;
    case 'throttled':
      metrics.throttled(registry);
      log.warn({ registry, ...rest }, 'registry asks to wait');
      break;
    case 'rate-limit-remaining':
      metrics.rateLimitRemaining(registry, observation.remaining);
      break;
    case 'no-head':
      log.info({ registry }, 'registry does not answer HEAD and is asked by GET for an hour');
      break;
    default:
      log.debug({ registry, type }, 'registry observation');
  }
}

interface Network extends Http {
  /** Trusts these CAs from now on; called between ticks, since it cuts what is under way. */
  trust(caCertificates: readonly string[]): Promise<void>;
}

/** One network that can be given other CAs: connections made under the old ones are not used again. */
function createNetwork(options: PollerOptions): Network {
  let trusted = options.config().tls.caCertificates;
  let http = open();

  function open(): Http {
    return createHttp({
      caCertificates: trusted,
      proxy: options.proxy,
      userAgent: options.userAgent,
      // Half of the names that main.ts makes room for: the other half is for hosts that were found before.
      lookupsAtOnce: 16,
      observe: (observation) => {
        options.metrics.requestEnded(observation);
        options.log.trace({ ...observation }, 'registry request ended');
        options.trace?.request(observation);
      },
    });
  }

  return {
    send: (request, context) => http.send(request, context),
    close: () => http.close(),
    async trust(caCertificates) {
      if (caCertificates.join('\n') === trusted.join('\n')) return;
      trusted = caCertificates;
      const old = http;
      http = open();
      await old.close();
    },
  };
}

/**
 * Sends Events without making a tick wait for them.
 *
 * @param missing what the Role lacks, where somebody has asked and tells: then a refusal is no news
 */
function createEventSink(
  { connection, namespace, instance, log }: PollerOptions,
  missing: () => Promise<readonly MissingPermission[]> | undefined,
): Events & {
  settled(): Promise<void>;
} {
  const stop = new AbortController();
  const underWay = new Set<Promise<void>>();
  const events = createEvents({
    client: connection.client,
    namespace,
    instance,
    now: () => new Date(),
    observe: ({ type, message }) => {
      if (stop.signal.aborted) return;
      if (type === 'events-forbidden') void tellForbidden(message);
      else log.warn({ message }, 'an Event could not be written');
    },
  });

  async function tellForbidden(message: string): Promise<void> {
    const lacks = (await missing()) ?? [];
    const level = lacks.some(({ action }) => action.resource === 'events') ? 'debug' : 'warn';
    log[level]({ message }, 'may not write Events; goes on without them');
  }

  return {
    record(event) {
      const sending = events.record(event, stop.signal).finally(() => underWay.delete(sending));
      underWay.add(sending);
    },
    async settled() {
      const timer = setTimeout(() => stop.abort(), eventsGraceMs);
      await Promise.allSettled(underWay);
      clearTimeout(timer);
    },
  };
}
