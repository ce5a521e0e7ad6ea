import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { chart, fixtures, helm, setups } from '../chart/helm.ts';
import { run } from '../command.ts';
import { makeNamespace } from '../namespace.ts';

test('the API server takes every setup of the chart, restricted Pod security included', async (t) => {
  const namespace = await makeNamespace(t, 'chart-setups');
  for (const mode of ['enforce', 'warn']) {
    const label = `pod-security.kubernetes.io/${mode}=restricted`;
    await namespace.kubectl('label', 'namespace', namespace.name, label);
  }
  // A Pod is refused, even in a dry run, while its ServiceAccount is not there.
  for (const name of ['demo-kube-autorollout', 'restarter']) {
    await namespace.kubectl('create', 'serviceaccount', name);
  }
  for (const setup of setups) {
    await t.test(setup, async () => {
      const input = withoutOperator(await readFile(join(fixtures, `${setup}.golden.yaml`), 'utf8'));
      const apply = ['apply', '--server-side', '--dry-run=server', '--filename', '-'];
      const ended = await run('kubectl', ['--namespace', namespace.name, ...apply], { input });
      assert.equal(ended.exitCode, 0, ended.stderr);
      assert.equal(ended.stderr, '', 'no warning');
    });
  }
});

/** Without the kinds of the Prometheus operator, which this cluster does not know. */
function withoutOperator(manifests: string): string {
  const documents = manifests.split(/^---$/m);
  return documents
    .filter((text) => !/^apiVersion: monitoring\.coreos\.com/m.test(text))
    .join('---');
}

test('NOTES.txt names the real namespace and the next command', () => {
  assert.match(
    notes(),
    /kubectl --namespace shop label deployment\/NAME kube-autorollout\/enabled=true/,
  );
});

test("NOTES.txt warns of a limit of memory that was the predecessor's", () => {
  const warning = /WARNING: resources\.limits\.memory is 64Mi/;
  assert.match(notes('--set', 'resources.limits.memory=64Mi'), warning);
  assert.doesNotMatch(notes('--set', 'resources.limits.memory=128Mi'), /WARNING/);
});

function notes(...flags: readonly string[]): string {
  const dryRun = ['install', 'demo', chart, '--namespace', 'shop', '--dry-run=client'];
  const install = helm([...dryRun, ...flags]);
  assert.ok(install.ok, install.stderr);
  return install.stdout;
}
