import { annotationKeys } from '../../rollout/annotations.ts';
import { restartedAtKeys } from '../../rollout/restart.ts';
import type { WorkloadKind } from '../../rollout/workload.ts';
import { type RestartPatch, tick, type TickSettings } from '../../tick.ts';
import { Ledger, type Memory, type Moment, type Sight } from './ledger.ts';
import { portsOf } from './ports.ts';
import { type ModelImage, ModelRegistry } from './registry.ts';
import { causesOf, forbidden } from './verdict.ts';
import { type Poller, pollerOf, type Visit, visitOf } from './visit.ts';
import { type ModelContainer, type ModelTemplate, ModelWorkload } from './workload.ts';
import type { Random } from './random.ts';

const { signal } = new AbortController();

/** A state to which `kubectl rollout undo` goes back. */
interface Past {
  readonly annotations: Readonly<Record<string, string>>;
  readonly template: ModelTemplate;
  readonly memory: Memory;
}

/**
 * A namespace with one workload, its registry and two pollers, in which anything may happen between any two
 * requests. Every PATCH is judged by the {@link Ledger} and by the truth; `violation` holds the first that was wrong.
 */
export class ModelWorld {
  readonly registry: ModelRegistry;
  readonly workload: ModelWorkload;
  readonly pollers: readonly [Poller, Poller];
  readonly settings: TickSettings;
  readonly ledger: Ledger;
  readonly log: string[] = [];
  violation: string | undefined;
  restarts = 0;
  nowMs = Date.parse('2026-01-01T00:00:00Z');
  readonly past: Past[] = [];

  readonly #random: Random;
  readonly #disturb: (world: ModelWorld) => void;
  #suspended: { readonly visit: Visit; readonly ended: Promise<void> } | undefined;
  /** Of the last restart with our own key, as long as the template has it. */
  ownRestart: { readonly moment: Moment; readonly value: string } | undefined;
  isCalm = false;

  /** @param disturb what may happen between two requests */
  constructor(random: Random, disturb: (world: ModelWorld) => void) {
    this.#random = random;
    this.#disturb = disturb;
    const references = ['main', 'stable'].map((tag) => `r.example.com/app:${tag}`);
    this.registry = new ModelRegistry([...references, 'r.example.com/db:main'], random);
    const app = { name: 'app', reference: 'r.example.com/app:main', pullPolicy: policy() };
    const db = { name: 'db', reference: 'r.example.com/db:main', pullPolicy: policy() };
    const kind: WorkloadKind = random.pick([
      'Deployment',
      'Deployment',
      'StatefulSet',
      'DaemonSet',
    ]);
    const containers: readonly ModelContainer[] = random.chance(0.4) ? [app, db] : [app];
    this.workload = new ModelWorkload(kind, random.chance(0.5), containers, this.registry);
    this.settings = {
      defaultRegistry: 'docker.io',
      ifNotPresent: random.pick(['skip', 'restart']),
      platforms: [],
      maxRestartsPerDigest: random.pick([1, 1, 1, 2, 3]),
      restartedAtKey: random.chance(0.8) ? restartedAtKeys.own : restartedAtKeys.kubectl,
    };
    this.ledger = new Ledger(this.settings.maxRestartsPerDigest);
    this.pollers = [pollerOf('one'), pollerOf('two')];
    this.settle();
    this.log.push(`${kind} of ${containers.map((one) => `${one.name} ${one.pullPolicy}`).join()}`);
    this.log.push(JSON.stringify(this.settings));

    function policy(): 'Always' | 'IfNotPresent' {
      return random.chance(0.85) ? 'Always' : 'IfNotPresent';
    }
  }

  /** Controller and kubelet do one thing; it takes them a second, which is what `creationTimestamp` tells apart. */
  step(): boolean {
    this.nowMs += 1000;
    return this.workload.step(this.nowMs);
  }

  /** They do all they can. */
  settle(): void {
    for (let steps = 0; steps < 30 && this.step(); steps += 1);
  }

  /** People write; what they had before can be gone back to. */
  edit(change: (workload: ModelWorkload) => void, memory = this.ledger.memory): void {
    const { annotations, template } = this.workload;
    this.workload.write(() => change(this.workload));
    if (this.workload.template !== template) {
      this.past.push({ annotations, template, memory });
    }
  }

  /** One tick, perhaps cut short by a crash. */
  async tick(poller: Poller): Promise<void> {
    await this.#run(visitOf(poller, this.moment(poller), false));
  }

  /** A poller that stood still in the middle of its tick goes on. */
  async resume(): Promise<void> {
    const suspended = this.#suspended;
    this.#suspended = undefined;
    suspended?.visit.resume.resolve();
    await suspended?.ended;
  }

  /** Each container as a poller saw it; without a visit, by the truth of this moment. */
  sights(visit?: Visit): readonly Sight[] {
    const evidence = visit?.evidence ?? this.evidence();
    return this.workload.template.containers.map(({ name, reference }) => {
      const tag = this.registry.tag(reference);
      const now = tag.image && { image: tag.image, change: tag.change };
      const answer = visit ? visit.answers.get(reference) : now;
      const stale = (evidence.get(name) ?? []).some(
        ({ digest, config }) =>
          digest !== answer?.image.digest &&
          (config !== answer?.image.config || visit?.missing.has(digest) === true),
      );
      return {
        name,
        reference,
        answer: answer && { digest: answer.image.digest, change: answer.change },
        isStale: answer !== undefined && stale,
      };
    });
  }

