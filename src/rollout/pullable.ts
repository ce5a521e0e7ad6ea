import type { RunningImage } from '../image/image-id.ts';
import { chooseOffer, type Platform } from '../image/platform.ts';
import { contentsOf, type Images, type Leaf, platformName, runningContents } from './contents.ts';
import { type Failed, failure, type JudgeInput, type Needs, needs } from './judge-input.ts';
import { latestImages, namesInWords, platformMissing } from './latest.ts';

/** Whether what the tag names can be run where the Pods run. */
export type Pullability = { readonly status: 'pullable' } | Failed | Needs;

const yes: Pullability = { status: 'pullable' };

/**
 * Tells whether a new Pod could run what the tag names now (case 31), asked in the way of `judge`.
 *
 * Its index must hold an image for every platform that the Pods may run on: the known ones, less those that what
 * runs was not made for; where none is known, all that the running index was made for. For the index of an image
 * that is just being published lacks platforms for a while, and a restart would break the Pods on those.
 *
 * @param input `running` may be empty, for an image that nothing runs yet: then any image will do
 * @returns `failed` with the reason of the hold `lookup-failed`, or of the warning where the caller only warns
 */
export function pullable(input: JudgeInput): Pullability {
  const { running, latest, platforms } = input;
  if (running.length > 0 && running.every((one) => digestOf(one) === latest)) return yes;

  const named = latestImages(input, contentsOf(input.read, input.repository, latest));
  if (named.status !== 'found') return named;

  const missing = platforms.filter((known) => !chooseOffer(known, named.leaves));
  const [first] = missing;
  if (platforms.length > 0 && first === undefined) return yes;
  if (first !== undefined && missing.length === platforms.length) {
    return platformMissing(input, first);
  }

  const told = running.map((one) => imagesOf(input, one, named));
  const unread = needs(told.flatMap((one) => (one?.status === 'needs' ? one.reads : [])));
  if (unread !== undefined) return unread;
  const known = told.map((one) => (one?.status === 'found' ? one.leaves : undefined));
  if (first === undefined)
    return coversAll(
      input,
      known.flatMap((leaves) => leaves ?? []),
      named,
    );

  // Where something does not tell what it was made for, it may be any of the known platforms.
  const needed = missing.find(
    (platform) =>
      known.length === 0 ||
      known.some((leaves) => leaves === undefined || chooseOffer(platform, leaves)),
  );
  return needed === undefined ? yes : platformMissing(input, needed);
}

function coversAll(input: JudgeInput, running: readonly Leaf[], named: Images): Pullability {
  const lost = running
    .flatMap(({ platform }): readonly Platform[] => (platform === undefined ? [] : [platform]))
    .find((platform) => !chooseOffer(platform, named.leaves));
  if (lost === undefined) return yes;
  return failure(
    'platform-missing',
    `what runs has an image for ${platformName(lost)}, and ${namesInWords(input)}, which has none: ` +
      `if no node needs it, say which platforms do (nodeSelector, or platforms in the config)`,
  );
}

/** The images that what runs may be; undefined where that cannot be known. */
function imagesOf(
  input: JudgeInput,
  running: RunningImage,
  named: Images,
): { readonly status: 'found'; readonly leaves: readonly Leaf[] } | Needs | undefined {
  if (running.type === 'unreadable') return undefined;
  if (running.digest === input.latest) return named;
  const leaf = named.leaves.find(({ digest }) => digest === running.digest);
  if (leaf !== undefined) return { status: 'found', leaves: [leaf] };
  if (running.type === 'config') return undefined;

  const contents = runningContents(input.read, input.repository, running);
  if (contents.status === 'needs') return contents;
  if (contents.status !== 'found') return undefined;
  if (contents.rest === undefined) return contents;
  return contents.rest.status === 'needs' ? contents.rest : undefined;
}

function digestOf(running: RunningImage): string | undefined {
  return running.type === 'unreadable' ? undefined : running.digest;
}
