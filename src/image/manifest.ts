import * as z from 'zod';
import { type Digest, isDigest } from './digest.ts';
import type { Platform } from './platform.ts';
import { quote } from './quote.ts';

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

/** The body is no manifest: HTML of a captive proxy, truncated JSON, a digest that is none. */
export class ManifestError extends Error {
  override readonly name = 'ManifestError';
  readonly code = 'malformed';
}

type Kind = 'index' | 'image' | 'schema1';

const kinds: ReadonlyMap<string, Kind> = new Map<string, Kind>([
  ['application/vnd.oci.image.index.v1+json', 'index'],
  ['application/vnd.docker.distribution.manifest.list.v2+json', 'index'],
  ['application/vnd.oci.image.manifest.v1+json', 'image'],
  ['application/vnd.docker.distribution.manifest.v2+json', 'image'],
  ['application/vnd.docker.distribution.manifest.v1+prettyjws', 'schema1'],
  ['application/vnd.docker.distribution.manifest.v1+json', 'schema1'],
]);

/** What to ask a registry for: indexes and image manifests, in OCI's and Docker's types (case 34). */
export const acceptedMediaTypes: readonly string[] = [...kinds]
  .filter(([, kind]) => kind !== 'schema1')
  .map(([mediaType]) => mediaType);

/** The largest published indexes have some sixty children; more than this is an attack on memory. */
const maxChildren = 1000;
/** A time or a commit; anything longer is neither. */
const maxAnnotationLength = 200;

const digestSchema = z.string().refine(isDigest, {
  error: ({ input }) => `${quote(String(input), 60)} is no digest (sha256: and 64 lower-case hex)`,
});
/** Go writes `null` for what is empty. */
const annotationsSchema = z.record(z.string(), z.unknown()).nullish();
const descriptorSchema = z.object({
  mediaType: z.string().default(''),
  digest: digestSchema,
  platform: z
    .object({
      os: z.string().default(''),
      architecture: z.string().default(''),
      variant: z.string().nullish(),
      'os.version': z.string().nullish(),
    })
    .nullish(),
  annotations: annotationsSchema,
});
const indexSchema = z.object({
  manifests: z
    .array(z.unknown())
    .max(maxChildren, `an index of more than ${maxChildren} children`)
    .pipe(z.array(descriptorSchema))
    .nullable(),
});
const imageSchema = z.object({
  config: z.object({ digest: digestSchema }),
  annotations: annotationsSchema,
});
const envelopeSchema = z.object({
  schemaVersion: z.unknown().optional(),
  mediaType: z.string().optional(),
  manifests: z.unknown().optional(),
  config: z.unknown().optional(),
  layers: z.unknown().optional(),
  fsLayers: z.unknown().optional(),
});
type Envelope = z.infer<typeof envelopeSchema>;

/**
 * Reads a manifest or an index of any kind that registries serve.
 *
 * @param body        raw bytes as sent; that they have `digest` is for the caller to check (case 36)
 * @param contentType as the header says: parameters and case do not matter; where it is absent or
 *   says nothing (`application/json`), the body's own `mediaType` or shape decides (case 38)
 * @param digest      under which it was asked for
 * @returns `unsupported` for schema 1 (case 37) and for media types that are no image
 * @throws {ManifestError} and nothing else
 * @see https://github.com/opencontainers/image-spec/blob/v1.1.1/image-index.md
 */
export function parseManifest(
  body: Uint8Array,
  contentType: string | undefined,
  digest: Digest,
): Manifest {
  const json = readJson(body);
  const envelope = checked(envelopeSchema, json);
  const mediaType = mediaTypeOf(contentType, envelope);
  switch (kindOf(mediaType, envelope)) {
    case 'index':
      return { type: 'index', digest, children: readChildren(checked(indexSchema, json)) };
    case 'image':
      return { type: 'image', digest, ...readImage(checked(imageSchema, json)) };
    case 'schema1':
      return { type: 'unsupported', mediaType: mediaType || 'schema version 1' };
    case undefined:
      if (mediaType === '') throw new ManifestError('neither an index nor an image manifest');
      return { type: 'unsupported', mediaType };
  }
}

