import type { Digest } from './digest.ts';
import type { Manifest } from './manifest.ts';

/** Why a look-up ended without an answer: the reasons of the container verdict `unknown`. */
export const unknownReasons = [
  'unauthorized',
  'rate-limited',
  'unreachable',
  'timed-out',
  'registry-error',
  'tag-not-found',
  'malformed',
  'unsupported-manifest',
  'platform-missing',
] as const;
export type UnknownReason = (typeof unknownReasons)[number];

/** One credential, or none, tried at a registry or its realm; what `explain` prints. No secret in it. */
export interface Attempt {
  /** For people: `entry "ghcr.io" of Secret "regcred"`, `rule "*.example.com"`, `anonymous`. */
  readonly source: string;
  readonly outcome: 'accepted' | 'refused' | 'resting' | 'failed';
  /** Of the answer that decided; absent where no answer came or nothing was sent. */
  readonly status?: number;
}

/** What a registry said a tag names now. */
export type Latest =
  | {
      readonly status: 'found';
      /** Of the index when the tag is multi-platform, never of one of its manifests. */
      readonly digest: Digest;
      readonly attempts: readonly Attempt[];
      /** Every matching entry of the Pod's pull Secrets was refused; the answer came by a rule or anonymously. */
      readonly pullSecretRefused: boolean;
      /** For people; refused entries by name, what to do about them. */
      readonly warnings: readonly string[];
    }
  | {
      readonly status: 'failed';
      readonly reason: UnknownReason;
      readonly message: string;
      readonly attempts: readonly Attempt[];
      /** The tick's own deadline ended it, not the registry: it goes first in the next tick. */
      readonly cutOff: boolean;
    };

/** What a registry gave for a digest. */
export type ManifestRead =
  | { readonly status: 'found'; readonly manifest: Manifest }
  | { readonly status: 'not-found' }
  | {
      readonly status: 'failed';
      readonly reason: UnknownReason;
      readonly message: string;
      /** As of {@link Latest}; absent is no. */
      readonly cutOff?: boolean;
    };

/** A place to look a manifest up in. */
export interface Repository {
  readonly registry: string;
  readonly repository: string;
}
