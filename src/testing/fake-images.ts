import { createHash } from 'node:crypto';

import type { Digest } from '../image/digest.ts';
import type { Platform } from '../image/platform.ts';

export const mediaTypes = {
  ociIndex: 'application/vnd.oci.image.index.v1+json',
  ociManifest: 'application/vnd.oci.image.manifest.v1+json',
  dockerList: 'application/vnd.docker.distribution.manifest.list.v2+json',
  dockerManifest: 'application/vnd.docker.distribution.manifest.v2+json',
  dockerSchema1: 'application/vnd.docker.distribution.manifest.v1+prettyjws',
} as const;

/** A document as a registry keeps it; its digest is that of the bytes. */
export interface FakeManifest {
  readonly mediaType: string;
  readonly bytes: Buffer;
  readonly digest: Digest;
  /** Of an index: what it points to, pushed along with it. */
  readonly children: readonly FakeManifest[];
}

export function digestOf(bytes: string | Uint8Array): Digest {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

/** Any document under any media type. */
export function fakeDocument(
  mediaType: string,
  document: object,
  children: readonly FakeManifest[] = [],
): FakeManifest {
  const bytes = Buffer.from(JSON.stringify(document));
  return { mediaType, bytes, digest: digestOf(bytes), children };
}

export interface FakeImageOptions {
  readonly mediaType?: typeof mediaTypes.ociManifest | typeof mediaTypes.dockerManifest;
  /** Of the config; by default a hash of the seed. */
  readonly config?: Digest;
  readonly annotations?: Readonly<Record<string, string>>;
}

/**
 * One platform's manifest.
 * @param seed what makes it differ from others: the same seed and options, the same digest
 */
export function fakeImage(seed: string, options: FakeImageOptions = {}): FakeManifest {
  const mediaType = options.mediaType ?? mediaTypes.ociManifest;
  const docker = mediaType === mediaTypes.dockerManifest;
  return fakeDocument(mediaType, {
    schemaVersion: 2,
    mediaType,
    config: {
      mediaType: docker
        ? 'application/vnd.docker.container.image.v1+json'
        : 'application/vnd.oci.image.config.v1+json',
      digest: options.config ?? digestOf(`config of ${seed}`),
      size: 1024,
    },
    layers: [
      {
        mediaType: docker
          ? 'application/vnd.docker.image.rootfs.diff.tar.gzip'
          : 'application/vnd.oci.image.layer.v1.tar+gzip',
        digest: digestOf(`layer of ${seed}`),
        size: 4096,
      },
    ],
    ...(options.annotations === undefined ? {} : { annotations: options.annotations }),
  });
}

/** An entry of an index: an image, a further index, or an attestation. */
export interface FakeChild {
  readonly manifest: FakeManifest;
  readonly platform?: Platform;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** An index, or with Docker's media type a manifest list. */
export function fakeIndex(
  entries: readonly FakeChild[],
  options: { readonly mediaType?: typeof mediaTypes.ociIndex | typeof mediaTypes.dockerList } = {},
): FakeManifest {
  const mediaType = options.mediaType ?? mediaTypes.ociIndex;
  return fakeDocument(
    mediaType,
    {
      schemaVersion: 2,
      mediaType,
      manifests: entries.map(({ manifest, platform, annotations }) => ({
        mediaType: manifest.mediaType,
        digest: manifest.digest,
        size: manifest.bytes.length,
        ...(platform === undefined ? {} : { platform: platformDocument(platform) }),
        ...(annotations === undefined ? {} : { annotations }),
      })),
    },
    entries.map(({ manifest }) => manifest),
  );
}

function platformDocument({ osVersion, ...platform }: Platform): object {
  return osVersion === undefined ? platform : { ...platform, 'os.version': osVersion };
}

/**
 * Provenance beside an image, as BuildKit stores it.
 * @see https://github.com/moby/buildkit/blob/v0.24.0/docs/attestations/attestation-storage.md
 */
export function fakeAttestation(of: FakeManifest, seed: string = of.digest): FakeChild {
  return {
    manifest: fakeImage(`provenance ${seed}`),
    platform: { os: 'unknown', architecture: 'unknown' },
    annotations: {
      'vnd.docker.reference.type': 'attestation-manifest',
      'vnd.docker.reference.digest': of.digest,
    },
  };
}
