import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { chart, fixtures, helm } from '../chart/helm.ts';
import { pollerImage, push, registry } from '../cluster.ts';
import { makeNamespace } from '../namespace.ts';

describe('helm upgrade takes over a release of the predecessor', () => {
  // With --reuse-values the predecessor's own defaults stay in force, and ours do not come.
  for (const flag of ['--reuse-values', '--reset-then-reuse-values']) {
    test(flag, async (t) => {
      const namespace = await makeNamespace(t, 'upgrade');
      await push(`${namespace.name}/predecessor:v0.5.0`, namespace.name, '--sleep');
      const release = ['demo', '--namespace', namespace.name];
      const wait = ['--wait', '--timeout', '90s'];
      const old = { repository: `${registry()}/${namespace.name}/predecessor` };
      const install = helm(
        ['install', ...release, join(fixtures, 'predecessor'), '--values', '-', ...wait],
        JSON.stringify({ image: old }),
      );
      assert.ok(install.ok, install.stderr);

      const upgrade = helm(
        ['upgrade', ...release, chart, flag, '--values', '-', ...wait],
        JSON.stringify({ image: pollerImage() }),
      );
      assert.ok(upgrade.ok, upgrade.stderr);
      const image = '{.spec.template.spec.containers[*].image}';
      assert.equal(
        await namespace.value('deployment/demo-kube-autorollout', image),
        `${pollerImage().repository}:${pollerImage().tag}`,
      );
      const tested = helm(['test', ...release, '--timeout', '90s']);
      assert.ok(tested.ok, tested.stdout + tested.stderr);
    });
  }
});
