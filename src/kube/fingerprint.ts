import { createHash } from 'node:crypto';
import * as z from 'zod';

const objectSchema = z.looseObject({
  metadata: z.looseObject({
    annotations: z
      .record(z.string(), z.unknown())
      .nullish()
      .transform((annotations) => annotations ?? {}),
  }),
  spec: z.looseObject({ replicas: z.unknown().optional() }),
});

/**
 * A hash of all that must be the same when the PATCH goes out as when the workload was judged (case 29).
 *
 * Left out: `status`, `metadata.managedFields`, `metadata.resourceVersion`, `deployment.kubernetes.io/*`
 * annotations, and `metadata.generation`, which only counts the changes that are compared here anyway and also
 * counts an autoscaler's. Of `spec.replicas` only whether it is above 0 counts. `kind` and `apiVersion` are left
 * out since the objects of a list lack them.
 */
export function fingerprintOf(object: unknown): string {
  const { metadata, spec, status: _status, ...rest } = objectSchema.parse(object);
  const { kind: _kind, apiVersion: _apiVersion, ...others } = rest;
  const {
    managedFields: _managedFields,
    resourceVersion: _resourceVersion,
    generation: _generation,
    annotations,
    ...identity
  } = metadata;
  const own = Object.entries(annotations).filter(
    ([key]) => !key.startsWith('deployment.kubernetes.io/'),
  );
  const document = {
    ...others,
    metadata: { ...identity, annotations: Object.fromEntries(own) },
    spec: { ...spec, replicas: spec.replicas === 0 ? 0 : 'some' },
  };
  return createHash('sha256').update(canonical(document)).digest('hex');
}

/** JSON with sorted keys: two servers may write the same object in another order. */
function canonical(value: unknown): string {
  if (isList(value)) return `[${value.map(canonical).join(',')}]`;
  if (!isRecord(value)) return JSON.stringify(value) ?? 'null';
  const fields = Object.keys(value).toSorted();
  return `{${fields.map((key) => `${JSON.stringify(key)}:${canonical(value[key])}`).join(',')}}`;
}

function isList(value: unknown): value is readonly unknown[] {
  return Array.isArray(value);
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
