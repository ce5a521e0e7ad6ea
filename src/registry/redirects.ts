import { quote } from '../image/quote.ts';
import { HttpError } from './http-error.ts';
import type { HttpRequest } from './http.ts';

/** Most registries redirect once, to their storage. */
export const maxRedirects = 5;

const redirectStatuses = new Set([301, 302, 303, 307, 308]);

/** Credentials of a registry; nobody else gets them (CVE-2020-15157). */
const credentialHeaders = new Set(['authorization', 'cookie']);

/** What goes over the wire next. */
export interface Hop {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * Decides where a redirect leads (case 39): for HEAD and GET only, with the method kept.
 * Credentials are dropped for good once scheme, host or port differ: no later hop gets them back.
 *
 * @param elsewhere what another origin gets to see instead
 * @returns the next hop, or undefined when the answer is to be taken as it is
 * @throws {HttpError} `refused`: from https to http, or to what is not HTTP; `malformed`: not a URL
 */
export function nextHop(
  method: HttpRequest['method'],
  hop: Hop,
  answer: { readonly status: number; readonly location: string | undefined },
  elsewhere?: HttpRequest['elsewhere'],
): Hop | undefined {
  if (method === 'POST' || !redirectStatuses.has(answer.status)) return undefined;
  if (answer.location === undefined) return undefined;
  const url = resolve(answer.location, hop.url);
  if (url.protocol !== 'https:' && url.protocol !== 'http:') {
    throw new HttpError(
      'refused',
      `${hop.url.host} redirects to ${quote(url.protocol, 20)}; only http and https are followed`,
    );
  }
  if (hop.url.protocol === 'https:' && url.protocol === 'http:') {
    throw new HttpError(
      'refused',
      `${hop.url.host} redirects from https to http (${url.host}), which is not followed`,
    );
  }
  if (url.origin === hop.url.origin) return { url, headers: hop.headers };
  const headers = Object.entries(hop.headers).filter(
    ([name]) => !credentialHeaders.has(name.toLowerCase()),
  );
  const shown = url.origin === elsewhere?.origin && { authorization: elsewhere.authorization };
  return { url, headers: { ...Object.fromEntries(headers), ...shown } };
}

function resolve(location: string, base: URL): URL {
  if (!URL.canParse(location, base)) {
    throw new HttpError(
      'malformed',
      `${base.host} redirects to ${quote(location, 60)}, which is no URL`,
    );
  }
  const url = new URL(location, base);
  // A password in a Location is nobody's that we know.
  url.username = '';
  url.password = '';
  url.hash = '';
  return url;
}
