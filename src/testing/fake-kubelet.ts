import { createHash } from 'node:crypto';

import {
  at,
  type JsonObject,
  listAt,
  type NewObject,
  objectAt,
  type OwnerReference,
  textAt,
} from './kube-json.ts';

/** What `imageID` a node would report for an image now; undefined: it cannot be pulled. */
export type ResolveImage = (image: string, pod: string) => string | undefined;

export interface PodPlan {
  readonly name: string;
  readonly namespace: string;
  readonly owner: OwnerReference;
  /** `pod-template-hash` or `controller-revision-hash`, with its value. */
  readonly revision: Readonly<Record<string, string>>;
  /** `spec.template` of the workload. */
  readonly template: JsonObject;
  /** Those of the service account, which the API server adds to Pods that name none. */
  readonly serviceAccountPullSecrets: readonly string[];
}

/** Whether a node could start it: every image can be pulled. */
export function isPullable(template: JsonObject, resolve: ResolveImage): boolean {
  const spec = objectAt(template, 'spec');
  return [...listAt(spec, 'containers'), ...listAt(spec, 'initContainers')].every(
    (container) => resolve(textAt(container, 'image'), '') !== undefined,
  );
}

/** A Pod that a node has taken: running, or waiting for an image that it cannot pull. */
export function podOf(plan: PodPlan, resolve: ResolveImage, now: string): NewObject {
  const { name, namespace, template } = plan;
  const spec = objectAt(template, 'spec');
  const ready = isPullable(template, resolve);
  const own = listAt(spec, 'imagePullSecrets');
  const pullSecrets =
    own.length > 0 ? own : plan.serviceAccountPullSecrets.map((secret) => ({ name: secret }));
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      namespace,
      labels: { ...objectAt(template, 'metadata', 'labels'), ...plan.revision },
      annotations: objectAt(template, 'metadata', 'annotations'),
      ownerReferences: [plan.owner],
    },
    spec: {
      ...spec,
      nodeName: 'node-1',
      serviceAccountName: 'default',
      ...(pullSecrets.length > 0 && { imagePullSecrets: pullSecrets }),
    },
    status: {
      phase: ready ? 'Running' : 'Pending',
      startTime: now,
      podIP: '10.0.0.1',
      hostIP: '192.168.0.1',
      qosClass: 'BestEffort',
      conditions: conditionsOf(ready, now),
      ...(at(spec, 'initContainers') !== undefined && {
        initContainerStatuses: listAt(spec, 'initContainers').map((container) =>
          statusOf(name, container, resolve, now, textAt(container, 'restartPolicy') === 'Always'),
        ),
      }),
      containerStatuses: listAt(spec, 'containers').map((container) =>
        statusOf(name, container, resolve, now, true),
      ),
    },
  };
}

/** A container's own status after it started (again) on its node. */
export function statusOf(
  pod: string,
  container: Parameters<typeof textAt>[0],
  resolve: ResolveImage,
  now: string,
  staysUp: boolean,
): JsonObject {
  const image = textAt(container, 'image');
  const imageID = resolve(image, pod);
  const name = textAt(container, 'name');
  if (imageID === undefined) {
    const message = `Back-off pulling image "${image}"`;
    return {
      name,
      image,
      imageID: '',
      ready: false,
      started: false,
      restartCount: 0,
      state: { waiting: { reason: 'ImagePullBackOff', message } },
      lastState: {},
    };
  }
  return {
    name,
    image,
    imageID,
    containerID: `containerd://${createHash('sha256').update(`${pod}/${name}`).digest('hex')}`,
    ready: true,
    started: staysUp,
    restartCount: 0,
    state: staysUp
      ? { running: { startedAt: now } }
      : { terminated: { exitCode: 0, reason: 'Completed', startedAt: now, finishedAt: now } },
    lastState: {},
  };
}

function conditionsOf(ready: boolean, now: string): readonly JsonObject[] {
  const status = ready ? 'True' : 'False';
  return [
    { type: 'Initialized', status: 'True' },
    { type: 'Ready', status },
    { type: 'ContainersReady', status },
    { type: 'PodScheduled', status: 'True' },
  ].map((condition) => ({ ...condition, lastProbeTime: null, lastTransitionTime: now }));
}
