import type { Digest } from '../image/digest.ts';
import type {
  ContainerSpec,
  PodContainer,
  PodFacts,
  RolloutFacts,
  TemplateFacts,
  WorkloadFacts,
} from '../rollout/workload.ts';

/** Facts for tests of the pure folders: a healthy workload called `web` in `shop`, a field changed here and there. */

export const now = new Date('2026-01-01T12:00:00Z');

export function minutesAgo(minutes: number): Date {
  return new Date(now.getTime() - minutes * 60_000);
}

/** `sha256:aaaa…` */
export function digest(letter: string): Digest {
  return `sha256:${letter.repeat(64)}`;
}

export function container(name: string, changes: Partial<ContainerSpec> = {}): ContainerSpec {
  const image = `r.example.com/${name}:main`;
  return { name, image, role: 'container', pullPolicy: 'Always', ...changes };
}

type FactsOf<Kind extends RolloutFacts['kind']> = Extract<RolloutFacts, { readonly kind: Kind }>;
type Changes = Partial<Omit<WorkloadFacts, 'id' | 'rollout' | 'template'>> & {
  readonly template?: Partial<TemplateFacts>;
};

export function deployment(
  rollout: Partial<FactsOf<'Deployment'>> = {},
  changes: Changes = {},
): WorkloadFacts {
  return workload(
    {
      kind: 'Deployment',
      paused: false,
      strategy: 'RollingUpdate',
      replicas: 2,
      statusReplicas: 2,
      updatedReplicas: 2,
      availableReplicas: 2,
      progressDeadlineExceeded: false,
      ...rollout,
    },
    changes,
  );
}

export function statefulSet(
  rollout: Partial<FactsOf<'StatefulSet'>> = {},
  changes: Changes = {},
): WorkloadFacts {
  return workload(
    {
      kind: 'StatefulSet',
      strategy: 'RollingUpdate',
      podManagement: 'OrderedReady',
      partition: 0,
      firstOrdinal: 0,
      replicas: 2,
      statusReplicas: 2,
      updatedReplicas: 2,
      readyReplicas: 2,
      currentRevision: 'web-new',
      updateRevision: 'web-new',
      ...rollout,
    },
    changes,
  );
}

export function daemonSet(
  rollout: Partial<FactsOf<'DaemonSet'>> = {},
  changes: Changes = {},
): WorkloadFacts {
  return workload(
    {
      kind: 'DaemonSet',
      strategy: 'RollingUpdate',
      desired: 2,
      updated: 2,
      available: 2,
      ...rollout,
    },
    changes,
  );
}

function workload(rollout: RolloutFacts, { template, ...changes }: Changes): WorkloadFacts {
  return {
    id: { kind: rollout.kind, namespace: 'shop', name: 'web', uid: 'uid-web' },
    resourceVersion: '1',
    generation: 3,
    observedGeneration: 3,
    annotations: {},
    template: {
      annotations: {},
      labels: {},
      containers: [container('app')],
      pullSecrets: [],
      platforms: [],
      ...template,
    },
    rollout,
    fingerprint: 'fingerprint',
    ...changes,
  };
}

/**
 * A Pod of a workload, by default ready, an hour old and of the newest revision.
 *
 * @param running what its containers run, by name: an imageID, or the letter of a digest; empty: not pulled yet
 */
export function pod(
  { id, template }: WorkloadFacts,
  name: string,
  running: Readonly<Record<string, string>>,
  changes: Partial<PodFacts> & { readonly revision?: string } = {},
): PodFacts {
  const { revision = 'new', ...others } = changes;
  const owned =
    id.kind === 'Deployment'
      ? {
          owner: { kind: 'ReplicaSet', name: `${id.name}-${revision}`, uid: `uid-${revision}` },
          templateHash: revision,
        }
      : {
          owner: { kind: id.kind, name: id.name, uid: id.uid },
          revisionHash: id.kind === 'StatefulSet' ? `${id.name}-${revision}` : revision,
        };
  return {
    name,
    ...owned,
    phase: 'Running',
    terminating: false,
    ready: true,
    createdAt: minutesAgo(60),
    pullSecrets: [],
    containers: Object.entries(running).map(([key, imageId]): PodContainer => {
      const role = template.containers.find((spec) => spec.name === key)?.role ?? 'container';
      return {
        name: key,
        role,
        imageId: imageId.length === 1 ? `r.example.com/${key}@${digest(imageId)}` : imageId,
      };
    }),
    ...others,
  };
}
