import { clip } from './text.ts';

const maxHosts = 50;
const maxHostLength = 255;

/** Whoever may create workloads chooses hosts, so only the first 50 have series of their own; the rest is `other`. */
export function createHostLabels(): (host: string) => string {
  const known = new Set<string>();
  return (host) => {
    const label = clip(host, maxHostLength);
    if (known.has(label)) return label;
    if (known.size >= maxHosts) return 'other';
    known.add(label);
    return label;
  };
}

const methods = new Set(['HEAD', 'GET', 'POST']);

export function methodLabel(method: string): string {
  return methods.has(method) ? method : 'other';
}

/** What registries answer with and what proxies before them do; a hostile one could make up hundreds. */
const codes = new Set([
  200, 301, 302, 303, 304, 307, 308, 400, 401, 403, 404, 405, 406, 407, 408, 416, 429, 500, 501,
  502, 503, 504,
]);

/** @param status absent where no answer came: `none` */
export function codeLabel(status: number | undefined): string {
  if (status === undefined) return 'none';
  if (codes.has(status)) return String(status);
  return status >= 100 && status < 600 ? `${Math.floor(status / 100)}xx` : 'other';
}
