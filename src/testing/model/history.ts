import { disturb, heal } from './events.ts';
import { ModelWorld } from './world.ts';
import { seededRandom } from './random.ts';

/** Longer than any wait of the guard after as many attempts as a history has room for. */
const longMs = 50 * 365 * 24 * 3_600_000;

/** A little longer than the guard's first wait for a tag that was moved back, and shorter than its second. */
const flapMs = 11 * 60_000;

export interface History {
  readonly restarts: number;
  /** Where the workload came to rest after everything had calmed down. */
  readonly end: 'up-to-date' | 'not-converging' | 'stuck';
  /** What was wrong, and all that happened until then. */
  readonly violation?: { readonly what: string; readonly log: readonly string[] };
}

/**
 * Lets things happen at random, then puts everything right, lets every wait pass, and looks whether what should run
 * does run.
 */
export async function playHistory(seed: number): Promise<History> {
  const random = seededRandom(seed);
  const world = new ModelWorld(random, (disturbed) => disturb(disturbed, random));
  const steps = 20 + random.below(25);
  const flaps = random.chance(0.05);
  for (let step = 0; step < steps && world.violation === undefined; step += 1) {
    const choice = random.below(100);
    if (flaps && choice < 70) moveBackLater(world);
    // oxlint-disable-next-line no-await-in-loop -- one after another is what a history is
    if (choice < 35) await world.tick(random.pick(world.pollers));
    // oxlint-disable-next-line no-await-in-loop -- as above
    else if (choice < 38) await world.resume();
    else disturb(world, random);
  }
  const end = world.violation === undefined ? await calmDown(world) : 'stuck';
  const { restarts, violation, log } = world;
  return { restarts, end, ...(violation !== undefined && { violation: { what: violation, log } }) };
}

/** What alone makes many restarts: two digests in turn, each given time to roll out. */
function moveBackLater(world: ModelWorld): void {
  world.registry.flap('r.example.com/app:main');
  world.settle();
  world.nowMs += flapMs;
}

async function calmDown(world: ModelWorld): Promise<History['end']> {
  world.isCalm = true;
  await world.resume();
  heal(world);
  for (let round = 0; round < 4; round += 1) {
    world.settle();
    world.nowMs += longMs;
    // oxlint-disable-next-line no-await-in-loop -- as above
    await world.tick(world.pollers[0]);
  }
  world.settle();
  return world.restsAt();
}

export interface Histories {
  readonly restarts: number;
  readonly ends: Readonly<Record<History['end'], number>>;
  /** The first that was wrong; none after it was played. */
  readonly failed?: {
    readonly seed: number;
    readonly what: string;
    readonly log: readonly string[];
  };
}

/** Plays one history per seed, up to the first that goes wrong. */
export async function playHistories(first: number, count: number): Promise<Histories> {
  const ends = { 'up-to-date': 0, 'not-converging': 0, stuck: 0 };
  let restarts = 0;
  for (let seed = first; seed < first + count; seed += 1) {
    // oxlint-disable-next-line no-await-in-loop -- the first that fails is told
    const history = await playHistory(seed);
    ends[history.end] += 1;
    restarts += history.restarts;
    if (history.violation) return { restarts, ends, failed: { seed, ...history.violation } };
  }
  return { restarts, ends };
}
