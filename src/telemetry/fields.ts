import { printable } from '../image/quote.ts';
import { clip, maxForeignMessageLength, maxTextLength, withoutCredentials } from './text.ts';

/** What a log line says beside its sentence, in the words of the glossary. */
export type Fields = Readonly<Record<string, unknown>>;

const maxItems = 50;
const maxDepth = 6;
const maxCauses = 5;
const maxFrames = 10;

/** Names under which a secret may travel in somebody else's object; an answer's body and headers among them. */
const secretNames =
  /^(?:auth|authorization|proxy-authorization|body|cookie|set-cookie|headers|password|passwd|token|(?:access|refresh|identity|registry)_?token|\.docker(?:cfg|configjson))$/i;

/** Fields as they may be printed: escaped, cut, limited in number and depth, without secrets. */
export function printableFields(fields: Fields): Record<string, unknown> {
  return printableObject(fields, 0);
}

function printableObject(object: object, depth: number): Record<string, unknown> {
  const entries: [string, unknown][] = Object.entries(object);
  return Object.fromEntries(
    entries
      .slice(0, maxItems)
      .map(([name, value]) => [
        printable(name),
        secretNames.test(name) && value !== undefined ? '[redacted]' : printableValue(value, depth),
      ]),
  );
}

function printableValue(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return text(value, maxTextLength);
  if (typeof value === 'bigint') return value.toString();
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof Error) return describeError(value);
  if (depth >= maxDepth) return '…';
  if (Array.isArray(value)) return printableItems(value, depth);
  if (value instanceof Set || value instanceof Map) return printableItems([...value], depth);
  // A Secret, a Date and a URL say themselves how they print.
  return hasToJson(value)
    ? printableValue(value.toJSON(), depth + 1)
    : printableObject(value, depth + 1);
}

function hasToJson(value: object): value is { readonly toJSON: () => unknown } {
  return 'toJSON' in value && typeof value.toJSON === 'function';
}

function printableItems(items: readonly unknown[], depth: number): readonly unknown[] {
  const shown = items.slice(0, maxItems).map((item) => printableValue(item, depth + 1));
  return items.length > maxItems ? [...shown, `… and ${items.length - maxItems} more`] : shown;
}

function text(value: string, maxLength: number): string {
  return clip(withoutCredentials(value.slice(0, 4 * maxTextLength)), maxLength);
}

/**
 * An error by name, code, message and causes, never by the rest of its properties.
 *
 * Only a message's first line counts: client-node's go on with the answer's body and headers, a YAML parser's with
 * the file. The place in the code is shown for errors without a code, since they are defects.
 */
function describeError(error: Error): Record<string, unknown> {
  const code = codeOf(error);
  const causes = causesOf(error);
  return {
    name: text(error.name, maxForeignMessageLength),
    ...(code === undefined ? {} : { code }),
    message: firstLine(error.message),
    ...(causes.length === 0 ? {} : { causes }),
    ...(code === undefined ? { frames: framesOf(error) } : {}),
  };
}

function causesOf(error: Error): readonly string[] {
  const causes: string[] = [];
  const seen = new Set<unknown>([error]);
  const open: unknown[] = [...innerErrors(error)];
  while (open.length > 0 && causes.length < maxCauses) {
    const cause = open.shift();
    if (seen.has(cause)) continue;
    seen.add(cause);
    if (!(cause instanceof Error)) {
      causes.push(firstLine(typeof cause === 'string' ? cause : typeof cause));
      continue;
    }
    const code = codeOf(cause);
    const message = firstLine(cause.message);
    causes.push(
      code === undefined || message.includes(String(code)) ? message : `${code}: ${message}`,
    );
    open.push(...innerErrors(cause));
  }
  return causes;
}

function innerErrors(error: Error): readonly unknown[] {
  const errors: readonly unknown[] = error instanceof AggregateError ? error.errors : [];
  return error.cause === undefined ? errors : [error.cause, ...errors];
}

function codeOf(error: Error): string | number | undefined {
  if (!('code' in error)) return undefined;
  if (typeof error.code === 'number') return error.code;
  return typeof error.code === 'string' ? text(error.code, maxForeignMessageLength) : undefined;
}

function firstLine(message: string): string {
  return text(message.split('\n', 1)[0] ?? '', maxForeignMessageLength);
}

function framesOf(error: Error): readonly string[] {
  return (error.stack ?? '')
    .split('\n')
    .filter((line) => /^\s+at /.test(line))
    .slice(0, maxFrames)
    .map((line) => text(line.trim(), maxTextLength));
}
