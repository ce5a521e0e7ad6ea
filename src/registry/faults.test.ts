import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import type { UnknownReason } from '../image/lookup.ts';
import { createAuthority } from '../testing/certificates.ts';
import type { Answer } from '../testing/fake-answer.ts';
import { digestOf, fakeImage } from '../testing/fake-images.ts';
import { FakeRegistry } from '../testing/fake-registry.ts';
import { failed, found } from '../testing/latest.ts';
import {
  latestIn,
  TestRegistries,
  type TestRegistriesOptions,
} from '../testing/test-registries.ts';

const path = '/v2/o/web/manifests/main';
const image = fakeImage('one');
/** Short enough for a test; the connections are local. */
const deadlines = { connectMs: 10_000, headersMs: 300, bodyMs: 300 };

/** Looks up a broken image and, in the same tick, one of a registry that is well. */
async function lookUp(
  host: string,
  options: TestRegistriesOptions = {},
): Promise<{ readonly reason: UnknownReason; readonly message: string }> {
  await using well = await FakeRegistry.start();
  well.push('o/web:main', image);
  await using registries = new TestRegistries({
    ...options,
    http: { deadlines, ...options.http },
    ruleFor: ({ registry }) => ({
      candidates: [],
      options: {
        plainHttp: registry === well.host || options.host?.plainHttp !== false,
        insecureSkipTlsVerify: false,
      },
      pattern: registry,
    }),
  });
  const lookUps = registries.begin();
  const [broken, good] = await Promise.all([
    latestIn(lookUps, `${host}/o/web:main`),
    latestIn(lookUps, `${well.host}/o/web:main`),
  ]);
  assert.equal(found(good).digest, image.digest);
  return failed(broken);
}

describe('a fault in each layer ends in its reason, the rest of the tick is untouched', () => {
  test('DNS', async () => {
    const { reason, message } = await lookUp('no-such-host.example.com', {
      http: {
        lookup: (hostname) =>
          Promise.reject(Object.assign(new Error(`no ${hostname}`), { code: 'ENOTFOUND' })),
      },
    });
    assert.equal(reason, 'unreachable');
    assert.match(message, /no-such-host\.example\.com could not be resolved/);
  });

  test('connect', async () => {
    const closed = await FakeRegistry.start();
    await closed.close();
    const { reason, message } = await lookUp(closed.host);
    assert.equal(reason, 'unreachable');
    assert.match(message, /connecting to 127\.0\.0\.1:\d+ failed/);
  });

  test('TLS: a certificate that nobody trusts', async () => {
    const authority = await createAuthority();
    await using registry = await FakeRegistry.start({
      tls: 'h2',
      identity: await authority.issue(['127.0.0.1']),
    });
    const { reason, message } = await lookUp(registry.host, { host: { plainHttp: false } });
    assert.equal(reason, 'unreachable');
    assert.match(message, /TLS of 127\.0\.0\.1:\d+.*caCertificatePath/);
  });

  const manifest = { 'content-type': image.mediaType };
  const rows: readonly {
    readonly name: string;
    readonly head?: Answer;
    readonly get?: Answer;
    readonly token?: Answer;
    readonly want: UnknownReason;
  }[] = [
    { name: 'headers: they never come', head: { fault: 'hang' }, want: 'timed-out' },
    { name: 'headers: the connection is cut', head: { fault: 'reset' }, want: 'unreachable' },
    { name: 'headers: no HTTP', head: { fault: 'garbage' }, want: 'malformed' },
    {
      name: 'headers: a flood',
      head: {
        headers: Object.fromEntries(
          Array.from({ length: 500 }, (_, number): [string, string] => [
            `x-${number}`,
            'y'.repeat(200),
          ]),
        ),
      },
      want: 'malformed',
    },
    {
      name: 'body: it stops',
      get: { headers: { 'content-length': '9999' }, body: image.bytes, fault: 'stall' },
      want: 'timed-out',
    },
    { name: 'body: it trickles', get: { body: ' ', fault: 'trickle' }, want: 'timed-out' },
    { name: 'body: it is cut', get: { body: image.bytes, fault: 'truncate' }, want: 'malformed' },
    {
      name: 'body: it does not end',
      get: { body: Buffer.alloc(65_536, ' '), fault: 'endless' },
      want: 'malformed',
    },
    { name: 'JSON: none', get: { headers: manifest, body: '{"a":' }, want: 'malformed' },
    { name: 'JSON: of something else', get: { headers: manifest, body: '[]' }, want: 'malformed' },
    {
      name: 'digest: of something else',
      get: {
        headers: { ...manifest, 'docker-content-digest': digestOf('x') },
        body: image.bytes,
      },
      want: 'malformed',
    },
    { name: 'token: it never comes', token: { fault: 'hang' }, want: 'timed-out' },
    { name: 'token: the connection is cut', token: { fault: 'reset' }, want: 'unreachable' },
    { name: 'token: it trickles', token: { body: ' ', fault: 'trickle' }, want: 'timed-out' },
    {
      name: 'token: it does not end',
      token: { body: Buffer.alloc(65_536, ' '), fault: 'endless' },
      want: 'malformed',
    },
    { name: 'token: no JSON', token: { body: '<html>' }, want: 'malformed' },
    { name: 'token: 500', token: { status: 500 }, want: 'registry-error' },
    { name: 'token: a redirect without end', token: redirect('/token'), want: 'malformed' },
    { name: 'redirects: without end', head: redirect(path), want: 'malformed' },
    { name: 'redirects: to a file', head: redirect('file:///etc/passwd'), want: 'malformed' },
    {
      name: 'redirects: to the metadata service',
      head: redirect('http://169.254.169.254/latest/'),
      want: 'malformed',
    },
  ];
  for (const { name, head, get, token, want } of rows) {
    test(`${name} → ${want}`, async () => {
      await using registry = await FakeRegistry.start();
      const challenge = `Bearer realm="${registry.url.href}token"`;
      const asks: Answer = { status: 401, headers: { 'www-authenticate': challenge } };
      registry.on('HEAD', path, head ?? (token === undefined ? { status: 405 } : asks));
      if (get !== undefined) registry.on('GET', path, get);
      if (token !== undefined) registry.on('GET', '/token', token);
      const { reason, message } = await lookUp(registry.host);
      assert.equal(reason, want, message);
      assert.match(message, /127\.0\.0\.1|169\.254\.169\.254/);
      assert.ok(message.length <= 300, message);
    });
  }
});

function redirect(location: string): Answer {
  return { status: 307, headers: { location } };
}
