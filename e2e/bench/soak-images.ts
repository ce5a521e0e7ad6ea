import {
  fakeAttestation,
  fakeImage,
  fakeIndex,
  type FakeManifest,
} from '../../src/testing/fake-images.ts';
import type { FakeRegistry } from '../../src/testing/fake-registry.ts';

const tag = 'main';

/** A tag that is pushed to, and the truth about what its digests are. */
export class SoakImage {
  readonly repository: string;
  readonly #registry: FakeRegistry;
  /** Which build each digest is; another attestation of a build is the same build. */
  readonly #builds = new Map<string, number>();
  #build = 0;
  #attestation = 0;
  #digest = '';

  constructor(registry: FakeRegistry, repository: string) {
    this.#registry = registry;
    this.repository = repository;
    this.push();
  }

  /** As it stands in a template. */
  get reference(): string {
    return `${this.#registry.host}/${this.repository}:${tag}`;
  }

  get path(): string {
    return `/v2/${this.repository}/manifests/${tag}`;
  }

  get registry(): FakeRegistry {
    return this.#registry;
  }

  /** What a node reports that pulls it now. */
  get imageId(): string {
    return `${this.#registry.host}/${this.repository}@${this.#digest}`;
  }

  get digest(): string {
    return this.#digest;
  }

  /** Another build under the same tag. */
  push(): void {
    this.#build += 1;
    this.#publish();
  }

  /** The same build with another provenance: another digest of which no Pod need know. */
  attestAnew(): void {
    this.#attestation += 1;
    this.#publish();
  }

  /** Whether what a Pod runs is what the tag names, whatever its digest. */
  isCurrent(digest: string): boolean {
    return this.#builds.get(digest) === this.#build;
  }

  /** The fake must not grow with every push. A digest that a Pod still runs stays: without it nobody could compare. */
  prune(running: ReadonlySet<string>): void {
    for (const digest of this.#builds.keys()) {
      if (digest === this.#digest || running.has(digest)) continue;
      this.#registry.delete(this.repository, digest);
      this.#builds.delete(digest);
    }
  }

  #publish(): void {
    const images = ['amd64', 'arm64'].map((architecture) => ({
      manifest: fakeImage(`${this.repository} ${this.#build} ${architecture}`),
      platform: { os: 'linux', architecture },
    }));
    const attestations = images.map(({ manifest }) =>
      fakeAttestation(manifest, `${manifest.digest} ${this.#attestation}`),
    );
    const index: FakeManifest = fakeIndex([...images, ...attestations]);
    this.#registry.push(`${this.repository}:${tag}`, index);
    this.#builds.set(index.digest, this.#build);
    this.#digest = index.digest;
  }
}
