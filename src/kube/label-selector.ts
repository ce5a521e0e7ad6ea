/**
 * Tells whether labels fit a selector, as the API server would, for labels of which it lists nothing: those of a
 * Pod template.
 *
 * @param selector of a form that the config has found valid: requirements joined by commas
 * @see https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors
 */
export function fitsSelector(selector: string, labels: Readonly<Record<string, string>>): boolean {
  return requirementsOf(selector).every((requirement) => fits(requirement, labels));
}

/** At the commas that stand in no parentheses. */
function requirementsOf(selector: string): readonly string[] {
  return [...selector.matchAll(/(?:[^,(]|\([^)]*\))+/g)].map(([requirement]) => requirement.trim());
}

const setForm = /^(?<key>\S+)\s+(?<operator>in|notin)\s*\((?<values>[^()]*)\)$/;
const valueForm = /^(?<key>[^\s=!<>]+)\s*(?<operator>==|=|!=|<|>)\s*(?<value>\S*)$/;
const keyForm = /^(?<not>!?)\s*(?<key>\S+)$/;

function fits(requirement: string, labels: Readonly<Record<string, string>>): boolean {
  const labelOf = (key = ''): string | undefined =>
    Object.hasOwn(labels, key) ? labels[key] : undefined;

  const set = setForm.exec(requirement)?.groups;
  if (set !== undefined) {
    const values = (set['values'] ?? '').split(',').map((value) => value.trim());
    const label = labelOf(set['key']);
    const isIn = label !== undefined && values.includes(label);
    return isIn === (set['operator'] === 'in');
  }
  const one = valueForm.exec(requirement)?.groups;
  if (one !== undefined)
    return compare(labelOf(one['key']), one['operator'] ?? '', one['value'] ?? '');
  const key = keyForm.exec(requirement)?.groups;
  return key !== undefined && (labelOf(key['key']) !== undefined) === (key['not'] === '');
}

/** What is not there is unequal to everything, and neither more nor less than anything. */
function compare(label: string | undefined, operator: string, value: string): boolean {
  switch (operator) {
    case '!=':
      return label !== value;
    case '<':
      return label !== undefined && Number(label) < Number(value);
    case '>':
      return label !== undefined && Number(label) > Number(value);
    default:
      return label === value;
  }
}
