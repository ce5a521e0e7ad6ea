const namePattern = /^[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;
const domainPattern = /^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*$/;
const maxDomainLength = 253;

/**
 * Tells what is wrong with a label selector, as the rest of a sentence that begins with the selector.
 *
 * Allowed is what the API server takes: requirements joined by commas, each `key=value`, `key==value`, `key!=value`,
 * `key in (a,b)`, `key notin (a,b)`, `key`, `!key`, `key>1` or `key<1`. Not the empty selector: it would restart everything.
 *
 * @see https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors
 */
export function selectorProblem(selector: string): string | undefined {
  if (selector.trim() === '') {
    return 'selects every workload; name a label, as in kube-autorollout/enabled=true';
  }
  const requirements = splitRequirements(selector);
  for (const [index, requirement] of requirements.entries()) {
    const problem = requirementProblem(requirement.trim());
    const part = requirements.length > 1 ? `part ${index + 1}: ` : '';
    if (problem !== undefined) return `is no label selector: ${part}${problem}`;
  }
  return undefined;
}

/** At the commas that stand in no parentheses. */
function splitRequirements(selector: string): readonly string[] {
  const requirements: string[] = [];
  let depth = 0;
  let start = 0;
  for (let index = 0; index < selector.length; index += 1) {
    const character = selector[index];
    if (character === '(') depth += 1;
    if (character === ')') depth -= 1;
    if (character === ',' && depth <= 0) {
      requirements.push(selector.slice(start, index));
      start = index + 1;
    }
  }
  return [...requirements, selector.slice(start)];
}

function requirementProblem(requirement: string): string | undefined {
  const set = /^(?<key>\S+)\s+(?:in|notin)\s*\((?<values>[^()]*)\)$/.exec(requirement)?.groups;
  if (set !== undefined) {
    const values = (set['values'] ?? '').split(',').map((value) => value.trim());
    return keyProblem(set['key'] ?? '') ?? firstProblem(values.map(valueProblem));
  }
  const order = /^(?<key>[^<>]*)[<>](?<value>.*)$/.exec(requirement)?.groups;
  if (order !== undefined) {
    const value = (order['value'] ?? '').trim();
    const numberProblem = /^-?[0-9]+$/.test(value)
      ? undefined
      : 'after < and > comes a whole number';
    return keyProblem((order['key'] ?? '').trim()) ?? numberProblem;
  }
  const equal = /^(?<key>[^=!]*)(?:==|!=|=)(?<value>.*)$/.exec(requirement)?.groups;
  if (equal !== undefined) {
    const value = (equal['value'] ?? '').trim();
    return keyProblem((equal['key'] ?? '').trim()) ?? valueProblem(value);
  }
  return keyProblem(requirement.replace(/^!\s*/, ''));
}

function keyProblem(key: string): string | undefined {
  if (key === '') return 'a label is missing';
  const slash = key.indexOf('/');
  const domain = key.slice(0, Math.max(slash, 0));
  const hasDomain = slash < 0 || (domain.length <= maxDomainLength && domainPattern.test(domain));
  return hasDomain && namePattern.test(key.slice(slash + 1))
    ? undefined
    : 'a label is [domain/]name, the name at most 63 letters, digits, "-", "_" or "."';
}

function valueProblem(value: string): string | undefined {
  return value === '' || namePattern.test(value)
    ? undefined
    : 'the value of a label has at most 63 letters, digits, "-", "_" or "."';
}

function firstProblem(problems: readonly (string | undefined)[]): string | undefined {
  return problems.find((problem) => problem !== undefined);
}
