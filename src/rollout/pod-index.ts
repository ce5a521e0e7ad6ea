import type { PodFacts } from './workload.ts';

/** The Pods of a namespace by what owns them, so that a tick looks through them once and not per workload. */
export interface PodIndex {
  /** By the uid of the controller owner. */
  readonly byOwner: ReadonlyMap<string, readonly PodFacts[]>;
  /** By the Deployment to which the name of the owning ReplicaSet and the Pod's own hash point. */
  readonly byDeployment: ReadonlyMap<string, readonly PodFacts[]>;
}

/**
 * Indexes the Pods of a namespace; call it once per tick.
 *
 * A Deployment's Pods are found without permission to list ReplicaSets: the owner is a ReplicaSet named
 * `<deployment>-<pod-template-hash>` and the Pod carries that hash as a label (case 13).
 */
export function indexPods(pods: readonly PodFacts[]): PodIndex {
  const byOwner = new Map<string, PodFacts[]>();
  const byDeployment = new Map<string, PodFacts[]>();
  for (const pod of pods) {
    if (pod.owner === undefined) continue;
    add(byOwner, pod.owner.uid, pod);
    const deployment = deploymentOf(pod);
    if (deployment !== undefined) add(byDeployment, deployment, pod);
  }
  return { byOwner, byDeployment };
}

function deploymentOf({ owner, templateHash }: PodFacts): string | undefined {
  if (owner?.kind !== 'ReplicaSet' || templateHash === undefined || templateHash === '') {
    return undefined;
  }
  const ending = `-${templateHash}`;
  return owner.name.endsWith(ending) ? owner.name.slice(0, -ending.length) : undefined;
}

function add(index: Map<string, PodFacts[]>, key: string, pod: PodFacts): void {
  const pods = index.get(key);
  if (pods === undefined) index.set(key, [pod]);
  else pods.push(pod);
}
