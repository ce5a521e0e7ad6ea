import { type Answer, jsonAnswer } from './fake-answer.ts';
import {
  type KubeApi,
  quoted,
  type RecordedKubeRequest,
  status,
  type Target,
} from './fake-kube-request.ts';
import { isObject, type JsonObject, type KubeObject, mergePatch, objectAt } from './kube-json.ts';
import { rfc3339 } from './kube-store.ts';

/** Maps are merged alike in both; the fake refuses lists, for which they differ. */
const contentTypes = new Set([
  'application/merge-patch+json',
  'application/strategic-merge-patch+json',
]);

/** Dotted paths that a poller has a reason to write; below `*` anything goes. */
const writable: Readonly<Record<'Event' | 'workload', readonly string[]>> = {
  Event: ['series.count', 'series.lastObservedTime'],
  workload: [
    'apiVersion',
    'kind',
    'metadata.resourceVersion',
    'metadata.uid',
    'metadata.annotations.*',
    'spec.template.metadata.annotations.*',
  ],
};

/** Applies a patch when its `metadata.resourceVersion`, if it has one, is that of the object. */
export function patchObject(
  api: KubeApi,
  request: RecordedKubeRequest,
  target: Target,
  object: KubeObject,
): Answer {
  const { document } = request;
  const type = request.headers['content-type'] ?? '';
  if (!contentTypes.has(type)) {
    api.problem(`content type "${type}" of PATCH ${request.path}`);
    return status(415, 'UnsupportedMediaType', 'the body of the request was in an unknown format');
  }
  if (document === undefined) {
    api.problem(`no JSON object in PATCH ${request.path}`);
    return status(400, 'BadRequest', 'invalid character');
  }
  const unknown = unknownFields(document, target.kind === 'Event' ? 'Event' : 'workload');
  if (unknown.length > 0) {
    api.problem(`unexpected fields in PATCH ${request.path}: ${unknown.join(', ')}`);
    return status(422, 'Invalid', `unknown fields ${unknown.join(', ')}`);
  }
  const { resourceVersion, uid } = objectAt(document, 'metadata');
  const isStale =
    resourceVersion !== undefined && resourceVersion !== object.metadata.resourceVersion;
  if (isStale || (uid !== undefined && uid !== object.metadata.uid)) return conflict(target);
  const stored = api.store.update(object, patched(object, document, request));
  if (stored !== object) api.changed(stored);
  return jsonAnswer(stored);
}

function patched(
  object: KubeObject,
  document: JsonObject,
  request: RecordedKubeRequest,
): KubeObject {
  const merged = mergePatch(object, document);
  const metadata = mergePatch(object.metadata, objectAt(document, 'metadata'));
  const manager = request.query['fieldManager'];
  const entry = {
    manager: manager ?? 'unknown',
    operation: 'Update',
    apiVersion: object.apiVersion,
    time: rfc3339(new Date()),
    fieldsType: 'FieldsV1',
    fieldsV1: {},
  };
  return {
    ...object,
    ...merged,
    metadata: {
      ...object.metadata,
      ...metadata,
      ...(manager !== undefined && { managedFields: [entry] }),
    },
  };
}

function conflict(target: Target): Answer {
  return status(
    409,
    'Conflict',
    `Operation cannot be fulfilled on ${quoted(target)}: the object has been modified; please apply your changes to the latest version and try again`,
  );
}

function unknownFields(document: JsonObject, kind: keyof typeof writable): readonly string[] {
  const allowed = writable[kind];
  return leaves(document).filter(
    (path) =>
      !allowed.some((known) =>
        known.endsWith('.*') ? path.startsWith(known.slice(0, -1)) : path === known,
      ),
  );
}

function leaves(document: JsonObject, prefix = ''): readonly string[] {
  return Object.entries(document).flatMap(([key, value]) =>
    isObject(value) ? leaves(value, `${prefix}${key}.`) : [`${prefix}${key}`],
  );
}
