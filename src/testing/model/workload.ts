import type { WorkloadKind } from '../../rollout/workload.ts';
import type { ModelImage, ModelRegistry } from './registry.ts';

export interface ModelContainer {
  readonly name: string;
  readonly reference: string;
  readonly pullPolicy: 'Always' | 'IfNotPresent';
}

export interface ModelTemplate {
  readonly annotations: Readonly<Record<string, string>>;
  readonly containers: readonly ModelContainer[];
  /** Any other part of it that people edit. */
  readonly edits: number;
}

export interface ModelPod {
  readonly name: string;
  readonly ordinal: number;
  readonly revision: number;
  readonly templateGeneration: number;
  readonly template: ModelTemplate;
  readonly createdMs: number;
  /** By container; absent: not pulled. */
  readonly images: Map<string, ModelImage>;
}

/** What people, pollers and the controller know of a workload: enough of the API server to race on. */
export class ModelWorkload {
  readonly kind: WorkloadKind;
  readonly isOrdered: boolean;
  annotations: Readonly<Record<string, string>> = {};
  template: ModelTemplate;
  paused = false;
  replicas = 2;
  partition = 0;
  pods: readonly ModelPod[] = [];

  readonly #registry: ModelRegistry;
  readonly #node = new Map<string, ModelImage>();
  readonly revisions = new Map<string, number>();
  #numbered: { readonly template: ModelTemplate; readonly revision: number } | undefined;
  /** Counts the changes of the template, there and back: what the API server does for DaemonSets. */
  templateGeneration = 1;
  #made = 0;
  #writes = 0;
  generation = 1;
  observed = 0;
  rolledOut = 0;
  #lastProgressMs = 0;

  constructor(
    kind: WorkloadKind,
    isOrdered: boolean,
    containers: readonly ModelContainer[],
    registry: ModelRegistry,
  ) {
    this.kind = kind;
    this.isOrdered = kind === 'StatefulSet' && isOrdered;
    this.#registry = registry;
    this.template = { annotations: {}, containers, edits: 0 };
  }

  /** Somebody wrote something: what was judged before is not what is there now. */
  write(change: () => void): void {
    const { template } = this;
    change();
    if (this.template !== template) this.templateGeneration += 1;
    this.#writes += 1;
    this.generation += 1;
  }

  /** Scaling above zero is no write that a poller minds. */
  scale(replicas: number): void {
    if (replicas === 0 || this.replicas === 0) this.#writes += 1;
    this.generation += 1;
    this.replicas = replicas;
  }

