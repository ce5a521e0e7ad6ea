import { type Digest, shortDigest } from '../image/digest.ts';
import type { RunningImage } from '../image/image-id.ts';
import type { Repository } from '../image/lookup.ts';
import { type Descriptor, isImage, isIndex } from '../image/manifest.ts';
import { formatPlatform, normalisePlatform, type Platform } from '../image/platform.ts';
import { quote } from '../image/quote.ts';
import {
  type Failed,
  failure,
  type Gone,
  type NeededRead,
  type Needs,
  needs,
  type ReadSoFar,
} from './judge-input.ts';

/** One image that somebody may run. */
export interface Leaf {
  readonly digest: Digest;
  /** Absent where the index does not say, and for an image that no index leads to. */
  readonly platform?: Platform;
}

/** What a digest stands for: a single image manifest is an index of one that states no platform. */
export interface Images {
  readonly status: 'found';
  readonly digest: Digest;
  /** Where it was found, and where its leaves are to be read. */
  readonly repository: Repository;
  /** Attestations and foreign types left out (case 7); nested indexes resolved (case 8). */
  readonly leaves: readonly Leaf[];
  /** Nested indexes that are not read yet or could not be: `leaves` lacks what is in them. */
  readonly rest?: Gone | Failed | Needs;
}

export type Contents =
  | Images
  | Gone
  | { readonly status: 'unsupported'; readonly mediaType: string }
  | Failed
  | Needs;

/** Indexes below the first one; BuildKit and `docker manifest` nest none, multi-vendor releases one (case 8). */
const maxDepth = 3;
/** Of all the nested indexes together: a hostile registry must not make us read for ever. */
const maxIndexes = 32;
/** Of all the nested indexes together. */
const maxLeaves = 1000;

/**
 * Resolves a digest to the images that it stands for.
 *
 * An index that contains itself cannot exist unless its registry lies: `malformed`. One that is nested deeper
 * than three, or too large, may be honest: `unsupported-manifest`.
 */
export function contentsOf(read: ReadSoFar, repository: Repository, digest: Digest): Contents {
  const leaves = new Map<string, Leaf>();
  const nested = new Set<Digest>();
  const unread: NeededRead[] = [];
  let obstacle: Gone | Failed | undefined;

  const top = read(repository, digest);
  if (top === undefined) return { status: 'needs', reads: [{ repository, digest }] };
  if (top.status === 'not-found') return { status: 'gone' };
  if (top.status === 'failed') return top;
  if (top.manifest.type === 'unsupported') {
    return { status: 'unsupported', mediaType: top.manifest.mediaType };
  }
  if (top.manifest.type === 'image')
    return { status: 'found', digest, repository, leaves: [{ digest }] };

  visitChildren(top.manifest.children, [digest], undefined);
  const rest = obstacle ?? needs(unread);
  return {
    status: 'found',
    digest,
    repository,
    leaves: [...leaves.values()],
    ...(rest && { rest }),
  };

  function visitChildren(
    children: readonly Descriptor[],
    ancestors: readonly Digest[],
    inherited: Platform | undefined,
  ): void {
    for (const child of children) {
      const platform = child.platform ?? inherited;
      if (isIndex(child)) visitIndex(child, ancestors, platform);
      else if (isImage(child)) addLeaf(child.digest, platform);
    }
  }

  function visitIndex(
    child: Descriptor,
    ancestors: readonly Digest[],
    platform: Platform | undefined,
  ): void {
    if (ancestors.includes(child.digest)) {
      obstacle ??= failure('malformed', `index ${shortDigest(child.digest)} contains itself`);
    } else if (ancestors.length > maxDepth) {
      obstacle ??= failure(
        'unsupported-manifest',
        `indexes nested deeper than ${maxDepth} below ${shortDigest(digest)}`,
      );
    } else if (nested.size >= maxIndexes) {
      obstacle ??= failure(
        'unsupported-manifest',
        `more than ${maxIndexes} indexes inside ${shortDigest(digest)}`,
      );
    } else if (!nested.has(child.digest)) {
      nested.add(child.digest);
      descend(child.digest, ancestors, platform);
    }
  }

  function descend(
    index: Digest,
    ancestors: readonly Digest[],
    platform: Platform | undefined,
  ): void {
    const answer = read(repository, index);
    if (answer === undefined) unread.push({ repository, digest: index });
    else if (answer.status === 'not-found') obstacle ??= { status: 'gone' };
    else if (answer.status === 'failed') obstacle ??= answer;
    else if (answer.manifest.type === 'index') {
      visitChildren(answer.manifest.children, [...ancestors, index], platform);
    } else {
      obstacle ??= failure('malformed', `${shortDigest(index)} is listed as an index and is none`);
    }
  }

  function addLeaf(leaf: Digest, platform: Platform | undefined): void {
    const key = `${platformKey(platform)} ${leaf}`;
    if (leaves.size >= maxLeaves && !leaves.has(key)) {
      obstacle ??= failure(
        'unsupported-manifest',
        `more than ${maxLeaves} images inside ${shortDigest(digest)}`,
      );
      return;
    }
    leaves.set(key, { digest: leaf, ...(platform && { platform }) });
  }
}

/**
 * Resolves what a container runs.
 *
 * It is looked for in the template's repository first. The one that imageID names may be another's, or may
 * never have existed, so it is asked only after a 404 and only on the same host (case 3).
 */
export function runningContents(
  read: ReadSoFar,
  repository: Repository,
  running: Extract<RunningImage, { readonly type: 'manifest' }>,
): Contents {
  const contents = contentsOf(read, repository, running.digest);
  const isGone =
    contents.status === 'gone' || (contents.status === 'found' && contents.rest?.status === 'gone');
  if (!isGone) return contents;

  const named = running.repository;
  const isElsewhere =
    named !== undefined &&
    named.registry.toLowerCase() === repository.registry.toLowerCase() &&
    named.repository !== repository.repository;
  return isElsewhere ? contentsOf(read, named, running.digest) : { status: 'gone' };
}

/** The digest of a leaf's image config, what makes two manifests the same image (case 5). */
export function configOf(
  read: ReadSoFar,
  repository: Repository,
  { digest }: Leaf,
):
  | { readonly status: 'found'; readonly config: Digest }
  | { readonly status: 'unsupported' }
  | Gone
  | Failed
  | Needs {
  const answer = read(repository, digest);
  if (answer === undefined) return { status: 'needs', reads: [{ repository, digest }] };
  if (answer.status === 'not-found') return { status: 'gone' };
  if (answer.status === 'failed') return answer;
  switch (answer.manifest.type) {
    case 'image':
      return { status: 'found', config: answer.manifest.config };
    case 'unsupported':
      return { status: 'unsupported' };
    case 'index':
      return failure('malformed', `${shortDigest(digest)} is listed as an image and is an index`);
  }
}

/** Equal for platforms that take the same images, Windows' monthly revisions of a build included; empty where none is stated. */
export function platformKey(platform: Platform | undefined): string {
  if (platform === undefined) return '';
  const { osVersion, ...machine } = normalisePlatform(platform);
  return `${formatPlatform(machine)} ${osVersion?.split('.').slice(0, 3).join('.') ?? ''}`;
}

/** A platform as messages quote it: an index may say anything there. */
export function platformName(platform: Platform): string {
  return quote(formatPlatform(platform), 40);
}