/** Tells whether an entry of an index is itself an index (case 8). */
export function isIndex(descriptor: Descriptor): boolean {
  return kinds.get(descriptor.mediaType) === 'index';
}

/** Tells whether an entry of an index is an image that may run: neither attestation nor foreign type (case 7). */
export function isImage(descriptor: Descriptor): boolean {
  return !descriptor.attestation && kinds.get(descriptor.mediaType) === 'image';
}

function readJson(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch (cause) {
    throw new ManifestError('not JSON; a proxy or another web server may have answered', { cause });
  }
}

function checked<Schema extends z.ZodType>(schema: Schema, json: unknown): z.output<Schema> {
  const result = schema.safeParse(json);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const place = issue?.path.join('.') ?? '';
  const prefix = place === '' ? '' : `${place}: `;
  throw new ManifestError(`not a manifest: ${prefix}${issue?.message ?? ''}`);
}

/** The header's media type where it names a manifest, else the body's, else the header's all the same. */
function mediaTypeOf(contentType: string | undefined, envelope: Envelope): string {
  const sent = normaliseMediaType(contentType ?? '');
  const own = normaliseMediaType(envelope.mediaType ?? '');
  if (kinds.has(sent)) {
    // CVE-2021-41190: one body must not be an index to one reader and an image to another.
    if (own !== '' && kinds.get(own) !== kinds.get(sent)) {
      throw new ManifestError(`sent as ${quote(sent, 70)}, says ${quote(own, 70)} of itself`);
    }
    return sent;
  }
  return own;
}

function kindOf(mediaType: string, envelope: Envelope): Kind | undefined {
  const hasIndex = envelope.manifests !== undefined;
  const hasImage = envelope.config !== undefined || envelope.layers !== undefined;
  if (hasIndex && hasImage) throw new ManifestError('an index and an image manifest in one');
  if (mediaType !== '') return kinds.get(mediaType);
  // OCI allows to leave `mediaType` out; then the shape tells.
  if (hasIndex) return 'index';
  if (hasImage) return 'image';
  return envelope.schemaVersion === 1 && envelope.fsLayers !== undefined ? 'schema1' : undefined;
}

function readChildren({ manifests }: z.infer<typeof indexSchema>): readonly Descriptor[] {
  return (manifests ?? []).map(({ mediaType, digest, platform, annotations }) => ({
    mediaType: normaliseMediaType(mediaType),
    digest,
    ...readPlatform(platform),
    attestation:
      // BuildKit says `attestation-manifest`, and that a manifest with any other value is to be ignored, too:
      // https://github.com/moby/buildkit/blob/1c26b6e75708e50aaeb1f7b7db4d9a93582e0034/docs/attestations/attestation-storage.md
      typeof annotations?.['vnd.docker.reference.type'] === 'string' ||
      (platform?.os === 'unknown' && platform.architecture === 'unknown'),
  }));
}

function readPlatform(platform: z.infer<typeof descriptorSchema>['platform']): {
  readonly platform?: Platform;
} {
  // Half a platform says as little as none.
  if (!platform?.os || !platform.architecture) return {};
  const { os, architecture, variant, 'os.version': osVersion } = platform;
  return {
    platform: { os, architecture, ...(variant && { variant }), ...(osVersion && { osVersion }) },
  };
}

function readImage({ config, annotations }: z.infer<typeof imageSchema>): {
  readonly config: Digest;
  readonly created?: string;
  readonly revision?: string;
} {
  const created = readAnnotation(annotations?.['org.opencontainers.image.created']);
  const revision = readAnnotation(annotations?.['org.opencontainers.image.revision']);
  return { config: config.digest, ...(created && { created }), ...(revision && { revision }) };
}

function readAnnotation(value: unknown): string | undefined {
  return typeof value === 'string' && value.length <= maxAnnotationLength ? value : undefined;
}

function normaliseMediaType(text: string): string {
  return (text.split(';', 1)[0] ?? '').trim().toLowerCase();
}
