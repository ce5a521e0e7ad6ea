/** Characters that change how text shows, or show as nothing: controls, bidi marks, lone surrogates, line separators. */
const invisible = /[\p{C}\p{Zl}\p{Zp}]/gu;

/**
 * Quotes text from outside for a message: printable, on one line and not endless (case 61).
 *
 * @param maxLength of what stands between the quotes; the message as a whole is to stay below 200
 */
export function quote(text: string, maxLength = 100): string {
  const shown = printable(text.slice(0, maxLength + 1));
  return shown.length > maxLength ? `"${shown.slice(0, maxLength)}…"` : `"${shown}"`;
}

/** Escapes what is unprintable as `\u{1b}`; printable text comes back as it is, so that escaping twice does no harm. */
export function printable(text: string): string {
  return text.replaceAll(invisible, escapeCharacter);
}

function escapeCharacter(character: string): string {
  return `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;
}
