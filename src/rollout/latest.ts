import { shortDigest } from '../image/digest.ts';
import type { Platform } from '../image/platform.ts';
import { quote } from '../image/quote.ts';
import { type Contents, type Images, platformName } from './contents.ts';
import { type Failed, failure, type JudgeInput, type Needs } from './judge-input.ts';

/**
 * What the tag names, whole and with at least one image; or what to read, or why that cannot be said.
 * The reasons are those of the verdict `unknown` and of the hold `lookup-failed`, word for word.
 */
export function latestImages(input: JudgeInput, now: Contents): Images | Failed | Needs {
  const names = namesInWords(input);
  const contents = now.status === 'found' ? (now.rest ?? now) : now;
  switch (contents.status) {
    case 'needs':
      return contents;
    case 'gone':
      return now.status === 'found'
        ? failure('platform-missing', `${names}, and an index inside of it is not there`)
        : failure('tag-not-found', `${names}, which the registry does not have`);
    case 'unsupported':
      return failure(
        'unsupported-manifest',
        `${names}, a ${quote(contents.mediaType, 80)}: no image that containerd runs`,
      );
    case 'failed':
      return failure(contents.reason, `${names}: ${contents.message}`);
    case 'found':
      return contents.leaves.length > 0
        ? contents
        : failure('platform-missing', `${names}, an index without any image`);
  }
}

/** The index that the tag names lacks what the Pods' nodes would pull. */
export function platformMissing(input: JudgeInput, platform: Platform): Failed {
  return failure(
    'platform-missing',
    `${namesInWords(input)}, which has no image for ${platformName(platform)}`,
  );
}

/** `the tag names 111111111111`. */
export function namesInWords({ latest, isPinned }: JudgeInput): string {
  return `${isPinned ? 'the template pins' : 'the tag names'} ${shortDigest(latest)}`;
}
