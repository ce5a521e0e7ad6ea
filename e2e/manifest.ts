/** Which kinds the poller restarts. */
export type Kind = 'Deployment' | 'StatefulSet' | 'DaemonSet';

export interface ContainerOptions {
  readonly name?: string;
  readonly pullPolicy?: 'Always' | 'IfNotPresent' | 'Never';
  /** Instead of the image's own. */
  readonly command?: readonly string[];
  /** Of an image that serves nothing: it is ready as soon as it runs. */
  readonly sleeps?: boolean;
}

/** A container that meets the restricted Pod security standard and is ready once it serves its text. */
export function container(image: string, options: ContainerOptions = {}): object {
  const { name = 'app', pullPolicy = 'Always', command, sleeps = false } = options;
  return {
    name,
    image,
    imagePullPolicy: pullPolicy,
    ...(command && { command }),
    ...(!sleeps && { readinessProbe: { httpGet: { path: '/', port: 8080 }, periodSeconds: 1 } }),
    securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
  };
}

export interface WorkloadOptions {
  readonly kind?: Kind;
  /** With the label that has it watched; default: true. */
  readonly labelled?: boolean;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  /** Of the Pod template, beside `app`. */
  readonly podLabels?: Readonly<Record<string, string>>;
  /** More of the workload's spec. */
  readonly spec?: object;
  /** More of the Pod's spec. */
  readonly pod?: object;
}

/**
 * A workload whose Pods meet the restricted Pod security standard, end at once and have the label `app`.
 *
 * @param containers an image, for a single container `app`; or the containers
 */
export function workload(
  name: string,
  containers: string | readonly object[],
  options: WorkloadOptions = {},
): object {
  const {
    kind = 'Deployment',
    labelled = true,
    labels,
    annotations,
    podLabels,
    spec,
    pod,
  } = options;
  return {
    apiVersion: 'apps/v1',
    kind,
    metadata: {
      name,
      labels: { ...labels, ...(labelled && { 'kube-autorollout/enabled': 'true' }) },
      ...(annotations && { annotations }),
    },
    spec: {
      selector: { matchLabels: { app: name } },
      ...(kind === 'StatefulSet' && { serviceName: name }),
      template: {
        metadata: { labels: { app: name, ...podLabels } },
        spec: {
          terminationGracePeriodSeconds: 0,
          securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
          containers: typeof containers === 'string' ? [container(containers)] : containers,
          ...pod,
        },
      },
      ...spec,
    },
  };
}

export function withPullSecrets(...names: readonly string[]): WorkloadOptions {
  return { pod: { imagePullSecrets: names.map((name) => ({ name })) } };
}

/** What `kubectl apply` takes: many objects in one call. */
export function manifestOf(objects: readonly object[]): string {
  return JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects });
}

/** A Deployment of one Pod with one container. */
export function deployment(
  name: string,
  image: string,
  options: {
    readonly labelled?: boolean;
    readonly pullSecret?: string;
    readonly pullPolicy?: 'Always' | 'IfNotPresent' | 'Never';
  } = {},
): string {
  const { labelled = true, pullSecret, pullPolicy = 'Always' } = options;
  const pod = pullSecret === undefined ? {} : { imagePullSecrets: [{ name: pullSecret }] };
  return JSON.stringify(workload(name, [container(image, { pullPolicy })], { labelled, pod }));
}
