/** Characters that change how text shows, or show as nothing: controls, bidi marks, lone surrogates, line separators. */
const invisible = /[\p{C}\p{Zl}\p{Zp}]/gu;

/**
 * Quotes text from outside for a message: printable, on one line and not endless (case 61).
 *
 * @param maxLength of what stands between the quotes; the message as a whole is to stay below 200
 */
export function quote(text: string, maxLength = 100): string {
  const shown = text.slice(0, maxLength + 1).replaceAll(invisible, escapeCharacter);
  return shown.length > maxLength ? `"${shown.slice(0, maxLength)}…"` : `"${shown}"`;
}

function escapeCharacter(character: string): string {
  return `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;
}
