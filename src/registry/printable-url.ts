/** Of a URL's query only these may be seen: everything else can be a token or a signature. */
const printableKeys = new Set(['service', 'scope']);

/** A URL as logs, metrics and `explain` may show it. */
export function printableUrl(url: URL): string {
  const query = new URLSearchParams(
    [...url.searchParams].filter(([name]) => printableKeys.has(name)),
  );
  const text = query.size === 0 ? '' : `?${query.toString()}`;
  return `${url.origin}${url.pathname}${text}`;
}
