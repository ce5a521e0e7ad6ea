import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { hasDigest, isDigest, sha256Of, shortDigest } from './digest.ts';
import { isImage, isIndex, type Manifest, ManifestError, parseManifest } from './manifest.ts';

const digest = `sha256:${'d'.repeat(64)}` as const;
const ociIndex = 'application/vnd.oci.image.index.v1+json';
const ociManifest = 'application/vnd.oci.image.manifest.v1+json';
const dockerList = 'application/vnd.docker.distribution.manifest.list.v2+json';
const dockerManifest = 'application/vnd.docker.distribution.manifest.v2+json';
const schema1 = 'application/vnd.docker.distribution.manifest.v1+prettyjws';

describe('parseManifest', () => {
  const config = 'sha256:b5b2b2c507a0944348e0303114d8d93aaaa081732b86451d9bce1f432a537bc7';
  const rows: readonly {
    readonly name: string;
    readonly file: string;
    readonly contentType: string | undefined;
    readonly want: unknown;
  }[] = [
    {
      name: 'an OCI index',
      file: 'oci-index.json',
      contentType: ociIndex,
      want: { type: 'index', digest, children: twoPlatforms(ociManifest) },
    },
    {
      name: 'case 38: the shape tells where neither header nor body has a type',
      file: 'oci-index.json',
      contentType: undefined,
      want: { type: 'index', digest, children: twoPlatforms(ociManifest) },
    },
    {
      name: 'case 38: parameters and case of the content type do not matter',
      file: 'docker-list.json',
      contentType: `${dockerList.toUpperCase()} ; charset=utf-8`,
      want: { type: 'index', digest, children: twoPlatforms(dockerManifest) },
    },
    {
      name: 'case 38: an absent content type gives way to the mediaType in the body',
      file: 'docker-list.json',
      contentType: undefined,
      want: { type: 'index', digest, children: twoPlatforms(dockerManifest) },
    },
    {
      name: 'case 38: application/json says nothing',
      file: 'oci-manifest.json',
      contentType: 'application/json',
      want: { type: 'image', digest, config },
    },
    {
      name: 'an OCI manifest',
      file: 'oci-manifest.json',
      contentType: ociManifest,
      want: { type: 'image', digest, config },
    },
    {
      name: 'a Docker manifest',
      file: 'docker-manifest.json',
      contentType: dockerManifest,
      want: { type: 'image', digest, config },
    },
    {
      name: 'case 37: schema 1 is unsupported',
      file: 'schema1.json',
      contentType: schema1,
      want: { type: 'unsupported', mediaType: schema1 },
    },
    {
      name: 'case 37: schema 1 under no type is unsupported, too',
      file: 'schema1.json',
      contentType: 'text/plain',
      want: { type: 'unsupported', mediaType: 'schema version 1' },
    },
  ];
  for (const { name, file, contentType, want } of rows) {
    test(name, () => assert.deepEqual(parseManifest(fixture(file), contentType, digest), want));
  }

  test("case 7: BuildKit's attestation is told from the image", () => {
    const manifest = parseManifest(fixture('buildkit-attestation.json'), ociIndex, digest);
    assert.deepEqual(childrenOf(manifest).map(isImage), [true, false]);
  });

  test('case 7: unknown/unknown is an attestation without an annotation, and any reference type is none to run', () => {
    const manifest = index([
      { digest, platform: { os: 'unknown', architecture: 'unknown' } },
      { digest, annotations: { 'vnd.docker.reference.type': 'something-newer' } },
      { digest, annotations: { 'vnd.docker.reference.type': 7 } },
    ]);
    assert.deepEqual(
      childrenOf(manifest).map(({ attestation }) => attestation),
      [true, true, false],
    );
  });

  test('case 8: a nested index is told from an image, a foreign type is neither', () => {
    const types = [ociIndex, dockerList, ociManifest, 'application/vnd.x', schema1];
    const manifest = index(types.map((mediaType) => ({ mediaType, digest })));
    assert.deepEqual(childrenOf(manifest).map(isIndex), [true, true, false, false, false]);
    assert.deepEqual(childrenOf(manifest).map(isImage), [false, false, true, false, false]);
  });

  test('created and revision are read from annotations, oversized ones are not', () => {
    const parse = (annotations: unknown): Manifest =>
      parseManifest(
        bytes({ mediaType: ociManifest, config: { digest }, annotations }),
        undefined,
        digest,
      );
    assert.deepEqual(
      parse({
        'org.opencontainers.image.created': '2026-01-01T00:00:00Z',
        'org.opencontainers.image.revision': 'abc123',
      }),
      {
        type: 'image',
        digest,
        config: digest,
        created: '2026-01-01T00:00:00Z',
        revision: 'abc123',
      },
    );
    assert.deepEqual(parse({ 'org.opencontainers.image.revision': 'x'.repeat(1000) }), {
      type: 'image',
      digest,
      config: digest,
    });
  });

  test('a variant and an os.version are kept, half a platform is none', () => {
    const manifest = index([
      { digest, platform: { os: 'windows', architecture: 'amd64', 'os.version': '10.0.20348.1' } },
      { digest, platform: { os: 'linux', architecture: 'arm', variant: 'v6' } },
      { digest, platform: { os: 'linux', architecture: '' } },
      { digest, platform: null },
    ]);
    assert.deepEqual(
      childrenOf(manifest).map(({ platform }) => platform),
      [
        { os: 'windows', architecture: 'amd64', osVersion: '10.0.20348.1' },
        { os: 'linux', architecture: 'arm', variant: 'v6' },
        undefined,
        undefined,
      ],
    );
  });

  test('an index without children is an index: Go writes null', () => {
    const manifest = parseManifest(bytes({ manifests: null }), ociIndex, digest);
    assert.deepEqual(manifest, { type: 'index', digest, children: [] });
  });

  test('a media type that is no image is unsupported', () => {
    const body = bytes({ mediaType: 'application/vnd.oci.artifact.manifest.v1+json', blobs: [] });
    assert.deepEqual(parseManifest(body, undefined, digest), {
      type: 'unsupported',
      mediaType: 'application/vnd.oci.artifact.manifest.v1+json',
    });
  });
});

