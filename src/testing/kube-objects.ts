import { type WorkloadKind } from '../rollout/workload.ts';
import { type Json, type JsonObject, mergePatch, type NewObject } from './kube-json.ts';

export interface WorkloadOptions {
  readonly name: string;
  /** Default `default`. */
  readonly namespace?: string;
  /** One container `app` with this image and policy `Always`; or give `containers`. */
  readonly image?: string;
  readonly containers?: readonly JsonObject[];
  readonly initContainers?: readonly JsonObject[];
  /** Default 1. */
  readonly replicas?: number;
  /** Default `{ 'kube-autorollout/enabled': 'true' }`. */
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  /** Names for `imagePullSecrets`. */
  readonly pullSecrets?: readonly string[];
  /** Merged into `spec`, by the rules of a merge patch. */
  readonly spec?: JsonObject;
  /** Merged into `spec.template.spec`. */
  readonly podSpec?: JsonObject;
}

/** What the API server fills in, kind by kind. */
const defaults = {
  Deployment: {
    progressDeadlineSeconds: 600,
    revisionHistoryLimit: 10,
    strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: '25%', maxUnavailable: '25%' } },
  },
  StatefulSet: {
    podManagementPolicy: 'OrderedReady',
    revisionHistoryLimit: 10,
    serviceName: '',
    updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 0 } },
  },
  DaemonSet: {
    revisionHistoryLimit: 10,
    updateStrategy: {
      type: 'RollingUpdate',
      rollingUpdate: { maxSurge: 0, maxUnavailable: 1 },
    },
  },
} satisfies Record<WorkloadKind, JsonObject>;

/** A workload as its author would write it, with the API server's defaults. */
export function workload(kind: WorkloadKind, options: WorkloadOptions): NewObject {
  const { name, namespace = 'default' } = options;
  const containers = (options.containers ?? [{ name: 'app', image: options.image ?? '' }]).map(
    withContainerDefaults,
  );
  const podSpec: JsonObject = {
    containers,
    ...(options.initContainers !== undefined && {
      initContainers: options.initContainers.map(withContainerDefaults),
    }),
    ...(options.pullSecrets !== undefined && {
      imagePullSecrets: options.pullSecrets.map((one) => ({ name: one })),
    }),
    restartPolicy: 'Always',
    terminationGracePeriodSeconds: 30,
    dnsPolicy: 'ClusterFirst',
    schedulerName: 'default-scheduler',
    securityContext: {},
  };
  const spec: JsonObject = {
    ...defaults[kind],
    ...(kind !== 'DaemonSet' && { replicas: options.replicas ?? 1 }),
    selector: { matchLabels: { app: name } },
    template: {
      metadata: { creationTimestamp: null, labels: { app: name } },
      spec: mergePatch(podSpec, options.podSpec ?? {}),
    },
  };
  return {
    apiVersion: 'apps/v1',
    kind,
    metadata: {
      name,
      namespace,
      labels: options.labels ?? { 'kube-autorollout/enabled': 'true' },
      ...(options.annotations !== undefined && { annotations: options.annotations }),
    },
    spec: mergePatch(spec, options.spec ?? {}),
  };
}

export function deployment(options: WorkloadOptions): NewObject {
  return workload('Deployment', options);
}

export function statefulSet(options: WorkloadOptions): NewObject {
  return workload('StatefulSet', options);
}

export function daemonSet(options: WorkloadOptions): NewObject {
  return workload('DaemonSet', options);
}

/** A pull Secret of type `kubernetes.io/dockerconfigjson`. */
export function pullSecret(options: {
  readonly name: string;
  readonly namespace?: string;
  readonly auths: Readonly<Record<string, JsonObject>>;
}): NewObject {
  return secret({
    ...options,
    type: 'kubernetes.io/dockerconfigjson',
    data: { '.dockerconfigjson': JSON.stringify({ auths: options.auths }) },
  });
}

/** Any Secret. @param options.data texts, not base64 */
export function secret(options: {
  readonly name: string;
  readonly namespace?: string;
  readonly type: string;
  readonly data: Readonly<Record<string, string>>;
}): NewObject {
  const data = Object.entries(options.data).map(
    ([key, text]) => [key, Buffer.from(text).toString('base64')] as const,
  );
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: options.name, namespace: options.namespace ?? 'default' },
    type: options.type,
    data: Object.fromEntries(data),
  };
}

function withContainerDefaults(container: JsonObject): Json {
  return {
    imagePullPolicy: 'Always',
    resources: {},
    terminationMessagePath: '/dev/termination-log',
    terminationMessagePolicy: 'File',
    ...container,
  };
}
