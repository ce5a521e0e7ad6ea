import type { PodFacts, WorkloadFacts } from '../rollout/workload.ts';
import type { Cluster, Read } from '../tick.ts';
import { checkNamespace, type Connection } from './connection.ts';
import { connections } from './dispatcher.ts';
import { failedRead } from './error.ts';
import { KnownObjects } from './known-objects.ts';
import { listNeighbours, type Neighbours } from './neighbours.ts';
import { type MissingPermission, missingPermissions } from './permissions.ts';
import { listPods } from './pods.ts';
import { readPullSecret } from './pull-secrets.ts';
import { listReplicaSets } from './replica-sets.ts';
import { restart } from './restart.ts';
import { Turns } from './turns.ts';
import { kinds, listWorkloads, workloadsPath } from './workloads.ts';

export interface ClusterOptions {
  readonly connection: Pick<Connection, 'client'>;
  readonly namespace: string;
  /** Label selector of the workloads; a function, for the config may change between ticks. */
  readonly selector: () => string;
  /** Of every PATCH. */
  readonly fieldManager: () => string;
  /** Objects per page of a LIST. Default 2000: pages come one after another, and each is read as it comes in. */
  readonly pageSize?: number;
}

/** The tick's port, and what else is asked of one namespace. Nothing of it throws. */
export interface KubeCluster extends Cluster {
  /** The cheapest LIST that shows that the API server can be used: for readiness where no tick runs at start. */
  probe(signal: AbortSignal): Promise<Read<void>>;
  /** Verbs that the Role lacks, and what for; empty where that cannot be found out. */
  missingPermissions(signal: AbortSignal): Promise<readonly MissingPermission[]>;
  /** What there is beside the watched workloads, for hints; undefined where that cannot be found out. */
  neighbours(signal: AbortSignal): Promise<Neighbours | undefined>;
}

/** While it waited for its turn. */
const stopped = {
  result: 'failed',
  reason: 'api-error',
  message: 'stopped before the restart was asked for',
} as const;

/** @throws {KubeConfigError} for a namespace that cannot be one */
export function createCluster(options: ClusterOptions): KubeCluster {
  const { client } = options.connection;
  const namespace = checkNamespace(options.namespace);
  const pageSize = options.pageSize ?? 2000;
  // A PATCH is to follow its GET at once, not every other workload's: the shorter the pause, the fewer conflicts.
  const restarts = new Turns(connections);
  const knownPods = new KnownObjects<PodFacts>();
  const knownWorkloads = {
    Deployment: new KnownObjects<WorkloadFacts>(),
    StatefulSet: new KnownObjects<WorkloadFacts>(),
    DaemonSet: new KnownObjects<WorkloadFacts>(),
  };
  return {
    listWorkloads: (kind, signal) => {
      const known = knownWorkloads[kind];
      const selector = options.selector();
      return listWorkloads(client, { kind, namespace, selector, pageSize, known }, signal);
    },
    listPods: (signal) => listPods(client, { namespace, pageSize, known: knownPods }, signal),
    listReplicaSets: (signal) => listReplicaSets(client, { namespace, pageSize }, signal),
    readPullSecret: (name, signal) => readPullSecret(client, { namespace, name }, signal),
    async restart(workload, patch, signal) {
      const fieldManager = options.fieldManager();
      const outcome = await restarts
        .run(async () => restart(client, { workload, patch, fieldManager }, signal), signal)
        .catch((error: unknown) => {
          if (signal.aborted) return stopped;
          throw error;
        });
      if (outcome.result === 'failed') {
        knownWorkloads[workload.id.kind].doubt(workload.id.uid, workload.resourceVersion);
      }
      return outcome;
    },
    missingPermissions: (signal) => missingPermissions(client, namespace, signal),
    neighbours: (signal) =>
      listNeighbours(client, { namespace, selector: options.selector(), pageSize }, signal),
    async probe(signal) {
      try {
        await client.send(
          {
            action: { verb: 'list', group: 'apps', resource: kinds.Deployment.resource },
            path: workloadsPath('Deployment', namespace),
            query: { labelSelector: options.selector(), limit: '1' },
            maxBodyBytes: 16 * 1024 * 1024,
            deadlineMs: 10_000,
          },
          signal,
        );
        return { ok: true, value: undefined };
      } catch (error) {
        return failedRead(error);
      }
    },
  };
}
