import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { MissingPermission } from '../kube/permissions.ts';
import { report } from '../testing/reports.ts';
import { permissionHints, withForbidden } from './forbidden.ts';

const missing: readonly MissingPermission[] = [
  {
    action: { verb: 'patch', group: 'apps', resource: 'deployments' },
    purpose: 'to restart workloads',
  },
  { action: { verb: 'list', group: '', resource: 'pods' }, purpose: 'to see what runs' },
];

describe('permissionHints', () => {
  test('names what the Role lacks', () => {
    assert.deepEqual(permissionHints(missing, report), [
      'the Role of this ServiceAccount lacks patch deployments.apps (to restart workloads), list pods (to see what runs)',
    ]);
  });

  test('does not repeat what the tick ran into', () => {
    const problems = ['Pods could not be listed: list pods: not allowed'];
    const [hint] = permissionHints(missing, { ...report, problems });
    assert.doesNotMatch(hint ?? '', /list pods/);
    assert.deepEqual(permissionHints(missing.slice(1), { ...report, problems }), []);
  });
});

describe('withForbidden', () => {
  const [web, db] = report.workloads;

  test('a restart that the Role does not allow fails, as it would in run, with the rule to add', () => {
    const [judged, other] = withForbidden(report, missing).workloads;
    assert.equal(web?.decision, 'restart');
    assert.equal(judged?.decision, 'failed');
    assert.equal(judged.reason, 'forbidden');
    assert.equal(
      judged.message,
      'patch deployments.apps "web": not allowed; the Role lacks the rule {apiGroups: ["apps"], resources: ["deployments"], verbs: ["patch"]}',
    );
    assert.deepEqual(other, db);
  });

  test('listing is not acting, and another kind is not this one', () => {
    const list = missing.map(({ action, purpose }) => ({
      action: { ...action, verb: 'list' as const },
      purpose,
    }));
    assert.deepEqual(withForbidden(report, list), report);
    const other: MissingPermission = {
      action: { verb: 'get', group: 'apps', resource: 'daemonsets' },
      purpose: 'to restart workloads',
    };
    assert.deepEqual(withForbidden(report, [other]), report);
  });
});
