import * as z from 'zod';

import { quote } from '../image/quote.ts';
import type { ConfigDocument } from './document.ts';
import { nearest } from './nearest.ts';
import type { Finding, KeyPath } from './problem.ts';
import { configJsonSchema } from './schema.ts';

type Issue = z.core.$ZodIssue;

/** Puts what the schema found into words, one finding per problem. */
export function findingsOf(issues: readonly Issue[], document: ConfigDocument): readonly Finding[] {
  return issues.flatMap((issue) => {
    const path = issue.path.filter((part) => typeof part !== 'symbol');
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.map((key) => ({
        path: [...path, key],
        atKey: true,
        message: unknownKey(key, path),
      }));
    }
    return [{ path, message: messageOf(issue, path, document) }];
  });
}

function messageOf(issue: Issue, path: KeyPath, document: ConfigDocument): string {
  switch (issue.code) {
    case 'invalid_type':
      return wrongType(issue.expected, valueAt(document.value, path));
    case 'invalid_value': {
      const allowed = issue.values.map(String);
      const written = document.written(path) ?? '';
      const meant = nearest(written, allowed);
      const hint = meant === undefined ? '' : `; did you mean ${meant}?`;
      return `${quoted(path, document)} is none of ${allowed.join(', ')}${hint}`;
    }
    case 'too_small':
      if (issue.origin === 'string') return 'is empty';
      return `${quoted(path, document)} is less than ${issue.minimum}`;
    case 'too_big':
      return `${quoted(path, document)} is more than ${issue.maximum}`;
    case 'custom':
      // Of a map, the message is a sentence of its own.
      return isSingle(valueAt(document.value, path))
        ? `${quoted(path, document)} ${issue.message}`
        : issue.message;
    case 'unrecognized_keys':
    case 'invalid_element':
    case 'invalid_format':
    case 'invalid_key':
    case 'invalid_union':
    case 'not_multiple_of':
      // zod's own words; they hold no value.
      return issue.message;
  }
}

/** The value as written, so that what a variable holds never shows; a secret does not even so. */
export function quoted(path: KeyPath, document: ConfigDocument): string {
  const written = document.written(path);
  const isSecret =
    path.at(-1) === 'token' || (path.at(-1) === 'endpoint' && written?.includes('@'));
  return written === undefined || isSecret ? 'the value' : quote(written, 60);
}

const kinds: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a map',
};

function wrongType(expected: string, value: unknown): string {
  const wanted = kinds[expected] ?? expected;
  if (value === undefined) return `is missing; ${wanted} is needed`;
  return `${wanted} is needed, not ${kindOf(value)}${quoteHint(expected, value)}`;
}

function kindOf(value: unknown): string {
  if (value === null) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'number' && !Number.isFinite(value)) return String(value);
  if (typeof value === 'number' && !Number.isInteger(value)) return 'a fraction';
  return kinds[typeof value] ?? 'this';
}

function quoteHint(expected: string, value: unknown): string {
  if (expected === 'string') return isSingle(value) && value !== null ? '; put it in quotes' : '';
  if (typeof value !== 'string') return '';
  const unquoted = expected === 'boolean' ? /^(?:true|false)$/i : /^-?[0-9.]+$/;
  return unquoted.test(value) ? '; leave out the quotes' : '';
}

function isSingle(value: unknown): boolean {
  return typeof value !== 'object' || value === null;
}

function valueAt(value: unknown, path: KeyPath): unknown {
  let current = value;
  for (const part of path) {
    if (typeof current !== 'object' || current === null) return undefined;
    current = Object.hasOwn(current, part) ? Reflect.get(current, part) : undefined;
  }
  return current;
}

/** The key is misspelt, or stands at the wrong place, or is unknown altogether. */
function unknownKey(key: string, path: KeyPath): string {
  const known = knownKeys();
  const place = path.map((part) => (typeof part === 'number' ? '[]' : part)).join('.');
  const siblings = known.filter((other) => other.place === place).map(({ name }) => name);
  const unknown = `unknown key ${quote(key, 40)}`;
  const meant = nearest(key, siblings);
  if (meant !== undefined) return `${unknown}; did you mean ${meant}?`;
  const elsewhere = known.find(({ name }) => name === key);
  if (elsewhere !== undefined) {
    const names = [elsewhere.place, key].filter((part) => part !== '').join('.');
    return `${unknown}; did you mean ${names.replace('.[]', '[]')}?`;
  }
  return `${unknown}; known here: ${siblings.join(', ')}`;
}

interface KnownKey {
  /** `registries.[].secret`. */
  readonly place: string;
  readonly name: string;
}

const nodeSchema = z.object({
  get properties() {
    return z.record(z.string(), nodeSchema).optional();
  },
  get items() {
    return nodeSchema.optional();
  },
});

/** Every key of the schema, wherever it stands. */
export function knownKeys(): readonly KnownKey[] {
  return keysBelow(nodeSchema.parse(configJsonSchema()), []);
}

function keysBelow(node: z.infer<typeof nodeSchema>, path: readonly string[]): readonly KnownKey[] {
  const below = Object.entries(node.properties ?? {}).flatMap(([name, child]) => [
    { place: path.join('.'), name },
    ...keysBelow(child, [...path, name]),
  ]);
  return node.items === undefined ? below : [...below, ...keysBelow(node.items, [...path, '[]'])];
}
