/** A text of the same length, which YAML reads as the one it stands for but for what a brace means. */
export interface MaskedText {
  readonly text: string;
  /** Puts the braces back into a part of the text. */
  readonly unmask: (part: string) => string;
}

/** Without what ends a value within { } and [ ] anyway. */
const variable = /\$\{([^\s{}[\],]*)\}/g;

/** A private use area of Unicode: YAML takes its characters, and nobody writes them. */
const firstStandIn = 0xe000;
const lastStandIn = 0xf8ff;

/**
 * Puts other characters in the place of the braces of `${NAME}`.
 *
 * To YAML a brace within { } or [ ] is structure, so that `{ token: ${TOKEN} }` is no value there. The predecessor
 * expands variables before YAML sees them, and takes it.
 */
export function maskVariables(text: string): MaskedText {
  const [open, close] = standIns(text);
  if (open === undefined || close === undefined) return { text, unmask: (part) => part };
  return {
    text: text.replaceAll(variable, `$$${open}$1${close}`),
    unmask: (part) => part.replaceAll(open, '{').replaceAll(close, '}'),
  };
}

/** Two characters that the text does not hold. */
function standIns(text: string): readonly string[] {
  const found: string[] = [];
  for (let code = firstStandIn; code <= lastStandIn && found.length < 2; code += 1) {
    const character = String.fromCodePoint(code);
    if (!text.includes(character)) found.push(character);
  }
  return found;
}
