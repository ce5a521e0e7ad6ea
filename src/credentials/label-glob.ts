/**
 * Tells whether a host's label matches a pattern, as Go's `filepath.Match` does, of which the kubelet uses this
 * much: `*` is any run of characters, `[a-z]` or `[^a-z]` one of a class. `?` starts the query of a URL and `\` is in
 * no host, so that neither ever gets here.
 *
 * Takes time of pattern times text at most, whatever the pattern (case 61). A malformed pattern matches nothing.
 * @see https://pkg.go.dev/path/filepath#Match
 */
export function matchLabel(pattern: string, label: string): boolean {
  if (!pattern.includes('*') && !pattern.includes('[')) return pattern === label;
  const parts = readParts(pattern);
  return parts !== undefined && matchParts(parts, label);
}

type Part = '*' | ((character: string) => boolean);

function readParts(pattern: string): readonly Part[] | undefined {
  const parts: Part[] = [];
  let position = 0;
  while (position < pattern.length) {
    const character = pattern.charAt(position);
    if (character === '[') {
      const end = pattern.indexOf(']', position);
      const part = end < 0 ? undefined : readClass(pattern.slice(position + 1, end));
      if (part === undefined) return undefined;
      parts.push(part);
      position = end + 1;
      continue;
    }
    if (character !== '*') parts.push((other) => other === character);
    else if (parts.at(-1) !== '*') parts.push('*');
    position += 1;
  }
  return parts;
}

/** What stands between `[` and `]`; a range needs both of its ends. */
function readClass(text: string): Part | undefined {
  const negated = text.startsWith('^');
  const body = negated ? text.slice(1) : text;
  const ranges: (readonly [string, string])[] = [];
  for (let position = 0; position < body.length;) {
    const low = body.charAt(position);
    const isRange = body.charAt(position + 1) === '-';
    const high = isRange ? body.charAt(position + 2) : low;
    if (low === '-' || high === '' || high === '-') return undefined;
    ranges.push([low, high]);
    position += isRange ? 3 : 1;
  }
  if (ranges.length === 0) return undefined;
  return (character) =>
    ranges.some(([low, high]) => low <= character && character <= high) !== negated;
}

/** After a mismatch only the last `*` takes one character more: no earlier one could do better. */
function matchParts(parts: readonly Part[], label: string): boolean {
  let part = 0;
  let position = 0;
  let star: { readonly part: number; position: number } | undefined;
  while (position < label.length) {
    const current = parts[part];
    if (current === '*') {
      part += 1;
      star = { part, position };
    } else if (current?.(label.charAt(position)) === true) {
      part += 1;
      position += 1;
    } else if (star !== undefined) {
      star.position += 1;
      part = star.part;
      position = star.position;
    } else {
      return false;
    }
  }
  return parts.slice(part).every((rest) => rest === '*');
}
