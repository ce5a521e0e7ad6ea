import type { Digest } from './digest.ts';
import type { Platform } from './platform.ts';

/** One entry of an index. */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: Digest;
  readonly platform?: Platform;
  /** BuildKit's provenance or SBOM beside the image: not an image that anybody runs. */
  readonly attestation: boolean;
}

/** A manifest as far as it says something about what would run. */
export type Manifest =
  | { readonly type: 'index'; readonly digest: Digest; readonly children: readonly Descriptor[] }
  | {
      readonly type: 'image';
      readonly digest: Digest;
      readonly config: Digest;
      /** `org.opencontainers.image.created` where annotated. */
      readonly created?: string;
      /** `org.opencontainers.image.revision` where annotated. */
      readonly revision?: string;
    }
  /** Docker's schema 1, which containerd 2 no longer runs, or a media type that is no image. */
  | { readonly type: 'unsupported'; readonly mediaType: string };
