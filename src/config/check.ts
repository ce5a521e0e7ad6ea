import type { z } from 'zod';

import type { ConfigDocument } from './document.ts';
import { findingsOf } from './issues.ts';
import type { Finding, KeyPath } from './problem.ts';
import { configSchema } from './schema.ts';
import type { ConfigInput } from './schema.ts';

export interface Checked {
  /** What the schema says of the file. */
  readonly findings: readonly Finding[];
  /**
   * The content; where there are findings, what is left of it without the parts at fault, so that the files it names
   * are looked at all the same. Absent where that is not enough.
   */
  readonly input?: ConfigInput;
}

type Issues = readonly z.core.$ZodIssue[];

/** Holds a file's content against the schema. */
export function checkDocument(document: ConfigDocument): Checked {
  const value = document.value ?? {};
  let result = configSchema.safeParse(value);
  if (!result.success && textsRestored(result.error.issues, value, document)) {
    result = configSchema.safeParse(value);
  }
  if (result.success) return { findings: [], input: result.data };
  const findings = findingsOf(result.error.issues, document);
  const input = sound(value, result.error.issues);
  return { findings, ...(input !== undefined && { input }) };
}

/** A number that came from a variable is the text it was, where a text is needed: `token: ${TOKEN}`. */
function textsRestored(issues: Issues, value: unknown, document: ConfigDocument): boolean {
  let restored = false;
  for (const issue of issues) {
    if (issue.code !== 'invalid_type' || issue.expected !== 'string') continue;
    const path = keysOf(issue.path);
    const text = document.expandedText(path);
    const [holder, key] = holderOf(value, path);
    if (text !== undefined && holder !== undefined) restored = Reflect.set(holder, key, text);
  }
  return restored;
}

/** What is left without the parts at fault. A secret without its `type` is at fault next, hence the rounds. */
function sound(value: unknown, issues: Issues): ConfigInput | undefined {
  let rest = value;
  let faults = issues;
  for (let round = 0; round < 3; round += 1) {
    rest = withoutFaults(rest, faults);
    const { data, error } = configSchema.safeParse(rest);
    if (error === undefined) return data;
    faults = error.issues;
  }
  return undefined;
}

function withoutFaults(value: unknown, issues: Issues): unknown {
  const rest: unknown = structuredClone(value);
  for (const issue of issues) {
    const path = keysOf(issue.path);
    const faults =
      issue.code === 'unrecognized_keys' ? issue.keys.map((key) => [...path, key]) : [path];
    for (const fault of faults) remove(rest, fault);
  }
  return rest;
}

/** A list is removed as a whole, but for the rules: those keep their places, which problems name. */
function remove(value: unknown, path: KeyPath): void {
  const [holder, key] = holderOf(value, path);
  if (holder === undefined || path.length === 0) return;
  if (path[0] === 'registries' && path.length === 2) {
    Reflect.set(holder, key, { hostnamePattern: leftOut });
  } else if (key === 'hostnamePattern') {
    Reflect.set(holder, key, leftOut);
  } else if (Array.isArray(holder)) {
    remove(value, path.slice(0, -1));
  } else {
    Reflect.deleteProperty(holder, key);
  }
}

/** Stands for a pattern at fault, so that the files of its rule are looked at. */
const leftOut = 'left-out';

/** The map or list that the last part of a path is a key of. */
function holderOf(
  value: unknown,
  path: KeyPath,
): readonly [holder: object | undefined, key: string | number] {
  let holder = value;
  for (const part of path.slice(0, -1)) {
    holder = typeof holder === 'object' && holder !== null ? Reflect.get(holder, part) : undefined;
  }
  return [typeof holder === 'object' && holder !== null ? holder : undefined, path.at(-1) ?? ''];
}

function keysOf(path: readonly PropertyKey[]): KeyPath {
  return path.filter((part) => typeof part !== 'symbol');
}
