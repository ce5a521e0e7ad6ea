import assert from 'node:assert/strict';
import { type Digest, isDigest } from '../image/digest.ts';
import { parseImageId, type RunningImage } from '../image/image-id.ts';
import { type ManifestRead, type Repository, type UnknownReason } from '../image/lookup.ts';
import type { Descriptor } from '../image/manifest.ts';
import { parsePlatform } from '../image/platform.ts';
import type { JudgeInput, Needs } from './judge-input.ts';
import { maxRounds } from './judge.ts';

/**
 * For the tests of `judge` and `pullable`: a registry as a table, in which short names stand for digests.
 * Keys are names in the template's repository, or `repository@name` in another of the same host.
 */
export type Shelf = Readonly<Record<string, ManifestRead>>;

export interface Question {
  /** Names of manifests, `config:name`, `host/repository@name`, or an imageID as it is. */
  readonly running: readonly string[];
  readonly platforms?: readonly string[];
  /** `d` is what the tag names. */
  readonly shelf: Shelf;
}

const here: Repository = { registry: 'r.io', repository: 'team/web' };

export const notFound: ManifestRead = { status: 'not-found' };
export const unsupported: ManifestRead = {
  status: 'found',
  manifest: {
    type: 'unsupported',
    mediaType: 'application/vnd.docker.distribution.manifest.v1+prettyjws',
  },
};

export function failed(reason: UnknownReason): ManifestRead {
  return { status: 'failed', reason, message: `the registry said ${reason}` };
}

export function image(config: string): ManifestRead {
  return {
    status: 'found',
    manifest: { type: 'image', digest: digestOf('image'), config: digestOf(config) },
  };
}

/** Children by platform; `attestation` is one, `index:…` a nested index, for a platform where one follows. */
export function index(
  children: Readonly<Record<string, string>> | readonly (readonly [string, string])[],
): ManifestRead {
  const entries = Array.isArray(children) ? children : Object.entries(children);
  return indexOf(
    entries.map(([kind, name]: readonly [string, string]) => {
      if (kind === 'attestation') return { ...child(name), attestation: true };
      if (!kind.startsWith('index:')) return child(name, kind);
      const platform = kind.includes('/') ? kind.slice('index:'.length) : undefined;
      return {
        ...child(name, platform),
        mediaType: 'application/vnd.oci.image.index.v1+json',
      };
    }),
  );
}

export function indexOf(children: readonly Descriptor[]): ManifestRead {
  return { status: 'found', manifest: { type: 'index', digest: digestOf('index'), children } };
}

export function child(name: string, platform?: string): Descriptor {
  return {
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    digest: digestOf(name),
    ...(platform !== undefined && { platform: parsePlatform(platform) }),
    attestation: false,
  };
}

/** Asks until answered, as a caller does: reads all that is wanted, each once; says what, in order. */
export function settle<Answer extends { readonly status: string }>(
  ask: (input: JudgeInput) => Answer | Needs,
  question: Question,
): { readonly answer: Answer; readonly reads: string } {
  const known = new Map<string, ManifestRead>();
  const rounds: string[] = [];
  const input: JudgeInput = {
    running: question.running.map(runningImage),
    repository: here,
    latest: digestOf('d'),
    platforms: (question.platforms ?? []).map(parsePlatform),
    read: (repository, digest) => known.get(nameOf(repository, digest)),
  };
  for (;;) {
    const answer = ask(input);
    if (!isNeeds(answer)) return { answer, reads: rounds.join(' | ') };
    assert.ok(rounds.length < maxRounds, 'more rounds than promised');
    assert.ok(answer.reads.length > 0);
    const names = answer.reads.map(({ repository, digest }) => nameOf(repository, digest));
    for (const name of names) {
      assert.equal(known.has(name), false, `${name} was asked for twice`);
      known.set(name, question.shelf[name] ?? notFound);
    }
    rounds.push(names.join(' '));
  }
}

function isNeeds(answer: { readonly status: string }): answer is Needs {
  return answer.status === 'needs';
}

function runningImage(text: string): RunningImage {
  const [head = '', tail] = text.split(/[:@]/);
  const imageId = text.startsWith('config:')
    ? digestOf(tail ?? '')
    : text.includes('@')
      ? `${head}@${digestOf(tail ?? '')}`
      : /^\w+$/.test(text)
        ? `${here.registry}/${here.repository}@${digestOf(text)}`
        : text;
  const running = parseImageId(imageId);
  assert.ok(running !== undefined);
  return running;
}

/** `r1` is `sha256:7231000…`: its letters in hex. */
function digestOf(name: string): Digest {
  const digest = `sha256:${Buffer.from(name).toString('hex').padEnd(64, '0')}`;
  assert.ok(isDigest(digest), name);
  return digest;
}

function nameOf({ registry, repository }: Repository, digest: Digest): string {
  assert.equal(registry, here.registry);
  const name = Buffer.from(digest.slice('sha256:'.length), 'hex').toString().replaceAll('\0', '');
  return repository === here.repository ? name : `${repository}@${name}`;
}
