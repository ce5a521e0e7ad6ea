import { createPoller, type Poller } from '../commands/poller.ts';
import { type Connection, openConnection, anonymous } from '../kube/connection.ts';
import { createLog } from '../telemetry/log.ts';
import { createMetrics } from '../telemetry/metrics.ts';
import type { TickOptions, TickReport } from '../tick.ts';
import { loadValid } from './config-files.ts';
import { FakeApiServer, type FakeApiServerOptions } from './fake-apiserver.ts';
import type { Simulation } from './fake-controllers.ts';
import { fakeImage } from './fake-images.ts';
import { FakeRegistry, type FakeRegistryOptions } from './fake-registry.ts';
import type { WorkloadKind } from '../rollout/workload.ts';

export interface PollerWorldOptions {
  readonly api?: Omit<FakeApiServerOptions, 'simulate'>;
  /** Beside what nodes pull. */
  readonly simulate?: Omit<Simulation, 'resolveImage'>;
  readonly registry?: FakeRegistryOptions;
  /** YAML; default: plain HTTP for the registry. */
  readonly config?: string;
}

export interface TestPollerOptions {
  /** Default: as somebody whom the API server lets in. */
  readonly connection?: Connection;
  /** Default `act`. */
  readonly mode?: TickOptions['mode'];
}

/** A poller as it comes out of the composition root, which a test can tick. */
export interface TestPoller extends AsyncDisposable {
  /** A whole tick. */
  tick(signal?: AbortSignal): Promise<TickReport>;
  /** A tick, as `web: restart (changed)` by workload. */
  decisions(): Promise<readonly string[]>;
}

const plainHttp = 'registries:\n  - hostnamePattern: "127.0.0.1:*"\n    plainHttp: true\n';

/** A cluster and a registry on real sockets, and pollers in this process that work on them. */
export class PollerWorld implements AsyncDisposable {
  readonly api: FakeApiServer;
  readonly registry: FakeRegistry;
  readonly #config: string;
  /** What nodes pull, by image as written. */
  readonly #pulled: Map<string, string>;
  /** All lines of all pollers. */
  readonly log: string[] = [];

  private constructor(
    api: FakeApiServer,
    registry: FakeRegistry,
    pulled: Map<string, string>,
    config: string,
  ) {
    this.api = api;
    this.registry = registry;
    this.#pulled = pulled;
    this.#config = config;
  }

  static async start({
    api,
    simulate,
    registry,
    config = plainHttp,
  }: PollerWorldOptions = {}): Promise<PollerWorld> {
    const pulled = new Map<string, string>();
    const server = await FakeApiServer.start({
      rollOutAfterMs: 'manual',
      simulate: { ...simulate, resolveImage: (image) => pulled.get(image) },
      ...api,
    });
    return new PollerWorld(server, await FakeRegistry.start(registry), pulled, config);
  }

  /** An image of the registry, as it stands in a template. @param name `repository:tag` */
  image(name: string): string {
    return `${this.registry.host}/${name}`;
  }

  /** Pushes a build under a tag; nodes that pull it from now on get it. @param name `repository:tag` */
  push(name: string, build = 'first'): void {
    const digest = this.registry.push(name, fakeImage(`${name} ${build}`));
    const image = this.image(name);
    this.pulls(image, `${image.replace(/:[^:/]+$/, '')}@${digest}`);
  }

  /** What nodes that pull an image from now on report. */
  pulls(image: string, imageId: string): void {
    this.#pulled.set(image, imageId);
  }

  /** Pushes a build that nodes do not get: they pull through a mirror that lags behind. */
  pushBehindMirror(name: string, build: string): void {
    this.registry.push(name, fakeImage(`${name} ${build}`));
  }

  /**
   * How many writes changed what a workload is to be, those of tests included: its creation is the first one.
   * A PATCH of a poller is one, whatever became of its answer.
   */
  generation(name: string, kind: WorkloadKind = 'Deployment'): number {
    return this.api.get(kind, name).metadata.generation ?? 0;
  }

  /** A poller that remembers nothing: a process that has just been started. */
  async poller({ connection, mode = 'act' }: TestPollerOptions = {}): Promise<TestPoller> {
    const { config } = await loadValid(this.#config);
    const poller = createPoller({
      config: () => config,
      connection: connection ?? this.#connect(),
      namespace: 'default',
      mode,
      proxy: {},
      userAgent: 'kube-autorollout/test',
      instance: 'test',
      log: createLog({
        level: 'trace',
        format: 'json',
        destination: { write: (line) => this.log.push(line) },
        now: () => new Date(),
      }),
      metrics: createMetrics({ version: 'test', processMetrics: false }),
    });
    return testPoller(poller);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.registry[Symbol.asyncDispose]();
    await this.api[Symbol.asyncDispose]();
  }

  #connect(): Connection {
    return openConnection(anonymous(this.api.url), {
      proxy: {},
      userAgent: 'kube-autorollout/test',
      observe: () => {},
    });
  }
}

function testPoller(poller: Poller): TestPoller {
  const tick = (signal = new AbortController().signal): Promise<TickReport> => poller.tick(signal);
  return {
    tick,
    async decisions() {
      const { workloads } = await tick();
      return workloads.map(({ id, decision, reason }) => `${id.name}: ${decision} (${reason})`);
    },
    [Symbol.asyncDispose]: () => poller.close(),
  };
}
