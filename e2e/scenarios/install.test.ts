import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { chart, helm } from '../chart/helm.ts';
import { pollerImage, push, registry, waitFor } from '../cluster.ts';
import { deployment } from '../manifest.ts';
import { makeNamespace } from '../namespace.ts';

test('installed by the chart under restricted Pod security, it restarts what is pushed, once', async (t) => {
  const namespace = await makeNamespace(t, 'install');
  const label = 'pod-security.kubernetes.io/enforce=restricted';
  await namespace.kubectl('label', 'namespace', namespace.name, label);

  await push(`${namespace.name}/web:main`, 'first');
  await namespace.apply(deployment('web', `${registry()}/${namespace.name}/web:main`));
  await namespace.rolledOut('deployment/web');

  const values = {
    image: { ...pollerImage(), pullPolicy: 'Always' },
    config: {
      cronSchedule: '*/2 * * * * *',
      jitterSeconds: 0,
      registries: [{ hostnamePattern: registry(), plainHttp: true }],
    },
  };
  const release = ['poller', '--namespace', namespace.name];
  const install = helm(
    ['install', ...release, chart, '--values', '-', '--wait', '--timeout', '90s'],
    JSON.stringify(values),
  );
  assert.ok(install.ok, install.stderr);

  await push(`${namespace.name}/web:main`, 'second');
  const generation = (): Promise<string> =>
    namespace.value('deployment/web', '{.metadata.generation}');
  await waitFor('a restart', async () => (await generation()) === '2');
  await namespace.rolledOut('deployment/web');
  assert.equal(await namespace.served('web'), 'second');
  await sleep(5_000); // two ticks more
  assert.equal(await generation(), '2', 'no second restart');

  const table = await namespace.kubectl(
    ...'exec deployment/poller-kube-autorollout -- kube-autorollout check'.split(' '),
  );
  assert.match(table, /web.*up-to-date/s);
  const events = await namespace.value('events.events.k8s.io', '{.items[*].reason}');
  assert.match(events, /\bRestarted\b/);

  const tested = helm(['test', ...release, '--timeout', '90s']);
  assert.ok(tested.ok, tested.stdout + tested.stderr);

  const uninstall = helm(['uninstall', ...release, '--cascade', 'foreground', '--wait']);
  assert.ok(uninstall.ok, uninstall.stderr);
  const kinds = 'all,configmaps,secrets,serviceaccounts,roles,rolebindings';
  const left = `get ${kinds} --selector app.kubernetes.io/instance=poller -o name`.split(' ');
  await waitFor(
    'nothing to be left of the release',
    async () => (await namespace.kubectl(...left)) === '',
  );
});
