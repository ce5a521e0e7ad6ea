import { readFile } from 'node:fs/promises';
import { dirname, isAbsolute, join, resolve as toAbsolute } from 'node:path';
import * as z from 'zod';

import type { KubeConfig } from '@kubernetes/client-node';

import { quote } from '../image/quote.ts';
import { type Access, type AccessSource, KubeConfigError } from './access.ts';
import { messageOf } from './error.ts';

export interface KubeconfigOptions {
  /** Merged as kubectl does: the first file that sets a name or the current context wins. */
  readonly files: readonly string[];
  /** Instead of the current one. */
  readonly context: string | undefined;
  /** Files that do not exist are passed over, as for `KUBECONFIG`; else they are an error. */
  readonly skipMissing: boolean;
}

type RequestOptions = Parameters<KubeConfig['applyToHTTPSOptions']>[0];

/** What client-node reads otherwise than kubectl writes it. */
const fileSchema = z.looseObject({
  users: z
    .array(z.looseObject({ name: z.string(), user: z.looseObject({}).nullish() }))
    .nullish()
    .transform((users) => users ?? []),
});

/** A credential plugin may open a browser or ask a cloud; longer than this is hung. */
const pluginDeadlineMs = 30_000;

/**
 * Reads kubeconfig files and takes one context of them.
 *
 * @returns undefined when `skipMissing` and none of the files exists
 * @throws {KubeConfigError} naming the file, and the contexts that there are; no content of it
 * @see https://kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig/
 */
export async function fromKubeconfig(
  options: KubeconfigOptions,
): Promise<AccessSource | undefined> {
  let loaded = await load(options);
  if (loaded === undefined) return undefined;
  const { server, context, cluster } = resolve(loaded, options);
  return {
    server,
    namespace: context.namespace,
    proxyUrl: cluster.proxyUrl,
    access: () => accessOf(loaded ?? fail('the kubeconfig is gone')),
    async reload() {
      // A new object, so that no plugin's old answer is kept.
      const fresh = await load(options);
      if (fresh === undefined) return;
      resolve(fresh, options);
      loaded = fresh;
    },
  };
}

async function load(options: KubeconfigOptions): Promise<KubeConfig | undefined> {
  let merged: KubeConfig | undefined;
  for (const file of options.files) {
    const config = await loadFile(file, options.skipMissing);
    if (config === undefined) continue;
    if (merged === undefined) {
      merged = config;
      continue;
    }
    merged.currentContext ||= config.currentContext;
    addNew(merged.clusters, config.clusters);
    addNew(merged.contexts, config.contexts);
    addNew(merged.users, config.users);
  }
  return merged;
}

function addNew<T extends { readonly name: string }>(known: T[], more: readonly T[]): void {
  const names = new Set(known.map(({ name }) => name));
  known.push(...more.filter(({ name }) => !names.has(name)));
}

async function loadFile(file: string, skipMissing: boolean): Promise<KubeConfig | undefined> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    if (code === 'ENOENT' && skipMissing) return undefined;
    const why = code === 'ENOENT' ? 'does not exist' : `cannot be read (${code})`;
    throw new KubeConfigError(`kubeconfig ${quote(file, 300)} ${why}`, { cause: error });
  }
  // Imported here only: in a Pod nothing of it is needed, and it is large.
  const { KubeConfig: Config, loadYaml } = await import('@kubernetes/client-node');
  const config = new Config();
  try {
    const document = fileSchema.parse(loadYaml(text));
    config.loadFromString(text);
    config.makePathsAbsolute(dirname(file));
    for (const { name, user } of document.users) {
      adaptUser(config, name, user ?? {}, dirname(file));
    }
  } catch (error) {
    throw new KubeConfigError(
      `kubeconfig ${quote(file, 300)} is malformed: ${describeLoadError(error)}`,
    );
  }
  return config;
}

/** Closes gaps of client-node 2.0.1: the key is `tokenFile`, and plugins expect `KUBERNETES_EXEC_INFO`. */
function adaptUser(
  config: KubeConfig,
  name: string,
  written: Readonly<Record<string, unknown>>,
  folder: string,
): void {
  const index = config.users.findIndex((user) => user.name === name);
  const user = config.users[index];
  if (user === undefined) return;
  const { tokenFile } = z.object({ tokenFile: z.string().optional() }).parse(written);
  if (tokenFile !== undefined && tokenFile !== '') {
    const path = isAbsolute(tokenFile) ? tokenFile : join(folder, tokenFile);
    config.users[index] = {
      ...user,
      authProvider: { name: 'tokenFile', config: { tokenFile: path } },
    };
    return;
  }
  const { exec } = execSchema.parse(written);
  if (exec === null || exec === undefined) return;
  // https://kubernetes.io/docs/reference/access-authn-authz/authentication/#input-and-output-formats
  const info = {
    apiVersion: exec.apiVersion,
    kind: 'ExecCredential',
    spec: { interactive: false },
  };
  const env = [...(exec.env ?? []), { name: 'KUBERNETES_EXEC_INFO', value: JSON.stringify(info) }];
  // Absolute: beside a kubeconfig of the working directory, a joined path has no "/" and would be sought in the PATH.
  const command = exec.command.includes('/') ? toAbsolute(folder, exec.command) : exec.command;
  config.users[index] = { ...user, exec: { ...exec, args: exec.args ?? [], command, env } };
}

