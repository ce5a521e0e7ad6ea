import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { describe, test } from 'node:test';

import { createAuthority } from '../testing/certificates.ts';
import { FakeApiServer } from '../testing/fake-apiserver.ts';
import { FakeProxy } from '../testing/fake-proxy.ts';
import type { JsonObject } from '../testing/kube-json.ts';
import { type TempFolder, tempFolder } from '../testing/temp-folder.ts';
import { createCluster } from './cluster.ts';
import { connect, type Connection, type ConnectOptions } from './connection.ts';

const signal = new AbortController().signal;
const authority = await createAuthority();
const identity = await authority.issue(['127.0.0.1', 'api.test']);
const ca = base64(authority.certificate);

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}

async function open(options: Partial<ConnectOptions>): Promise<Connection> {
  return connect({
    proxy: {},
    userAgent: 'test',
    observe: () => {},
    serviceAccountFolder: '/nowhere',
    ...options,
  });
}

/** @returns 'ok', or why not */
async function probe(connection: Connection): Promise<string> {
  const cluster = createCluster({
    connection,
    namespace: 'default',
    selector: () => '',
    fieldManager: () => '',
  });
  const read = await cluster.probe(signal);
  return read.ok ? 'ok' : read.message;
}

async function openAs(
  api: FakeApiServer,
  folder: TempFolder,
  user: JsonObject,
  cluster: JsonObject = {},
): Promise<Connection> {
  const kubeconfig = await folder.write('config', api.kubeconfig({ user, cluster }));
  return open({ kubeconfig });
}

async function probeAs(
  api: FakeApiServer,
  user: JsonObject,
  cluster: JsonObject = {},
): Promise<string> {
  await using folder = await tempFolder();
  const connection = await openAs(api, folder, user, cluster);
  const found = await probe(connection);
  await connection.close();
  return found;
}

/** A plugin that is a line of shell. */
function exec(script: string): JsonObject {
  const apiVersion = 'client.authentication.k8s.io/v1';
  return { exec: { apiVersion, command: '/bin/sh', args: ['-c', script] } };
}

describe('credentials of a kubeconfig', () => {
  test('a token, user and password, impersonation', async () => {
    await using api = await FakeApiServer.start();
    assert.equal(await probeAs(api, { token: 's3cret' }), 'ok');
    assert.equal(await probeAs(api, { username: 'ann', password: 'a:b' }), 'ok');
    assert.equal(await probeAs(api, { token: 's3cret', as: 'system:admin' }), 'ok');
    assert.equal(await probeAs(api, {}), 'ok');
    assert.deepEqual(
      api.requests.map(({ headers }) => headers.authorization),
      ['Bearer s3cret', `Basic ${base64('ann:a:b')}`, 'Bearer s3cret', undefined],
    );
    assert.equal(api.requests[2]?.headers['impersonate-user'], 'system:admin');
  });

  test('a token file, relative to the kubeconfig, with a newline at its end', async () => {
    await using api = await FakeApiServer.start({ tokens: ['s3cret'] });
    await using folder = await tempFolder();
    await folder.write('token', 's3cret\n');
    const connection = await openAs(api, folder, { tokenFile: 'token' });
    assert.equal(await probe(connection), 'ok');
    await connection.close();
  });

  test('a client certificate', async () => {
    await using api = await FakeApiServer.start({
      identity,
      clientCertificatesOf: authority.certificate,
    });
    const { certificate, key } = await authority.issue(['poller']);
    const user = {
      'client-certificate-data': base64(certificate),
      'client-key-data': base64(key),
    };
    assert.equal(await probeAs(api, user, { 'certificate-authority-data': ca }), 'ok');
    assert.notEqual(await probeAs(api, {}, { 'certificate-authority-data': ca }), 'ok');
  });

  test('a plugin is asked once, as the kubelet’s tools are told to ask', async () => {
    await using api = await FakeApiServer.start({ tokens: ['s3cret'] });
    await using folder = await tempFolder();
    const answer = JSON.stringify({
      apiVersion: 'client.authentication.k8s.io/v1',
      kind: 'ExecCredential',
      status: { token: 's3cret' },
    });
    const calls = `${folder.path}/calls`;
    const script = `#!/bin/sh\necho "$KUBERNETES_EXEC_INFO" >> ${calls}\necho '${answer}'\n`;
    await folder.write('plugin', script, 0o700);
    const apiVersion = 'client.authentication.k8s.io/v1';
    const connection = await openAs(api, folder, { exec: { apiVersion, command: './plugin' } });
    const found = await Promise.all([probe(connection), probe(connection), probe(connection)]);
    assert.deepEqual(found, ['ok', 'ok', 'ok']);
    const [info, ...more] = (await readFile(calls, 'utf8')).trim().split('\n');
    assert.deepEqual(more, []);
    assert.deepEqual(JSON.parse(info ?? ''), {
      apiVersion,
      kind: 'ExecCredential',
      spec: { interactive: false },
    });
    api.tokens?.clear();
    assert.match(await probe(connection), /does not accept the credentials \(401\)/);
    api.tokens?.add('s3cret');
    assert.equal(await probe(connection), 'ok');
    const asked = (await readFile(calls, 'utf8')).trim().split('\n');
    assert.equal(asked.length, 2, 'after a 401 the plugin is asked anew');
    await connection.close();
  });

  test('a plugin that fails, or answers nonsense, is named and not quoted', async () => {
    await using api = await FakeApiServer.start();
    assert.match(
      await probeAs(api, exec('echo "no login" >&2; exit 1')),
      /^no credentials for user "poller" of the kubeconfig, plugin "\/bin\/sh": "no login"$/,
    );
    const nonsense = await probeAs(api, exec('echo "{s3cret"'));
    assert.match(nonsense, /plugin "\/bin\/sh": what it answered is not JSON$/);
    const missing = await probeAs(api, {
      exec: { apiVersion: 'client.authentication.k8s.io/v1', command: '/nowhere/plugin' },
    });
    assert.match(missing, /plugin "\/nowhere\/plugin": .*ENOENT/);
    assert.equal(api.requests.length, 0);
  });
});

