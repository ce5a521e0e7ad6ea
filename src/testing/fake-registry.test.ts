import assert from 'node:assert/strict';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { connect as connectHttp2 } from 'node:http2';
import { describe, test } from 'node:test';

import { createAuthority } from './certificates.ts';
import { fakeAttestation, fakeImage, fakeIndex, mediaTypes } from './fake-images.ts';
import { FakeRegistry } from './fake-registry.ts';

interface Reply {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

async function ask(
  registry: FakeRegistry,
  method: string,
  path: string,
  headers: Record<string, string> = { accept: '*/*' },
  body = '',
): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(new URL(path, registry.url), { method, headers }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => (text += chunk));
      response.on('error', reject);
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }),
      );
    });
    request.on('error', reject);
    request.end(body);
  });
}

function accessToken(reply: Reply): string {
  const found = /"access_token":"(?<token>[^"]+)"/.exec(reply.body)?.groups?.['token'];
  assert.ok(found !== undefined, reply.body);
  return found;
}

function basic(user: string, password: string): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
}

describe('FakeRegistry', () => {
  test('answers HEAD and GET by tag and digest, children of an index included', async () => {
    await using registry = await FakeRegistry.start();
    const image = fakeImage('amd64');
    const index = fakeIndex([
      { manifest: image, platform: { os: 'linux', architecture: 'amd64' } },
      fakeAttestation(image),
    ]);
    const digest = registry.push('o/web:main', index);

    const head = await ask(registry, 'HEAD', '/v2/o/web/manifests/main');
    assert.equal(head.status, 200);
    assert.equal(head.body, '');
    assert.equal(head.headers['docker-content-digest'], digest);
    assert.equal(head.headers['content-type'], mediaTypes.ociIndex);
    assert.equal(head.headers['content-length'], String(index.bytes.length));
    const get = await ask(registry, 'GET', `/v2/o/web/manifests/${image.digest}`);
    assert.equal(get.body, image.bytes.toString());
    assert.equal((await ask(registry, 'HEAD', '/v2/o/web/manifests/none')).status, 404);
  });

  test('answers 404 when the media type is not accepted, 304 when the digest is still the same', async () => {
    await using registry = await FakeRegistry.start();
    const digest = registry.push('o/web:main', fakeImage('one'));
    const path = '/v2/o/web/manifests/main';
    const other = await ask(registry, 'HEAD', path, { accept: mediaTypes.dockerManifest });
    assert.equal(other.status, 404);
    const same = await ask(registry, 'GET', path, {
      accept: '*/*',
      'if-none-match': `"${digest}"`,
    });
    assert.equal(same.status, 304);
  });

  test('fails its disposal after a request that nobody should send', async () => {
    const registry = await FakeRegistry.start();
    await ask(registry, 'DELETE', '/v2/o/web/manifests/main');
    await ask(registry, 'HEAD', '/v2/o/web/manifests/main', {});
    await assert.rejects(registry[Symbol.asyncDispose](), (error: Error) => {
      assert.match(error.message, /unexpected request: DELETE \/v2\/o\/web\/manifests\/main/);
      assert.match(error.message, /no Accept header: HEAD/);
      return true;
    });
  });

  test('fails its disposal when a one-time answer was not asked for', async () => {
    const registry = await FakeRegistry.start();
    registry.once('HEAD', '/v2/o/web/manifests/main', { status: 500 });
    await assert.rejects(registry[Symbol.asyncDispose](), /never asked: HEAD/);
  });

  test('sends scripted header lines one by one, one-time answers before lasting ones', async () => {
    await using registry = await FakeRegistry.start();
    registry.on('HEAD', '/v2/', { status: 503 });
    registry.once('HEAD', '/v2/', (request) => ({
      status: 401,
      headers: { 'set-cookie': ['a=1', `b=${request.method}`] },
    }));
    const first = await ask(registry, 'HEAD', '/v2/');
    assert.deepEqual(first.headers['set-cookie'], ['a=1', 'b=HEAD']);
    assert.equal((await ask(registry, 'HEAD', '/v2/')).status, 503);
  });

  test('demands Basic, and refuses a user without rights', async () => {
    await using registry = await FakeRegistry.start({
      auth: {
        type: 'basic',
        users: { ann: { password: 'a:1' }, bob: { password: 'b', repositories: ['o/other'] } },
      },
    });
    registry.push('o/web:main', fakeImage('one'));
    const path = '/v2/o/web/manifests/main';
    const anonymous = await ask(registry, 'HEAD', path);
    assert.equal(anonymous.status, 401);
    assert.equal(anonymous.headers['www-authenticate'], 'Basic realm="fake registry"');
    const as = (user: string, password: string): Promise<Reply> =>
      ask(registry, 'HEAD', path, { accept: '*/*', authorization: basic(user, password) });
    assert.equal((await as('ann', 'a:1')).status, 200);
    assert.equal((await as('ann', 'wrong')).status, 401);
    assert.equal((await as('bob', 'b')).status, 403);
  });

  test('hands out tokens by GET, by password and by refresh token, for what the account may pull', async () => {
    await using registry = await FakeRegistry.start({
      auth: {
        type: 'bearer',
        users: { ann: { password: 'secret' } },
        public: ['o/open'],
        refreshTokens: { 'refresh-1': 'ann' },
        expiresInSeconds: 300,
      },
    });
    registry.push('o/web:main', fakeImage('one'));
    registry.push('o/open:main', fakeImage('one'));
    const challenge = await ask(registry, 'HEAD', '/v2/o/web/manifests/main');
    assert.equal(
      challenge.headers['www-authenticate'],
      `Bearer realm="${registry.url.href}token",service="fake-registry",scope="repository:o/web:pull"`,
    );
    const pull = async (repository: string, text: string): Promise<number> => {
      const headers = { accept: '*/*', authorization: `Bearer ${text}` };
      const path = `/v2/${repository}/manifests/main`;
      return (await ask(registry, 'HEAD', path, headers)).status;
    };
    const query = '/token?service=fake-registry&scope=repository:o/web:pull';
    const authorization = basic('ann', 'secret');
    const byGet = accessToken(await ask(registry, 'GET', query, { authorization }));
    assert.equal(await pull('o/web', byGet), 200);
    assert.equal(await pull('o/open', byGet), 401);
    const form = new URLSearchParams({ scope: 'repository:o/web:pull', service: 'fake-registry' });
    const post = async (more: Record<string, string>): Promise<Reply> =>
      ask(
        registry,
        'POST',
        '/token',
        {},
        new URLSearchParams([...form, ...Object.entries(more)]).toString(),
      );
    const password = { grant_type: 'password', username: 'ann', password: 'secret' };
    assert.equal(await pull('o/web', accessToken(await post(password))), 200);
    const refresh = { grant_type: 'refresh_token', refresh_token: 'refresh-1' };
    assert.equal(await pull('o/web', accessToken(await post(refresh))), 200);
    assert.equal((await post({ ...refresh, refresh_token: 'other' })).status, 401);
    assert.equal(await pull('o/web', accessToken(await ask(registry, 'GET', query, {}))), 401);
    registry.issuer?.revokeAll();
    assert.equal(await pull('o/web', byGet), 401);
  });

  test('counts down a rate limit with GETs only', async () => {
    await using registry = await FakeRegistry.start({
      rateLimit: { limit: 100, remaining: 1, windowSeconds: 21600 },
    });
    registry.push('o/web:main', fakeImage('one'));
    const path = '/v2/o/web/manifests/main';
    assert.equal((await ask(registry, 'HEAD', path)).headers['ratelimit-remaining'], '1;w=21600');
    assert.equal((await ask(registry, 'GET', path)).headers['ratelimit-remaining'], '0;w=21600');
    assert.equal((await ask(registry, 'HEAD', path)).status, 429);
  });

  test('serves HTTP/2 with a certificate of the test authority', async () => {
    const authority = await createAuthority();
    await using registry = await FakeRegistry.start({
      tls: 'h2',
      identity: await authority.issue(['127.0.0.1']),
    });
    const digest = registry.push('o/web:main', fakeImage('one'));
    const session = connectHttp2(registry.url, { ca: authority.certificate });
    const headers = await new Promise<Record<string, unknown>>((resolve, reject) => {
      session.on('error', reject);
      const stream = session.request({
        ':method': 'HEAD',
        ':path': '/v2/o/web/manifests/main',
        accept: '*/*',
      });
      stream.on('error', reject);
      stream.on('response', resolve);
      stream.end();
    });
    session.destroy();
    assert.equal(headers['docker-content-digest'], digest);
    assert.equal(registry.requests[0]?.httpVersion, '2.0');
    assert.equal(registry.requests[0]?.connection, 1);
    assert.equal(registry.connections, 1);
  });
});
