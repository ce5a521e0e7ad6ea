import * as z from 'zod';

import type { ContainerSpec, TemplateFacts } from '../rollout/workload.ts';
import { list, optional, text, textMap } from './field.ts';
import { platformsOf } from './platforms.ts';

const containerSchema = z.object({
  name: z.string(),
  image: text,
  imagePullPolicy: text,
  restartPolicy: text,
});

const volumeSchema = z.object({
  name: z.string(),
  image: optional(z.object({ reference: text, pullPolicy: text })),
});

const expressionSchema = z.object({
  key: z.string(),
  operator: z.string(),
  values: list(z.string()),
});
const affinitySchema = z.object({
  nodeAffinity: optional(
    z.object({
      requiredDuringSchedulingIgnoredDuringExecution: optional(
        z.object({
          nodeSelectorTerms: list(z.object({ matchExpressions: list(expressionSchema) })),
        }),
      ),
    }),
  ),
});

export const pullSecretsSchema = list(z.object({ name: text })).transform(
  (secrets): readonly string[] => secrets.map(({ name }) => name).filter((name) => name !== ''),
);

/** `spec.template` of a workload, with the API server's defaults filled in where they are missing. */
export const templateSchema = z
  .object({
    metadata: optional(z.object({ annotations: textMap, labels: textMap })),
    spec: z.object({
      containers: list(containerSchema),
      initContainers: list(containerSchema),
      volumes: list(volumeSchema),
      imagePullSecrets: pullSecretsSchema,
      nodeSelector: textMap,
      affinity: optional(affinitySchema),
      os: optional(z.object({ name: text })),
    }),
  })
  .transform(({ metadata, spec }): TemplateFacts => {
    const required = spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
    return {
      annotations: keepKeys(metadata?.annotations ?? {}, isRestartedAt),
      labels: metadata?.labels ?? {},
      containers: [
        ...spec.initContainers.map((container) => containerOf(container, roleOf(container))),
        ...spec.containers.map((container) => containerOf(container, 'container')),
        ...spec.volumes.flatMap(volumeOf),
      ],
      pullSecrets: spec.imagePullSecrets,
      platforms: platformsOf({
        nodeSelector: spec.nodeSelector,
        terms: (required?.nodeSelectorTerms ?? []).map(({ matchExpressions }) => matchExpressions),
        os: spec.os?.name ?? '',
      }),
    };
  });

/** Annotations may hold a megabyte; only those that somebody asks for are kept. */
export function keepKeys(
  annotations: Readonly<Record<string, string>>,
  keep: (key: string) => boolean,
): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(annotations).filter(([key]) => keep(key)));
}

export function isOurs(key: string): boolean {
  return key.startsWith('kube-autorollout/');
}

/** An init container that goes on running is a native sidecar (case 19). */
export function roleOf({ restartPolicy }: { readonly restartPolicy: string }): 'init' | 'sidecar' {
  return restartPolicy === 'Always' ? 'sidecar' : 'init';
}

function isRestartedAt(key: string): boolean {
  return isOurs(key) || key === 'kubectl.kubernetes.io/restartedAt';
}

function containerOf(
  { name, image, imagePullPolicy }: z.output<typeof containerSchema>,
  role: ContainerSpec['role'],
): ContainerSpec {
  return { name, image, role, pullPolicy: pullPolicyOf(imagePullPolicy, image) };
}

function volumeOf({ name, image }: z.output<typeof volumeSchema>): readonly ContainerSpec[] {
  if (image === undefined) return [];
  const { reference, pullPolicy } = image;
  return [
    { name, image: reference, role: 'volume', pullPolicy: pullPolicyOf(pullPolicy, reference) },
  ];
}

/**
 * Live objects always state it; this is what the API server would fill in (case 22).
 * @see https://kubernetes.io/docs/concepts/containers/images/#imagepullpolicy-defaulting
 */
function pullPolicyOf(written: string, image: string): ContainerSpec['pullPolicy'] {
  if (written === 'Always' || written === 'IfNotPresent' || written === 'Never') return written;
  if (image.includes('@')) return 'IfNotPresent';
  const name = image.slice(image.lastIndexOf('/') + 1);
  return !name.includes(':') || name.endsWith(':latest') ? 'Always' : 'IfNotPresent';
}
