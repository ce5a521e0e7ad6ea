import { shortDigest } from '../image/digest.ts';
import type { RunningImage } from '../image/image-id.ts';
import { chooseOffer } from '../image/platform.ts';
import { quote } from '../image/quote.ts';
import { compareIndexes } from './compare.ts';
import { configOf, contentsOf, type Images, runningContents } from './contents.ts';
import { failure, type JudgeInput, needs } from './judge-input.ts';
import { latestImages, platformMissing } from './latest.ts';
import { changed, type Judged, type Judgement, same, unknown } from './judgement.ts';
import { searchConfig } from './search-config.ts';
import { sameReasons } from './verdict.ts';

export type { Judged, Judgement } from './judgement.ts';
export type { JudgeInput, NeededRead, Needs } from './judge-input.ts';
export { pullable, type Pullability } from './pullable.ts';

/**
 * Tells whether what the counted Pods run in one container is what the tag names now (cases 2 to 9 and 16).
 *
 * Pure: where it lacks a manifest it says which, and is asked again once that was read. Nothing is read for equal
 * digests; then the tag's index, then the running one, then single images. At most {@link maxRounds} rounds.
 *
 * Of several Pods one that certainly runs something else decides: a restart helps it, whatever the others run.
 * Otherwise one that could not be judged does: `unknown` is never `same`. Of several ways to be the same the
 * farthest-fetched is told.
 *
 * @returns `same` | `changed` | `unknown` with a reason of design 2.5 and a sentence for people, or what to read
 */
export function judge(input: JudgeInput): Judgement {
  const judgements = input.running.map((running) => judgeOne(input, running));
  const judged = judgements.filter((one): one is Judged => one.status === 'judged');

  const stale = judged.find(({ verdict }) => verdict.verdict === 'changed');
  if (stale !== undefined) return stale;
  const unread = needs(judgements.flatMap((one) => (one.status === 'needs' ? one.reads : [])));
  if (unread !== undefined) return unread;
  const unclear = judged.find(({ verdict }) => verdict.verdict === 'unknown');
  if (unclear !== undefined) return unclear;

  for (const reason of sameReasons.toReversed()) {
    const found = judged.find(({ verdict }) => verdict.reason === reason);
    if (found !== undefined) return found;
  }
  return unknown(failure('malformed', 'no running image to compare with'));
}

/**
 * More rounds than {@link judge} and `pullable` ever ask for: the tag's index and three levels below it, the
 * running one's in two repositories, then two rounds of single images. A caller that counts further has a bug.
 */
export const maxRounds = 16;

function judgeOne(input: JudgeInput, running: RunningImage): Judgement {
  const { latest, read, repository } = input;
  if (running.type === 'unreadable') {
    return unknown(failure('malformed', `imageID ${quote(running.text, 80)} holds no digest`));
  }
  if (running.digest === latest) {
    return same('equal', `runs ${shortDigest(latest)}, as the tag says`);
  }

  const now = contentsOf(read, repository, latest);
  const offered = now.status === 'found' ? now : { leaves: [] };
  if (offered.leaves.some((leaf) => leaf.digest === running.digest)) {
    return same(
      'platform-equal',
      `runs ${shortDigest(running.digest)}, which is in the tag's index ${shortDigest(latest)}`,
    );
  }
  const named = latestImages(input, now);
  if (named.status === 'needs') return named;
  if (named.status === 'failed') return unknown(named);
  if (running.type === 'config') return searchConfig(input, running.digest, running.digest, named);

  const [platform] = input.platforms;
  const isMissing = input.platforms.every((known) => !chooseOffer(known, named.leaves));
  if (platform !== undefined && isMissing) return unknown(platformMissing(input, platform));
  return compareWithRunning(input, running, named);
}

function compareWithRunning(
  input: JudgeInput,
  running: Extract<RunningImage, { readonly type: 'manifest' }>,
  latest: Images,
): Judgement {
  const name = shortDigest(running.digest);
  const found = runningContents(input.read, input.repository, running);
  const contents = found.status === 'found' ? (found.rest ?? found) : found;
  switch (contents.status) {
    case 'needs':
      return contents;
    case 'failed':
      return unknown(failure(contents.reason, `runs ${name}: ${contents.message}`));
    case 'gone':
      return changed(
        `runs ${name}, which the registry does not have; the tag names ${shortDigest(latest.digest)}`,
      );
    case 'unsupported':
      return changed(`runs ${name}, a ${quote(contents.mediaType, 80)}; the tag names another`);
    case 'found':
      return compareContents(input, contents, latest);
  }
}

function compareContents(input: JudgeInput, running: Images, latest: Images): Judgement {
  const [only, ...others] = running.leaves;
  if (only === undefined || only.platform !== undefined || others.length > 0) {
    return compareIndexes(input, running, latest);
  }
  // One image and nothing that says for which platform: it is what runs, so that does not matter.
  if (latest.leaves.some((leaf) => leaf.digest === only.digest)) {
    return same(
      'platform-equal',
      `runs ${shortDigest(only.digest)}, which is in the tag's index ${shortDigest(latest.digest)}`,
    );
  }
  const config = configOf(input.read, running.repository, only);
  switch (config.status) {
    case 'found':
      return searchConfig(input, running.digest, config.config, latest);
    case 'needs':
      return config;
    case 'failed':
      return unknown(failure(config.reason, `runs ${shortDigest(only.digest)}: ${config.message}`));
    case 'gone':
    case 'unsupported':
      return changed(`runs ${shortDigest(only.digest)}, which is not what the tag names`);
  }
}
