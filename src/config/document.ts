import { isAlias, isMap, isPair, isScalar, isSeq, LineCounter, parseDocument, visit } from 'yaml';
import type { Document, Node, Scalar, YAMLError } from 'yaml';

import { quote } from '../image/quote.ts';
import { expand } from './expand.ts';
import type { EnvironmentVariables } from './expand.ts';
import { maskVariables } from './masked-variables.ts';
import type { Finding, KeyPath } from './problem.ts';
import { syntaxMessage } from './syntax.ts';

/** More than anybody writes; each may stand for a whole tree (a "billion laughs"). */
const maxAliases = 100;

/** A config file as YAML: its content, and where each part of it stands. */
export class ConfigDocument {
  /** With variables expanded; a null of a map is undefined, which is the same as absent. */
  readonly value: unknown;
  readonly findings: readonly Finding[];
  readonly #document: Document.Parsed;
  readonly #lines: LineCounter;
  /** Scalars that held a `${NAME}`: what they hold now, as text. */
  readonly #expanded: ReadonlyMap<Scalar, string>;

  /** Reads a file's text. It throws nothing: what is wrong is in `findings`, all of it. */
  constructor(text: string, environment: EnvironmentVariables) {
    this.#lines = new LineCounter();
    const masked = maskVariables(text);
    this.#document = parseDocument(masked.text, {
      lineCounter: this.#lines,
      // Otherwise messages quote lines of the file, and a secret with them.
      prettyErrors: false,
      logLevel: 'error',
    });
    unmaskScalars(this.#document, masked.unmask);
    const findings = syntaxFindings(this.#document, text);
    const readable = this.#document.errors.every(({ code }) => code === 'DUPLICATE_KEY');
    const expansion = readable
      ? expandScalars(this.#document, text, environment)
      : { expanded: new Map<Scalar, string>(), findings: [] };
    this.#expanded = expansion.expanded;
    findings.push(...expansion.findings);
    const plain = readable ? plainValue(this.#document) : { value: undefined };
    if (plain.finding !== undefined) findings.push(plain.finding);
    this.value = plain.value;
    this.findings = findings;
  }

  /** The text that a value without quotes came to by expansion, before it was given a type. */
  expandedText(path: KeyPath): string | undefined {
    const { node, isExact } = this.#find(path);
    return isExact && isScalar(node) ? this.#expanded.get(node) : undefined;
  }

  /** A value as the file has it, variables not expanded; undefined where it is no single value. */
  written(path: KeyPath): string | undefined {
    const { node, isExact } = this.#find(path);
    if (!isExact || !isScalar(node) || node.source === undefined) return undefined;
    return node.source === '' ? undefined : node.source;
  }

  /** Line and column, from 1, of a finding; of the nearest thing around it where it marks what is absent. */
  placeOf({ path, atKey = false, offset }: Finding): {
    readonly line: number;
    readonly column: number;
  } {
    const { node, key, isExact } = this.#find(path);
    const marked = atKey || !isExact ? (key ?? node) : node;
    const { line, col } = this.#lines.linePos(offset ?? marked?.range?.[0] ?? 0);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  }

  /** The node at a path, or the last one on the way; `key` is the key that it stands under. */
  #find(path: KeyPath): {
    readonly node: Node | undefined;
    readonly key: Node | undefined;
    readonly isExact: boolean;
  } {
    let node: Node | undefined = this.#document.contents ?? undefined;
    let key: Node | undefined;
    for (const part of path) {
      const target = isAlias(node) ? node.resolve(this.#document) : node;
      if (isSeq<Node>(target) && typeof part === 'number' && target.items[part] !== undefined) {
        node = target.items[part];
        key = undefined;
        continue;
      }
      const pair = isMap<Node, Node | null>(target)
        ? target.items.findLast(
            (item) => isScalar(item.key) && String(item.key.value) === String(part),
          )
        : undefined;
      if (pair === undefined) return { node, key, isExact: false };
      node = pair.value ?? undefined;
      key = pair.key;
    }
    return { node, key, isExact: true };
  }
}

function syntaxFindings(document: Document.Parsed, text: string): Finding[] {
  const errors: readonly YAMLError[] = [...document.errors, ...document.warnings];
  const lines = new Set<number>();
  const findings: Finding[] = [];
  for (const error of errors) {
    const [offset] = error.pos;
    const lineStart = text.lastIndexOf('\n', offset - 1) + 1;
    // One slip makes the parser complain several times.
    if (lines.has(lineStart)) continue;
    lines.add(lineStart);
    findings.push({ path: [], offset, message: syntaxMessage(error.code) });
  }
  return findings;
}

function unmaskScalars(document: Document.Parsed, unmask: (part: string) => string): void {
  visit(document, {
    Scalar(_key, node) {
      if (typeof node.value === 'string') node.value = unmask(node.value);
      if (node.source !== undefined) node.source = unmask(node.source);
    },
  });
}

function expandScalars(
  document: Document.Parsed,
  text: string,
  environment: EnvironmentVariables,
): { readonly expanded: ReadonlyMap<Scalar, string>; readonly findings: readonly Finding[] } {
  const expanded = new Map<Scalar, string>();
  const findings: Finding[] = [];
  visit(document, {
    Scalar(key, node, ancestors) {
      if (key === 'key' || typeof node.value !== 'string' || !node.value.includes('${')) return;
      const expansion = expand(node.value, environment);
      const [start = 0, end = 0] = node.range ?? [];
      if (!expansion.ok) {
        const within = text.slice(start, end).indexOf(expansion.at);
        const path = pathOf(key, ancestors);
        findings.push({ path, offset: start + Math.max(within, 0), message: expansion.message });
        return;
      }
      // With quotes, in a block or with a tag it stays the text that it is.
      const isPlain = node.type === 'PLAIN' && node.tag === undefined;
      // White space around a value without quotes does not count, as in a file.
      const now = isPlain ? expansion.text.trim() : expansion.text;
      if (isPlain) expanded.set(node, now);
      node.value = isPlain ? typed(now, document) : now;
    },
  });
  return { expanded, findings };
}

/** Gives a text the type that YAML gives to a value without quotes; never more than a single value. */
function typed(text: string, document: Document.Parsed): unknown {
  for (const tag of document.schema.tags) {
    if (tag.collection !== undefined || tag.default !== true || tag.test?.test(text) !== true)
      continue;
    const value = tag.resolve(text, () => undefined, {});
    return isScalar(value) ? value.value : value;
  }
  return text;
}

function pathOf(key: unknown, ancestors: readonly unknown[]): KeyPath {
  const path: (string | number)[] = [];
  for (const [index, ancestor] of ancestors.entries()) {
    const child = ancestors[index + 1];
    if (isPair(ancestor)) path.push(isScalar(ancestor.key) ? String(ancestor.key.value) : '?');
    else if (isSeq(ancestor)) {
      path.push(
        typeof key === 'number' && child === undefined ? key : ancestor.items.indexOf(child),
      );
    }
  }
  return path;
}

function plainValue(document: Document.Parsed): {
  readonly value?: unknown;
  readonly finding?: Finding;
} {
  const finding = aliasFinding(document);
  if (finding !== undefined) return { finding };
  try {
    const value: unknown = document.toJS({ maxAliasCount: maxAliases });
    return { value: withoutNulls(value, new Set()) };
  } catch {
    return { finding: { path: [], message: 'the aliases (*name) stand for too much' } };
  }
}

function aliasFinding(document: Document.Parsed): Finding | undefined {
  let count = 0;
  let finding: Finding | undefined;
  visit(document, {
    Alias(_key, node) {
      count += 1;
      const [offset = 0] = node.range ?? [];
      if (count > maxAliases) {
        finding = {
          path: [],
          offset,
          message: `there are more than ${maxAliases} aliases (*name)`,
        };
      } else if (node.resolve(document) === undefined) {
        const message = `no anchor &${quote(node.source, 40).slice(1, -1)} stands before this alias`;
        finding = { path: [], offset, message };
      }
      return finding === undefined ? undefined : visit.BREAK;
    },
  });
  return finding;
}

function withoutNulls(value: unknown, seen: Set<object>): unknown {
  if (typeof value !== 'object' || value === null || seen.has(value)) return value;
  seen.add(value);
  for (const [key, item] of Object.entries(value)) {
    if (item !== null) withoutNulls(item, seen);
    else if (!Array.isArray(value)) Reflect.set(value, key, undefined);
  }
  return value;
}
