import { shortDigest } from '../image/digest.ts';
import { chooseOffer, type Platform, platformMatches } from '../image/platform.ts';
import { configOf, type Images, type Leaf, platformKey, platformName } from './contents.ts';
import { failure, type JudgeInput, type NeededRead, needs } from './judge-input.ts';
import { both, changed, type Judged, type Judgement, same, unknown } from './judgement.ts';
import { platformMissing } from './latest.ts';
import { latestUnreadable, maxSearched } from './search-config.ts';

/** Two images that one platform would pull, one running and one named by the tag. */
interface Pair {
  readonly platform: Platform | undefined;
  readonly running: Leaf;
  readonly latest: Leaf;
}

/**
 * Compares two indexes by what a node would pull out of each (cases 5, 7 and 9).
 *
 * Where the platform is known, or the running index holds but one image, that platform's images are compared:
 * their digests, then their configs. Where it is not, all of them must be equal; some are not enough.
 */
export function compareIndexes(input: JudgeInput, running: Images, latest: Images): Judgement {
  const wanted = wantedPlatforms(input.platforms, running.leaves, latest.leaves);
  return wanted.length > 0
    ? compareByPlatform(input, running, latest, wanted)
    : compareAll(input, running, latest);
}

/** Of the known platforms those that what runs was made for; empty: any may be the Pod's. */
function wantedPlatforms(
  known: readonly Platform[],
  running: readonly Leaf[],
  latest: readonly Leaf[],
): readonly Platform[] {
  // Two images that state no platform: which of them a node would pull stands in their configs only.
  if ([running, latest].some((leaves) => leaves.filter(isUnstated).length > 1)) return [];

  const offered = known.flatMap((platform) => {
    if (platform.os !== 'windows' || platform.osVersion !== undefined) {
      return chooseOffer(platform, running) === undefined ? [] : [platform];
    }
    // A build that nobody stated: each that is offered counts as a platform of its own.
    return running.flatMap((leaf) =>
      leaf.platform && platformMatches(platform, leaf.platform) ? [leaf.platform] : [],
    );
  });
  if (offered.length > 0) return offered;

  const [only, ...others] = running;
  if (only?.platform === undefined || others.length > 0) return [];
  return hasNearer(only.platform, latest) ? [] : [only.platform];
}

/** A node that made do with a lesser platform (32-bit arm on arm64) would now pull its own. */
function hasNearer(platform: Platform, latest: readonly Leaf[]): boolean {
  return latest.some(
    (leaf) =>
      leaf.platform !== undefined &&
      platformKey(leaf.platform) !== platformKey(platform) &&
      platformMatches(leaf.platform, platform),
  );
}

function compareByPlatform(
  input: JudgeInput,
  running: Images,
  latest: Images,
  wanted: readonly Platform[],
): Judgement {
  const pairs: Pair[] = [];
  for (const platform of wanted) {
    const before = chooseOffer(platform, running.leaves);
    const now = chooseOffer(platform, latest.leaves);
    if (now === undefined) return unknown(platformMissing(input, platform));
    if (before !== undefined && before.digest !== now.digest) {
      pairs.push({ platform, running: before, latest: now });
    }
  }
  if (pairs.length > 0) return comparePairs(input, running, latest, pairs);
  const names = wanted.map(platformName).join(', ');
  return same('platform-equal', `${both(running.digest, latest)} hold the same image for ${names}`);
}

function compareAll(input: JudgeInput, running: Images, latest: Images): Judgement {
  const before = byPlatform(running.leaves);
  const now = byPlatform(latest.leaves);
  const isOtherSet = before.size !== now.size || [...before.keys()].some((key) => !now.has(key));
  if (isOtherSet) {
    return changed(`${both(running.digest, latest)} hold images for different platforms`);
  }

  const pairs: Pair[] = [];
  for (const [key, old] of before) {
    const fresh = now.get(key) ?? [];
    if (digests(old) === digests(fresh)) continue;
    const [one, ...more] = old;
    const [other, ...others] = fresh;
    if (one === undefined || other === undefined || more.length + others.length > 0) {
      return changed(`${both(running.digest, latest)} hold different images`);
    }
    pairs.push({ platform: one.platform, running: one, latest: other });
  }
  // A new build differs everywhere, so the first pair settles most; reading all would cost a GET per platform.
  const first = comparePairs(input, running, latest, pairs.slice(0, 1));
  if (first.status === 'needs' || first.verdict.verdict !== 'same') return first;
  const all = comparePairs(input, running, latest, pairs);
  if (all.status === 'needs' || all.verdict.verdict !== 'same') return all;
  return same('contents-equal', `${both(running.digest, latest)} hold the same images`);
}

/** Same only when all pairs are; a pair that could not be read outweighs one that differs, for only one of them runs. */
function comparePairs(
  input: JudgeInput,
  running: Images,
  latest: Images,
  pairs: readonly Pair[],
): Judgement {
  if (pairs.length > maxSearched) {
    return changed(
      `${both(running.digest, latest)} hold too many different images to open them all`,
    );
  }
  const unread: NeededRead[] = [];
  const judged: Judged[] = [];
  for (const pair of pairs) {
    const judgement = comparePair(input, running, latest, pair);
    if (judgement.status === 'needs') unread.push(...judgement.reads);
    else judged.push(judgement);
  }
  return (
    needs(unread) ??
    judged.find(({ verdict }) => verdict.verdict === 'unknown') ??
    judged.find(({ verdict }) => verdict.verdict === 'changed') ??
    same('config-equal', `${both(running.digest, latest)} hold images with the same config`)
  );
}

function comparePair({ read }: JudgeInput, running: Images, latest: Images, pair: Pair): Judgement {
  const now = configOf(read, latest.repository, pair.latest);
  const before = configOf(read, running.repository, pair.running);
  const unread = needs([now, before].flatMap((one) => (one.status === 'needs' ? one.reads : [])));
  if (unread !== undefined) return unread;

  if (now.status !== 'found') {
    return now.status === 'needs' ? now : latestUnreadable(now, pair.latest);
  }
  if (before.status === 'failed') {
    return unknown(
      failure(before.reason, `runs ${shortDigest(pair.running.digest)}: ${before.message}`),
    );
  }
  const where = pair.platform === undefined ? '' : ` for ${platformName(pair.platform)}`;
  // Deleted, or schema 1 that the tag has moved on from: either way not what the tag names.
  if (before.status !== 'found' || before.config !== now.config) {
    return changed(`${both(running.digest, latest)} hold different images${where}`);
  }
  return same('config-equal', `${both(running.digest, latest)} hold the same config${where}`);
}

function byPlatform(leaves: readonly Leaf[]): ReadonlyMap<string, readonly Leaf[]> {
  return Map.groupBy(leaves, (leaf) => platformKey(leaf.platform));
}

/** In order: of two for one platform, a node takes the first. */
function digests(leaves: readonly Leaf[]): string {
  return leaves.map((leaf) => leaf.digest).join(' ');
}

function isUnstated(leaf: Leaf): boolean {
  return leaf.platform === undefined;
}
