import { chart } from './chart/helm.ts';
import { pollerImage, registry } from './cluster.ts';
import { output } from './command.ts';
import type { Namespace, Pod } from './namespace.ts';
import { type Answer, answerOf } from './poller.ts';

/** Values of the chart, as far as scenarios add to them. */
export interface Values {
  readonly config?: { readonly registries?: readonly object[]; readonly [key: string]: unknown };
  readonly [key: string]: unknown;
}

/** The chart installed into a namespace that takes Pods of the restricted security standard only. */
export class Release {
  readonly #namespace: Namespace;
  readonly #where: readonly string[];

  private constructor(namespace: Namespace) {
    this.#namespace = namespace;
    this.#where = ['poller', '--namespace', namespace.name];
  }

  /** Installs it with a tick every two seconds and the plain registry's rule as the last one, and waits for it. */
  static async install(namespace: Namespace, values: Values = {}): Promise<Release> {
    const label = 'pod-security.kubernetes.io/enforce=restricted';
    await namespace.kubectl('label', 'namespace', namespace.name, label);
    const release = new Release(namespace);
    await release.#apply('install', values);
    return release;
  }

  async upgrade(values: Values): Promise<void> {
    await this.#apply('upgrade', values);
  }

  async #apply(command: 'install' | 'upgrade', values: Values): Promise<void> {
    const plain = { hostnamePattern: registry(), plainHttp: true };
    const { config = {}, ...others } = values;
    const all = {
      image: { ...pollerImage(), pullPolicy: 'Always' },
      readinessProbe: { httpGet: { path: '/health/ready', port: 'http' }, periodSeconds: 1 },
      ...others,
      config: {
        cronSchedule: '*/2 * * * * *',
        jitterSeconds: 0,
        ...config,
        registries: [...(config.registries ?? []), plain],
      },
    };
    const flags = ['--values', '-', '--wait', '--timeout', '90s'];
    const input = JSON.stringify(all);
    await output('helm', [command, ...this.#where, chart, ...flags], { input });
  }

  /** Waits until its Pods are gone, too. */
  async uninstall(): Promise<void> {
    const flags = ['--cascade', 'foreground', '--wait', '--timeout', '90s'];
    await output('helm', ['uninstall', ...this.#where, ...flags]);
  }

  /** The poller's one Pod. */
  async pod(): Promise<Pod> {
    const pods = await this.#namespace.pods(
      'app.kubernetes.io/name=kube-autorollout,app.kubernetes.io/instance=poller',
    );
    const [pod, ...others] = pods.filter(({ metadata }) => !metadata.deletionTimestamp);
    if (pod === undefined || others.length > 0) throw new Error(`${pods.length} pollers`);
    return pod;
  }

  /** Runs a command in the poller's Pod. */
  exec(...command: readonly string[]): Promise<string> {
    return this.#namespace.kubectl('exec', 'deployment/poller-kube-autorollout', '--', ...command);
  }

  /** What `check` says there, with the ServiceAccount's permissions and what is mounted. */
  async check(): Promise<Answer> {
    return answerOf(await this.exec('kube-autorollout', 'check', '--output', 'json'));
  }

  /** A metric's value; `name` with its labels, as it stands in a line of `/metrics`. */
  async metric(name: string): Promise<number> {
    const { metadata } = await this.pod();
    const path = `/api/v1/namespaces/${this.#namespace.name}/pods/${metadata.name}:8080/proxy/metrics`;
    const lines = (await this.#namespace.kubectl('get', '--raw', path)).split('\n');
    const line = lines.find((each) => each.startsWith(`${name} `));
    return Number(line?.slice(name.length));
  }
}