  /**
   * Where it came to rest. A container that runs something else than its tag names, though nothing stands in the
   * way of a restart and every wait is over, is right only where the last restart was for just that digest.
   */
  restsAt(): 'up-to-date' | 'not-converging' | 'stuck' {
    const { workload } = this;
    const watched = new Set(
      workload.template.containers.filter((one) => this.#isWatched(one)).map(({ name }) => name),
    );
    const stale = this.sights().filter(({ name, isStale }) => isStale && watched.has(name));
    const isStalled = workload.isStalled(this.nowMs, this.nowMs);
    if (!workload.isComplete() && !isStalled) return 'stuck';
    const missed = stale.find((sight) => !this.ledger.explains(sight));
    if (missed) this.violation ??= `${missed.name} was never restarted for what its tag names`;
    return stale.length > 0 ? 'not-converging' : 'up-to-date';
  }

  #isWatched({ pullPolicy }: ModelContainer): boolean {
    return pullPolicy === 'Always' || this.settings.ifNotPresent === 'restart';
  }

  /** By container: what the Pods of the newest revision run that a restart would replace. */
  evidence(): ReadonlyMap<string, readonly ModelImage[]> {
    const { workload } = this;
    const counted = workload.replaceable().filter((pod) => pod.revision === workload.revision);
    return new Map(
      workload.template.containers.map(({ name }) => [
        name,
        counted.flatMap((pod) => pod.images.get(name) ?? []),
      ]),
    );
  }

  /** Now, by the clock of a poller's node. */
  moment({ offsetMs }: Poller): Moment {
    return { ms: this.nowMs + offsetMs, clock: String(offsetMs) };
  }

  async #run(visit: Visit): Promise<void> {
    const { poller } = visit;
    this.log.push(`${poller.name}: tick`);
    const ports = {
      ...portsOf(this, visit),
      reporter: {
        workload: ({ decision, reason }: { readonly decision: string; readonly reason: string }) =>
          void this.log.push(`${poller.name}: ${decision} ${reason}`),
        tick: () => {},
      },
    };
    const ticking = tick(ports, this.settings, {
      mode: 'act',
      signal,
      now: () => new Date(this.moment(poller).ms),
      monotonicMs: () => this.nowMs,
      memory: poller.memory,
    });
    await Promise.race([ticking, visit.crash.promise]);
  }

  /** Something that happens now and then, until all is calm. */
  happens(probability: number): boolean {
    return !this.isCalm && this.#random.chance(probability);
  }

  /** Between any two requests: the world moves on, the poller crashes or stands still, the other one begins. */
  async between(visit: Visit): Promise<void> {
    if (this.isCalm) return;
    if (this.#random.chance(0.12)) this.#disturb(this);
    if (this.#random.chance(0.01)) await this.crash(visit);
    if (visit.isNested) {
      if (!this.#random.chance(0.15)) return;
      this.log.push(`${visit.poller.name}: stands still`);
      visit.pause.resolve();
      await visit.resume.promise;
      this.log.push(`${visit.poller.name}: goes on`);
      return;
    }
    if (this.#suspended !== undefined) {
      if (this.#random.chance(0.3)) await this.resume();
    } else if (this.#random.chance(0.06)) {
      await this.#interleave(visit.poller);
    }
  }

  async #interleave({ name }: Poller): Promise<void> {
    const [one, two] = this.pollers;
    const other = name === one.name ? two : one;
    const visit = visitOf(other, this.moment(other), true);
    const ended = this.#run(visit);
    this.#suspended = { visit, ended };
    const isOver = await Promise.race([
      ended.then(() => true),
      visit.pause.promise.then(() => false),
    ]);
    if (isOver) this.#suspended = undefined;
  }

  /** The poller is gone: whatever awaits this waits for ever. */
  async crash(visit: Visit): Promise<never> {
    this.log.push(`${visit.poller.name}: crashes`);
    visit.crash.resolve();
    return new Promise<never>(() => {});
  }

  /** The PATCH, as it got through; judged before it takes effect. */
  apply(visit: Visit, { restartedAt, lastRestart }: RestartPatch): void {
    const { workload } = this;
    this.log.push(`${visit.poller.name}: PATCH ${restartedAt.value} ${lastRestart}`);
    // By a clock that jumped in between, no wait can be held against another.
    const hasJumped = visit.poller.jumps !== visit.jumpsBefore;
    const moment = this.moment(visit.poller);
    const to = hasJumped ? { ...moment, clock: `jumped before restart ${this.restarts}` } : moment;
    const from = hasJumped ? to : visit.from;
    const sights = this.sights(visit);
    const causes = causesOf(this, sights, lastRestart);
    const { memory } = this.ledger;
    this.violation ??=
      forbidden(this, visit, restartedAt, to) ?? this.ledger.restart(sights, causes, from, to);

    this.restarts += 1;
    this.edit(() => {
      const annotations = {
        ...workload.template.annotations,
        [restartedAt.key]: restartedAt.value,
      };
      workload.annotations = { ...workload.annotations, [annotationKeys.lastRestart]: lastRestart };
      workload.template = { ...workload.template, annotations };
    }, memory);
    if (restartedAt.key === restartedAtKeys.own) {
      this.ownRestart = { moment: from, value: restartedAt.value };
    }
  }
}