describe('TLS', () => {
  test('a certificate of an unknown CA says so', async () => {
    await using api = await FakeApiServer.start({ identity });
    assert.match(await probeAs(api, {}), /its certificate or TLS was not accepted: "unable to/);
    assert.equal(await probeAs(api, {}, { 'insecure-skip-tls-verify': true }), 'ok');
    assert.equal(await probeAs(api, {}, { 'certificate-authority-data': ca }), 'ok');
  });

  test('a certificate for another name says so, unless tls-server-name names it', async () => {
    const other = await authority.issue(['api.test']);
    await using api = await FakeApiServer.start({ identity: other });
    const trusted = { 'certificate-authority-data': ca };
    assert.match(
      await probeAs(api, {}, trusted),
      /certificate or TLS was not accepted: .*127\.0\.0\.1/,
    );
    assert.equal(await probeAs(api, {}, { ...trusted, 'tls-server-name': 'api.test' }), 'ok');
  });

  test('a CA file that is gone is a message, not a crash', async () => {
    await using api = await FakeApiServer.start({ identity });
    const message = await probeAs(api, {}, { 'certificate-authority': '/nowhere/ca.crt' });
    assert.match(message, /ENOENT.*\/nowhere\/ca\.crt/);
  });
});

describe('the service account of a Pod', () => {
  test('its token is read again after it was rotated', async () => {
    await using api = await FakeApiServer.start({ identity, tokens: ['one'] });
    await using folder = await tempFolder();
    await folder.write('token', 'one');
    await folder.write('ca.crt', authority.certificate);
    await folder.write('namespace', 'default');
    const connection = await open({
      serviceHost: api.url.hostname,
      servicePort: api.url.port,
      serviceAccountFolder: folder.path,
    });
    assert.equal(await probe(connection), 'ok');
    assert.equal(await probe(connection), 'ok');
    const { connections } = api;

    await folder.write('token', 'two');
    api.tokens?.clear();
    api.tokens?.add('two');
    assert.match(await probe(connection), /401/);
    assert.equal(await probe(connection), 'ok');
    assert.deepEqual(
      api.requests.map(({ headers }) => headers.authorization),
      ['Bearer one', 'Bearer one', 'Bearer one', 'Bearer two'],
    );
    assert.equal(api.connections, connections, 'a new token needs no new connection');
    await connection.close();
  });
});

describe('proxies', () => {
  test('the proxy-url of the kubeconfig, with user and password', async () => {
    await using api = await FakeApiServer.start({ identity });
    await using proxy = await FakeProxy.start({ account: 'ann:p@ss' });
    const url = new URL(proxy.url);
    url.username = 'ann';
    url.password = 'p@ss';
    const cluster = { 'certificate-authority-data': ca, 'proxy-url': url.href };
    assert.equal(await probeAs(api, {}, cluster), 'ok');
    assert.deepEqual(
      proxy.requests.map(({ method, target }) => [method, target]),
      [['CONNECT', api.url.host]],
    );
    url.password = 'wrong';
    const refused = await probeAs(api, {}, { ...cluster, 'proxy-url': url.href });
    assert.match(
      refused,
      / by way of the proxy 127\.0\.0\.1:\d+: the proxy refused to connect to it \(407\): it demands/,
    );
    assert.doesNotMatch(refused, /wrong/);
  });

  test('HTTPS_PROXY, unless NO_PROXY names the server', async () => {
    await using api = await FakeApiServer.start({ identity });
    await using folder = await tempFolder();
    const host = `api.test:${api.url.port}`;
    await using proxy = await FakeProxy.start({ routes: { [host]: api.url.host } });
    const kubeconfig = await folder.write(
      'config',
      api.kubeconfig({ cluster: { server: `https://${host}`, 'certificate-authority-data': ca } }),
    );
    const httpsProxy = proxy.url.href;
    const connection = await open({ kubeconfig, proxy: { httpsProxy } });
    assert.equal(await probe(connection), 'ok');
    await connection.close();
    const down = await open({ kubeconfig, proxy: { httpsProxy: 'http://127.0.0.1:1' } });
    assert.match(
      await probe(down),
      /API server https:\/\/api\.test:\d+ by way of the proxy 127\.0\.0\.1:1: the connection was refused/,
    );
    await down.close();
    const direct = await open({ kubeconfig, proxy: { httpsProxy, noProxy: '.test' } });
    assert.match(await probe(direct), /its host name (is not known|could not be resolved)/);
    await direct.close();
    assert.equal(proxy.requests.length, 1);
  });
});

test('a server that speaks plain HTTP is said to, and not by OpenSSL', async () => {
  await using api = await FakeApiServer.start();
  const server = api.url.origin.replace('http:', 'https:');
  assert.match(await probeAs(api, {}, { server }), /: what answered does not speak TLS; /);
});

test('a server below a path, as management planes have it', async () => {
  await using api = await FakeApiServer.start();
  const path = '/k8s/clusters/c-1/apis/apps/v1/namespaces/default/deployments';
  api.once('GET', path, { body: '{"metadata":{},"items":[]}' });
  assert.equal(await probeAs(api, {}, { server: `${api.url.origin}/k8s/clusters/c-1` }), 'ok');
});
