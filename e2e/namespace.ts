import { randomBytes } from 'node:crypto';
import { appendFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { z } from 'zod';
import { namespaceLabel, outputFolder, program, waitFor } from './cluster.ts';
import { type CommandOptions, type Ended, output, run } from './command.ts';
import { manifestOf } from './manifest.ts';

const containerStatus = z.object({
  name: z.string(),
  image: z.string(),
  imageID: z.string(),
  ready: z.boolean(),
  restartCount: z.number(),
  state: z.object({ waiting: z.object({ reason: z.string().optional() }).optional() }),
  lastState: z
    .object({ terminated: z.object({ exitCode: z.number(), finishedAt: z.string() }).optional() })
    .default({}),
});
const podList = z.object({
  items: z.array(
    z.object({
      metadata: z.object({
        name: z.string(),
        uid: z.string(),
        deletionTimestamp: z.string().optional(),
      }),
      status: z.object({
        podIP: z.string().optional(),
        containerStatuses: z.array(containerStatus).default([]),
        initContainerStatuses: z.array(containerStatus).default([]),
      }),
    }),
  ),
});
export type Pod = z.infer<typeof podList>['items'][number];

const eventList = z.object({
  items: z.array(
    z.object({
      reason: z.string(),
      note: z.string().default(''),
      regarding: z.object({ kind: z.string(), name: z.string() }),
      reportingController: z.string().default(''),
    }),
  ),
});

/** A namespace of a scenario, with what can be done there. */
export class Namespace {
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }

  /** Runs kubectl in this namespace. */
  kubectl(...args: readonly string[]): Promise<string> {
    return output('kubectl', ['--namespace', this.name, ...args]);
  }

  /** @param manifest text, or objects */
  apply(manifest: string | readonly object[]): Promise<string> {
    const input = typeof manifest === 'string' ? manifest : manifestOf(manifest);
    return output('kubectl', ['--namespace', this.name, 'apply', '--filename', '-'], { input });
  }

  /** Waits until these rollouts have ended and none of the former Pods is left. */
  async rolledOut(...workloads: readonly string[]): Promise<void> {
    await Promise.all(
      workloads.map((workload) => this.kubectl('rollout', 'status', workload, '--timeout=90s')),
    );
    await waitFor(`no terminating Pod in ${this.name}`, async () => {
      const pods = await this.pods();
      return pods.every((pod) => pod.metadata.deletionTimestamp === undefined);
    });
  }

  /** Waits until all Pods, so many at least, are ready. */
  async podsReady(atLeast: number): Promise<void> {
    await waitFor(`${atLeast} ready Pods or more in ${this.name}`, async () => {
      const pods = await this.pods();
      return pods.length >= atLeast && pods.every(isReady);
    });
  }

  /** The Pods, oldest first. */
  async pods(selector = ''): Promise<readonly Pod[]> {
    const sorted = ['--sort-by=.metadata.creationTimestamp', '--selector', selector];
    return podList.parse(JSON.parse(await this.kubectl('get', 'pods', ...sorted, '-o', 'json')))
      .items;
  }

  /** The newest Pod of those with the label `app`. */
  async newestPod(app: string): Promise<Pod> {
    const newest = (await this.pods(`app=${app}`)).at(-1);
    if (newest === undefined) throw new Error(`no Pod with app=${app} in ${this.name}`);
    return newest;
  }

  /**
   * What the Pods that are there to stay run: `digest`, or `container digest` where that is not `app`, by Pod name,
   * init containers included.
   */
  async running(app: string): Promise<readonly string[]> {
    const pods = (await this.pods(`app=${app}`))
      .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
      .toSorted((one, other) => (one.metadata.name < other.metadata.name ? -1 : 1));
    return pods.flatMap(({ status }) =>
      [...status.initContainerStatuses, ...status.containerStatuses].map(({ name, imageID }) => {
        const digest = imageID.split('@').at(-1) ?? '';
        return name === 'app' ? digest : `${name} ${digest}`;
      }),
    );
  }

  /** What the newest Pod with that label serves. */
  async served(app: string): Promise<string> {
    const { metadata } = await this.newestPod(app);
    const path = `/api/v1/namespaces/${this.name}/pods/${metadata.name}:8080/proxy/`;
    return (await this.kubectl('get', '--raw', path)).trim();
  }

  /** One value of an object, empty where it is not there. */
  value(object: string, jsonPath: string): Promise<string> {
    return this.kubectl('get', object, '-o', `jsonpath=${jsonPath}`);
  }

  /** `kind/name generation` of every workload; a generation goes up by one with each change of the spec. */
  async generations(): Promise<Readonly<Record<string, number>>> {
    const row = '{range .items[*]}{.kind}/{.metadata.name} {.metadata.generation}{"\\n"}{end}';
    const rows = await this.value('deployments,statefulsets,daemonsets', row);
    return Object.fromEntries(
      rows
        .trim()
        .split('\n')
        .map((text) => text.split(' '))
        .map(([name = '', generation]) => [name, Number(generation)]),
    );
  }

  /** The notes of the poller's Events with that reason, by `kind/name`; sorted, so that they can be compared. */
  async events(reason: string): Promise<readonly { readonly on: string; readonly note: string }[]> {
    const listed = await this.kubectl('get', 'events.events.k8s.io', '-o', 'json');
    return eventList
      .parse(JSON.parse(listed))
      .items.filter(
        (event) => event.reason === reason && event.reportingController === 'kube-autorollout',
      )
      .map(({ regarding, note }) => ({ on: `${regarding.kind}/${regarding.name}`, note }))
      .toSorted((one, other) => (one.on < other.on ? -1 : 1));
  }

  /** Runs the bundle here, beside the cluster, and keeps what it said for a failure's export. */
  async poller(args: readonly string[], options: CommandOptions = {}): Promise<Ended> {
    const command = [program, ...args, '--namespace', this.name];
    const env = { NO_COLOR: '1', ...options.env };
    const ended = await run(process.execPath, command, { ...options, env });
    await mkdir(outputFolder, { recursive: true });
    const said = `$ kube-autorollout ${args.join(' ')}\n${ended.stdout}${ended.stderr}exit code ${ended.exitCode}\n\n`;
    await appendFile(join(outputFolder, `${this.name}.log`), said);
    return ended;
  }
}

function isReady({ metadata, status: { containerStatuses } }: Pod): boolean {
  return (
    metadata.deletionTimestamp === undefined &&
    containerStatuses.length > 0 &&
    containerStatuses.every(({ ready }) => ready)
  );
}

/** Makes a namespace for one scenario; it stays until the end of the run, so that a failure can be looked at. */
export async function makeNamespace(t: TestContext, name: string): Promise<Namespace> {
  const namespace = `e2e-${name}-${randomBytes(3).toString('hex')}`;
  await output('kubectl', ['create', 'namespace', namespace]);
  await output('kubectl', ['label', 'namespace', namespace, namespaceLabel]);
  t.diagnostic(`namespace ${namespace}`);
  const made = new Namespace(namespace);
  await waitFor('the ServiceAccount default', () =>
    made.kubectl('get', 'serviceaccount', 'default').then(
      () => true,
      () => false,
    ),
  );
  return made;
}
