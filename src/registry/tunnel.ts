import type { Socket } from 'node:net';
import { Client } from 'undici';

import { HttpError } from './http-error.ts';

/**
 * Has a proxy open a tunnel to an origin (CONNECT).
 *
 * @param toProxy a connection to it; the tunnel goes on using it
 * @returns the tunnel, still without TLS
 * @throws {HttpError} `unreachable`: the proxy refused or went away; its password is in no message
 */
export async function openTunnel(
  toProxy: Socket,
  proxy: URL,
  origin: URL,
  signal: AbortSignal,
): Promise<Socket> {
  const target = `${origin.hostname}:${origin.port === '' ? '443' : origin.port}`;
  const client = new Client(originOf(proxy), {
    // Called back at once, undici does not go on to write.
    connect: (_options, callback) => queueMicrotask(() => callback(null, toProxy)),
    allowH2: false,
  });
  try {
    const { socket, statusCode } = await client.connect({
      path: target,
      headers: { host: target, ...proxyAuthorization(proxy) },
      signal,
    });
    if (statusCode === 200) return toProxy;
    socket.destroy();
    throw refusedByProxy(proxy, target, statusCode);
  } catch (error) {
    toProxy.destroy();
    if (error instanceof HttpError) throw error;
    signal.throwIfAborted();
    throw new HttpError(
      'unreachable',
      `the proxy ${proxy.host} ended the connection instead of opening one to ${target}`,
      { cause: error, connectFailure: true },
    );
  }
}

/** @param target `host:port` that it was to lead to */
export function refusedByProxy(proxy: URL, target: string, status: number): HttpError {
  const remedy =
    status === 407
      ? ': it demands a user and password, or other ones, in the URL of HTTPS_PROXY or HTTP_PROXY'
      : '; NO_PROXY lists the hosts that are asked without it';
  return new HttpError(
    'unreachable',
    `the proxy ${proxy.host} refused to connect to ${target} (${status})${remedy}`,
    { connectFailure: true },
  );
}

/** The user and password of a proxy's URL as it wants to see them; nothing when there is no user. */
export function proxyAuthorization(proxy: URL): Readonly<Record<string, string>> {
  if (proxy.username === '') return {};
  const text = `${decode(proxy.username)}:${decode(proxy.password)}`;
  return { 'proxy-authorization': `Basic ${Buffer.from(text).toString('base64')}` };
}

/** A stray percent sign stands for itself. */
function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function originOf(proxy: URL): string {
  return `${proxy.protocol}//${proxy.host}`;
}
