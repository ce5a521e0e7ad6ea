import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';

import { createAuthority, type TestAuthority } from '../testing/certificates.ts';
import { fakeImage } from '../testing/fake-images.ts';
import { FakeRegistry, type TlsIdentity } from '../testing/fake-registry.ts';
import { RawServer } from '../testing/raw-server.ts';
import { testHttp } from '../testing/test-http.ts';

const path = '/v2/o/web/manifests/main';
const quickHeaders = { connectMs: 10_000, headersMs: 200, bodyMs: 10_000 };
const quickBody = { connectMs: 10_000, headersMs: 10_000, bodyMs: 200 };

let authority: TestAuthority;
let identity: TlsIdentity;
before(async () => {
  authority = await createAuthority();
  identity = await authority.issue(['127.0.0.1']);
});

describe('limits (case 61)', () => {
  for (const tls of [false, 'h2'] as const) {
    const over = tls === false ? 'HTTP/1.1' : 'HTTP/2';

    test(`case 61: does not read a manifest of 2 GiB over ${over}`, async () => {
      await using registry = await FakeRegistry.start(tls === false ? {} : { tls, identity });
      await using net = testHttp({ caCertificates: [authority.certificate] });
      const headers = { 'content-length': String(2 * 1024 ** 3) };
      registry.on('GET', path, { headers, body: '{', fault: 'stall' });
      const failure = await net.failure(new URL(path, registry.url), { method: 'GET' });
      assert.equal(failure.code, 'malformed');
      assert.match(failure.message, /more than the 65536 bytes/);
    });

    test(`case 61: stops reading an endless body over ${over} at the cap`, async () => {
      await using registry = await FakeRegistry.start(tls === false ? {} : { tls, identity });
      await using net = testHttp({ caCertificates: [authority.certificate] });
      registry.on('GET', path, { body: 'x'.repeat(10_000), fault: 'endless' });
      const failure = await net.failure(new URL(path, registry.url), { method: 'GET' });
      assert.equal(failure.code, 'malformed');
      registry.push('o/web:main', fakeImage('one'));
      assert.equal((await net.send(new URL(path, registry.url))).status, 200);
    });

    test(`case 61: a flood of headers over ${over} is malformed`, async () => {
      await using registry = await FakeRegistry.start(tls === false ? {} : { tls, identity });
      await using net = testHttp({ caCertificates: [authority.certificate] });
      const flood: Record<string, string> = {};
      for (let number = 0; number < 2_000; number += 1) flood[`x-${number}`] = 'y'.repeat(100);
      registry.on('HEAD', path, { headers: flood });
      const failure = await net.failure(new URL(path, registry.url));
      assert.equal(failure.code, 'malformed');
    });

    test(`a body that ends too early over ${over} is malformed`, async () => {
      await using registry = await FakeRegistry.start(tls === false ? {} : { tls, identity });
      await using net = testHttp({ caCertificates: [authority.certificate] });
      registry.on('GET', path, { body: 'x'.repeat(1000), fault: 'truncate' });
      const failure = await net.failure(new URL(path, registry.url), { method: 'GET' });
      assert.equal(failure.code, 'malformed');
    });

    test(`headers that do not come over ${over} are timed out`, async () => {
      await using registry = await FakeRegistry.start(tls === false ? {} : { tls, identity });
      await using net = testHttp({
        caCertificates: [authority.certificate],
        deadlines: quickHeaders,
      });
      registry.on('HEAD', path, { fault: 'hang' });
      const failure = await net.failure(new URL(path, registry.url));
      assert.equal(failure.code, 'timed-out');
      assert.match(failure.message, /no complete headers within 0.2 s/);
      assert.equal(failure.connectFailure, false);
    });

    test(`a body that trickles over ${over} is timed out as a whole`, async () => {
      await using registry = await FakeRegistry.start(tls === false ? {} : { tls, identity });
      await using net = testHttp({ caCertificates: [authority.certificate], deadlines: quickBody });
      registry.on('GET', path, { body: 'x', fault: 'trickle' });
      const failure = await net.failure(new URL(path, registry.url), { method: 'GET' });
      assert.equal(failure.code, 'timed-out');
      assert.match(failure.message, /no complete body within 0.2 s/);
    });
  }

  test('case 61: a body in pieces of one byte is given up', async () => {
    const crumbs = Buffer.from('1\r\nx\r\n'.repeat(1000));
    await using server = await RawServer.start((socket) => {
      socket.once('data', () => {
        socket.write('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n');
        const next = (): void => {
          if (!socket.destroyed) socket.write(crumbs, () => setImmediate(next));
        };
        next();
      });
    });
    await using net = testHttp();
    const failure = await net.failure(server.url, { method: 'GET', maxBodyBytes: 8 * 1024 * 1024 });
    assert.equal(failure.code, 'malformed');
    assert.match(failure.message, /in more than 32768 pieces/);
  });

  test('case 61: interim answers without end are malformed', async () => {
    await using server = await RawServer.start((socket) => {
      socket.once('data', () => {
        const next = (): void => {
          if (socket.destroyed) return;
          socket.write('HTTP/1.1 103 Early Hints\r\n\r\n', () => setImmediate(next));
        };
        next();
      });
    });
    await using net = testHttp();
    const failure = await net.failure(server.url);
    assert.equal(failure.code, 'malformed');
    assert.match(failure.message, /more than 8 interim answers/);
  });

  test('a HEAD may announce a body of any size', async () => {
    await using registry = await FakeRegistry.start();
    await using net = testHttp();
    registry.on('HEAD', path, { headers: { 'content-length': String(2 * 1024 ** 3) } });
    assert.equal((await net.send(new URL(path, registry.url))).status, 200);
  });

  test('a header that cannot be sent is malformed, and not shown', async () => {
    await using registry = await FakeRegistry.start();
    await using net = testHttp();
    const headers = { accept: '*/*', authorization: 'Bearer secret\r\nx: y' };
    const failure = await net.failure(new URL(path, registry.url), { headers });
    assert.equal(failure.code, 'malformed');
    assert.doesNotMatch(failure.message, /secret/);
    assert.equal(registry.requests.length, 0);
  });

  test('what is not HTTP is malformed', async () => {
    await using registry = await FakeRegistry.start();
    await using net = testHttp();
    registry.on('HEAD', path, { fault: 'garbage' });
    const failure = await net.failure(new URL(path, registry.url));
    assert.equal(failure.code, 'malformed');
    assert.match(failure.message, /is not HTTP/);
  });

  test('case 61: headers without end are malformed', async () => {
    await using server = await RawServer.start((socket) => {
      socket.once('data', () => {
        socket.write('HTTP/1.1 200 OK\r\n');
        const flood = (): void => {
          if (socket.destroyed) return;
          socket.write(`x-flood: ${'y'.repeat(1000)}\r\n`, () => setImmediate(flood));
        };
        flood();
      });
    });
    await using net = testHttp();
    const failure = await net.failure(server.url);
    assert.equal(failure.code, 'malformed');
    assert.match(failure.message, /too many headers/);
  });
});

