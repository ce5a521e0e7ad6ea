import { delimiter, join } from 'node:path';
import type { Dispatcher } from 'undici';

import { quote } from '../image/quote.ts';
import type { ProxySettings } from '../network/proxy.ts';
import { type AccessSource, KubeConfigError } from './access.ts';
import { createClient, type KubeClient, type KubeObservation, type Route } from './client.ts';
import { connections, createDispatcher, proxyOf } from './dispatcher.ts';
import { KubeError } from './error.ts';
import { inCluster, serviceAccountFolder } from './in-cluster.ts';
import { fromKubeconfig } from './kubeconfig.ts';

export { anonymous, KubeConfigError } from './access.ts';

export interface ConnectOptions {
  /** `--kubeconfig`: this file and no other. */
  readonly kubeconfig?: string | undefined;
  /** `--context`; the service account of a Pod has none, so it is passed over then. */
  readonly context?: string | undefined;
  /** `KUBECONFIG`: one file or several, separated as in `PATH`. */
  readonly kubeconfigVariable?: string | undefined;
  /** For `~/.kube/config`. */
  readonly home?: string | undefined;
  /** `KUBERNETES_SERVICE_HOST` and `KUBERNETES_SERVICE_PORT`, which the kubelet sets. */
  readonly serviceHost?: string | undefined;
  readonly servicePort?: string | undefined;
  /** Where the kubelet mounts the service account; tests use their own. */
  readonly serviceAccountFolder?: string;
  readonly proxy: ProxySettings;
  /** `kube-autorollout/<version>`. */
  readonly userAgent: string;
  readonly observe: (observation: KubeObservation) => void;
  /** Default 5 s. */
  readonly connectMs?: number;
}

/** A way to one API server, for as long as the process runs. */
export interface Connection {
  readonly client: KubeClient;
  /** For messages. */
  readonly server: string;
  /** The service account's own, else the context's, else `default`. */
  readonly namespace: string;
  /** We are a Pod, and what we may do is what its Role says. */
  readonly isServiceAccount: boolean;
  close(): Promise<void>;
}

/** How long files and plugins are not asked again; service account tokens change well before they expire. */
const accessMs = 10_000;

/**
 * Finds the API server and the credentials for it: `--kubeconfig`, `KUBECONFIG`, the service account of a Pod,
 * `~/.kube/config`. Nothing is contacted yet.
 *
 * @throws {KubeConfigError} for people: no kubeconfig, unreadable, malformed, an unknown context
 */
export async function connect(options: ConnectOptions): Promise<Connection> {
  return openConnection(await findSource(options), options);
}

/** As {@link connect}, where it is known already how to reach the API server: the demo's, that of a test. */
export function openConnection(
  source: AccessSource,
  options: Pick<ConnectOptions, 'proxy' | 'userAgent' | 'observe' | 'connectMs'>,
): Connection {
  const router = createRouter(source, options);
  // A bad proxy-url shows at start, not at the first tick.
  createDispatcher(source, {}, { proxy: options.proxy, connectMs: 0 });
  const proxy = proxyOf(source, options.proxy);
  const byWay = proxy === undefined ? '' : ` by way of the proxy ${proxy.host}`;
  return {
    client: createClient({
      route: () => router.route(),
      refused: () => router.refused(),
      server: `${source.server.origin}${byWay}`,
      userAgent: options.userAgent,
      observe: options.observe,
      atOnce: connections,
    }),
    isServiceAccount: source.isServiceAccount ?? false,
    server: source.server.origin,
    namespace: checkNamespace(source.namespace ?? 'default'),
    close: () => router.close(),
  };
}

/** A namespace becomes part of a path, so it must be a DNS label. @throws {KubeConfigError} */
export function checkNamespace(text: string): string {
  if (/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(text)) return text;
  throw new KubeConfigError(
    `invalid namespace ${quote(text, 80)}: allowed are up to 63 lower-case letters, digits and dashes`,
  );
}

async function findSource(options: ConnectOptions): Promise<AccessSource> {
  const { context } = options;
  const variable = options.kubeconfigVariable ?? '';
  const found =
    options.kubeconfig !== undefined
      ? await fromKubeconfig({ files: [options.kubeconfig], context, skipMissing: false })
      : variable !== ''
        ? await fromVariable(variable, context)
        : ((await fromServiceAccount(options)) ?? (await fromHome(options)));
  if (found !== undefined) return found;
  const noPod =
    context === undefined
      ? 'this is no Pod with a service account token'
      : 'only a kubeconfig has contexts, as --context names one';
  throw new KubeConfigError(
    `no kubeconfig: give --kubeconfig or set KUBECONFIG; there is no ~/.kube/config, and ${noPod}`,
  );
}

async function fromVariable(
  variable: string,
  context: string | undefined,
): Promise<AccessSource | undefined> {
  const files = variable.split(delimiter).filter((file) => file !== '');
  const found = await fromKubeconfig({ files, context, skipMissing: true });
  if (found !== undefined) return found;
  throw new KubeConfigError(
    `KUBECONFIG names ${files.map((file) => quote(file, 300)).join(', ')}, which does not exist`,
  );
}

async function fromServiceAccount(options: ConnectOptions): Promise<AccessSource | undefined> {
  if (options.context !== undefined) return undefined;
  return inCluster({
    serviceHost: options.serviceHost,
    servicePort: options.servicePort,
    folder: options.serviceAccountFolder ?? serviceAccountFolder,
  });
}

async function fromHome({ home, context }: ConnectOptions): Promise<AccessSource | undefined> {
  if (home === undefined || home === '') return undefined;
  const files = [join(home, '.kube', 'config')];
  return fromKubeconfig({ files, context, skipMissing: true });
}

interface Router {
  route(): Promise<Route>;
  refused(): void;
  close(): Promise<void>;
}

/** Keeps one set of connections for as long as the TLS material stays what it is. */
function createRouter(
  source: AccessSource,
  options: Pick<ConnectOptions, 'proxy' | 'connectMs'>,
): Router {
  let current: { readonly route: Promise<Route>; readonly since: number } | undefined;
  let kept: { readonly material: string; readonly dispatcher: Dispatcher } | undefined;
  let stale = false;

  async function load(): Promise<Route> {
    if (stale) {
      stale = false;
      await source.reload();
    }
    const { headers, tls } = await source.access();
    const material = JSON.stringify(tls);
    if (kept === undefined || kept.material !== material) {
      const old = kept?.dispatcher;
      const connectMs = options.connectMs ?? 5000;
      const dispatcher = createDispatcher(source, tls, { proxy: options.proxy, connectMs });
      kept = { material, dispatcher };
      // Requests under way end on the old connections; nobody waits for that.
      old?.close().catch(() => {});
    }
    return { server: source.server, dispatcher: kept.dispatcher, headers };
  }

  return {
    async route() {
      const now = performance.now();
      if (current === undefined || now - current.since > accessMs) {
        current = { route: load(), since: now };
      }
      try {
        return await current.route;
      } catch (error) {
        current = undefined;
        const message = error instanceof Error ? error.message : String(error);
        throw new KubeError('api-error', message, { cause: error });
      }
    },
    refused() {
      stale = true;
      current = undefined;
    },
    async close() {
      await kept?.dispatcher.destroy();
      kept = undefined;
    },
  };
}
