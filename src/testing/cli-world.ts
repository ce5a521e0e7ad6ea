import { type Cli, type CliOptions, type Ended, runCli, startCli } from './cli.ts';
import { FakeApiServer, type FakeApiServerOptions } from './fake-apiserver.ts';
import { type FakeManifest, fakeImage } from './fake-images.ts';
import { FakeRegistry, type FakeRegistryOptions } from './fake-registry.ts';
import { type TempFolder, tempFolder } from './temp-folder.ts';

export interface CliWorldOptions {
  readonly registry?: FakeRegistryOptions;
  readonly api?: FakeApiServerOptions;
  /** Default: plain HTTP for the registry. */
  readonly config?: string;
}

/** A cluster and a registry on real sockets, with the files that a user would have, and the program to run on them. */
export class CliWorld implements AsyncDisposable {
  readonly namespace = 'shop';
  readonly api: FakeApiServer;
  readonly registry: FakeRegistry;
  readonly folder: TempFolder;
  /** What nodes have pulled, by image as written. */
  readonly running: Map<string, string>;
  readonly kubeconfig: string;
  readonly config: string;

  private constructor(parts: {
    readonly api: FakeApiServer;
    readonly registry: FakeRegistry;
    readonly folder: TempFolder;
    readonly running: Map<string, string>;
    readonly kubeconfig: string;
    readonly config: string;
  }) {
    this.api = parts.api;
    this.registry = parts.registry;
    this.folder = parts.folder;
    this.running = parts.running;
    this.kubeconfig = parts.kubeconfig;
    this.config = parts.config;
  }

  static async start(options: CliWorldOptions = {}): Promise<CliWorld> {
    const registry = await FakeRegistry.start(options.registry);
    const running = new Map<string, string>();
    const api = await FakeApiServer.start({
      rollOutAfterMs: 'manual',
      simulate: { resolveImage: (image) => running.get(image) },
      ...options.api,
    });
    const folder = await tempFolder();
    const kubeconfig = await folder.write('kubeconfig', api.kubeconfig({ namespace: 'shop' }));
    const config = await folder.write('config.yaml', options.config ?? plainHttp);
    return new CliWorld({ api, registry, folder, running, kubeconfig, config });
  }

  /** An image of the registry, as it stands in a template. @param name `repository:tag` */
  image(name: string): string {
    return `${this.registry.host}/${name}`;
  }

  /** Pushes an image that nodes pull from now on. @param name `repository:tag` */
  push(name: string, manifest: FakeManifest = fakeImage(name)): string {
    const digest = this.registry.push(name, manifest);
    this.runs(this.image(name), digest);
    return digest;
  }

  /** Pods that are started from now on run this. */
  runs(image: string, digest: string): void {
    this.running.set(image, `${image.replace(/:[^:/]+$/, '')}@${digest}`);
  }

  /** The tag moves on; what runs stays. */
  pushAgain(name: string, manifest: FakeManifest = fakeImage(`${name} again`)): string {
    return this.registry.push(name, manifest);
  }

  start(args: readonly string[], options: CliOptions = {}): Cli {
    return startCli(this.#args(args), this.#options(options));
  }

  run(args: readonly string[], options: CliOptions = {}): Promise<Ended> {
    return runCli(this.#args(args), this.#options(options));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.folder[Symbol.asyncDispose]();
    await this.registry[Symbol.asyncDispose]();
    await this.api[Symbol.asyncDispose]();
  }

  #args(args: readonly string[]): readonly string[] {
    return [...args, '--kubeconfig', this.kubeconfig, '--config', this.config];
  }

  /** Its own home, so that nothing of the user's is found. */
  #options({ env, ...others }: CliOptions): CliOptions {
    return { env: { HOME: this.folder.path, ...env }, ...others };
  }
}

const plainHttp = 'registries:\n  - hostnamePattern: "127.0.0.1:*"\n    plainHttp: true\n';
