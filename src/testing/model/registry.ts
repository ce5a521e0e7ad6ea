import type { Digest } from '../../image/digest.ts';
import type { Random } from './random.ts';

/** An image of the model. Two of the same `config` are the same image, pushed under two digests. */
export interface ModelImage {
  readonly digest: Digest;
  readonly config: Digest;
  /** Its container never gets ready. */
  readonly isBroken: boolean;
}

/** Few, so that tags move back; the first two are the same image, the last is broken. */
export const images: readonly [ModelImage, ...ModelImage[]] = [
  image('1', 'a', false),
  image('2', 'a', false),
  image('3', 'b', false),
  image('4', 'c', false),
  image('5', 'd', false),
  image('6', 'e', false),
  image('7', 'f', true),
];

function image(digest: string, config: string, isBroken: boolean): ModelImage {
  return {
    digest: `sha256:${digest.repeat(64)}`,
    config: `sha256:${config.repeat(64)}`,
    isBroken,
  };
}

interface Tag {
  /** Undefined: deleted. */
  image: ModelImage | undefined;
  /** Counts the changes of the digest. */
  change: number;
  /** What nodes get when they pull: another where their mirror lags. */
  mirrored: ModelImage | undefined;
}

/** A registry of a few tags, and the mirror through which the nodes pull. */
export class ModelRegistry {
  readonly #tags = new Map<string, Tag>();
  readonly #random: Random;
  isDown = false;
  /** What was deleted by garbage collection, as far as anybody asks. */
  readonly collected = new Set<Digest>();
  mirrorLags = false;
  /** Tags that answer 401. */
  readonly refused = new Set<string>();
  /** Its replicas disagree: they answer this and that in turn. */
  flaps = false;

  constructor(references: readonly string[], random: Random) {
    this.#random = random;
    for (const reference of references) {
      this.#tags.set(reference, { image: images[0], change: 0, mirrored: images[0] });
    }
  }

  tag(reference: string): Readonly<Tag> {
    return this.#tags.get(reference) ?? { image: undefined, change: 0, mirrored: undefined };
  }

  /** Moves the tag to another image, be it new, old, or the same under another digest. */
  push(reference: string, pushed = this.#random.pick(images)): void {
    const tag = this.#tags.get(reference);
    if (tag === undefined || tag.image === pushed) return;
    tag.image = pushed;
    tag.change += 1;
    this.collected.delete(pushed.digest);
    if (!this.mirrorLags) tag.mirrored = pushed;
  }

  /** Moves the tag to the other one of two images, as replicas of a registry that disagree. */
  flap(reference: string): void {
    const [one, , other] = images;
    this.push(reference, this.tag(reference).image === one ? other : one);
  }

  deleteTag(reference: string): void {
    const tag = this.#tags.get(reference);
    if (tag) tag.image = undefined;
  }

  syncMirror(): void {
    this.mirrorLags = false;
    for (const tag of this.#tags.values()) tag.mirrored = tag.image ?? tag.mirrored;
  }

  collect({ digest }: ModelImage): void {
    const isTagged = [...this.#tags.values()].some((tag) => tag.image?.digest === digest);
    if (!isTagged) this.collected.add(digest);
  }
}

export function imageOf(digest: Digest): ModelImage | undefined {
  return images.find((one) => one.digest === digest);
}
