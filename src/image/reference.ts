import { quote } from './quote.ts';

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

/** The text is no image reference; the message quotes it and says what is allowed. */
export class InvalidReferenceError extends Error {
  override readonly name = 'InvalidReferenceError';
}

/** Docker Hub's names: in references, in docker configs, and on the wire. */
const dockerHubNames: ReadonlySet<string> = new Set([
  'docker.io',
  'index.docker.io',
  'registry-1.docker.io',
]);

// Every pattern matches without ambiguity, so that no text makes it backtrack for long.
const hostPattern =
  /^(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?$/;
const pathPartPattern = /^[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*$/;
const tagPattern = /^\w[\w.-]{0,127}$/;
/** The algorithms that the kubelet and containerd know; others are refused by them, too. */
const pinPattern = /^(?:sha256:[0-9a-f]{64}|sha384:[0-9a-f]{96}|sha512:[0-9a-f]{128})$/;
const bareIdPattern = /^[0-9a-f]{64}$/;

/** distribution/reference `RepositoryNameTotalLengthMax`. */
const maxRepositoryLength = 255;
/** A host name has 253 characters at most; then port, repository, tag and digest. */
const maxReferenceLength = 1024;

/**
 * Reads an image reference as the kubelet does and fills in every default.
 *
 * The first part is a registry if it has a `.` or `:`, is `localhost` or has an upper-case letter (case 49).
 * Docker Hub's three names are one, and its one-part repositories get `library/` (case 48).
 *
 * @param text            as in a container's `image:`; not trimmed, as the API server does not
 * @param defaultRegistry `host[:port]` for names without one
 * @throws {InvalidReferenceError} and nothing else, whatever the text
 * @see https://github.com/distribution/reference/blob/v0.6.0/normalize.go
 *
 * @example
 * parseReference('nginx:1.29'); // { registry: 'docker.io', repository: 'library/nginx', tag: '1.29' }
 */
export function parseReference(text: string, defaultRegistry = 'docker.io'): ImageReference {
  if (text === '') throw new InvalidReferenceError('the image reference is empty');
  if (text.length > maxReferenceLength) {
    throw invalid(text, `it is longer than ${maxReferenceLength} characters`);
  }
  if (text.includes('://')) throw invalid(text, 'leave out the scheme: host[:port]/repository:tag');
  if (bareIdPattern.test(text)) throw invalid(text, '64 hex digits are an image ID, not a name');

  const { registry, remainder } = splitRegistry(text, defaultRegistry);
  if (!isRegistry(registry)) {
    throw invalid(text, `${quote(registry)} is no host[:port]`);
  }
  const { path, tag, digest } = splitRemainder(remainder);
  const repository = registry === 'docker.io' && !path.includes('/') ? `library/${path}` : path;
  checkRepository(text, repository);
  if (tag !== undefined && !tagPattern.test(tag)) {
    throw invalid(text, 'a tag has 1 to 128 letters, digits, "_", "." or "-", no "." or "-" first');
  }
  if (digest !== undefined && !pinPattern.test(digest)) {
    throw invalid(text, 'a digest is sha256: and 64 hex digits in lower case (or sha384, sha512)');
  }
  if (digest === undefined) return { registry, repository, tag: tag ?? 'latest' };
  return { registry, repository, ...(tag !== undefined && { tag }), digest };
}

/** Tells a reference that names a tag from a pinned one (case 26). */
export function isTagReference(reference: ImageReference): reference is TagReference {
  return reference.tag !== undefined && reference.digest === undefined;
}

/** The normalised text, all defaults spelled out: `docker.io/library/nginx:1`. */
export function formatReference(reference: ImageReference): string {
  const tag = reference.tag === undefined ? '' : `:${reference.tag}`;
  const digest = reference.digest === undefined ? '' : `@${reference.digest}`;
  return `${reference.registry}/${reference.repository}${tag}${digest}`;
}

/** Tells a `host[:port]` that a reference may start with and that a URL can name: no port 70000, no `[:::]`. */
export function isRegistry(text: string): boolean {
  return hostPattern.test(text) && URL.canParse(`https://${text}/`);
}

/** Docker Hub's three names are one registry; any other stays as it is. */
export function normaliseRegistry(registry: string): string {
  return dockerHubNames.has(registry.toLowerCase()) ? 'docker.io' : registry;
}

function splitRegistry(
  text: string,
  defaultRegistry: string,
): { readonly registry: string; readonly remainder: string } {
  const slash = text.indexOf('/');
  const first = text.slice(0, Math.max(slash, 0));
  const isHost = /[.:]/.test(first) || first === 'localhost' || first !== first.toLowerCase();
  return isHost
    ? { registry: normaliseRegistry(first), remainder: text.slice(slash + 1) }
    : { registry: normaliseRegistry(defaultRegistry), remainder: text };
}

function splitRemainder(remainder: string): {
  readonly path: string;
  readonly tag?: string;
  readonly digest?: string;
} {
  const at = remainder.indexOf('@');
  const name = at < 0 ? remainder : remainder.slice(0, at);
  const colon = name.indexOf(':');
  return {
    path: colon < 0 ? name : name.slice(0, colon),
    ...(colon >= 0 && { tag: name.slice(colon + 1) }),
    ...(at >= 0 && { digest: remainder.slice(at + 1) }),
  };
}

function checkRepository(text: string, repository: string): void {
  if (repository.length > maxRepositoryLength) {
    throw invalid(text, `a repository has at most ${maxRepositoryLength} characters`);
  }
  if (repository !== repository.toLowerCase()) {
    throw invalid(text, 'a repository is written in lower case');
  }
  if (!repository.split('/').every((part) => pathPartPattern.test(part))) {
    throw invalid(
      text,
      'allowed is [host[:port]/]repository[:tag][@digest], its parts a-z and 0-9 joined by ".", "_", "__" or "-"',
    );
  }
}

function invalid(text: string, why: string): InvalidReferenceError {
  return new InvalidReferenceError(`invalid image reference ${quote(text, 80)}: ${why}`);
}
