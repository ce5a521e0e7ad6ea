import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { basename, delimiter, join } from 'node:path';
import { type Document, parseAllDocuments } from 'yaml';

const root = join(import.meta.dirname, '../..');
const toolkit = join(process.env['CLUSTER_HOME'] ?? join(homedir(), '.cache/kube-e2e'), 'bin');

export const chart = join(root, 'helm/kube-autorollout');
export const fixtures = join(root, 'fixtures/helm');

/** The setups whose rendered manifests are kept: the files NAME.values.yaml. */
export const setups: readonly string[] = readdirSync(fixtures)
  .filter((file) => file.endsWith('.values.yaml'))
  .map((file) => basename(file, '.values.yaml'))
  .toSorted();

export const valuesOf = (setup: string): string => join(fixtures, `${setup}.values.yaml`);

export interface HelmRun {
  readonly ok: boolean;
  readonly stdout: string;
  readonly stderr: string;
}

/** First the helm that `e2e/cluster/install.sh` built. */
export const helmEnvironment = { PATH: [toolkit, process.env['PATH']].join(delimiter) };

/** Runs the helm that `e2e/cluster/install.sh` built, or else the one of the PATH. */
export function helm(args: readonly string[], input = ''): HelmRun {
  const env = { ...process.env, ...helmEnvironment };
  const ended = spawnSync('helm', args, { encoding: 'utf8', env, input });
  if (ended.error !== undefined) {
    throw new Error('helm does not start: run e2e/cluster/install.sh --helm-only', {
      cause: ended.error,
    });
  }
  return { ok: ended.status === 0, stdout: ended.stdout, stderr: ended.stderr };
}

/** What `helm install demo --namespace shop` would apply. */
export function render(values: string, chartFolder = chart): string {
  const run = helm(['template', 'demo', chartFolder, '--namespace', 'shop', '--values', values]);
  if (!run.ok) throw new Error(`helm template --values ${values}: ${run.stderr}`);
  return run.stdout;
}

/** The same with values given as YAML. */
export function renderText(values: string): string {
  const run = helm(['template', 'demo', chart, '--namespace', 'shop', '--values', '-'], values);
  if (!run.ok) throw new Error(`helm template --values -: ${run.stderr}`);
  return run.stdout;
}

/** What helm says to values, given as YAML; nothing when it takes them. */
export function refusal(values: string): string | undefined {
  const run = helm(['template', 'demo', chart, '--namespace', 'shop', '--values', '-'], values);
  return run.ok ? undefined : run.stderr;
}

export class Manifests {
  readonly #documents: readonly Document[];

  constructor(text: string) {
    const documents = parseAllDocuments(text);
    if (!Array.isArray(documents)) throw new Error('helm template printed nothing');
    this.#documents = documents.filter((document) => document.contents !== null);
  }

  kinds(): readonly string[] {
    return this.#documents.map((document) => String(document.get('kind')));
  }

  /** One value of the one object of that kind, as plain data; undefined where there is none. */
  get(kind: string, ...path: readonly (string | number)[]): unknown {
    const [document] = this.#documents.filter((candidate) => candidate.get('kind') === kind);
    const all: unknown = document?.toJS();
    return path.reduce<unknown>(
      (value, key) =>
        typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined,
      all,
    );
  }
}

/** A copy of the chart whose own defaults are replaced, as `helm upgrade --reuse-values` replaces them. */
export function chartWithDefaults(values: string): string {
  const copy = join(mkdtempSync(join(tmpdir(), 'kube-autorollout-chart-')), 'kube-autorollout');
  cpSync(chart, copy, { recursive: true });
  cpSync(values, join(copy, 'values.yaml'));
  return copy;
}