const execSchema = z.object({
  exec: z
    .looseObject({
      apiVersion: z.string().default('client.authentication.k8s.io/v1beta1'),
      command: z.string(),
      args: z.array(z.string()).nullish(),
      env: z.array(z.object({ name: z.string(), value: z.string() })).nullish(),
    })
    .nullish(),
});

interface Resolved {
  readonly server: URL;
  readonly context: { readonly namespace?: string | undefined };
  readonly cluster: { readonly proxyUrl?: string | undefined };
}

/** Takes the context and checks that it leads somewhere. */
function resolve(config: KubeConfig, options: KubeconfigOptions): Resolved {
  const where = options.files.map((file) => quote(file, 300)).join(', ');
  const known = config.contexts.map(({ name }) => quote(name, 100)).join(', ') || 'none';
  const wanted = options.context ?? config.currentContext;
  if (wanted === undefined || wanted === '') {
    fail(`kubeconfig ${where} has no current context: give --context, one of ${known}`);
  }
  const context = config.contexts.find(({ name }) => name === wanted);
  if (context === undefined) {
    fail(`kubeconfig ${where} has no context ${quote(wanted, 100)}; it has ${known}`);
  }
  const at = `kubeconfig ${where}: context ${quote(wanted, 100)} names`;
  const cluster = config.clusters.find(({ name }) => name === context.cluster);
  if (cluster === undefined)
    fail(`${at} cluster ${quote(context.cluster, 100)}, which is not in it`);
  const server = URL.parse(cluster.server);
  if (server === null || !/^https?:$/.test(server.protocol)) {
    fail(`${at} a cluster whose server ${quote(cluster.server, 100)} is no http or https URL`);
  }
  const named: string | undefined = context.user;
  if (named === undefined || named === '') {
    // Without a user client-node would leave out the cluster's CA, too.
    config.users.push({ name: '' });
    const index = config.contexts.indexOf(context);
    config.contexts[index] = { ...context, user: '' };
  } else if (!config.users.some(({ name }) => name === named)) {
    fail(`${at} user ${quote(named, 100)}, which is not in it`);
  }
  config.setCurrentContext(wanted);
  return { server, context, cluster };
}

async function accessOf(config: KubeConfig): Promise<Access> {
  const cluster = config.getCurrentCluster();
  // client-node refuses plain http without this; a kubeconfig that says `http://` means it.
  if (cluster?.server.startsWith('http:') === true) Object.assign(cluster, { skipTLSVerify: true });
  const options: RequestOptions = {};
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(
      () => reject(new Error(`no answer within ${pluginDeadlineMs / 1000} s`)),
      pluginDeadlineMs,
    );
  });
  try {
    await Promise.race([config.applyToHTTPSOptions(options), deadline]);
  } catch (error) {
    const user = config.getCurrentUser();
    const command = user?.exec === undefined ? '' : `, plugin ${quote(commandOf(user.exec), 100)}`;
    throw new KubeConfigError(
      `no credentials for user ${quote(user?.name ?? '', 100)} of the kubeconfig${command}: ${describeLoadError(error)}`,
    );
  } finally {
    clearTimeout(timer);
  }
  return { headers: headersOf(options), tls: tlsOf(options) };
}

const headersSchema = z.record(z.string(), z.string());
const pemSchema = z.union([
  z.string(),
  z.instanceof(Uint8Array).transform((bytes) => Buffer.from(bytes).toString('utf8')),
]);
const tlsSchema = z.object({
  ca: pemSchema.optional(),
  cert: pemSchema.optional(),
  key: pemSchema.optional(),
  servername: z.string().optional(),
  rejectUnauthorized: z.boolean().optional(),
});

function headersOf({ headers, auth }: RequestOptions): Record<string, string> {
  const basic =
    typeof auth === 'string'
      ? { authorization: `Basic ${Buffer.from(auth).toString('base64')}` }
      : {};
  const given = Object.entries(headersSchema.parse(headers ?? {}));
  // A token file may end in a newline, which no header may hold.
  return {
    ...basic,
    ...Object.fromEntries(given.map(([name, value]) => [name.toLowerCase(), value.trim()])),
  };
}

function tlsOf(options: RequestOptions): Access['tls'] {
  const { ca, cert, key, servername, rejectUnauthorized } = tlsSchema.parse(options);
  return {
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
    ...(servername !== undefined && { servername }),
    ...(rejectUnauthorized !== undefined && { rejectUnauthorized }),
  };
}

function commandOf(exec: unknown): string {
  return z.object({ command: z.string() }).catch({ command: '' }).parse(exec).command;
}

/** Of a YAML or JSON error only the reason: the rest of its message quotes the text, secrets included. */
function describeLoadError(error: unknown): string {
  if (error instanceof z.ZodError) return 'it is not a kubeconfig';
  if (error instanceof SyntaxError) return 'what it answered is not JSON';
  const yaml = z
    .object({ reason: z.string(), mark: z.object({ line: z.number() }).optional() })
    .safeParse(error);
  if (yaml.success) {
    const { reason, mark } = yaml.data;
    return `${quote(reason, 100)}${mark === undefined ? '' : ` in line ${mark.line + 1}`}`;
  }
  return quote(messageOf(error).trim() || 'it failed', 160);
}

function fail(message: string): never {
  throw new KubeConfigError(message);
}
