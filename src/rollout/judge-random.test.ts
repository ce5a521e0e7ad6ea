import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ManifestRead } from '../image/lookup.ts';
import { failed, image, index, notFound, type Question, settle } from './judge-shelf.ts';
import { judge, pullable } from './judge.ts';

const platforms = ['linux/amd64', 'linux/arm64', 'linux/riscv64', 'linux/s390x'] as const;

/** A registry, a Pod on a platform, and the truth that `judge` does not see. */
interface World extends Question {
  /** A new Pod would run the same image: equal digest or equal config. */
  readonly isSame: boolean;
  /** The platform is told, and every manifest can be read: then there is no excuse. */
  readonly isClear: boolean;
  readonly isLatestReadable: boolean;
  /** The tag's index has something for the Pod's platform. */
  readonly isOffered: boolean;
}

/** Of one index: platform to the name of its image. */
type Images = ReadonlyMap<string, string>;

/**
 * What may never happen is "same" where a new Pod would run another image, "changed" where what the tag names
 * could not be read, a throw, or more rounds than promised; and where all is told, nothing but the truth.
 */
test('case 9: random graphs of manifests never give "same" where platform child and config differ', () => {
  const counts = new Map<string, number>();
  for (let seed = 1; seed <= 4000; seed += 1) {
    const world = randomWorld(seed);
    const { answer } = settle(judge, world);
    settle(pullable, world);
    assert.ok(answer.status === 'judged');
    const { verdict } = answer.verdict;
    const told = `seed ${seed}: ${verdict}, ${answer.message}`;
    counts.set(verdict, (counts.get(verdict) ?? 0) + 1);

    if (verdict === 'same') assert.equal(world.isSame, true, told);
    if (verdict === 'changed') assert.equal(world.isLatestReadable, true, told);
    if (world.isClear && world.isOffered) {
      assert.equal(verdict, world.isSame ? 'same' : 'changed', told);
      counts.set('clear', (counts.get('clear') ?? 0) + 1);
    }
  }
  for (const kind of ['same', 'changed', 'unknown', 'clear']) {
    assert.ok((counts.get(kind) ?? 0) > 200, `${kind}: ${counts.get(kind) ?? 0}`);
  }
});

function randomWorld(seed: number): World {
  let state = seed;
  const below = (limit: number): number => {
    state = (state * 48_271) % 2_147_483_647;
    return Math.floor((state / 2_147_483_647) * limit);
  };
  below(2);
  const shelf: Record<string, ManifestRead> = {};
  const isFaulty = below(2) === 0;
  let nestedIndexes = 0;

  const pod = platforms[below(platforms.length)] ?? platforms[0];
  const before = randomImages(true);
  const now = below(3) === 0 ? before : randomImages(below(5) > 0);
  const isRetagged = now === before && below(2) === 0;
  const latestNested = put('d', now);
  put('r', before);
  const own = before.get(pod) ?? '';
  const reported = [isRetagged ? 'd' : 'r', own, `config:${configOf(own)}`][below(3)] ?? 'r';

  let isAllReadable = true;
  const latestParts = new Set(['d', ...latestNested]);
  let isLatestReadable = true;
  if (isFaulty) {
    for (const name of Object.keys(shelf)) {
      if (below(6) > 0) continue;
      shelf[name] = below(2) === 0 ? notFound : failed('unreachable');
      isAllReadable = false;
      if (latestParts.has(name)) isLatestReadable = false;
    }
  }
  const isTold = below(3) > 0;
  const next = now.get(pod);
  return {
    running: [reported],
    platforms: isTold ? [pod] : [],
    shelf,
    isSame: reported === 'd' || (next !== undefined && configOf(next) === configOf(own)),
    isClear: isTold && isAllReadable,
    isLatestReadable,
    isOffered: next !== undefined,
  };

  /** One image per platform, of a few builds each; builds 0 and 1 have one config. */
  function randomImages(hasPod: boolean): Images {
    const images = new Map<string, string>();
    for (const platform of platforms) {
      const isIn = platform === pod ? hasPod : below(2) === 0;
      if (!isIn) continue;
      const name = `${platform.slice('linux/'.length)}${below(4)}`;
      images.set(platform, name);
      shelf[name] = image(configOf(name));
    }
    return images;
  }

  /** Puts an index on the shelf, some of its children in nested ones, some with attestations; returns the nested. */
  function put(name: string, images: Images): readonly string[] {
    const nested: string[] = [];
    const children: (readonly [string, string])[] = [];
    for (const [platform, leaf] of images) {
      if (below(4) > 0) {
        children.push([platform, leaf]);
      } else {
        nestedIndexes += 1;
        const inner = `n${nestedIndexes}`;
        shelf[inner] = index([[platform, leaf]]);
        nested.push(inner);
        children.push([`index:${inner}`, inner]);
      }
      if (below(2) === 0) children.push(['attestation', `x${name}${below(100)}`]);
    }
    shelf[name] = index(children);
    return nested;
  }
}

/** Of `amd641` it is `camd64-0`: half the builds of a platform share theirs. */
function configOf(name: string): string {
  return `c${name.slice(0, -1)}-${Number(name.at(-1)) >> 1}`;
}
