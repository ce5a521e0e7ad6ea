import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { request } from 'undici';
import { output } from './command.ts';

/*
 * What scenarios do with the cluster. `e2e/run.ts` sets the environment that is read here: KUBECONFIG,
 * REGISTRY and, where there is a registry with a password, AUTH_REGISTRY and its kin.
 */
const root = join(import.meta.dirname, '..');
/** The bundle. */
export const program = join(root, 'dist/main.mjs');
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

/** The last push to each repository. */
const pushes = new Map<string, Promise<string>>();

/**
 * Pushes an image that serves a text on port 8080, after what is being pushed to its repository already: the registry
 * writes a blob's link there in place, and refuses whoever finds it half written as DIGEST_INVALID.
 *
 * @param name `repository:tag`, below the plain registry
 * @returns the digest that the tag names now; the same text and options always give the same one
 */
export function push(name: string, text: string, ...options: ImageOption[]): Promise<string> {
  const repository = repositoryOf(name);
  const before = pushes.get(repository);
  const pushed = Promise.allSettled([before]).then(() => pushNow(name, text, options));
  pushes.set(repository, pushed);
  return pushed;
}

async function pushNow(
  name: string,
  text: string,
  options: readonly ImageOption[],
): Promise<string> {
  const flags = options.flatMap((option) => option.split(/=(.*)/s, 2));
  const script = join(root, 'e2e/cluster/push-image.sh');
  return (await output(script, [name, text, ...flags])).trim();
}

/**
 * Deletes what a tag names from the plain registry, and with it every tag of the repository that names the same.
 *
 * @param name as for {@link push}
 */
export async function deleteImage(name: string, digest: string): Promise<void> {
  const url = `http://${registry()}/v2/${repositoryOf(name)}/manifests/${digest}`;
  const { statusCode, body } = await request(url, { method: 'DELETE' });
  await body.dump();
  if (statusCode !== 202) throw new Error(`DELETE ${url}: status ${statusCode}`);
}

function repositoryOf(name: string): string {
  return name.slice(0, name.lastIndexOf(':'));
}

/** Asks until the answer is yes; 90 s at most. */
export async function waitFor(what: string, condition: () => Promise<boolean>): Promise<void> {
  const endsAt = Date.now() + 90_000;
  while (!(await condition())) {
    if (Date.now() > endsAt) throw new Error(`90 s are over, waiting for ${what}`);
    await sleep(200);
  }
}
