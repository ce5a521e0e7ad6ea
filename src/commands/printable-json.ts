/** Indented JSON of printable characters only: what JSON itself lets through, like C1 controls, is escaped (case 61). */
export function printableJson(document: object): string {
  const text = JSON.stringify(document, undefined, 2);
  return `${text.replaceAll(/(?!\n)[\p{C}\p{Zl}\p{Zp}]/gu, escape)}\n`;
}

function escape(character: string): string {
  return Array.from(
    { length: character.length },
    (_, index) => `\\u${character.charCodeAt(index).toString(16).padStart(4, '0')}`,
  ).join('');
}
