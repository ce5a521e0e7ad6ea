import { Agent, request, type Dispatcher } from 'undici';
import type { Digest } from '../../src/image/digest.ts';
import { digestOf, mediaTypes } from '../../src/testing/fake-images.ts';

/** A document in a registry, as an index or a manifest names it. */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: Digest;
  readonly size: number;
  readonly platform?: { readonly os: string; readonly architecture: string };
  readonly annotations?: Readonly<Record<string, string>>;
}

export interface ImageOptions {
  readonly tag?: string;
  readonly architecture?: string;
  /** Docker's media types instead of OCI's. */
  readonly docker?: boolean;
}

const agents = new Map<string | undefined, Agent>();

/** A client that trusts one CA only, or is not asked whom to trust. It keeps no connection: a test's process shall end. */
export function agentFor(authority: string | undefined): Dispatcher {
  const known = agents.get(authority);
  if (known !== undefined) return known;
  const connect = authority === undefined ? {} : { ca: authority };
  const agent = new Agent({ pipelining: 0, connect });
  agents.set(authority, agent);
  return agent;
}

/**
 * One repository of a registry that asks nobody who he is, as a pusher sees it. Plain HTTP calls, not an image
 * tool: every byte of every manifest is ours.
 * @see https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#push
 */
export class Repository {
  readonly #base: URL;

  /** @param registry its URL @param name `team/app` */
  constructor(registry: URL, name: string) {
    this.#base = new URL(`v2/${name}/`, registry);
  }

  /** @param text another one is another image */
  async image(text: string, options: ImageOptions = {}): Promise<Descriptor> {
    const { architecture = 'amd64', docker = false } = options;
    const layer = await this.#blob(docker ? dockerTypes.layer : ociTypes.layer, `layer: ${text}`);
    const config = await this.#json(docker ? dockerTypes.config : ociTypes.config, {
      os: 'linux',
      architecture,
      config: { Entrypoint: ['/app'] },
      rootfs: { type: 'layers', diff_ids: [layer.digest] },
    });
    const mediaType = docker ? mediaTypes.dockerManifest : mediaTypes.ociManifest;
    const document = { schemaVersion: 2, mediaType, config, layers: [layer] };
    const manifest = await this.#manifest(mediaType, document, options.tag);
    return { ...manifest, platform: { os: 'linux', architecture } };
  }

  async index(
    tag: string,
    manifests: readonly Descriptor[],
    { docker = false }: Pick<ImageOptions, 'docker'> = {},
  ): Promise<Digest> {
    const mediaType = docker ? mediaTypes.dockerList : mediaTypes.ociIndex;
    const document = { schemaVersion: 2, mediaType, manifests };
    return (await this.#manifest(mediaType, document, tag)).digest;
  }

  /**
   * What BuildKit adds to an index beside an image: a statement about it, which differs from build to build.
   * @see https://github.com/moby/buildkit/blob/1c26b6e75708e50aaeb1f7b7db4d9a93582e0034/docs/attestations/attestation-storage.md
   */
  async attestation(of: Descriptor, build: string): Promise<Descriptor> {
    const predicateType = 'https://slsa.dev/provenance/v0.2';
    const layer = await this.#json('application/vnd.in-toto+json', {
      _type: 'https://in-toto.io/Statement/v0.1',
      predicateType,
      subject: [{ name: '_', digest: { sha256: of.digest.slice('sha256:'.length) } }],
      predicate: { metadata: { buildInvocationID: build } },
    });
    const config = await this.#json(ociTypes.config, {
      architecture: 'unknown',
      os: 'unknown',
      config: {},
      rootfs: { type: 'layers', diff_ids: [layer.digest] },
    });
    const manifest = await this.#manifest(mediaTypes.ociManifest, {
      schemaVersion: 2,
      mediaType: mediaTypes.ociManifest,
      config,
      layers: [{ ...layer, annotations: { 'in-toto.io/predicate-type': predicateType } }],
    });
    return {
      ...manifest,
      annotations: {
        'vnd.docker.reference.digest': of.digest,
        'vnd.docker.reference.type': 'attestation-manifest',
      },
      platform: { architecture: 'unknown', os: 'unknown' },
    };
  }

  /** Deletes a manifest, and with it every tag that names it. */
  async delete(digest: Digest): Promise<void> {
    await this.#call('DELETE', `manifests/${digest}`, 202);
  }

  async #manifest(mediaType: string, document: object, tag?: string): Promise<Descriptor> {
    const body = JSON.stringify(document, undefined, 2);
    const descriptor = describe(mediaType, body);
    await this.#call('PUT', `manifests/${tag ?? descriptor.digest}`, 201, { mediaType, body });
    return descriptor;
  }

  #json(mediaType: string, document: object): Promise<Descriptor> {
    return this.#blob(mediaType, JSON.stringify(document));
  }

  async #blob(mediaType: string, body: string): Promise<Descriptor> {
    const descriptor = describe(mediaType, body);
    const { location } = await this.#call('POST', 'blobs/uploads/', 202);
    const upload = new URL(String(location), this.#base);
    upload.searchParams.set('digest', descriptor.digest);
    await this.#call('PUT', upload.href, 201, { mediaType: 'application/octet-stream', body });
    return descriptor;
  }

  async #call(
    method: 'POST' | 'PUT' | 'DELETE',
    path: string,
    expected: number,
    content?: { readonly mediaType: string; readonly body: string },
  ): Promise<Readonly<Record<string, string | string[] | undefined>>> {
    const url = new URL(path, this.#base);
    const answer = await request(url, {
      method,
      dispatcher: agentFor(undefined),
      headers: content === undefined ? {} : { 'content-type': content.mediaType },
      body: content?.body ?? null,
    });
    const text = await answer.body.text();
    if (answer.statusCode === expected) return answer.headers;
    throw new Error(`${method} ${url.pathname} answered ${answer.statusCode}: ${text}`);
  }
}

const ociTypes = {
  config: 'application/vnd.oci.image.config.v1+json',
  layer: 'application/vnd.oci.image.layer.v1.tar',
};
const dockerTypes = {
  config: 'application/vnd.docker.container.image.v1+json',
  layer: 'application/vnd.docker.image.rootfs.diff.tar',
};

function describe(mediaType: string, body: string): Descriptor {
  return { mediaType, digest: digestOf(body), size: Buffer.byteLength(body) };
}