describe('the status of a refusal or a redirect is the answer, whatever becomes of its body', () => {
  const faults = [
    { name: 'does not end', answer: { body: 'x'.repeat(10_000), fault: 'endless' } },
    { name: 'is too large', answer: { headers: { 'content-length': '99999999' }, fault: 'stall' } },
    { name: 'stops', answer: { headers: { 'content-length': '99' }, body: '{', fault: 'stall' } },
    { name: 'is cut', answer: { body: 'x'.repeat(1000), fault: 'truncate' } },
  ] as const;
  for (const tls of [false, 'h2'] as const) {
    for (const { name, answer } of faults) {
      const over = tls === false ? 'HTTP/1.1' : 'HTTP/2';
      test(`401 with a body that ${name} over ${over}; the next request is answered, too`, async () => {
        await using registry = await FakeRegistry.start(tls === false ? {} : { tls, identity });
        await using net = testHttp({
          caCertificates: [authority.certificate],
          deadlines: quickBody,
        });
        registry.on('GET', path, { status: 401, ...answer });
        const refused = await net.send(new URL(path, registry.url), { method: 'GET' });
        assert.equal(refused.status, 401);
        assert.ok(refused.body.length <= 64 * 1024);
        registry.push('o/web:main', fakeImage('one'));
        assert.equal((await net.send(new URL(path, registry.url))).status, 200);
        // Who fell silent may have done so for good.
        if (name === 'stops') assert.equal(registry.connections, 2);
      });
    }
  }

  test('a redirect whose body does not end is followed', async () => {
    await using registry = await FakeRegistry.start();
    await using net = testHttp();
    const headers = { location: '/there' };
    registry.on('GET', path, { status: 307, headers, body: 'x'.repeat(10_000), fault: 'endless' });
    registry.on('GET', '/there', { body: 'here' });
    const answer = await net.send(new URL(path, registry.url), { method: 'GET' });
    assert.equal(Buffer.from(answer.body).toString(), 'here');
  });
});
