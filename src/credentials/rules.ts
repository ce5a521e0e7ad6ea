import { Minimatch } from 'minimatch';

import type { ImageReference } from '../image/reference.ts';
import type { Candidate } from './credential.ts';
import { matchCandidates } from './keyring.ts';

/** What the choice of a rule depends on: its pattern, `host[:port]` or `host[:port]/path`. */
export interface PatternRule {
  readonly hostnamePattern: string;
}

/** What a rule says about credentials; the entries of a docker config depend on the reference still. */
export type RuleSecret =
  | { readonly type: 'none' }
  | { readonly type: 'options-only' }
  | { readonly type: 'credential'; readonly candidate: Candidate }
  | { readonly type: 'docker-config'; readonly candidates: readonly Candidate[] };

/** What the credentials of a rule depend on. */
export interface SecretRule {
  readonly secret: RuleSecret;
  readonly options: { readonly endpoint?: URL };
}

type Place = Pick<ImageReference, 'registry' | 'repository'>;

/** `*`, `?`, `[a-z]` and, as in the predecessor's globs, `{a,b}` are special: `!`, `#` and `+(a)` are themselves. */
const globOptions = {
  nocase: true,
  nonegate: true,
  nocomment: true,
  braceExpandMax: 100,
  noext: true,
  noglobstar: true,
} as const;

const dockerHubNames = ['docker.io', 'index.docker.io', 'registry-1.docker.io'] as const;

/**
 * The first rule whose pattern matches; no later one is looked for, even where this one brings no credential.
 *
 * A pattern without a path is matched against the registry, `*` being any run of characters, dots included. One with
 * a path is matched against registry and repository as a whole, `*` staying within one part of the path.
 * Docker Hub's images are matched under each of its names (case 48).
 */
export function ruleFor<Rule extends PatternRule>(
  rules: readonly Rule[],
  reference: Place,
): Rule | undefined {
  return rules.find((rule) => ruleMatches(rule, reference));
}

/**
 * The credentials that a rule has for a reference, in the order to try them in.
 *
 * Of a docker config those entries that match the image, or else those that match the rule's `endpoint`.
 */
export function candidatesOf(rule: SecretRule, reference: Place): readonly Candidate[] {
  switch (rule.secret.type) {
    case 'none':
    case 'options-only':
      return [];
    case 'credential':
      return [rule.secret.candidate];
    case 'docker-config': {
      const { candidates } = rule.secret;
      const matching = matchCandidates(candidates, reference);
      const { endpoint } = rule.options;
      if (matching.length > 0 || endpoint === undefined) return matching;
      return matchCandidates(candidates, { ...reference, registry: endpoint.host });
    }
  }
}

/**
 * Warns of a rule whose credential may go to hosts that many may own, for whoever may create workloads in the
 * namespace chooses which hosts are asked; and of a pattern that cannot match.
 *
 * @returns undefined where the pattern ends in two labels without `*` or has none at all, and where the rule brings
 *   no credential, or sends it to its own `endpoint` only
 */
export function warnOfPattern(rule: PatternRule & SecretRule): string | undefined {
  if (rule.hostnamePattern.startsWith('!')) return 'matches nothing: "!" does not negate';
  const carries = rule.secret.type === 'credential' || rule.secret.type === 'docker-config';
  if (!carries || rule.options.endpoint !== undefined) return undefined;
  const [host = ''] = rule.hostnamePattern.split('/', 1);
  const labels = host.replace(/:[^:\]]*$/, '').split('.');
  const lastGlob = labels.findLastIndex((label) => /[*?[{}]/.test(label));
  if (lastGlob < 0 || labels.length - 1 - lastGlob >= 2) return undefined;
  const where =
    rule.secret.type === 'credential'
      ? 'its credential goes to any host that matches and that a workload names'
      : 'its entries go to any host that they match and that a workload names';
  return `is broad: ${where}; end the pattern in two labels without "*", as in *.example.com`;
}

// A pattern is compiled once, not for every image.
const globs = new WeakMap<PatternRule, Minimatch>();

function ruleMatches(rule: PatternRule, { registry, repository }: Place): boolean {
  const pattern = rule.hostnamePattern;
  const hosts: readonly string[] = registry === 'docker.io' ? dockerHubNames : [registry];
  const targets = pattern.includes('/') ? hosts.map((host) => `${host}/${repository}`) : hosts;
  // First as it stands: `[::1]:5000` is a class of characters to a glob.
  if (targets.includes(pattern)) return true;
  const glob = globs.get(rule) ?? new Minimatch(pattern, globOptions);
  globs.set(rule, glob);
  return targets.some((target) => glob.match(target));
}
