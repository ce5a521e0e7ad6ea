import { randomBytes } from 'node:crypto';
import { appendFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { type Ended, output, run } from './command.ts';

/*
 * What scenarios do with the cluster. `e2e/run.ts` sets the environment that is read here: KUBECONFIG,
 * REGISTRY and, where there is a registry with a password, AUTH_REGISTRY and its kin.
 */
const root = join(import.meta.dirname, '..');
const program = join(root, 'dist/main.mjs');
export const outputFolder = join(root, 'e2e/output');
/** Namespaces of scenarios carry it, so that `e2e/run.ts` can export and delete them. */
export const namespaceLabel = 'kube-autorollout-e2e=true';

/** An environment variable that must be there. */
export function environment(name: string): string {
  const value = process.env[name];
  if (value === undefined || value === '') {
    throw new Error(`${name} is not set: start scenarios with npm run e2e`);
  }
  return value;
}

export const registry = (): string => environment('REGISTRY');

/** The poller's own image, as the chart's values name it. */
export function pollerImage(): { readonly repository: string; readonly tag: string } {
  const [, repository = '', tag = ''] = /^(.*):([^:/]+)$/.exec(environment('E2E_IMAGE')) ?? [];
  return { repository, tag };
}

export type ImageOption =
  | '--docker'
  | '--sleep'
  | `--other-platform=${string}`
  | `--attestation=${string}`;

/**
 * Pushes an image that serves a text on port 8080.
 *
 * @param name `repository:tag`, below the plain registry
 * @returns the digest that the tag names now; the same text and options always give the same one
 */
export async function push(name: string, text: string, ...options: ImageOption[]): Promise<string> {
  const flags = options.flatMap((option) => option.split(/=(.*)/s, 2));
  const script = join(root, 'e2e/cluster/push-image.sh');
  return (await output(script, [name, text, ...flags])).trim();
}

const podList = z.object({
  items: z.array(
    z.object({
      metadata: z.object({ name: z.string(), deletionTimestamp: z.string().optional() }),
      status: z.object({
        containerStatuses: z
          .array(
            z.object({
              name: z.string(),
              image: z.string(),
              imageID: z.string(),
              state: z.object({
                waiting: z.object({ reason: z.string().optional() }).optional(),
              }),
            }),
          )
          .default([]),
      }),
    }),
  ),
});
export type Pod = z.infer<typeof podList>['items'][number];

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

  apply(manifest: string): Promise<string> {
    return output('kubectl', ['--namespace', this.name, 'apply', '--filename', '-'], {
      input: manifest,
    });
  }

  /** Waits until a rollout has ended and none of the former Pods is left. */
  async rolledOut(workload: string): Promise<void> {
    await this.kubectl('rollout', 'status', workload, '--timeout=90s');
    await waitFor(`no terminating Pod in ${this.name}`, async () => {
      const pods = await this.pods();
      return pods.every((pod) => pod.metadata.deletionTimestamp === undefined);
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

  /** Runs the bundle here, beside the cluster, and keeps what it said for a failure's export. */
  async poller(args: readonly string[]): Promise<Ended> {
    const command = [program, ...args, '--namespace', this.name];
    const ended = await run(process.execPath, command, { env: { NO_COLOR: '1' } });
    await mkdir(outputFolder, { recursive: true });
    const said = `$ kube-autorollout ${args.join(' ')}\n${ended.stdout}${ended.stderr}exit code ${ended.exitCode}\n\n`;
    await appendFile(join(outputFolder, `${this.name}.log`), said);
    return ended;
  }
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

/** Asks until the answer is yes; 90 s at most. */
export async function waitFor(what: string, condition: () => Promise<boolean>): Promise<void> {
  const endsAt = Date.now() + 90_000;
  while (!(await condition())) {
    if (Date.now() > endsAt) throw new Error(`90 s are over, waiting for ${what}`);
    await sleep(200);
  }
}

/** A Deployment of one Pod that meets the restricted Pod security standard; its Pods have the label `app`. */
export function deployment(
  name: string,
  image: string,
  options: {
    readonly labelled?: boolean;
    readonly pullSecret?: string;
    readonly pullPolicy?: string;
  } = {},
): string {
  const { labelled = true, pullSecret, pullPolicy = 'Always' } = options;
  return JSON.stringify({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, labels: labelled ? { 'kube-autorollout/enabled': 'true' } : {} },
    spec: {
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels: { app: name } },
        spec: {
          terminationGracePeriodSeconds: 0,
          imagePullSecrets: pullSecret === undefined ? [] : [{ name: pullSecret }],
          securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
          containers: [
            {
              name: 'app',
              image,
              imagePullPolicy: pullPolicy,
              readinessProbe: { httpGet: { path: '/', port: 8080 }, periodSeconds: 1 },
              securityContext: {
                allowPrivilegeEscalation: false,
                capabilities: { drop: ['ALL'] },
              },
            },
          ],
        },
      },
    },
  });
}
