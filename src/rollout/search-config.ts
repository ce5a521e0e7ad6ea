import { type Digest, shortDigest } from '../image/digest.ts';
import { chooseOffer } from '../image/platform.ts';
import { configOf, type Images, type Leaf } from './contents.ts';
import { type Failed, failure, type Gone, type JudgeInput, needs } from './judge-input.ts';
import { both, changed, type Judged, type Judgement, same, unknown } from './judgement.ts';
import { platformMissing } from './latest.ts';

/** How many images are opened in search of a config; what has more of them can be helped by `platforms`. */
export const maxSearched = 32;

/**
 * Looks for an image config among all the images that the tag names now (case 6). What runs is certain then, so
 * its platform does not matter (case 9); that platform's image is only opened first.
 */
export function searchConfig(
  input: JudgeInput,
  running: Digest,
  config: Digest,
  latest: Images,
): Judgement {
  const { read, platforms } = input;
  const likely = new Set(platforms.map((platform) => chooseOffer(platform, latest.leaves)));
  const first = latest.leaves.filter((leaf) => likely.has(leaf));
  const others = latest.leaves.filter((leaf) => !likely.has(leaf));

  for (const leaves of [first, others.length > maxSearched ? [] : others]) {
    const answers = leaves.map((leaf) => configOf(read, latest.repository, leaf));
    if (answers.some((answer) => answer.status === 'found' && answer.config === config)) {
      return same('config-equal', `${both(running, latest)} have the same config`);
    }
    const unread = needs(
      answers.flatMap((answer) => (answer.status === 'needs' ? answer.reads : [])),
    );
    if (unread !== undefined) return unread;
    // An image of another platform that cannot be read hides nothing once the right one was seen to differ.
    if (leaves === others && first.length > 0) break;
    for (const [place, answer] of answers.entries()) {
      const leaf = leaves[place];
      if (leaf !== undefined && answer.status !== 'found' && answer.status !== 'needs') {
        return latestUnreadable(answer, leaf);
      }
    }
  }
  const missing = platforms.find((platform) => chooseOffer(platform, latest.leaves) === undefined);
  if (missing !== undefined) return unknown(platformMissing(input, missing));
  if (first.length === 0 && others.length > maxSearched) {
    const message = `${shortDigest(latest.digest)} holds more than ${maxSearched} images: set platforms in the config`;
    return unknown(failure('unsupported-manifest', message));
  }
  return changed(`${both(running, latest)} have different configs`);
}

/** Why an image that the tag's index names cannot be compared with. */
export function latestUnreadable(
  answer: Gone | Failed | { readonly status: 'unsupported' },
  leaf: Leaf,
): Judged {
  const name = shortDigest(leaf.digest);
  switch (answer.status) {
    case 'gone':
      return unknown(
        failure('platform-missing', `the tag's index names ${name}, which is not there`),
      );
    case 'unsupported':
      return unknown(
        failure('unsupported-manifest', `${name} in the tag's index is no image that runs`),
      );
    case 'failed':
      return unknown(failure(answer.reason, `${name} in the tag's index: ${answer.message}`));
  }
}
