import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';

import { tempFolder } from '../testing/temp-folder.ts';
import { connect, type ConnectOptions, KubeConfigError } from './connection.ts';

type Sources = Partial<Omit<ConnectOptions, 'proxy' | 'observe'>>;

async function open(options: Sources): Promise<{ server: string; namespace: string }> {
  const connection = await connect({
    proxy: {},
    userAgent: 'test',
    observe: () => {},
    serviceAccountFolder: '/nowhere',
    ...options,
  });
  await connection.close();
  return { server: connection.server, namespace: connection.namespace };
}

async function refused(options: Sources): Promise<string> {
  try {
    await open(options);
  } catch (error) {
    assert.ok(error instanceof KubeConfigError, String(error));
    assert.ok(!error.message.includes('s3cret'), error.message);
    return error.message;
  }
  throw new Error('it was accepted');
}

function config(name: string, change: object = {}): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': name,
    clusters: [{ name, cluster: { server: `https://${name}.test:6443` } }],
    users: [{ name, user: { token: 's3cret' } }],
    contexts: [{ name, context: { cluster: name, user: name, namespace: `ns-${name}` } }],
    ...change,
  });
}

describe('where the kubeconfig comes from', () => {
  test('nowhere: says what to give', async () => {
    const message = await refused({ home: '/nowhere' });
    assert.match(message, /^no kubeconfig: give --kubeconfig or set KUBECONFIG; /);
  });

  test('--kubeconfig, KUBECONFIG, the service account, ~/.kube/config: the first that is there', async () => {
    await using folder = await tempFolder();
    await mkdir(join(folder.path, '.kube'));
    await folder.write('.kube/config', config('home'));
    await folder.write('token', 't');
    await folder.write('ca.crt', 'c');
    await folder.write('namespace', 'shop\n');
    const all = {
      kubeconfig: await folder.write('flag', config('flag')),
      kubeconfigVariable: await folder.write('variable', config('variable')),
      serviceHost: 'fd00::1',
      servicePort: '443',
      serviceAccountFolder: folder.path,
      home: folder.path,
    };
    assert.equal((await open(all)).server, 'https://flag.test:6443');
    const { kubeconfig: _flag, ...noFlag } = all;
    assert.equal((await open(noFlag)).server, 'https://variable.test:6443');
    const { kubeconfigVariable: _variable, ...inPod } = noFlag;
    assert.deepEqual(await open(inPod), { server: 'https://[fd00::1]', namespace: 'shop' });
    const outside = { home: folder.path };
    assert.deepEqual(await open(outside), {
      server: 'https://home.test:6443',
      namespace: 'ns-home',
    });
    const named = { ...inPod, context: 'home' };
    assert.equal((await open(named)).namespace, 'ns-home', 'a service account has no contexts');
  });

  test('a Pod without a service account token is no Pod for this', async () => {
    assert.match(await refused({ serviceHost: '10.0.0.1', servicePort: '443' }), /^no kubeconfig/);
  });

  test('--context without a kubeconfig: says so, and nothing of the Pod that it may be', async () => {
    await using folder = await tempFolder();
    await folder.write('token', 't');
    const inPod = {
      serviceHost: '10.0.0.1',
      servicePort: '443',
      serviceAccountFolder: folder.path,
    };
    assert.equal(
      await refused({ ...inPod, context: 'home' }),
      'no kubeconfig: give --kubeconfig or set KUBECONFIG; there is no ~/.kube/config, and only a kubeconfig has contexts, as --context names one',
    );
  });

  test('KUBECONFIG may be a list: the first that sets a name wins, missing files are passed over', async () => {
    await using folder = await tempFolder();
    const one = await folder.write('one', config('one', { 'current-context': '' }));
    const clusters = [
      { name: 'one', cluster: { server: 'https://other.test' } },
      { name: 'two', cluster: { server: 'https://two.test' } },
    ];
    const two = await folder.write('two', config('two', { clusters }));
    const kubeconfigVariable = `${folder.path}/missing:${one}::${two}`;
    assert.equal((await open({ kubeconfigVariable })).server, 'https://two.test');
    const named = await open({ kubeconfigVariable, context: 'one' });
    assert.equal(named.server, 'https://one.test:6443');
    const message = await refused({ kubeconfigVariable: '/nowhere/a:/nowhere/b' });
    assert.match(
      message,
      /^KUBECONFIG names "\/nowhere\/a", "\/nowhere\/b", which does not exist$/,
    );
  });

  test('a context without a namespace means "default"', async () => {
    await using folder = await tempFolder();
    const contexts = [{ name: 'a', context: { cluster: 'a', user: 'a' } }];
    const kubeconfig = await folder.write('a', config('a', { contexts }));
    assert.equal((await open({ kubeconfig })).namespace, 'default');
  });
});

describe('a kubeconfig that cannot be used', () => {
  const rows: readonly (readonly [string, string, RegExp])[] = [
    ['not YAML', 'users:\n- name: a\n  user: {token: s3cret', /is malformed: ".*" in line \d+$/],
    ['not a kubeconfig', '- s3cret', /is malformed: it is not a kubeconfig$/],
    ['empty', '', /is malformed: "expected a document, but the input is empty"$/],
    ['users that are none', 'users: s3cret', /is malformed: it is not a kubeconfig$/],
    [
      'a cluster without a server',
      config('a', { clusters: [{ name: 'a', cluster: {} }] }),
      /is malformed: "clusters\[0\]\.cluster\.server is missing"$/,
    ],
    [
      'an unknown current context',
      config('a', { 'current-context': 'b' }),
      /has no context "b"; it has "a"$/,
    ],
    [
      'no current context',
      config('a', { 'current-context': '' }),
      /has no current context: give --context, one of "a"$/,
    ],
    ['no contexts', config('a', { contexts: [] }), /has no context "a"; it has none$/],
    [
      'no cluster',
      config('a', { clusters: [] }),
      /context "a" names cluster "a", which is not in it$/,
    ],
    ['no user', config('a', { users: [] }), /context "a" names user "a", which is not in it$/],
    [
      'a server that is no URL',
      config('a', { clusters: [{ name: 'a', cluster: { server: 'k8s.test:6443' } }] }),
      /a cluster whose server "k8s\.test:6443" is no http or https URL$/,
    ],
    [
      'a proxy-url of an unknown kind',
      config('a', {
        clusters: [
          { name: 'a', cluster: { server: 'https://a.test', 'proxy-url': 'ftp://u:s3cret@p' } },
        ],
      }),
      /^the proxy-url of the cluster in the kubeconfig is no http, https or socks5 URL$/,
    ],
    [
      'a namespace that is none',
      config('a', {
        contexts: [{ name: 'a', context: { cluster: 'a', user: 'a', namespace: '../x' } }],
      }),
      /^invalid namespace "\.\.\/x": allowed are/,
    ],
  ];
  for (const [name, text, message] of rows) {
    test(name, async () => {
      await using folder = await tempFolder();
      assert.match(await refused({ kubeconfig: await folder.write('config', text) }), message);
    });
  }

  test('missing, a folder, an unknown --context', async () => {
    await using folder = await tempFolder();
    assert.match(
      await refused({ kubeconfig: '/nowhere/x' }),
      /^kubeconfig "\/nowhere\/x" does not exist$/,
    );
    assert.match(await refused({ kubeconfig: folder.path }), /cannot be read \(EISDIR\)$/);
    const kubeconfig = await folder.write('config', config('a'));
    assert.match(
      await refused({ kubeconfig, context: 'prod' }),
      /config" has no context "prod"; it has "a"$/,
    );
  });
});
