import { type BodyReader, parseJson } from './answer.ts';

const [quote, backslash] = [0x22, 0x5c];
const [openObject, closeObject, openList, closeList] = [0x7b, 0x7d, 0x5b, 0x5d];

/** Items are in the list of an object. */
const itemDepth = 2;

/** What stands in the frame where an item was. */
const placeholder = 0;

/**
 * Takes a list apart while it comes in: hands on each item as bytes, and keeps of the rest a small JSON document, the
 * frame. So neither a page nor what JSON.parse would make of it is ever in memory, and items that are known already
 * cost a glance: of ten thousand Pods of 5 to 20 kB hardly any has changed since the last tick.
 *
 * It follows brackets and quotes only. The frame is parsed strictly at the end, an item when its taker parses it.
 */
export class ListBody implements BodyReader {
  readonly #onItem: (bytes: Uint8Array) => void;
  #frame = '';
  /** Of the item that is coming in. */
  #parts: Uint8Array[] = [];
  #items = 0;
  #place: 'frame' | 'items' | 'item' = 'frame';
  #depth = 0;
  #inString = false;
  /** The last piece ended with a backslash. */
  #escaped = false;

  /** @param onItem gets bytes that are its own only until it returns */
  constructor(onItem: (bytes: Uint8Array) => void) {
    this.#onItem = onItem;
  }

  push(piece: Uint8Array): void {
    let at = 0;
    while (at < piece.length) {
      at = this.#place === 'item' ? this.#throughItem(piece, at) : this.#throughFrame(piece, at);
    }
  }

  /** @returns the frame, whatever it is @throws {SyntaxError} it is no JSON */
  end(): unknown {
    const frame = parseJson(Buffer.from(this.#frame, 'latin1'));
    const items = isList(frame) ? frame.items : [];
    const understood = items.length === this.#items && items.every((item) => item === placeholder);
    return understood ? frame : undefined;
  }

  /** A loop with all in local variables: of what is read in a tick nearly everything passes through here. */
  #throughItem(piece: Uint8Array, from: number): number {
    let depth = this.#depth;
    for (let at = this.#restOfString(piece, from); at < piece.length; at += 1) {
      const byte = piece[at];
      if (byte === quote) {
        at = this.#string(piece, at + 1);
      } else if (byte === openObject || byte === openList) {
        depth += 1;
      } else if (byte === closeObject || byte === closeList) {
        depth -= 1;
        if (depth === itemDepth) {
          this.#depth = depth;
          this.#endItem(piece.subarray(from, at + 1));
          return at + 1;
        }
      }
    }
    this.#depth = depth;
    this.#parts.push(piece.subarray(from));
    return piece.length;
  }

  #throughFrame(piece: Uint8Array, from: number): number {
    for (let at = this.#restOfString(piece, from); at < piece.length; at += 1) {
      const byte = piece[at];
      if (byte === quote) {
        at = this.#string(piece, at + 1);
      } else if (byte === openObject && this.#place === 'items' && this.#depth === itemDepth) {
        this.#frame += latin1(piece, from, at);
        this.#place = 'item';
        return at;
      } else if (byte === openObject || byte === openList) {
        this.#depth += 1;
        if (byte === openList && this.#depth === itemDepth) {
          const before = (this.#frame + latin1(piece, from, at)).slice(-50);
          if (/"items"\s*:\s*$/.test(before)) this.#place = 'items';
        }
      } else if (byte === closeObject || byte === closeList) {
        this.#depth -= 1;
        if (this.#depth < itemDepth) this.#place = 'frame';
      }
    }
    // A copy: a view of one comma would keep the whole piece.
    this.#frame += latin1(piece, from, piece.length);
    return piece.length;
  }

  #endItem(last: Uint8Array): void {
    this.#onItem(this.#parts.length === 0 ? last : Buffer.concat([...this.#parts, last]));
    this.#parts = [];
    this.#place = 'items';
    this.#items += 1;
    this.#frame += String(placeholder);
  }

  /** @returns where to go on: after a string that the last piece left open */
  #restOfString(piece: Uint8Array, from: number): number {
    if (!this.#inString) return from;
    return this.#string(piece, this.#escaped ? from + 1 : from) + 1;
  }

  /** @returns the index of the closing quote, or past the end */
  #string(piece: Uint8Array, from: number): number {
    const end = endOfString(piece, from);
    this.#inString = end >= piece.length;
    this.#escaped = end > piece.length;
    return end;
  }
}

