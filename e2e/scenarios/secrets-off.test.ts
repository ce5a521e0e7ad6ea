import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { type Account, privateAccount, pullSecret } from '../account.ts';
import { environment, push, registry, waitFor } from '../cluster.ts';
import { withPullSecrets, workload } from '../manifest.ts';
import { makeNamespace, type Namespace } from '../namespace.ts';
import { Release, type Values } from '../release.ts';

const rules = ['by-pull-secret', 'by-token', 'by-literal'];

test(
  'without access to Secrets, the credentials that the chart mounts are what it has',
  { skip: process.env['AUTH_REGISTRY'] === undefined && 'needs a registry with a password' },
  async (t) => {
    const namespace = await makeNamespace(t, 'secrets-off');
    const { name } = namespace;
    const account = privateAccount();
    const pushAll = (text: string): Promise<readonly string[]> =>
      Promise.all([...rules, 'private'].map((each) => push(`${name}/${each}:main`, text)));
    const [first] = await pushAll('first');
    await namespace.apply([
      pullSecret('login', account),
      secret('password', { PASSWORD: account.password }),
      secret('authority', { 'ca.crt': await readFile(environment('AUTH_REGISTRY_CA'), 'utf8') }),
      ...rules.map((each) => workload(each, `${registry()}/${name}/${each}:main`)),
      workload('private', `${account.host}/${name}/private:main`, withPullSecrets('login')),
    ]);
    await namespace.podsReady(4);
    const release = await Release.install(namespace, values(namespace, account));

    const refused = ['auth', 'can-i', 'get', 'secrets', '--as'];
    const serviceAccount = `system:serviceaccount:${name}:poller-kube-autorollout`;
    await assert.rejects(namespace.kubectl(...refused, serviceAccount), /\bno\b/);

    const [second = ''] = await pushAll('second');
    await waitFor('three restarts', async () => (await namespace.events('Restarted')).length === 3);
    await namespace.rolledOut(...rules.map((each) => `deployment/${each}`));
    for (const each of rules) assert.deepEqual(await namespace.running(each), [second], each);

    const answer = await release.check();
    const upToDate = 'none (up-to-date)';
    assert.deepEqual(answer.decisions(), {
      'Deployment/by-literal': upToDate,
      'Deployment/by-pull-secret': upToDate,
      'Deployment/by-token': upToDate,
      'Deployment/private': 'none (unknown)',
    });
    assert.deepEqual(answer.verdicts('private'), ['app: unknown (unauthorized)']);
    assert.match(answer.workload('private').message, /resources: \["secrets"\], verbs: \["get"\]/);
    assert.deepEqual(await namespace.running('private'), [first]);

    await release.uninstall();
    const kinds = 'all,configmaps,secrets,serviceaccounts,roles,rolebindings';
    const mine = ['--selector', 'app.kubernetes.io/instance=poller'];
    assert.equal(await namespace.kubectl('get', kinds, ...mine, '-o', 'name'), '');
    const kept = await namespace.kubectl('get', 'secrets', '-o', 'name');
    assert.deepEqual(kept.trim().split('\n'), [
      'secret/authority',
      'secret/login',
      'secret/password',
    ]);
  },
);

function secret(name: string, stringData: Readonly<Record<string, string>>): object {
  return { apiVersion: 'v1', kind: 'Secret', metadata: { name }, stringData };
}

/** One rule for each way to a credential; each leads to the private registry by its endpoint. */
function values({ name }: Namespace, { host, username, password }: Account): Values {
  const opaque = { type: 'Opaque', username };
  const credentials = [
    { type: 'ImagePullSecret', name: 'login' },
    { ...opaque, name: 'password', key: 'PASSWORD' },
    { ...opaque, token: password },
  ];
  const mountPath = '/etc/secrets/ca/ca.crt';
  return {
    rbac: { secrets: { enabled: false } },
    config: {
      registries: credentials.map((credential, index) => ({
        hostnamePattern: `${registry()}/${name}/${rules[index]}`,
        endpoint: `https://${host}`,
        secret: credential,
      })),
      tls: {
        customCaCertificates: {
          enabled: true,
          secrets: [{ name: 'authority', subPath: 'ca.crt', mountPath }],
        },
      },
    },
  };
}
