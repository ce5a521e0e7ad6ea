import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';

import { Child } from './child.ts';
import { countsSchema } from './counts.ts';
import { namespace, type Plan } from './plan.ts';

const accessSchema = z.object({
  server: z.string(),
  kubeconfig: z.string(),
  certificate: z.string(),
  images: z.array(z.string()),
});

const lookSchema = z.object({
  counts: countsSchema,
  connections: z.array(z.number()),
  problems: z.array(z.string()),
  firstAskedAt: z.number().optional(),
});
export type Look = z.output<typeof lookSchema>;

/** An API server and registries in another process, and the files by which a poller finds them. */
export class BenchWorld implements AsyncDisposable {
  readonly plan: Plan;
  readonly namespace = namespace;
  /** `host/repository:tag`, each once. */
  readonly images: readonly string[];
  readonly certificate: string;
  readonly folder: string;
  readonly kubeconfig: string;
  readonly server: URL;
  readonly #child: Child;

  private constructor(
    plan: Plan,
    child: Child,
    folder: string,
    access: z.output<typeof accessSchema>,
  ) {
    this.plan = plan;
    this.#child = child;
    this.folder = folder;
    this.images = access.images;
    this.certificate = access.certificate;
    this.server = new URL(access.server);
    this.kubeconfig = join(folder, 'kubeconfig');
  }

  static async start(plan: Plan): Promise<BenchWorld> {
    const folder = await mkdtemp(join(tmpdir(), 'kube-autorollout-bench-'));
    const child = new Child('world.ts');
    try {
      const access = await child.ask({ do: 'start', plan }, accessSchema);
      const world = new BenchWorld(plan, child, folder, access);
      await writeFile(world.kubeconfig, access.kubeconfig);
      await writeFile(join(folder, 'ca.pem'), access.certificate);
      return world;
    } catch (error) {
      child[Symbol.dispose]();
      throw error;
    }
  }

  /** A config file that both pollers read. @returns its path */
  async writeConfig(cronSchedule: string, more = ''): Promise<string> {
    const file = join(this.folder, 'config.yaml');
    await writeFile(
      file,
      `cronSchedule: "${cronSchedule}"
webserver: { port: 0 }
registries:
  - hostnamePattern: "*"
    secret: { type: None }
tls: { caCertificatePaths: ["${join(this.folder, 'ca.pem')}"] }
${more}`,
    );
    return file;
  }

  look(): Promise<Look> {
    return this.#child.ask({ do: 'look' }, lookSchema);
  }

  async forget(): Promise<void> {
    await this.#child.ask({ do: 'forget' }, lookSchema);
  }

  async push(images: number): Promise<void> {
    await this.#child.ask({ do: 'push', images }, lookSchema);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child[Symbol.dispose]();
    await rm(this.folder, { recursive: true, force: true });
  }
}