describe('parseManifest: malformed', () => {
  const good = { mediaType: ociManifest, digest };
  const rows: readonly {
    readonly name: string;
    readonly body: Uint8Array;
    readonly contentType?: string;
    readonly says: RegExp;
  }[] = [
    {
      name: 'case 38: HTML with 200',
      body: new TextEncoder().encode('<!doctype html><title>Sign in</title>'),
      contentType: 'text/html',
      says: /proxy/,
    },
    { name: 'nothing', body: new Uint8Array(), says: /not JSON/ },
    { name: 'no UTF-8', body: new Uint8Array([0x22, 0xff, 0x22]), says: /not JSON/ },
    { name: 'a truncated body', body: fixture('oci-index.json').slice(0, 200), says: /not JSON/ },
    { name: 'an array', body: bytes([]), says: /not a manifest/ },
    { name: 'an error document', body: bytes({ errors: [] }), says: /neither an index nor/ },
    {
      name: 'an upper-case digest',
      body: bytes({ manifests: [{ ...good, digest: `sha256:${'D'.repeat(64)}` }] }),
      contentType: ociIndex,
      says: /manifests\.0\.digest: "sha256:DDD/,
    },
    {
      name: 'case 61: a digest that climbs',
      body: bytes({
        manifests: [{ ...good, digest: 'sha256:../../../v2/other/manifests/latest' }],
      }),
      contentType: ociIndex,
      says: /is no digest/,
    },
    {
      name: 'a digest that is no text',
      body: bytes({ config: { digest: 7 } }),
      contentType: ociManifest,
      says: /config\.digest/,
    },
    {
      name: 'case 61: more children than anybody publishes',
      body: bytes({ manifests: Array.from({ length: 1001 }, () => good) }),
      contentType: ociIndex,
      says: /more than 1000 children/,
    },
    {
      name: 'an index to one reader, an image to another (CVE-2021-41190)',
      body: bytes({ manifests: [], config: { digest }, layers: [] }),
      contentType: ociIndex,
      says: /in one/,
    },
    {
      name: 'a content type that the body contradicts',
      body: bytes({ mediaType: ociManifest, config: { digest } }),
      contentType: ociIndex,
      says: /says "application\/vnd.oci.image.manifest/,
    },
    {
      name: 'an index in name only',
      body: bytes({ schemaVersion: 2 }),
      contentType: ociIndex,
      says: /manifests/,
    },
  ];
  for (const { name, body, contentType, says } of rows) {
    test(name, () => {
      assert.throws(
        () => parseManifest(body, contentType, digest),
        (error) => {
          assert.ok(error instanceof ManifestError);
          assert.equal(error.code, 'malformed');
          assert.match(error.message, says);
          assert.ok(error.message.length <= 200, error.message);
          return true;
        },
      );
    });
  }

  test('case 61: whatever a registry sends, nothing but a ManifestError is thrown', () => {
    let state = 38;
    const below = (limit: number): number => {
      state = (state * 48_271) % 2_147_483_647;
      return state % limit;
    };
    const bodies = ['oci-index.json', 'docker-manifest.json', 'schema1.json'].map(fixture);
    const types = [ociIndex, ociManifest, schema1, 'text/html', undefined];
    for (let round = 0; round < 3000; round += 1) {
      const body = Uint8Array.from(bodies[round % bodies.length] ?? []);
      for (let left = 1 + below(3); left > 0; left -= 1) body[below(body.length)] = 32 + below(96);
      try {
        parseManifest(body, types[below(types.length)], digest);
      } catch (error) {
        assert.ok(error instanceof ManifestError);
      }
    }
  });
});

