import assert from 'node:assert/strict';
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import type { TestContext } from 'node:test';
import { z } from 'zod';
import { program, registry } from './cluster.ts';
import type { Ended } from './command.ts';
import type { Namespace } from './namespace.ts';

const checkDocument = z.object({
  version: z.literal(1),
  namespace: z.string(),
  problems: z.array(z.string()),
  workloads: z.array(
    z.object({
      kind: z.string(),
      name: z.string(),
      decision: z.string(),
      reason: z.string(),
      message: z.string(),
      containers: z.array(
        z.object({
          name: z.string(),
          running: z.array(z.string()),
          latest: z.string().nullable(),
          verdict: z.string(),
          reason: z.string(),
          message: z.string(),
        }),
      ),
    }),
  ),
});
export type CheckDocument = z.infer<typeof checkDocument>;

/** What `check` says of one namespace. */
export class Answer {
  readonly document: CheckDocument;

  private constructor(document: CheckDocument) {
    this.document = document;
  }

  /** @param stdout of `check --output json` */
  static parse(stdout: string): Answer {
    return new Answer(checkDocument.parse(JSON.parse(stdout)));
  }

  /** `decision (reason)` of each workload, by `kind/name`. */
  decisions(): Readonly<Record<string, string>> {
    return Object.fromEntries(
      this.document.workloads.map(({ kind, name, decision, reason }) => [
        `${kind}/${name}`,
        `${decision} (${reason})`,
      ]),
    );
  }

  workload(name: string): CheckDocument['workloads'][number] {
    const found = this.document.workloads.find((workload) => workload.name === name);
    assert.ok(found !== undefined, `check does not name ${name}`);
    return found;
  }

  /** `container: verdict (reason)` of each container of one workload. */
  verdicts(name: string): readonly string[] {
    return this.workload(name).containers.map(
      (container) => `${container.name}: ${container.verdict} (${container.reason})`,
    );
  }
}

/** Reads what `check --output json` printed; all kinds and Pods must have been listed. */
export function answerOf(stdout: string): Answer {
  const answer = Answer.parse(stdout);
  assert.deepEqual(answer.document.problems, []);
  return answer;
}

/** The program run beside the cluster for one namespace, with a config file of its own. */
export class Poller {
  readonly #namespace: Namespace;
  readonly #flags: readonly string[];

  private constructor(namespace: Namespace, flags: readonly string[]) {
    this.#namespace = namespace;
    this.#flags = flags;
  }

  /**
   * @param config of which the plain registry's rule is the last of `registries`
   * @param flags  for every command, as `--kubeconfig`
   */
  static async create(
    t: TestContext,
    namespace: Namespace,
    config: { readonly registries?: readonly object[]; readonly [key: string]: unknown } = {},
    flags: readonly string[] = [],
  ): Promise<Poller> {
    const folder = await mkdtemp(join(tmpdir(), 'kube-autorollout-e2e-'));
    t.after(() => rm(folder, { recursive: true }));
    const file = join(folder, 'config.yaml');
    const plain = { hostnamePattern: registry(), plainHttp: true };
    const registries = [...(config.registries ?? []), plain];
    // JSON is YAML, too.
    await writeFile(file, JSON.stringify({ ...config, registries }));
    return new Poller(namespace, ['--config', file, ...flags]);
  }

  /** Runs a command to its end, whatever that is. */
  ended(...args: readonly string[]): Promise<Ended> {
    return this.#namespace.poller([...args, ...this.#flags]);
  }

  /** What `check` answers. */
  async check(): Promise<Answer> {
    return answerOf(await this.#succeed('check', '--output', 'json'));
  }

  /** `decision (reason)` of each workload in the table that `check` prints, by `kind/name`. */
  async table(): Promise<Readonly<Record<string, string>>> {
    const table = await this.#succeed('check');
    const kinds = { deployment: 'Deployment', statefulset: 'StatefulSet', daemonset: 'DaemonSet' };
    const rows = table.matchAll(/^(\w+)\/(\S+) +(\w+ \([\w-]+\)) /gm);
    return Object.fromEntries(
      [...rows].map(([, kind = '', name = '', decision = '']) => [
        `${new Map(Object.entries(kinds)).get(kind) ?? kind}/${name}`,
        decision,
      ]),
    );
  }

  /** One tick that must complete. @returns what it logged */
  async once(...flags: readonly string[]): Promise<string> {
    return this.#succeed('run', '--once', ...flags);
  }

  async #succeed(...args: readonly string[]): Promise<string> {
    const ended = await this.ended(...args);
    assert.equal(ended.exitCode, 0, ended.stdout + ended.stderr);
    return ended.stdout;
  }

  /** Starts the program, for a scenario that ends it. Somebody has to read its standard output. */
  start(...args: readonly string[]): ChildProcessByStdio<null, Readable, null> {
    const flags = [...this.#flags, '--namespace', this.#namespace.name];
    const stdio = ['ignore', 'pipe', 'ignore'] as const;
    return spawn(process.execPath, [program, ...args, ...flags], { stdio: [...stdio] });
  }
}
