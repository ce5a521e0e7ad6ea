import { annotationKeys } from '../../rollout/annotations.ts';
import { restartedAtKeys } from '../../rollout/restart.ts';
import { images } from './registry.ts';
import type { ModelWorkload } from './workload.ts';
import type { ModelWorld } from './world.ts';
import type { Random } from './random.ts';

type Event = (world: ModelWorld, random: Random) => void;

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
/** Farther than a history and all its waits go. */
const centuriesMs = 300 * 365 * 24 * hourMs;
const waitsMs = [
  1000,
  minuteMs,
  9 * minuteMs,
  11 * minuteMs,
  hourMs,
  7 * hourMs,
  25 * hourMs,
] as const;
const jumpsMs = [0, -5000, 5000, -hourMs, 2 * hourMs, -centuriesMs, centuriesMs] as const;

const mangled = [
  '',
  '{}',
  'null',
  '{"v":1,"containers":{}}',
  '{"v":2,"containers":{}}',
  '{"v":1,"containers":{"app":{"reference":"r.example.com/app:main","seen":[]}}}',
  '{"v":1,"containers":{"app":{"refer',
] as const;

/** What may happen to a namespace, each as often as its share of the whole. */
const events: Readonly<Record<string, readonly [share: number, Event]>> = {
  push: [20, push],
  'moved back or the same again': [8, moveBack],
  'tag deleted': [1, ({ registry }, random) => registry.deleteTag(anyReference(random))],
  'garbage collected': [1, ({ registry }, random) => registry.collect(random.pick(images))],
  'replicas of the registry disagree, or agree again': [
    2,
    ({ registry }) => (registry.flaps = !registry.flaps),
  ],
  'credential refused or accepted': [3, refuse],
  'registry down or up': [2, ({ registry }) => (registry.isDown = !registry.isDown)],
  'mirror lags': [2, ({ registry }) => (registry.mirrorLags = true)],
  'mirror catches up': [3, ({ registry }) => registry.syncMirror()],

  'time passes': [10, (world, random) => (world.nowMs += random.pick(waitsMs))],
  'clock jumps': [1, jump],

  'controller steps': [5, (world) => world.step()],
  'controller settles': [40, (world) => world.settle()],
  'Pod killed': [2, killPod],
  'container crashes': [3, crash],

  'template edited': [2, editTemplate],
  'reference switched': [1, switchReference],
  'kubectl rollout restart': [1, kubectlRestart],
  'kubectl rollout undo': [2, undo],
  'paused or resumed': [2, pause],
  scaled: [3, ({ workload }, random) => workload.scale(random.pick([0, 1, 2, 2, 3]))],
  partition: [1, partition],
  'hold set or lifted': [1, hold],
  'last-restart stripped': [2, strip],
  'last-restart mangled': [1, mangle],
};

const total = Object.values(events).reduce((sum, [share]) => sum + share, 0);

/** Lets one thing happen. */
export function disturb(world: ModelWorld, random: Random): void {
  let left = random.below(total);
  for (const [name, [share, event]] of Object.entries(events)) {
    left -= share;
    if (left >= 0) continue;
    world.log.push(name);
    event(world, random);
    return;
  }
}

/** All that stands between a workload and its restart is put right; what nodes pull may stay behind. */
export function heal(world: ModelWorld): void {
  const { registry, workload } = world;
  registry.isDown = false;
  registry.flaps = false;
  registry.refused.clear();
  registry.collected.clear();
  for (const { reference } of workload.template.containers) {
    if (registry.tag(reference).image === undefined) registry.push(reference, images[2]);
  }
  for (const poller of world.pollers) poller.offsetMs = 0;
  world.edit(() => {
    workload.paused = false;
    workload.annotations = without(workload.annotations, annotationKeys.hold);
  });
  if (workload.replicas === 0) workload.scale(2);
  const record = workload.annotations[annotationKeys.lastRestart];
  if (mangled.some((text) => text === record)) strip(world);
}

