import { printable } from '../image/quote.ts';

/** Of an error that somebody else worded; names and images are not cut. */
export const maxForeignMessageLength = 200;

/**
 * Of any text in a log line. A valid image reference, the longest thing that must stay whole, is shorter: a host
 * and repository of 255, a tag of 128 and a digest.
 */
export const maxTextLength = 1000;

/** Escapes and cuts text to `maxLength` characters, the `…` that says so included. */
export function clip(text: string, maxLength: number): string {
  // What is beyond the limit already is never escaped: the text may have a megabyte.
  const shown = printable(text.slice(0, maxLength + 1));
  if (shown.length <= maxLength) return shown;
  return `${shown.slice(0, maxLength - 1).replace(/[\ud800-\udbff]$/u, '')}…`;
}

/** Cuts text to a number of bytes in UTF-8, between two characters. */
export function clipBytes(text: string, maxBytes: number): string {
  const bytes = new Uint8Array(maxBytes);
  const { written } = new TextEncoder().encodeInto(text, bytes);
  return new TextDecoder().decode(bytes.subarray(0, written));
}

const credential = /\b(?<scheme>Basic|Bearer)\s+[\w.~+/-]{16,}=*/gi;
const userInfo = /\/\/[^/\s@"]*:[^/\s@"]*@/g;
const query = /(?<url>https?:\/\/[^\s?"'<>]+)\?[^\s"'<>)]*/gi;

/**
 * The second net: takes what looks like a credential out of a text, and the query of every URL.
 * Nothing should ever be caught in it, since a `Secret` does not print.
 */
export function withoutCredentials(text: string): string {
  return text
    .replaceAll(credential, '$<scheme> [redacted]')
    .replaceAll(userInfo, '//[redacted]@')
    .replaceAll(query, '$<url>?[redacted]');
}
