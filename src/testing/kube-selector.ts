export type LabelMatch = (labels: Readonly<Record<string, string>>) => boolean;

/** The text is no label selector. */
export class InvalidSelectorError extends Error {
  override readonly name = 'InvalidSelectorError';
}

const setPattern = /^(?<key>[^\s!=,()]+)\s+(?<operator>in|notin)\s+\((?<values>[^()]*)\)$/;
const equalityPattern = /^(?<key>[^\s!=,()]+)\s*(?<operator>==|=|!=)\s*(?<value>[^\s!=,()]*)$/;
const existencePattern = /^(?<not>!?)\s*(?<key>[^\s!=,()]+)$/;

/**
 * Reads a label selector: `a=b`, `a==b`, `a!=b`, `a in (b, c)`, `a notin (b)`, `a`, `!a`, joined by commas.
 * @throws {InvalidSelectorError}
 * @see https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors
 */
export function parseSelector(text: string): LabelMatch {
  if (text.trim() === '') return () => true;
  // A comma inside of parentheses separates values.
  const matches = text.split(/,(?![^(]*\))/).map((part) => parseRequirement(part.trim()));
  return (labels) => matches.every((match) => match(labels));
}

function parseRequirement(text: string): LabelMatch {
  const set = setPattern.exec(text)?.groups;
  if (set !== undefined) {
    const key = set['key'] ?? '';
    const values = (set['values'] ?? '').split(',').map((value) => value.trim());
    const isIn = set['operator'] === 'in';
    return (labels) => values.includes(labels[key] ?? '\0') === isIn;
  }
  const equality = equalityPattern.exec(text)?.groups;
  if (equality !== undefined) {
    const key = equality['key'] ?? '';
    const equal = equality['operator'] !== '!=';
    return (labels) => (labels[key] === equality['value']) === equal;
  }
  const existence = existencePattern.exec(text)?.groups;
  if (existence !== undefined) {
    const key = existence['key'] ?? '';
    const exists = existence['not'] === '';
    return (labels) => (labels[key] !== undefined) === exists;
  }
  throw new InvalidSelectorError(`unable to parse requirement: ${text}`);
}