function jump({ pollers }: ModelWorld, random: Random): void {
  const poller = random.pick(pollers);
  poller.offsetMs = random.pick(jumpsMs);
  poller.jumps += 1;
}

function anyReference(random: Random): string {
  return `r.example.com/${random.pick(['app:main', 'app:main', 'app:stable', 'db:main'])}`;
}

function refuse({ registry }: ModelWorld, random: Random): void {
  const reference = random.pick(['r.example.com/db:main', anyReference(random)]);
  if (!registry.refused.delete(reference)) registry.refused.add(reference);
}

function push({ registry }: ModelWorld, random: Random): void {
  registry.push(anyReference(random));
}

function moveBack({ registry }: ModelWorld): void {
  registry.flap('r.example.com/app:main');
}

function killPod({ workload }: ModelWorld, random: Random): void {
  const [first, ...others] = workload.pods;
  if (first) workload.kill(random.pick([first, ...others]));
}

function crash({ workload }: ModelWorld, random: Random): void {
  const [first, ...others] = workload.pods;
  const [app, ...more] = workload.template.containers;
  if (first && app) workload.crash(random.pick([first, ...others]), random.pick([app, ...more]));
}

function editTemplate(world: ModelWorld): void {
  world.edit((workload) => {
    workload.template = { ...workload.template, edits: workload.template.edits + 1 };
  });
}

function switchReference(world: ModelWorld): void {
  world.edit((workload) => {
    const containers = workload.template.containers.map((container) => {
      if (container.name !== 'app') return container;
      const tag = container.reference.endsWith(':main') ? 'stable' : 'main';
      return { ...container, reference: `r.example.com/app:${tag}` };
    });
    workload.template = { ...workload.template, containers };
  });
  world.ledger.intervene(world.ledger.memory);
}

function kubectlRestart(world: ModelWorld): void {
  world.edit((workload) => {
    const value = new Date(world.nowMs).toISOString();
    const annotations = { ...workload.template.annotations, [restartedAtKeys.kubectl]: value };
    workload.template = { ...workload.template, annotations };
  });
}

/** A Deployment's own annotations go back, too (case 60). */
function undo(world: ModelWorld): void {
  const past = world.past.pop();
  if (past === undefined) return;
  const isDeployment = world.workload.kind === 'Deployment';
  const memory = isDeployment ? past.memory : world.ledger.memory;
  world.edit((workload) => {
    workload.template = past.template;
    if (isDeployment) workload.annotations = past.annotations;
  });
  world.ledger.intervene(memory);
}

function pause(world: ModelWorld): void {
  if (world.workload.kind !== 'Deployment') return;
  world.edit((workload) => (workload.paused = !workload.paused));
}

function partition(world: ModelWorld, random: Random): void {
  if (world.workload.kind !== 'StatefulSet') return;
  world.edit((workload) => (workload.partition = random.pick([0, 0, 1, 2])));
}

function hold(world: ModelWorld): void {
  world.edit((workload) => {
    const { annotations } = workload;
    workload.annotations =
      annotations[annotationKeys.hold] === undefined
        ? { ...annotations, [annotationKeys.hold]: 'true' }
        : without(annotations, annotationKeys.hold);
  });
}

function strip(world: ModelWorld): void {
  world.edit((workload) => {
    workload.annotations = without(workload.annotations, annotationKeys.lastRestart);
  });
  world.ledger.intervene(new Map());
}

function mangle(world: ModelWorld, random: Random): void {
  world.edit((workload: ModelWorkload) => {
    const value = random.pick(mangled);
    workload.annotations = { ...workload.annotations, [annotationKeys.lastRestart]: value };
  });
}

function without(
  annotations: Readonly<Record<string, string>>,
  key: string,
): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(annotations).filter(([name]) => name !== key));
}