  /** Of the template as it is now; the same template has the same. */
  get revision(): number {
    if (this.#numbered?.template === this.template) return this.#numbered.revision;
    const text = JSON.stringify(this.template);
    const revision = this.revisions.get(text) ?? this.revisions.size + 1;
    this.revisions.set(text, revision);
    this.#numbered = { template: this.template, revision };
    return revision;
  }

  get resourceVersion(): string {
    return `${this.#writes}.${this.generation}.${this.observed}`;
  }

  get fingerprint(): string {
    return String(this.#writes);
  }

  isObserved(): boolean {
    return this.observed === this.generation;
  }

  /** Live Pods that a restart would replace; below a partition it would not. */
  replaceable(): readonly ModelPod[] {
    return this.pods.filter(({ ordinal }) => ordinal >= this.partition);
  }

  /** The controller has seen the template, and every Pod that it replaces is of it. */
  isComplete(): boolean {
    const { revision } = this;
    const replaceable = this.replaceable();
    if (!this.isObserved() || replaceable.some((pod) => pod.revision !== revision)) return false;
    if (this.kind !== 'StatefulSet') return true;
    const updated = this.pods.filter((pod) => pod.revision === revision).length;
    return this.partition > 0
      ? updated >= this.replicas - this.partition
      : this.rolledOut === revision;
  }

  /** What a rollout that does not go on looks like from outside: by the controller's clock, or by the poller's. */
  isStalled(nowMs: number, pollerMs: number): boolean {
    if (this.isComplete() || !this.isObserved()) return false;
    if (this.kind === 'Deployment') return this.isPastDeadline(nowMs);
    if (this.isOrdered) return false;
    if (this.kind === 'DaemonSet' && !this.tellsItsRevision()) return false;
    const newest = this.pods.filter(({ revision }) => revision === this.revision);
    const youngestMs = Math.max(...newest.map(({ createdMs }) => createdMs));
    return newest.some((pod) => !isReady(pod)) && pollerMs - youngestMs > 600_000;
  }

  /**
   * From outside it is seen which revision a DaemonSet's template is: by a Pod made since the latest change, or as
   * the only one that is not of the change before. ControllerRevisions, which would tell, are not in the Role.
   */
  tellsItsRevision(): boolean {
    if (this.pods.some((pod) => pod.templateGeneration === this.templateGeneration)) return true;
    const before = this.pods.filter(
      (pod) => pod.templateGeneration === this.templateGeneration - 1,
    );
    const outdated = new Set(before.map(({ revision }) => revision));
    return this.pods.every(({ revision }) => revision === this.revision || outdated.has(revision));
  }

  isPastDeadline(nowMs: number): boolean {
    return !this.isComplete() && this.isObserved() && nowMs - this.#lastProgressMs > 600_000;
  }

  /** One step of controller and kubelet; false when there was nothing to do. */
  step(nowMs: number): boolean {
    const before = this.pods;
    const wasObserved = this.isObserved();
    this.observed = this.generation;
    if (!wasObserved) this.#lastProgressMs = nowMs;
    const pulled = this.pods.filter((pod) => this.#pull(pod)).length;

    if (!this.#scaleStep(nowMs) && !this.paused) this.#rolloutStep(nowMs);
    if (this.replaceable().every(({ revision }) => revision === this.revision)) {
      if (this.partition === 0 && this.pods.every(isReady)) this.rolledOut = this.revision;
    }
    const isProgress = before !== this.pods || pulled > 0;
    if (isProgress) this.#lastProgressMs = nowMs;
    return isProgress || !wasObserved;
  }

  #scaleStep(nowMs: number): boolean {
    const { pods, replicas } = this;
    const surge = this.kind === 'Deployment' && pods.some((pod) => pod.revision !== this.revision);
    if (pods.length > replicas + (surge && !this.paused ? 1 : 0)) {
      const old = pods.find(({ revision }) => revision !== this.revision);
      const last = this.kind === 'StatefulSet' ? pods.at(-1) : (old ?? pods.at(-1));
      this.pods = pods.filter((pod) => pod !== last);
      return true;
    }
    if (pods.length >= replicas) return false;
    const taken = new Set(pods.map(({ ordinal }) => ordinal));
    let ordinal = 0;
    while (taken.has(ordinal)) ordinal += 1;
    const lower = pods.filter((pod) => pod.ordinal < ordinal);
    if (this.isOrdered && !lower.every(isReady)) return false;
    const elder = pods.find((pod) => pod.revision !== this.revision);
    const isOld = this.paused || ordinal < this.partition;
    this.#create(nowMs, ordinal, isOld ? elder : undefined);
    return true;
  }

  #rolloutStep(nowMs: number): void {
    const { revision } = this;
    const fresh = this.pods.filter((pod) => pod.revision === revision);
    const old = this.replaceable().filter((pod) => pod.revision !== revision);
    const victim = old.at(-1);
    if (victim === undefined) return;
    const waitsFor = this.isOrdered ? this.pods : fresh;
    if (!waitsFor.every(isReady)) return;
    if (this.kind === 'Deployment' && this.pods.length <= this.replicas) {
      const ordinals = this.pods.map(({ ordinal }) => ordinal);
      this.#create(nowMs, Math.max(...ordinals) + 1, undefined);
      return;
    }
    this.pods = this.pods.filter((pod) => pod !== victim);
    if (this.kind !== 'Deployment') this.#create(nowMs, victim.ordinal, undefined);
  }

  #create(nowMs: number, ordinal: number, like: ModelPod | undefined): void {
    this.#made += 1;
    const pod: ModelPod = {
      name: this.kind === 'StatefulSet' ? `web-${ordinal}` : `web-${this.#made}`,
      ordinal,
      revision: like?.revision ?? this.revision,
      templateGeneration: this.templateGeneration,
      template: like?.template ?? this.template,
      createdMs: nowMs,
      images: new Map(),
    };
    this.#pull(pod);
    this.pods = [...this.pods, pod].toSorted((one, other) => one.ordinal - other.ordinal);
  }

  /** The kubelet pulls what a Pod lacks; true when it got something. */
  #pull(pod: ModelPod): boolean {
    let hasPulled = false;
    for (const container of pod.template.containers) {
      if (pod.images.has(container.name)) continue;
      const pulled = this.#imageFor(container);
      if (pulled === undefined) continue;
      pod.images.set(container.name, pulled);
      hasPulled = true;
    }
    return hasPulled;
  }

  #imageFor({ reference, pullPolicy }: ModelContainer): ModelImage | undefined {
    const cached = this.#node.get(reference);
    if (pullPolicy === 'IfNotPresent' && cached !== undefined) return cached;
    const tag = this.#registry.tag(reference);
    if (tag.image === undefined || tag.mirrored === undefined) return undefined;
    this.#node.set(reference, tag.mirrored);
    return tag.mirrored;
  }

  /** A container crashes, and the kubelet starts it again: with `Always` it pulls. */
  crash(pod: ModelPod, { name, pullPolicy, reference }: ModelContainer): void {
    if (pullPolicy !== 'Always' || !pod.images.has(name)) return;
    const pulled = this.#registry.tag(reference).image && this.#registry.tag(reference).mirrored;
    if (pulled) pod.images.set(name, pulled);
  }

  kill(pod: ModelPod): void {
    this.pods = this.pods.filter((other) => other !== pod);
  }
}

export function isReady({ template, images }: ModelPod): boolean {
  return template.containers.every(({ name }) => images.get(name)?.isBroken === false);
}
