import { type Platform } from '../image/platform.ts';

/** What of a Pod's spec says on which nodes it may run. */
export interface NodeDemands {
  readonly nodeSelector: Readonly<Record<string, string>>;
  /** `requiredDuringSchedulingIgnoredDuringExecution`: one term must hold, and in it every expression. */
  readonly terms: readonly (readonly NodeExpression[])[];
  /** `spec.os.name`. */
  readonly os: string;
}

export interface NodeExpression {
  readonly key: string;
  readonly operator: string;
  readonly values: readonly string[];
}

const labels = {
  architecture: ['kubernetes.io/arch', 'beta.kubernetes.io/arch'],
  os: ['kubernetes.io/os', 'beta.kubernetes.io/os'],
} as const;

/** There are some fifty. Lists in a Pod's affinity may be of any length, and two of them multiply (case 61). */
const maxPlatforms = 100;

/**
 * The platforms that a Pod may run on, as far as its spec says so (case 9): the Pod itself does not state it,
 * and reading nodes would need more than a Role in the namespace.
 *
 * @returns empty where no architecture is demanded, or more combinations than there are platforms. An architecture
 *   without an operating system is Linux's: Pods for Windows have to name theirs to be kept off Linux nodes
 * @see https://kubernetes.io/docs/reference/labels-annotations-taints/#kubernetes-io-arch
 */
export function platformsOf(demands: NodeDemands): readonly Platform[] {
  const terms = demands.terms.length === 0 ? [[]] : demands.terms;
  const platforms = new Map<string, Platform>();
  for (const term of terms) {
    const architectures = allowedBy(labels.architecture, demands.nodeSelector, term);
    // This term leaves it open, and a Pod needs no more than one term.
    if (architectures === undefined) return [];
    const named = demands.os === '' ? undefined : [demands.os];
    const systems = allowedBy(labels.os, demands.nodeSelector, term) ?? named ?? ['linux'];
    if (systems.length * architectures.length > maxPlatforms) return [];
    for (const os of systems) {
      for (const architecture of architectures) {
        platforms.set(`${os}/${architecture}`, { os, architecture });
      }
    }
    if (platforms.size > maxPlatforms) return [];
  }
  return [...platforms.values()];
}

/** The values of a label that selector and term both allow; undefined where neither speaks of it. */
function allowedBy(
  keys: readonly string[],
  nodeSelector: NodeDemands['nodeSelector'],
  term: readonly NodeExpression[],
): readonly string[] | undefined {
  let allowed: ReadonlySet<string> | undefined;
  const narrow = (values: readonly string[]): void => {
    const named = new Set(values);
    allowed = allowed?.intersection(named) ?? named;
  };
  for (const key of keys) {
    const value = nodeSelector[key];
    if (value !== undefined) narrow([value]);
    for (const expression of term) {
      if (expression.key === key && expression.operator === 'In') narrow(expression.values);
    }
  }
  return allowed && [...allowed];
}
