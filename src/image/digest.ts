import { createHash } from 'node:crypto';

/**
 * A content address, `algorithm:hex`, of raw bytes: of a manifest, an index or an image config.
 * sha512 is registered too, and a kubelet may report it.
 * @see https://github.com/opencontainers/image-spec/blob/v1.1.1/descriptor.md#digests
 */
export type Digest = `sha256:${string}` | `sha512:${string}`;

const digestPattern = /^(?:sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/;

/** Tells a well-formed digest: a registered algorithm, lower-case hex of its full length. */
export function isDigest(text: string): text is Digest {
  return digestPattern.test(text);
}

/** The digest as people compare it at a glance: algorithm left out, first twelve digits. */
export function shortDigest(digest: Digest): string {
  return digest.slice(digest.indexOf(':') + 1).slice(0, 12);
}

/** The digest of bytes as they came, before any decoding. */
export function sha256Of(bytes: Uint8Array): Digest {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

/** Tells whether bytes are what a digest names, by the digest's own algorithm. */
export function hasDigest(bytes: Uint8Array, digest: Digest): boolean {
  const algorithm = digest.slice(0, digest.indexOf(':'));
  return digest === `${algorithm}:${createHash(algorithm).update(bytes).digest('hex')}`;
}
