import * as z from 'zod';
import { type Digest, hasDigest, isDigest, sha256Of } from '../image/digest.ts';
import { type Manifest, ManifestError, parseManifest } from '../image/manifest.ts';
import { printable, RegistryError } from './error.ts';
import type { HttpResponse } from './http.ts';
import type { Refusal, Rests } from './proof.ts';
import type { Target } from './target.ts';

/** What one identity was told. */
export type Told<T> =
  | { readonly type: 'found'; readonly value: T }
  /** 404; `isCertain` when the repository is known and only the tag or digest is not. */
  | { readonly type: 'missing'; readonly isCertain: boolean; readonly isArtifactory: boolean }
  | Refusal
  | Rests;

/** Room for the largest real indexes: the specification asks registries to take manifests of 4 MiB at least (case 36). */
export const maxManifestBytes = 8 * 1024 * 1024;

/** The digest that the headers state; undefined where it is missing, malformed or said twice. */
export function statedDigest(response: HttpResponse): Digest | undefined {
  const [digest, ...more] = new Set(response.header('docker-content-digest'));
  return digest !== undefined && more.length === 0 && isDigest(digest) ? digest : undefined;
}

/**
 * Checks what a HEAD says it found, since its body cannot be.
 * @throws {RegistryError} `malformed` for a web page, `unsupported-manifest` for schema 1 (cases 37 and 38)
 */
export function checkHead(response: HttpResponse, { registry }: Target): void {
  const [contentType = ''] = response.header('content-type');
  const mediaType = (contentType.split(';', 1)[0] ?? '').trim().toLowerCase();
  if (mediaType === 'text/html') {
    throw new RegistryError(
      'malformed',
      `${registry} answered with a web page: is it a registry?`,
      {
        status: response.status,
      },
    );
  }
  if (mediaType.startsWith('application/vnd.docker.distribution.manifest.v1+')) {
    throw unsupported(registry, mediaType, response.status);
  }
}

export interface ReadManifest {
  readonly digest: Digest;
  readonly manifest: Manifest;
}

/**
 * Reads a manifest and its digest from the body of a GET.
 *
 * @param wanted the digest that was asked for; undefined where a tag was
 * @throws {RegistryError} `malformed` where header and body disagree or the body is no manifest
 */
export function readManifest(
  response: HttpResponse,
  { registry }: Target,
  wanted?: Digest,
): ReadManifest {
  const { body, status } = response;
  const [contentType] = response.header('content-type');
  const stated = wanted ?? statedDigest(response);
  const digest = stated ?? sha256Of(body);
  try {
    const manifest = parseManifest(body, contentType, digest);
    // Schema 1 is signed: its digest is that of the payload without the signatures (case 37).
    const isSigned = manifest.type === 'unsupported';
    if (!isSigned && stated !== undefined && !hasDigest(body, stated)) {
      const message = `${registry} sent a manifest that is not ${stated}: something on the way changed it`;
      throw new RegistryError('malformed', message, { status });
    }
    return { digest, manifest };
  } catch (error) {
    if (!(error instanceof ManifestError)) throw error;
    const message = `${registry} sent no manifest: ${printable(error.message, 150)}`;
    throw new RegistryError('malformed', message, { status, cause: error });
  }
}

/** A tag that names what no runtime of today runs. */
export function unsupported(registry: string, mediaType: string, status: number): RegistryError {
  return new RegistryError(
    'unsupported-manifest',
    `${registry} has a manifest of type ${printable(mediaType, 100)}, which no runtime of today runs`,
    { status },
  );
}

/** A 404, as far as it tells. */
export function missing(response: HttpResponse): Told<never> {
  const isArtifactory = artifactoryHeaders.some((name) => response.header(name).length > 0);
  const isCertain = errorCode(response) === 'MANIFEST_UNKNOWN';
  return { type: 'missing', isCertain, isArtifactory };
}

const artifactoryHeaders = ['x-jfrog-version', 'x-artifactory-id', 'x-artifactory-node-id'];

/** An answer that nobody can use. Of the body only its error code is quoted. */
export function unexpectedStatus(response: HttpResponse, { registry }: Target): RegistryError {
  const { status } = response;
  const code = errorCode(response);
  const suffix = code === undefined ? '' : ` (${code})`;
  return new RegistryError('registry-error', `${registry} answered ${status}${suffix}`, { status });
}

const errorSchema = z.object({ errors: z.array(z.object({ code: z.string() })).min(1) });

/**
 * The first error's code, as the specification writes codes; anything else is not quoted.
 * @see https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#error-codes
 */
function errorCode({ body }: HttpResponse): string | undefined {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder().decode(body.subarray(0, 64 * 1024)));
  } catch {
    return undefined;
  }
  const code = errorSchema.safeParse(json).data?.errors[0]?.code ?? '';
  return /^[A-Z][A-Z0-9_]{0,59}$/.test(code) ? code : undefined;
}
