import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { z } from 'zod';

import { createPoller, type Poller } from '../../src/commands/poller.ts';
import type { Config } from '../../src/config/config.ts';
import { connect } from '../../src/kube/connection.ts';
import { createLog } from '../../src/telemetry/log.ts';
import { createMetrics } from '../../src/telemetry/metrics.ts';
import { loadValid } from '../../src/testing/config-files.ts';
import { Child } from './child.ts';
import { median } from './measure.ts';

/*
 * npm run soak [-- --ticks 500 --seed 7]: a poller in this process against a world in another one where images are
 * pushed, registries and the API server fail, and credentials and CAs are rotated, at random. In the end no restart was
 * one too many, none is missing, and neither memory nor file descriptors have grown.
 */
const { values } = parseArgs({
  options: {
    ticks: { type: 'string', default: '500' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
  },
});
const ticks = Number(values.ticks);
const seed = Number(values.seed);

/** What hangs is cut off by this; a tick with nothing wrong takes a tenth of it. */
const tickDeadlineMs = 1_500;
/** Waits that registries ask for are 1 s. */
const healingMs = 1_500;
const sampleEvery = 20;

const accessSchema = z.object({
  server: z.string(),
  trusted: z.array(z.string()),
  rotated: z.string(),
  plain: z.array(z.string()),
});
const disturbedSchema = z.object({
  happened: z.array(z.string()),
  token: z.string(),
  trustsAll: z.boolean(),
});
const lookSchema = z.object({
  restarts: z.number(),
  pushes: z.number(),
  violations: z.array(z.string()),
  stale: z.array(z.string()),
});

interface Sample {
  readonly tick: number;
  readonly heapMb: number;
  readonly descriptors: number;
}

/** The poller's side: its files, its config, and pollers. */
class SoakSide implements AsyncDisposable {
  readonly folder: string;
  readonly #server: URL;
  readonly #untrusting: Config;
  readonly #trusting: Config;
  config: Config;

  private constructor(folder: string, server: URL, untrusting: Config, trusting: Config) {
    this.folder = folder;
    this.#server = server;
    this.#untrusting = untrusting;
    this.#trusting = trusting;
    this.config = trusting;
  }

  static async start(access: z.output<typeof accessSchema>): Promise<SoakSide> {
    const folder = await mkdtemp(join(tmpdir(), 'kube-autorollout-soak-'));
    const { config } = await loadValid(
      `registries:\n${access.plain.map((host) => `  - { hostnamePattern: "${host}", plainHttp: true }`).join('\n')}\n`,
    );
    const untrusting = { ...config, tls: { caCertificates: access.trusted } };
    const trusting = { ...config, tls: { caCertificates: [...access.trusted, access.rotated] } };
    const side = new SoakSide(folder, new URL(access.server), untrusting, trusting);
    await writeFile(join(folder, 'ca.crt'), access.trusted.join('\n'));
    await writeFile(join(folder, 'namespace'), 'default');
    await side.take({ token: 'token-0', trustsAll: true });
    return side;
  }

  async take({
    token,
    trustsAll,
  }: {
    readonly token: string;
    readonly trustsAll: boolean;
  }): Promise<void> {
    await writeFile(join(this.folder, 'token'), token);
    this.config = trustsAll ? this.#trusting : this.#untrusting;
  }

  async poller(): Promise<Poller> {
    const connection = await connect({
      serviceHost: this.#server.hostname,
      servicePort: this.#server.port,
      serviceAccountFolder: this.folder,
      proxy: {},
      userAgent: 'kube-autorollout/soak',
      observe: () => {},
    });
    return createPoller({
      config: () => this.config,
      connection,
      namespace: 'default',
      mode: 'act',
      proxy: {},
      userAgent: 'kube-autorollout/soak',
      instance: 'soak',
      log: createLog({
        level: 'debug',
        format: 'json',
        destination: { write: () => {} },
        now: () => new Date(),
      }),
      metrics: createMetrics({ version: 'soak', processMetrics: false }),
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return rm(this.folder, { recursive: true, force: true });
  }
}

async function soak(): Promise<readonly string[]> {
  const descriptorsBefore = descriptors();
  using world = new Child('soak-world.ts');
  const access = await world.ask({ do: 'start', seed }, accessSchema);
  await using side = await SoakSide.start(access);
  const withWorld = descriptors();
  const poller = await side.poller();
  const samples: Sample[] = [];
  const results = { success: 0, failed: 0, aborted: 0 };
  for (let tick = 1; tick <= ticks; tick += 1) {
    // oxlint-disable no-await-in-loop -- one tick after the other
    const disturbed = await world.ask({ do: 'disturb' }, disturbedSchema);
    await side.take(disturbed);
    results[await tickOnce(poller)] += 1;
    // Now and then a second replica, or one that is about to be replaced, does the same at the same time.
    if (tick % 10 === 0) await withSecond(side, poller);
    const { violations } = await world.ask({ do: 'look' }, lookSchema);
    if (violations.length > 0) return [...violations, `after: ${disturbed.happened.join('; ')}`];
    if (tick % sampleEvery === 0) samples.push(sample(tick));
    // oxlint-enable no-await-in-loop
  }

  await side.take(await world.ask({ do: 'heal' }, disturbedSchema));
  await sleep(healingMs);
  const last: string[] = [];
  for (let tick = 0; tick < 4; tick += 1) {
    // oxlint-disable-next-line no-await-in-loop -- one tick after the other
    last.push(await tickOnce(poller));
  }
  const { restarts, pushes, violations, stale } = await world.ask({ do: 'look' }, lookSchema);
  await poller.close();
  // What was cut takes a turn of the event loop to be gone.
  await sleep(200);
  const left = descriptors() - withWorld;
  console.log(
    `${ticks} ticks (${results.success} success, ${results.failed} failed, ${results.aborted} aborted), ` +
      `${pushes} pushes, ${restarts} restarts; descriptors: ${descriptorsBefore} at first, ${left} more than before the poller in the end`,
  );
  return [
    ...violations,
    ...stale.map((name) => `${name} was never restarted for what its tag names`),
    ...last.slice(1).flatMap((result) => (result === 'success' ? [] : [`a last tick: ${result}`])),
    ...growth(samples),
    ...(left > 2 ? [`${left} file descriptors are left over after close`] : []),
  ];
}

async function tickOnce(poller: Poller): Promise<'success' | 'failed' | 'aborted'> {
  return (await poller.tick(AbortSignal.timeout(tickDeadlineMs))).result;
}

async function withSecond(side: SoakSide, first: Poller): Promise<void> {
  const second = await side.poller();
  await Promise.all([tickOnce(first), tickOnce(second)]);
  await second.close();
}

function sample(tick: number): Sample {
  // Twice: what has a finalizer goes with the second.
  globalThis.gc?.();
  globalThis.gc?.();
  const found = { tick, heapMb: process.memoryUsage().heapUsed / 1e6, descriptors: descriptors() };
  console.log(`tick ${tick}: heap ${found.heapMb.toFixed(1)} MB, ${found.descriptors} descriptors`);
  return found;
}

/** The first quarter warms up; what counts is whether the last is more than the second. */
function growth(samples: readonly Sample[]): readonly string[] {
  const quarter = Math.floor(samples.length / 4);
  if (quarter === 0) return [];
  const early = samples.slice(quarter, 2 * quarter);
  const late = samples.slice(-quarter);
  const heap = [early, late].map((part) => median(part.map(({ heapMb }) => heapMb)));
  const open = [early, late].map((part) => Math.max(...part.map((one) => one.descriptors)));
  const [heapEarly = 0, heapLate = 0] = heap;
  const [openEarly = 0, openLate = 0] = open;
  return [
    ...(heapLate > heapEarly * 1.1 + 1
      ? [`the heap grew from ${heapEarly.toFixed(1)} to ${heapLate.toFixed(1)} MB`]
      : []),
    ...(openLate > openEarly + 10
      ? [`file descriptors grew from ${openEarly} to ${openLate}`]
      : []),
  ];
}

function descriptors(): number {
  return readdirSync('/proc/self/fd').length;
}

console.log(`seed ${seed}: npm run soak -- --ticks ${ticks} --seed ${seed}`);
if (globalThis.gc === undefined)
  throw new Error('run with --expose-gc, or memory cannot be told from garbage');
const problems = await soak();
for (const problem of problems) console.log(`WRONG: ${problem}`);
console.log(problems.length === 0 ? 'all is well' : `${problems.length} things went wrong`);
process.exitCode = problems.length === 0 ? 0 : 1;
