import type { Credential } from './credential.ts';

/** One `auths` entry: its key as written, and the credential it holds. */
export interface DockerConfigEntry {
  readonly key: string;
  readonly credential: Credential;
}

/** A pull Secret, parsed. */
export interface PullSecret {
  readonly name: string;
  readonly entries: readonly DockerConfigEntry[];
}
