import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { type Account, pullSecret } from '../account.ts';
import { chart, fixtures, helm } from '../chart/helm.ts';
import { environment, pollerImage, push, registry, waitFor } from '../cluster.ts';
import { workload } from '../manifest.ts';
import { makeNamespace, type Namespace } from '../namespace.ts';
import { answerOf } from '../poller.ts';

const poller = 'deployment/demo-kube-autorollout';

describe('helm upgrade takes over a release of the predecessor', () => {
  // With --reuse-values the predecessor's own defaults stay in force, and ours do not come.
  for (const flag of ['--reuse-values', '--reset-then-reuse-values']) {
    test(flag, async (t) => {
      const namespace = await makeNamespace(t, 'upgrade');
      await installPredecessor(namespace, {});
      await upgrade(namespace, [flag]);
    });
  }

  for (const [name, secret] of [
    ['a pull Secret', pullSecretRule],
    ['an Opaque Secret', opaqueRule],
  ] as const) {
    const skip = process.env['AUTH_REGISTRY'] === undefined && 'needs a registry with a password';
    test(
      `with a rule for ${name} and authorities of its own, by the same values file`,
      { skip },
      async (t) => {
        const namespace = await makeNamespace(t, 'upgrade');
        const account: Account = {
          host: environment('AUTH_REGISTRY'),
          username: environment('AUTH_REGISTRY_USER'),
          password: environment('AUTH_REGISTRY_PASSWORD'),
        };
        const image = `${namespace.name}/web:main`;
        await push(image, 'first');
        const authority = await readFile(environment('AUTH_REGISTRY_CA'), 'utf8');
        await namespace.apply([
          pullSecret('login', account),
          opaque('password', { REGISTRY_PASSWORD: account.password }),
          opaque('authority', { 'ca.crt': authority }),
          workload('web', `${account.host}/${image}`, {
            pod: { imagePullSecrets: [{ name: 'login' }] },
          }),
        ]);
        await namespace.rolledOut('deployment/web');

        const values = predecessorValues(account, secret(account));
        await installPredecessor(namespace, values);
        await upgrade(namespace, ['--values', '-'], values);
        const volumes = await namespace.value(poller, '{.spec.template.spec.volumes[*].name}');
        assert.doesNotMatch(
          volumes,
          /config-volume|pull-secret|custom-ca/,
          'nothing is left of it',
        );

        const second = await push(image, 'second');
        await waitFor('a restart', async () => (await namespace.events('Restarted')).length === 1);
        await namespace.rolledOut('deployment/web');
        assert.deepEqual(await namespace.running('web'), [second]);
        const check = ['kube-autorollout', 'check', '--output', 'json'];
        const answer = answerOf(await namespace.kubectl('exec', poller, '--', ...check));
        assert.deepEqual(answer.decisions(), { 'Deployment/web': 'none (up-to-date)' });
        assert.equal((await namespace.generations())['Deployment/web'], 2, 'restarted once');
      },
    );
  }
});

/** What a values file for the predecessor's chart may say; without access to Secrets, so that its rule has to do. */
function predecessorValues({ host }: Account, secret: object): object {
  const subPath = 'ca.crt';
  return {
    rbac: { secrets: { enabled: false } },
    config: {
      logLevel: 'info,kube=debug',
      cronSchedule: '*/2 * * * * *',
      registries: [{ hostnamePattern: host, secret }],
      tls: {
        customCaCertificates: {
          enabled: true,
          secrets: [
            { name: 'authority', subPath, mountPath: '/etc/secrets/ca/custom-ca-01.crt' },
            // Where a folder would cover up the system's.
            { name: 'authority', subPath, mountPath: '/etc/ssl/certs/custom-ca-02.crt' },
          ],
        },
      },
      featureFlags: { enableKubectlAnnotation: true },
    },
  };
}

function pullSecretRule(): object {
  const mountPath = '/etc/secrets/registries/private';
  return { type: 'ImagePullSecret', name: 'login', mountPath };
}

function opaqueRule({ username }: Account): object {
  return { type: 'Opaque', name: 'password', key: 'REGISTRY_PASSWORD', username };
}

function opaque(name: string, stringData: Readonly<Record<string, string>>): object {
  return { apiVersion: 'v1', kind: 'Secret', metadata: { name }, stringData };
}

async function installPredecessor(namespace: Namespace, values: object): Promise<void> {
  const repository = `${namespace.name}/predecessor`;
  await push(`${repository}:v0.5.0`, namespace.name, '--sleep');
  const image = `image.repository=${registry()}/${repository}`;
  const flags = [join(fixtures, 'predecessor'), '--values', '-', '--set', image];
  runHelm(namespace, 'install', flags, values);
}

/** To ours: the chart's source and the image change, as a user changes them, and nothing else. */
async function upgrade(
  namespace: Namespace,
  flags: readonly string[],
  values: object = {},
): Promise<void> {
  const { repository, tag } = pollerImage();
  const image = `image.repository=${repository},image.tag=${tag}`;
  runHelm(namespace, 'upgrade', [chart, ...flags, '--set-string', image], values);
  const images = '{.spec.template.spec.containers[*].image}';
  assert.equal(await namespace.value(poller, images), `${repository}:${tag}`);
  const tested = helm(['test', 'demo', '--namespace', namespace.name, '--timeout', '90s']);
  assert.ok(tested.ok, tested.stdout + tested.stderr);
}

/** @param values what `--values -` reads */
function runHelm(
  { name }: Namespace,
  command: 'install' | 'upgrade',
  flags: readonly string[],
  values: object,
): void {
  const wait = ['--wait', '--timeout', '90s'];
  const args = [command, 'demo', '--namespace', name, ...flags, ...wait];
  const ended = helm(args, JSON.stringify(values));
  assert.ok(ended.ok, ended.stderr);
}
