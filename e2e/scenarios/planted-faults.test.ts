import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { errorAnswer } from '../../src/testing/fake-answer.ts';
import { FakeRegistry } from '../../src/testing/fake-registry.ts';
import {
  adviceFor,
  misplaced,
  rowOf,
  symptoms,
  withAdvice,
} from '../../src/testing/planted-faults.ts';
import { privateAccount, pullSecret } from '../account.ts';
import { environment, push, registry, waitFor } from '../cluster.ts';
import { container, withPullSecrets, workload } from '../manifest.ts';
import { makeNamespace, Namespace } from '../namespace.ts';
import { Poller } from '../poller.ts';
import { Release } from '../release.ts';

/*
 * Each of these makes people say "nothing happens". One command of those that the README names under "When nothing
 * happens" has to tell what is wrong, and what to do.
 */
test(
  'a fault that somebody planted is found with one command',
  { skip: process.env['AUTH_REGISTRY'] === undefined && 'needs a registry with a password' },
  async (t) => {
    const namespace = await makeNamespace(t, 'planted');
    const { name } = namespace;
    await using limited = await rateLimited(name);
    await plant(namespace);
    const at = (repository: string): string => `${registry()}/${name}/${repository}`;
    const registries = [
      {
        hostnamePattern: `${environment('AUTH_REGISTRY')}/${name}/expired`,
        caCertificatePath: environment('AUTH_REGISTRY_CA'),
      },
      { hostnamePattern: at('down'), endpoint: 'http://127.0.0.1:1' },
      { hostnamePattern: at('limited'), endpoint: `http://${limited.host}` },
    ];
    const poller = await Poller.create(t, namespace, { registries });

    await t.test('check: images, credentials and workloads', async () => {
      const { stdout, stderr } = await poller.ended('check');
      for (const [fault, words] of Object.entries(symptoms)) {
        assert.match(rowOf(stdout, fault), words, stdout + stderr);
      }
      assert.match(stdout, misplaced);
      for (const reason of withAdvice) assert.match(stdout, adviceFor(reason));
    });

    await t.test('check: the wrong namespace', async () => {
      const { stdout } = await new Namespace('default').poller(['check']);
      assert.match(stdout, /namespace default has no Deployment.*choose another with --namespace/);
      assert.match(stdout, /kubectl get deployments\S+ --all-namespaces --selector/);
    });

    await t.test("check in the poller's Pod: a verb that the Role lacks", async () => {
      const release = await Release.install(namespace);
      const patch = [{ op: 'replace', path: '/rules/1/verbs', value: ['get', 'list'] }];
      const role = 'role/poller-kube-autorollout-role';
      await namespace.kubectl('patch', role, '--type=json', '--patch', JSON.stringify(patch));
      // The API server learns of a change of a Role a moment later.
      const check = (): Promise<string> => release.exec('kube-autorollout', 'check');
      await waitFor('the verb to be missed', async () =>
        /^hint: the Role of this ServiceAccount lacks patch deployments\.apps /m.test(
          await check(),
        ),
      );
      await push(`${name}/refused:main`, 'refused again');
      await waitFor('an Event that tells', async () => {
        const events = await namespace.events('RestartHeld');
        return events.some(
          ({ on, note }) =>
            on === 'Deployment/refused' &&
            /^forbidden: patch deployments\.apps "refused": .*verbs: \["patch"\]/.test(note),
        );
      });
      await assert.rejects(
        check(),
        /^deployment\/refused +failed \(forbidden\).*verbs: \["patch"\]/m,
      );
      await release.uninstall();
    });

    const validate = async (text: string): Promise<string> => {
      const file = await configFile(t, text);
      const { stdout } = await namespace.poller(['validate', '--config', file]);
      return stdout;
    };

    await t.test('validate: a typo in a key of the config', async () => {
      const stdout = await validate('webserver:\n  prot: 8080\n');
      assert.match(stdout, /config\.yaml:2:3 webserver\.prot: .*did you mean port/);
    });

    await t.test('validate: a cron pattern that fires unevenly', async () => {
      const stdout = await validate('cronSchedule: "*/45 * * * * *"\n');
      assert.match(
        stdout,
        /warning: cronSchedule "\*\/45 \* \* \* \* \*" fires unevenly: the next times are (?:45 s, 15 s|15 s, 45 s) apart/,
      );
    });
  },
);

/** A registry that asks everybody to wait. */
async function rateLimited(namespace: string): Promise<FakeRegistry> {
  const limited = await FakeRegistry.start();
  for (const method of ['HEAD', 'GET']) {
    const path = `/v2/${namespace}/limited/manifests/main`;
    limited.on(method, path, errorAnswer(429, 'TOOMANYREQUESTS'));
  }
  return limited;
}

/** Workloads that all run well, and none of which will ever be restarted. */
async function plant(namespace: Namespace): Promise<void> {
  const { name } = namespace;
  const names = [
    'cached',
    'down',
    'expired',
    'limited',
    'misplaced',
    'paused',
    'refused',
    'untrusted',
  ];
  const [digest = ''] = await Promise.all(
    ['pinned', ...names].map((each) => push(`${name}/${each}:main`, each)),
  );
  const account = privateAccount();
  const at = (host: string, repository: string): string => `${host}/${name}/${repository}:main`;
  const plain = (repository: string): string => at(registry(), repository);
  const label = { 'kube-autorollout/enabled': 'true' };
  await namespace.apply([
    pullSecret('regcred', account),
    pullSecret('login', account),
    workload('expired', at(account.host, 'expired'), withPullSecrets('regcred')),
    workload('misplaced', plain('misplaced'), { labelled: false, podLabels: label }),
    workload('cached', [container(plain('cached'), { pullPolicy: 'IfNotPresent' })]),
    workload('pinned', `${registry()}/${name}/pinned@${digest}`),
    workload('down', plain('down')),
    workload('untrusted', at(account.host, 'untrusted'), withPullSecrets('login')),
    workload('limited', plain('limited')),
    workload('paused', plain('paused')),
    workload('refused', plain('refused')),
  ]);
  await namespace.podsReady(9);
  await namespace.apply([pullSecret('regcred', { ...account, password: 'expired' })]);
  await namespace.kubectl('rollout', 'pause', 'deployment/paused');
}

async function configFile(t: TestContext, text: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'kube-autorollout-e2e-'));
  t.after(() => rm(folder, { recursive: true }));
  const file = join(folder, 'config.yaml');
  await writeFile(file, text);
  return file;
}
