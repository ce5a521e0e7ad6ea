import { quote } from '../image/quote.ts';

/** One way to authenticate that a server offers. */
export interface Challenge {
  /** In lower case: `bearer`, `basic`, `negotiate`. */
  readonly scheme: string;
  /** Names in lower case, values as sent: case matters in them. The first of several equal names counts. */
  readonly params: ReadonlyMap<string, string>;
  /** `Negotiate a87421…==`: what some schemes send instead of parameters. */
  readonly token68?: string;
}

/** A `WWW-Authenticate` header that is none. */
export class ChallengeError extends Error {
  override readonly name = 'ChallengeError';
  readonly code = 'malformed';
}

/** Node takes 16 KiB of headers altogether; nobody needs more for one. */
const maxLength = 16 * 1024;
/** Registries send one or two, with at most five parameters. */
const maxChallenges = 32;
const maxParams = 32;

const separators = /[ \t]*(?:,[ \t]*)*/y;
const blanks = /[ \t]*/y;
const name = /[!#$%&'*+\-.^_`|~0-9A-Za-z]+/y;
const equals = /[ \t]*=[ \t]*/y;
const quotedString = /"((?:[^"\\]|\\.)*)"/sy;
/** Not only a token: `realm=https://r.example.com/token` is seen without its quotes. */
const unquoted = /[^",\s]*/y;
const token68 = /[A-Za-z0-9\-._~+/]+=*(?=[ \t]*(?:,|$))/y;

/**
 * Reads every challenge of every `WWW-Authenticate` header, in order.
 *
 * A header may hold several, separated by the same commas that separate parameters, and a quoted value
 * may hold both commas and escaped quotes, so this walks the text once instead of splitting it (case 40).
 * More lenient than the grammar where servers are: unquoted URLs, parameters without a comma between.
 *
 * @param values one per header, as sent; none is no challenge
 * @throws {ChallengeError} and nothing else
 * @see https://www.rfc-editor.org/rfc/rfc9110.html#section-11.6.1
 */
export function parseChallenges(values: readonly string[]): readonly Challenge[] {
  const challenges = values.flatMap(parseHeader);
  if (challenges.length > maxChallenges) throw new ChallengeError('too many challenges');
  return challenges;
}

function parseHeader(text: string): readonly Challenge[] {
  if (text.length > maxLength) throw new ChallengeError(`longer than ${maxLength} characters`);
  const cursor = new Cursor(text);
  const challenges: Challenge[] = [];
  cursor.take(separators);
  while (!cursor.atEnd) {
    if (challenges.length === maxChallenges) throw new ChallengeError('too many challenges');
    challenges.push(parseChallenge(cursor));
    cursor.take(separators);
  }
  return challenges;
}

function parseChallenge(cursor: Cursor): Challenge {
  const scheme = cursor.take(name)?.toLowerCase();
  if (scheme === undefined) throw cursor.error('a scheme such as Bearer is expected');
  if (!cursor.atEnd && cursor.take(blanks) === '' && !cursor.sees(separators, ',')) {
    throw cursor.error('a blank is expected after the scheme');
  }
  // A lone scheme is followed by a comma; `realm=` alone would read as a token68, too.
  const opaque = cursor.take(token68);
  if (opaque !== undefined) return { scheme, params: new Map(), token68: opaque };
  return { scheme, params: parseParams(cursor) };
}

/** Takes parameters until the next name is not followed by `=`: that one is the next scheme. */
function parseParams(cursor: Cursor): ReadonlyMap<string, string> {
  const params = new Map<string, string>();
  for (let count = 0; ; count += 1) {
    if (count > maxParams) throw new ChallengeError('too many parameters');
    const start = cursor.position;
    cursor.take(separators);
    const key = cursor.take(name)?.toLowerCase();
    if (key === undefined || cursor.take(equals) === undefined) {
      cursor.position = start;
      return params;
    }
    const value = parseValue(cursor);
    if (!params.has(key)) params.set(key, value);
  }
}

function parseValue(cursor: Cursor): string {
  const quoted = cursor.take(quotedString);
  if (quoted !== undefined) return quoted.slice(1, -1).replaceAll(/\\(.)/gs, '$1');
  const value = cursor.take(unquoted) ?? '';
  if (cursor.sees(blanks, '"')) throw cursor.error('a quoted value does not end');
  return value;
}

/** A place in the text; every pattern is tried exactly there, so that no text is read twice for long. */
class Cursor {
  position = 0;
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  get atEnd(): boolean {
    return this.position >= this.#text.length;
  }

  /** What the sticky pattern matches here, and steps behind it. */
  take(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.position;
    const [found] = pattern.exec(this.#text) ?? [];
    if (found !== undefined) this.position += found.length;
    return found;
  }

  /** Tells whether what the pattern matches here, or the character behind it, begins with `character`. */
  sees(pattern: RegExp, character: string): boolean {
    pattern.lastIndex = this.position;
    const [found = ''] = pattern.exec(this.#text) ?? [];
    return found.includes(character) || this.#text[this.position + found.length] === character;
  }

  error(expected: string): ChallengeError {
    return new ChallengeError(`${expected} at ${quote(this.#text.slice(this.position), 40)}`);
  }
}
