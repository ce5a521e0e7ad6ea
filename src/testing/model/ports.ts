import type { Cluster, LookUps, Registry, RestartOutcome, RestartPatch } from '../../tick.ts';
import { podFacts, replicaSetFacts, workloadFacts } from './facts.ts';
import { imageOf } from './registry.ts';
import type { Visit } from './visit.ts';
import type { ModelWorld } from './world.ts';

/** The ports of one tick: each request lets the world move on first, and what was told is kept in the visit. */
export function portsOf(
  world: ModelWorld,
  visit: Visit,
): { readonly cluster: Cluster; readonly registry: Registry } {
  return {
    cluster: clusterOf(world, visit),
    registry: { begin: () => lookUpsOf(world, visit) },
  };
}

function clusterOf(world: ModelWorld, visit: Visit): Cluster {
  const { workload } = world;
  const look = (): void => {
    const pollerMs = world.moment(visit.poller).ms;
    visit.isSettled ||= workload.isComplete() || workload.isStalled(world.nowMs, pollerMs);
  };
  return {
    listWorkloads: async (kind) => {
      if (kind !== workload.kind) return { ok: true, value: [] };
      await world.between(visit);
      look();
      return { ok: true, value: [workloadFacts(workload, world.nowMs)] };
    },
    listPods: async () => {
      await world.between(visit);
      look();
      visit.evidence = world.evidence();
      return { ok: true, value: podFacts(workload) };
    },
    listReplicaSets: async () => {
      await world.between(visit);
      return { ok: true, value: replicaSetFacts(workload) };
    },
    readPullSecret: async (name) => ({ secret: { name, entries: [] }, problems: [] }),
    restart: async ({ fingerprint }, patch) => restart(world, visit, fingerprint, patch),
  };
}

function lookUpsOf(world: ModelWorld, visit: Visit): LookUps {
  const down = { status: 'failed', reason: 'unreachable', message: 'down' } as const;
  return {
    latest: async ({ registry, repository, tag: name }) => {
      await world.between(visit);
      const reference = `${registry}/${repository}:${name}`;
      if (world.registry.flaps) world.registry.flap(reference);
      const { image, change } = world.registry.tag(reference);
      if (world.registry.isDown) return { ...down, attempts: [], cutOff: false };
      if (world.registry.refused.has(reference)) {
        visit.refused.add(reference);
        return { ...down, reason: 'unauthorized', attempts: [], cutOff: false };
      }
      if (image === undefined) {
        const failed = { status: 'failed', reason: 'tag-not-found', message: 'deleted' } as const;
        return { ...failed, attempts: [], cutOff: false };
      }
      visit.answers.set(reference, { image, change });
      const found = { status: 'found', digest: image.digest } as const;
      return { ...found, attempts: [], pullSecretRefused: false, warnings: [] };
    },
    manifest: async (_, digest) => {
      await world.between(visit);
      if (world.registry.isDown) return down;
      const image = imageOf(digest);
      if (image === undefined || world.registry.collected.has(digest)) {
        visit.missing.add(digest);
        return { status: 'not-found' };
      }
      return { status: 'found', manifest: { type: 'image', digest, config: image.config } };
    },
  };
}

/** As design, "Acting": read again, compare, PATCH with the fresh resourceVersion, three times at most. */
async function restart(
  world: ModelWorld,
  visit: Visit,
  fingerprint: string,
  patch: RestartPatch,
): Promise<RestartOutcome> {
  const { workload } = world;
  for (let attempt = 0; attempt < 3; attempt += 1) {
    await world.between(visit);
    if (workload.fingerprint !== fingerprint) break;
    const { resourceVersion } = workload;
    await world.between(visit);
    if (workload.resourceVersion !== resourceVersion) continue;
    world.apply(visit, patch);
    if (world.happens(0.03)) await world.crash(visit);
    if (!world.happens(0.03)) return { result: 'restarted' };
    return { result: 'failed', reason: 'api-error', message: 'the answer was lost' };
  }
  return { result: 'failed', reason: 'conflict', message: 'changed meanwhile' };
}