describe('digests', () => {
  test('case 36: of raw bytes', () => {
    const empty = 'sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';
    assert.equal(sha256Of(new Uint8Array()), empty);
    assert.equal(hasDigest(new Uint8Array(), empty), true);
    assert.equal(hasDigest(new Uint8Array([0]), empty), false);
    assert.equal(hasDigest(new Uint8Array(), `sha512:${'0'.repeat(128)}`), false);
  });

  test('case 1: only full lower-case hex of a known algorithm', () => {
    assert.equal(isDigest(digest), true);
    assert.equal(isDigest(`sha512:${'0'.repeat(128)}`), true);
    for (const text of [
      '',
      'sha256:',
      digest.toUpperCase(),
      `${digest}0`,
      `${digest}\n`,
      `md5:${'0'.repeat(32)}`,
    ]) {
      assert.equal(isDigest(text), false, text);
    }
    assert.equal(shortDigest(digest), 'dddddddddddd');
  });
});

function fixture(name: string): Uint8Array {
  return readFileSync(new URL(`../../fixtures/manifests/${name}`, import.meta.url));
}

function bytes(json: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(json));
}

function index(manifests: readonly unknown[]): Manifest {
  return parseManifest(bytes({ manifests }), ociIndex, digest);
}

function childrenOf(manifest: Manifest): Extract<Manifest, { type: 'index' }>['children'] {
  assert.equal(manifest.type, 'index');
  return manifest.type === 'index' ? manifest.children : [];
}

/** The children of the examples in both specifications. */
function twoPlatforms(mediaType: string): readonly unknown[] {
  return [
    {
      mediaType,
      digest: 'sha256:e692418e4cbaf90ca69d05a66403747baa33ee08806650b51fab815ad7fc331f',
      platform: { os: 'linux', architecture: 'ppc64le' },
      attestation: false,
    },
    {
      mediaType,
      digest: 'sha256:5b0bcabd1ed22e9fb1310cf6c2dec7cdef19f0ad69efa1f392e94a4333501270',
      platform: { os: 'linux', architecture: 'amd64' },
      attestation: false,
    },
  ];
}