/**
 * Finds `metadata.uid` and `metadata.resourceVersion` of an object without parsing it.
 *
 * @returns both with their quotes and a space between; undefined where they are not found, and for bytes that are no JSON
 */
export function versionOf(bytes: Uint8Array): string | undefined {
  const metadata = findMember(bytes, 0, 'metadata');
  if (metadata === undefined) return undefined;
  const uid = findMember(bytes, metadata, 'uid');
  const version = findMember(bytes, metadata, 'resourceVersion');
  if (uid === undefined || version === undefined) return undefined;
  return `${stringAt(bytes, uid)} ${stringAt(bytes, version)}`;
}

/** Where the value of a key begins, in the object that begins at `from`. */
function findMember(bytes: Uint8Array, from: number, key: string): number | undefined {
  if (bytes[from] !== openObject) return undefined;
  let at = afterSpace(bytes, from + 1);
  while (bytes[at] === quote) {
    const end = endOfString(bytes, at + 1);
    const value = afterColon(bytes, end + 1);
    if (value === undefined) return undefined;
    if (matches(bytes, at + 1, end, key)) return value;
    at = afterComma(bytes, endOfValue(bytes, value));
  }
  return undefined;
}

function endOfValue(bytes: Uint8Array, from: number): number {
  let depth = 0;
  for (let at = from; at < bytes.length; at += 1) {
    const byte = bytes[at];
    if (byte === quote) at = endOfString(bytes, at + 1);
    else if (byte === openObject || byte === openList) depth += 1;
    else if (byte === closeObject || byte === closeList) depth -= 1;
    if (depth < 0) return at;
    if (depth === 0 && (byte === quote || byte === closeObject || byte === closeList))
      return at + 1;
    if (depth === 0 && byte === 0x2c) return at;
  }
  return bytes.length;
}

function afterColon(bytes: Uint8Array, from: number): number | undefined {
  const colon = afterSpace(bytes, from);
  return bytes[colon] === 0x3a ? afterSpace(bytes, colon + 1) : undefined;
}

function afterComma(bytes: Uint8Array, from: number): number {
  const comma = afterSpace(bytes, from);
  return bytes[comma] === 0x2c ? afterSpace(bytes, comma + 1) : comma;
}

function afterSpace(bytes: Uint8Array, from: number): number {
  let at = from;
  while (bytes[at] === 0x20 || bytes[at] === 0x0a || bytes[at] === 0x0d || bytes[at] === 0x09) {
    at += 1;
  }
  return at;
}

/** The index of the closing quote; past the end when it is not there, by one more after a last backslash. */
function endOfString(bytes: Uint8Array, from: number): number {
  let at = from;
  while (at < bytes.length && bytes[at] !== quote) at += bytes[at] === backslash ? 2 : 1;
  return at;
}

function matches(bytes: Uint8Array, from: number, to: number, key: string): boolean {
  if (to - from !== key.length) return false;
  for (let index = 0; index < key.length; index += 1) {
    if (bytes[from + index] !== key.charCodeAt(index)) return false;
  }
  return true;
}

function stringAt(bytes: Uint8Array, from: number): string {
  return latin1(bytes, from, endOfString(bytes, from + 1) + 1);
}

function latin1(bytes: Uint8Array, from: number, to: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1', from, to);
}

function isList(frame: unknown): frame is { readonly items: readonly unknown[] } {
  return (
    typeof frame === 'object' && frame !== null && 'items' in frame && Array.isArray(frame.items)
  );
}
