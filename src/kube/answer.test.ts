import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';

import { readDocument } from './answer.ts';
import { type Action, KubeError } from './error.ts';

const secret: Action = { verb: 'get', group: '', resource: 'secrets', name: 'regcred' };
const web: Action = { verb: 'patch', group: 'apps', resource: 'deployments', name: 'web' };
const pods: Action = { verb: 'list', group: '', resource: 'pods' };

describe('what a real API server said', () => {
  const rows = [
    {
      file: 'status-403-secret.json',
      status: 403,
      action: secret,
      reason: 'forbidden',
      statusReason: 'Forbidden',
      message:
        'get secrets "regcred": not allowed for "system:serviceaccount:shop:poller"; the Role lacks the rule {apiGroups: [""], resources: ["secrets"], verbs: ["get"]}',
    },
    {
      file: 'status-404.json',
      status: 404,
      action: { ...web, name: 'nope' },
      reason: 'gone',
      statusReason: 'NotFound',
      message: 'patch deployments.apps "nope": it does not exist',
    },
    {
      file: 'status-409.json',
      status: 409,
      action: web,
      reason: 'conflict',
      statusReason: 'Conflict',
      message:
        'patch deployments.apps "web": the API server answered 409: "Operation cannot be fulfilled on deployments.apps "web": the object has been modified; please apply your changes to the …"',
    },
    {
      file: 'status-410.json',
      status: 410,
      action: pods,
      reason: 'api-error',
      statusReason: 'Expired',
      message:
        'list pods: the API server answered 410: "The provided continue parameter is too old to display a consistent list result. You can start a new list without the con…"',
    },
  ] as const;
  for (const { file, status, action, ...want } of rows) {
    test(file, () => {
      const body = readFileSync(new URL(`../../fixtures/kubernetes/${file}`, import.meta.url));
      const answer = { status, contentType: 'application/json', body };
      assert.throws(
        () => readDocument(action, answer),
        (error: unknown) => {
          assert.ok(error instanceof KubeError);
          const { reason, statusReason, message } = error;
          assert.deepEqual({ reason, statusReason, message }, want);
          assert.equal(error.status, status);
          return true;
        },
      );
    });
  }
});
