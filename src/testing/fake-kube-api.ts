import { type Answer, jsonAnswer } from './fake-answer.ts';
import { createEvent } from './fake-kube-events.ts';
import { answerList } from './fake-kube-list.ts';
import { patchObject } from './fake-kube-patch.ts';
import {
  type KubeApi,
  quoted,
  type RecordedKubeRequest,
  status,
  type Target,
  targetOf,
} from './fake-kube-request.ts';
import { textsAt } from './kube-json.ts';
import { type Kind, resources } from './kube-store.ts';

/** What a poller may do at all, by kind. */
const verbs: Readonly<Record<Kind, readonly string[]>> = {
  Deployment: ['get', 'list', 'patch'],
  StatefulSet: ['get', 'list', 'patch'],
  DaemonSet: ['get', 'list', 'patch'],
  ReplicaSet: ['list'],
  Pod: ['list'],
  Secret: ['get'],
  Event: ['create', 'patch'],
};

/** Does what a real API server would, and complains of what a poller has no reason to ask. */
export function answerKube(api: KubeApi, request: RecordedKubeRequest): Answer {
  if (request.path === '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews') {
    return review(api, request);
  }
  const target = targetOf(request.path);
  const verb = target === undefined ? undefined : verbOf(request.method, target);
  if (target === undefined || verb === undefined || !verbs[target.kind].includes(verb)) {
    api.problem(`unexpected request: ${request.method} ${request.path}`);
    return status(404, 'NotFound', 'the server could not find the requested resource');
  }
  if (!/application\/json|\*\/\*/.test(request.headers.accept ?? '')) {
    api.problem(`not acceptable: ${request.headers.accept} of ${request.method} ${request.path}`);
  }
  if (api.rules.denied.get(resources[target.kind].resource)?.has(verb) === true) {
    return forbidden(verb, target);
  }
  if (verb === 'list') return answerList(api, request, target);
  if (verb === 'create') return createEvent(api, request, target);
  const object = api.store.get(target.kind, target.namespace, target.name ?? '');
  if (object === undefined) return notFound(target);
  return verb === 'get' ? jsonAnswer(object) : patchObject(api, request, target, object);
}

function verbOf(method: string, { name }: Target): string | undefined {
  if (method === 'GET') return name === undefined ? 'list' : 'get';
  if (method === 'PATCH' && name !== undefined) return 'patch';
  if (method === 'POST' && name === undefined) return 'create';
  return undefined;
}

function notFound(target: Target): Answer {
  return status(404, 'NotFound', `${quoted(target)} not found`);
}

function forbidden(verb: string, target: Target): Answer {
  const { group, resource } = resources[target.kind];
  const user = `system:serviceaccount:${target.namespace}:kube-autorollout`;
  const what = `User "${user}" cannot ${verb} resource "${resource}" in API group "${group}"`;
  return status(
    403,
    'Forbidden',
    `${quoted(target)} is forbidden: ${what} in the namespace "${target.namespace}"`,
  );
}

function review(api: KubeApi, { method, document }: RecordedKubeRequest): Answer {
  const attributes = textsAt(document, 'spec', 'resourceAttributes');
  const { verb = '', resource = '' } = attributes;
  if (method !== 'POST' || verb === '' || resource === '') {
    api.problem('a SelfSubjectAccessReview needs resourceAttributes with verb and resource');
  }
  const allowed = api.rules.denied.get(resource)?.has(verb) !== true;
  return jsonAnswer({ ...document, status: { allowed } }, 201);
}
