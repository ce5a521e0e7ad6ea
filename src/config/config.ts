import type { Candidate, Secret } from '../credentials/credential.ts';
import type { Platform } from '../image/platform.ts';
import type { HostOptions } from '../registry/hosts.ts';

/** A rule of `registries[]` with the files that it names read. */
export interface RegistryRule {
  /** As written. */
  readonly hostnamePattern: string;
  /**
   * `none`: the user said `None`. `options-only`: no `secret` at all. Both ask without this rule's credential.
   * `docker-config` holds every entry of the mounted file; which of them match depends on the reference.
   */
  readonly secret:
    | { readonly type: 'none' }
    | { readonly type: 'options-only' }
    | { readonly type: 'credential'; readonly candidate: Candidate }
    | { readonly type: 'docker-config'; readonly candidates: readonly Candidate[] };
  readonly options: HostOptions;
}

/** The whole configuration, parsed, checked, with defaults filled in and its files read. */
export interface Config {
  readonly cronSchedule: string;
  readonly timeZone: string;
  readonly jitterSeconds: number;
  readonly runOnStart: boolean;
  readonly selector: string;
  readonly defaultRegistry: string;
  readonly registries: readonly RegistryRule[];
  readonly tls: { readonly caCertificates: readonly string[] };
  readonly webserver: { readonly port: number };
  readonly pullPolicy: { readonly ifNotPresent: 'skip' | 'restart' };
  readonly platforms: readonly Platform[];
  readonly convergence: { readonly maxRestartsPerDigest: number };
  readonly fieldManager: string;
  readonly featureFlags: {
    readonly enableKubectlAnnotation: boolean;
    readonly enableJfrogArtifactoryFallback: boolean;
  };
}

export type { Secret };
