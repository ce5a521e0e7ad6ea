import { type Answer, jsonAnswer } from './fake-answer.ts';
import {
  type KubeApi,
  type RecordedKubeRequest,
  status,
  type Target,
} from './fake-kube-request.ts';
import { textAt } from './kube-json.ts';

/** @see https://github.com/kubernetes/kubernetes/blob/v1.36.3/pkg/apis/core/validation/events.go */
export function createEvent(api: KubeApi, request: RecordedKubeRequest, target: Target): Answer {
  const { document } = request;
  const name = textAt(document, 'metadata', 'name');
  const invalid = eventProblems(request, target);
  if (document === undefined || invalid.length > 0) {
    api.problem(`invalid Event: ${invalid.join(', ')}`);
    return status(422, 'Invalid', `Event "${name}" is invalid: ${invalid.join(', ')}`);
  }
  if (api.store.get('Event', target.namespace, name) !== undefined) {
    return status(409, 'AlreadyExists', `events.events.k8s.io "${name}" already exists`);
  }
  const created = api.store.create({
    ...document,
    apiVersion: 'events.k8s.io/v1',
    kind: 'Event',
    metadata: { name, namespace: target.namespace },
  });
  return jsonAnswer(created, 201);
}

function eventProblems(
  { document, headers }: RecordedKubeRequest,
  target: Target,
): readonly string[] {
  const problems: string[] = [];
  const require = (field: string, maxBytes: number): void => {
    const length = Buffer.byteLength(textAt(document, field));
    if (length === 0 || length > maxBytes) problems.push(field);
  };
  require('reportingController', 253);
  require('reportingInstance', 128);
  require('action', 128);
  require('reason', 128);
  if (Buffer.byteLength(textAt(document, 'note')) > 1024) problems.push('note');
  if (!/^(Normal|Warning)$/.test(textAt(document, 'type'))) problems.push('type');
  if (!microTime.test(textAt(document, 'eventTime'))) problems.push('eventTime');
  if (textAt(document, 'regarding', 'namespace') !== target.namespace) problems.push('regarding');
  if (!subdomain.test(textAt(document, 'metadata', 'name'))) problems.push('metadata.name');
  if (headers['content-type'] !== 'application/json') problems.push('content type');
  return problems;
}

const microTime = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{6}Z$/;
const subdomain = /^(?=.{1,253}$)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
