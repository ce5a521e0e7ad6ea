/** What a run of the benchmark is measured over. */
export interface Plan {
  readonly workloads: number;
  readonly podsPerWorkload: number;
  /**
   * `h2`, `h1`: one registry without authentication that speaks that protocol over TLS. `tokens`: two of `h2`, of which
   * one wants anonymous tokens. `private`: one of `h2` whose tokens are for the accounts of pull Secrets only.
   */
  readonly registry: 'h2' | 'h1' | 'tokens' | 'private';
  /** Before each answer, of registries and API server. */
  readonly latencyMs: number;
}

/** One image reference, shared by the workloads that use it. */
export interface PlannedImage {
  readonly repository: string;
  /** Index of the registry that it is at. */
  readonly registry: number;
  readonly pullSecret: string | undefined;
}

export const tag = 'main';
export const namespace = 'bench';
export const account = { username: 'robot', password: 'bench-password' };

/** How many pull Secrets the workloads of a `private` run name, each of them many workloads. */
const pullSecretCount = 5;

/** Two workloads share an image, so that asking once per workload would show. */
export function plannedImages({ workloads, registry }: Plan): readonly PlannedImage[] {
  return Array.from({ length: Math.ceil(workloads / 2) }, (_, index) => ({
    repository: `team-${index % 7}/app-${index}`,
    registry: registry === 'tokens' ? index % 2 : 0,
    pullSecret: registry === 'private' ? `regcred-${index % pullSecretCount}` : undefined,
  }));
}

export function plannedSecrets(plan: Plan): readonly string[] {
  const named = plannedImages(plan).flatMap(({ pullSecret }) => pullSecret ?? []);
  return [...new Set(named)];
}
