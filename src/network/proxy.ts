import ipaddr from 'ipaddr.js';

/** `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY` as `main.ts` read them; upper case wins over lower. */
export interface ProxySettings {
  readonly httpsProxy?: string;
  readonly httpProxy?: string;
  readonly noProxy?: string;
}

/** A proxy variable that cannot be understood; the message names it and never holds a password. */
export class ProxySettingsError extends Error {
  override readonly name = 'ProxySettingsError';
}

/** Reads both proxy variables, so that a mistake in them shows at start. @throws {ProxySettingsError} */
export function checkProxySettings(settings: ProxySettings): void {
  parseProxy('HTTPS_PROXY', settings.httpsProxy);
  parseProxy('HTTP_PROXY', settings.httpProxy);
}

/**
 * Which proxy a URL is asked by way of; undefined is none.
 *
 * As Go's clients, the kubelet and containerd among them, have it: `HTTPS_PROXY` is for https URLs, `HTTP_PROXY`
 * for http; `localhost` and loopback addresses are never proxied. `NO_PROXY` is a comma-separated list of
 * - `*`: no proxy at all;
 * - `example.com`: the host and all below it; `.example.com` and `*.example.com`: only those below it;
 * - an IP address, or a range in CIDR notation; host names are not resolved for it;
 * each but `*` and ranges with an optional `:port`.
 *
 * @returns with user and password still percent-encoded in it
 * @throws {ProxySettingsError} the variable is no http or https URL
 * @see https://github.com/golang/net/blob/v0.43.0/http/httpproxy/proxy.go
 */
export function proxyFor(url: URL, settings: ProxySettings): URL | undefined {
  const proxy =
    url.protocol === 'https:'
      ? parseProxy('HTTPS_PROXY', settings.httpsProxy)
      : parseProxy('HTTP_PROXY', settings.httpProxy);
  if (proxy === undefined) return undefined;
  const target = targetOf(url);
  if (target.name === 'localhost' || target.address?.range() === 'loopback') return undefined;
  const exceptions = (settings.noProxy ?? '').split(',').map((entry) => entry.trim().toLowerCase());
  return exceptions.some((entry) => entry !== '' && covers(entry, target)) ? undefined : proxy;
}

type Address = ipaddr.IPv4 | ipaddr.IPv6;

interface Target {
  readonly name: string;
  readonly port: string;
  readonly address: Address | undefined;
}

function targetOf(url: URL): Target {
  const name = unbracketed(url.hostname.toLowerCase()).replace(/\.$/, '');
  const port = url.port === '' ? (url.protocol === 'https:' ? '443' : '80') : url.port;
  return { name, port, address: addressOf(name) };
}

function covers(entry: string, target: Target): boolean {
  if (entry === '*') return true;
  const range = rangeOf(entry);
  if (range !== undefined) return target.address !== undefined && isWithin(target.address, range);
  const { host, port } = splitPort(entry);
  if (port !== undefined && port !== target.port) return false;
  const address = addressOf(host);
  if (address !== undefined) return target.address?.toString() === address.toString();
  if (target.address !== undefined) return false;
  const pattern = host.replace(/^\*(?=\.)/, '').replace(/\.$/, '');
  if (pattern.startsWith('.')) return target.name.endsWith(pattern);
  return target.name === pattern || target.name.endsWith(`.${pattern}`);
}

function splitPort(entry: string): { readonly host: string; readonly port: string | undefined } {
  // An IPv6 address without brackets has colons, but no port.
  if (isAddress(entry)) return { host: entry, port: undefined };
  const found = /^(?<host>.+?)(?::(?<port>\d+))?$/.exec(entry)?.groups;
  return { host: unbracketed(found?.['host'] ?? entry), port: found?.['port'] };
}

function rangeOf(entry: string): readonly [Address, number] | undefined {
  return ipaddr.isValidCIDR(entry) ? ipaddr.parseCIDR(entry) : undefined;
}

function isWithin(address: Address, [base, bits]: readonly [Address, number]): boolean {
  return address.kind() === base.kind() && address.match(base, bits);
}

/** An IPv4-mapped IPv6 address counts as the IPv4 address. */
function addressOf(text: string): Address | undefined {
  return isAddress(text) ? ipaddr.process(text) : undefined;
}

/** ipaddr.js alone also takes "10" and "0x7f.1" for addresses. */
function isAddress(text: string): boolean {
  return ipaddr.IPv4.isValidFourPartDecimal(text) || ipaddr.IPv6.isValid(text);
}

function unbracketed(name: string): string {
  return name.replace(/^\[(?<inner>.*)\]$/, '$<inner>');
}

function parseProxy(variable: string, value: string | undefined): URL | undefined {
  const text = value?.trim() ?? '';
  if (text === '') return undefined;
  const url = URL.parse(/^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`);
  if (url === null) {
    throw new ProxySettingsError(
      `${variable} is no URL: write http://[user:password@]host[:port], with %40 for @ in a password`,
    );
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw new ProxySettingsError(
      `${variable} names a ${url.protocol.slice(0, -1)} proxy (${url.host}); http and https proxies are supported`,
    );
  }
  return url;
}
