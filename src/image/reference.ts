/**
 * A normalised image reference: every default filled in.
 * @see https://github.com/distribution/reference/blob/v0.6.0/reference.go
 */
export interface ImageReference {
  /** `host[:port]` as it stands in the reference; Docker Hub under all its names is `docker.io`. */
  readonly registry: string;
  /** Path inside the registry; Docker Hub's one-part names carry their `library/`. */
  readonly repository: string;
  /** Mutable name; `latest` where the reference says neither tag nor digest. */
  readonly tag?: string;
  /** Set when the reference is pinned; the tag is decoration then. */
  readonly digest?: string;
}

/** A reference whose tag can be looked up: not pinned. */
export interface TagReference extends ImageReference {
  readonly tag: string;
  readonly digest?: never;
}
