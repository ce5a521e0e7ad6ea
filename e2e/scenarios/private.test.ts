import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { type Account, dockerConfig, privateAccount, pullSecret } from '../account.ts';
import { environment, push, registry } from '../cluster.ts';
import { withPullSecrets, workload } from '../manifest.ts';
import { makeNamespace, type Namespace } from '../namespace.ts';
import { Poller } from '../poller.ts';

/*
 * A registry with a password and TLS of an authority of its own. Its store is that of the plain registry, so what is
 * pushed there comes up here. Where only a rule is to have the credential, the node pulls from the plain one and the
 * rule's endpoint is the private one.
 */
const byPullSecret = ['dockerconfigjson', 'dockercfg', 'service-account', 'second-of-two'];
const byRule = ['rule-docker-config', 'rule-token', 'rule-token-file'];
const held = { refused: 'hold (pull-secret-refused)', 'no-credential': 'none (unknown)' };

test(
  'a private registry is asked with what the Pod or a rule has',
  { skip: process.env['AUTH_REGISTRY'] === undefined && 'needs a registry with a password' },
  async (t) => {
    const namespace = await makeNamespace(t, 'private');
    const account = privateAccount();
    const first = await pushAll(namespace, 'first');
    await namespace.apply([...secrets(account), ...workloads(namespace, account.host)]);
    await namespace.podsReady(byPullSecret.length + byRule.length + Object.keys(held).length);
    await namespace.apply([pullSecret('soon-refused', { ...account, password: 'changed' })]);

    const second = await pushAll(namespace, 'second');
    const registries = await rules(t, namespace, account);
    const poller = await Poller.create(t, namespace, { registries });
    const restarted = [...byPullSecret, ...byRule];
    const expected = decisions({ ...allAs(restarted, 'restart (changed)'), ...held });
    const answer = await poller.check();
    assert.deepEqual(answer.decisions(), expected);
    assert.deepEqual(await poller.table(), expected);
    assert.deepEqual(answer.verdicts('no-credential'), ['app: unknown (unauthorized)']);

    const log = await poller.once('--log-level', 'trace');
    const { username, password } = account;
    for (const secret of [password, btoa(`${username}:${password}`)]) {
      assert.ok(!log.includes(secret), 'the log holds no password');
    }
    await namespace.rolledOut(...restarted.map((name) => `deployment/${name}`));
    await poller.once();
    const generations = { ...allAs(restarted, 2), ...allAs(Object.keys(held), 1) };
    assert.deepEqual(await namespace.generations(), decisions(generations));
    for (const name of restarted) assert.deepEqual(await namespace.running(name), [second], name);
    for (const name of Object.keys(held)) {
      assert.deepEqual(await namespace.running(name), [first], name);
    }

    const stranger = await Poller.create(t, namespace);
    const [container] = (await stranger.check()).workload('dockercfg').containers;
    assert.equal(container?.reason, 'unreachable', 'its authority is not known');
    assert.match(container.message, /caCertificatePath/);
  },
);

function allAs<Value>(names: readonly string[], value: Value): Readonly<Record<string, Value>> {
  return Object.fromEntries(names.map((name) => [name, value]));
}

/** With `kind/name` for each name. */
function decisions<Value>(
  byName: Readonly<Record<string, Value>>,
): Readonly<Record<string, Value>> {
  return Object.fromEntries(
    Object.entries(byName).map(([name, value]) => [`Deployment/${name}`, value]),
  );
}

/** To one repository for all pull Secrets, and one for each rule, since only a path tells rules apart. */
async function pushAll({ name }: Namespace, text: string): Promise<string> {
  const repositories = ['web', ...byRule, ...Object.keys(held)];
  const digests = await Promise.all(
    repositories.map((repository) => push(`${name}/${repository}:main`, text)),
  );
  const [digest = '', ...others] = new Set(digests);
  assert.deepEqual(others, []);
  return digest;
}

function secrets(account: Account): readonly object[] {
  return [
    pullSecret('json', account),
    pullSecret('cfg', account, 'dockercfg'),
    pullSecret('wrong', { ...account, password: 'wrong' }),
    pullSecret('soon-refused', account),
    {
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: { name: 'with-secret' },
      imagePullSecrets: [{ name: 'json' }],
    },
  ];
}

function workloads({ name }: Namespace, host: string): readonly object[] {
  const image = `${host}/${name}/web:main`;
  const open = [...byRule, 'no-credential'].map((each) =>
    workload(each, `${registry()}/${name}/${each}:main`),
  );
  return [
    workload('dockerconfigjson', image, withPullSecrets('json')),
    workload('dockercfg', image, withPullSecrets('cfg')),
    workload('service-account', image, { pod: { serviceAccountName: 'with-secret' } }),
    workload('second-of-two', image, withPullSecrets('wrong', 'json')),
    workload('refused', `${host}/${name}/refused:main`, withPullSecrets('soon-refused')),
    ...open,
  ];
}

async function rules(
  t: TestContext,
  { name }: Namespace,
  account: Account,
): Promise<readonly object[]> {
  const folder = await mkdtemp(join(tmpdir(), 'kube-autorollout-e2e-'));
  t.after(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, '.dockerconfigjson'), dockerConfig(account));
  await writeFile(join(folder, 'password'), `${account.password}\n`);

  const caCertificatePath = environment('AUTH_REGISTRY_CA');
  const { host, username, password } = account;
  const opaque = { type: 'Opaque', username };
  const endpoint = { endpoint: `https://${host}`, caCertificatePath };
  const open = (repository: string): string => `${registry()}/${name}/${repository}`;
  return [
    {
      hostnamePattern: open('rule-docker-config'),
      secret: { type: 'ImagePullSecret', mountPath: folder },
      ...endpoint,
    },
    {
      hostnamePattern: open('rule-token'),
      secret: { ...opaque, token: password },
      ...endpoint,
    },
    {
      hostnamePattern: open('rule-token-file'),
      secret: { ...opaque, tokenFile: join(folder, 'password') },
      ...endpoint,
    },
    { hostnamePattern: open('no-credential'), ...endpoint },
    {
      hostnamePattern: `${host}/${name}/refused`,
      secret: { ...opaque, token: password },
      caCertificatePath,
    },
    { hostnamePattern: host, caCertificatePath },
  ];
}
