import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { FakeApiServer } from '../testing/fake-apiserver.ts';
import { connectToFake } from '../testing/kube-connection.ts';
import { pullSecret, secret } from '../testing/kube-objects.ts';

const signal = new AbortController().signal;
const account = { username: 'ann', password: 's3cret' };

describe('readPullSecret', () => {
  test('reads both docker types, one GET each', async () => {
    await using api = await FakeApiServer.start();
    await using kube = connectToFake(api);
    api.create(pullSecret({ name: 'new', auths: { 'r.test': account } }));
    const dockercfg = JSON.stringify({ 'r.test/team': account });
    const type = 'kubernetes.io/dockercfg';
    api.create(secret({ name: 'old', type, data: { '.dockercfg': dockercfg } }));
    for (const [name, key] of [
      ['new', 'r.test'],
      ['old', 'r.test/team'],
    ] as const) {
      const read = await kube.cluster.readPullSecret(name, signal);
      assert.deepEqual(read.problems, []);
      assert.equal(read.secret.name, name);
      const [entry, ...more] = read.secret.entries;
      assert.deepEqual(more, []);
      assert.equal(entry?.key, key);
      assert.ok(entry.credential.type === 'basic');
      assert.equal(entry.credential.username, 'ann');
      assert.equal(entry.credential.password.reveal(), 's3cret');
    }
    assert.deepEqual(
      api.requests.map(({ method, path }) => `${method} ${path}`),
      ['new', 'old'].map((name) => `GET /api/v1/namespaces/default/secrets/${name}`),
    );
  });

  test('says what is wrong with one that cannot be used, and never what is in it', async () => {
    await using api = await FakeApiServer.start();
    await using kube = connectToFake(api);
    const dockerType = 'kubernetes.io/dockerconfigjson';
    api.create(secret({ name: 'opaque', type: 'Opaque', data: { token: 's3cret' } }));
    api.create(secret({ name: 'bad', type: dockerType, data: { '.dockerconfigjson': '{s3cret' } }));
    api.create(secret({ name: 'empty', type: dockerType, data: {} }));
    api.once('GET', '/api/v1/namespaces/default/secrets/cut', { body: '{"data":{"x":"s3cret' });
    api.once('GET', '/api/v1/namespaces/default/secrets/odd', { body: '{"data":["s3cret"]}' });
    const rows = [
      ['opaque', /Secret "opaque" is of type "Opaque"/],
      ['bad', /Secret "bad": .*no JSON/],
      ['empty', /Secret "empty" has no key "\.dockerconfigjson"/],
      ['missing', /^Secret "missing" does not exist$/],
      ['cut', /^Secret "cut" could not be read: get secrets "cut": .* not JSON/],
      ['odd', /^Secret "odd" could not be read: the answer is no Secret$/],
    ] as const;
    for (const [name, message] of rows) {
      const read = await kube.cluster.readPullSecret(name, signal);
      assert.deepEqual(read.secret, { name, entries: [] });
      assert.equal(read.problems.length, 1);
      assert.match(read.problems[0] ?? '', message);
      assert.doesNotMatch(read.problems[0] ?? '', /s3cret/);
    }
  });

  test('without the permission to read Secrets: the missing rule', async () => {
    await using api = await FakeApiServer.start();
    await using kube = connectToFake(api);
    api.deny('get', 'secrets');
    const { problems } = await kube.cluster.readPullSecret('x', signal);
    assert.equal(problems.length, 1);
    assert.match(
      problems[0] ?? '',
      /^Secret "x" could not be read: .*\{apiGroups: \[""\], resources: \["secrets"\], verbs: \["get"\]\}$/,
    );
  });

  test('case 61: a name that cannot be a Secret’s is asked for nowhere', async () => {
    await using api = await FakeApiServer.start();
    await using kube = connectToFake(api);
    for (const name of [
      '..',
      '.',
      '',
      '../configmaps/x',
      'a/b',
      'A',
      'x?y',
      '\u001b[31m',
      'a'.repeat(300),
    ]) {
      const { problems, secret: read } = await kube.cluster.readPullSecret(name, signal);
      assert.match(problems[0] ?? '', /cannot exist: that is no valid name$/);
      assert.ok(!(problems[0] ?? '').includes('\u001b'));
      assert.deepEqual(read.entries, []);
    }
    assert.equal(api.requests.length, 0);
  });
});
