import { Agent, type Dispatcher, ProxyAgent, Socks5ProxyAgent } from 'undici';

import { proxyFor, type ProxySettings } from '../network/proxy.ts';
import { type Access, type AccessSource, KubeConfigError } from './access.ts';

export interface DispatcherOptions {
  readonly proxy: ProxySettings;
  readonly connectMs: number;
}

/**
 * HTTP/1.1 on purpose: a tick sends a handful of LISTs and one GET per Secret or restart, which some kept-alive
 * connections carry as quickly as one of HTTP/2, and a connection that breaks takes one request with it, not all.
 */
export const connections = 8;

/** Connections to the API server, kept alive, by way of the kubeconfig's proxy or that of the environment. */
export function createDispatcher(
  source: Pick<AccessSource, 'server' | 'proxyUrl'>,
  tls: Access['tls'],
  options: DispatcherOptions,
): Dispatcher {
  const connect = { ...tls, timeout: options.connectMs };
  const common = { allowH2: false, connections };
  const proxy = proxyOf(source, options.proxy);
  if (proxy === undefined) return new Agent({ ...common, connect });
  if (proxy.protocol.startsWith('socks')) {
    return new Socks5ProxyAgent(proxy.href, { ...common, requestTls: connect });
  }
  const token = credentialsOf(proxy);
  const uri = new URL(proxy);
  uri.username = '';
  uri.password = '';
  return new ProxyAgent({
    ...common,
    uri: uri.href,
    requestTls: connect,
    proxyTls: { timeout: options.connectMs },
    ...(token !== undefined && { token }),
  });
}

/** The proxy between us and the API server; undefined is none. @throws {KubeConfigError} a bad `proxy-url` */
export function proxyOf(
  { server, proxyUrl }: Pick<AccessSource, 'server' | 'proxyUrl'>,
  settings: ProxySettings,
): URL | undefined {
  if (proxyUrl === undefined || proxyUrl === '') return proxyFor(server, settings);
  const url = URL.parse(proxyUrl);
  if (url === null || !/^(https?|socks5h?):$/.test(url.protocol)) {
    throw new KubeConfigError(
      'the proxy-url of the cluster in the kubeconfig is no http, https or socks5 URL',
    );
  }
  return url;
}

function credentialsOf({ username, password }: URL): string | undefined {
  if (username === '' && password === '') return undefined;
  const text = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return `Basic ${Buffer.from(text).toString('base64')}`;
}
