import assert from 'node:assert/strict';
import { request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { describe, test } from 'node:test';
import { createHealth } from './health.ts';
import { createMetrics } from './metrics.ts';
import { createWebServer, WebServerError } from './server.ts';

const host = '127.0.0.1';

async function start() {
  let nowMs = 0;
  const health = createHealth({ monotonicMs: () => nowMs });
  const metrics = createMetrics({ version: '1.2.3', processMetrics: false });
  const server = createWebServer({ health, metrics });
  const port = await server.listen(0, host);
  return {
    health,
    server,
    port,
    pass: (ms: number) => (nowMs += ms),
    get: (path: string, method = 'GET') => exchange(port, path, method),
    [Symbol.asyncDispose]: () => server.close(),
  };
}

interface Answer {
  readonly status: number | undefined;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

function exchange(port: number, path: string, method: string): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const sent = request({ host, port, path, method, agent: false }, (response) => {
    let body = '';
    response.setEncoding('utf8');
    response.on('data', (text: string) => (body += text));
    response.on('end', () =>
      resolve({ status: response.statusCode, headers: response.headers, body }),
    );
  });
  sent.on('error', reject).end();
  return promise;
}

/** A connection that sends what it is given; resolves with all that came until the server closed it. */
async function talk(
  port: number,
  text: string,
): Promise<{ socket: Socket; closed: Promise<string> }> {
  const socket = connect(port, host);
  const connected = Promise.withResolvers<void>();
  const closed = Promise.withResolvers<string>();
  let received = '';
  socket.setEncoding('utf8');
  socket.on('data', (data: string) => (received += data));
  socket.on('error', () => {});
  socket.on('close', () => closed.resolve(received));
  socket.on('connect', () => socket.write(text, () => connected.resolve()));
  await connected.promise;
  return { socket, closed: closed.promise };
}

describe('health', () => {
  test('ready flips: before the config, before a LIST, ready, three failed ticks, back', async () => {
    await using up = await start();
    const ready = async () => {
      const { status, body } = await up.get('/health/ready');
      return `${status} ${body}`.trim();
    };
    assert.equal(await ready(), '503 the configuration is not loaded yet');
    up.health.configLoaded();
    assert.equal(await ready(), '503 no LIST of the API server has succeeded yet');
    up.health.listed();
    assert.equal(await ready(), '204');
    for (let tick = 0; tick < 3; tick++) up.health.tickEnded('failed');
    assert.equal(await ready(), '503 the last 3 ticks failed; the log says why');
    up.health.tickEnded('success');
    assert.equal(await ready(), '204');
  });

  test('live flips while a tick hangs', async () => {
    await using up = await start();
    assert.equal((await up.get('/health/live')).status, 204);
    up.health.tickStarted(60_000);
    up.pass(70_000);
    const hanging = await up.get('/health/live');
    assert.equal(hanging.status, 503);
    assert.equal(hanging.body, 'a tick runs for 70 s, its deadline was 60 s\n');
    up.health.tickEnded('success');
    assert.equal((await up.get('/health/live')).status, 204);
  });
});

describe('routes', () => {
  test('metrics are served in the text format', async () => {
    await using up = await start();
    const { status, headers, body } = await up.get('/metrics?name[]=x');
    assert.equal(status, 200);
    assert.equal(headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8');
    assert.match(body, /^kube_autorollout_build_info\{version="1\.2\.3"\} 1$/m);
  });

  test('HEAD answers like GET, without a body', async () => {
    await using up = await start();
    const get = await up.get('/metrics');
    const head = await up.get('/metrics', 'HEAD');
    assert.equal(head.status, 200);
    assert.equal(head.headers['content-length'], get.headers['content-length']);
    assert.equal(head.body, '');
    assert.equal((await up.get('/health/live', 'HEAD')).status, 204);
  });

  test('other methods are not allowed', async () => {
    await using up = await start();
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS']) {
      const { status, headers } = await up.get('/metrics', method);
      assert.equal(status, 405);
      assert.equal(headers['allow'], 'GET, HEAD');
    }
  });

  test('other paths are not found', async () => {
    await using up = await start();
    for (const path of [
      '/',
      '/health',
      '/health/live/',
      '/metrics/x',
      '//metrics',
      '/constructor',
    ]) {
      assert.equal((await up.get(path)).status, 404, path);
    }
  });
});

describe('hostile clients', () => {
  test('case 61 headers above 8 KiB are refused', async () => {
    await using up = await start();
    const { closed } = await talk(
      up.port,
      `GET /metrics HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(9000)}\r\n\r\n`,
    );
    assert.match(await closed, /^HTTP\/1\.1 431 /);
  });

  test('case 61 what is not HTTP is refused', async () => {
    await using up = await start();
    const { closed } = await talk(up.port, '\u0016\u0003\u0001 TLS or so\r\n\r\n');
    assert.match(await closed, /^HTTP\/1\.1 400 /);
  });

  test('case 61 a body is not waited for', async () => {
    await using up = await start();
    const { closed } = await talk(
      up.port,
      'POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\nbegin',
    );
    assert.match(await closed, /^HTTP\/1\.1 405 /);
  });
});

describe('listen and close', () => {
  test('case 58 close does not wait for idle and half-sent connections', async () => {
    const { server, port } = await start();
    const connections = [
      await talk(port, 'GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n'),
      await talk(port, 'GET /health/live HTTP/1.1\r\nHo'),
      await talk(port, ''),
    ];
    await server.close();
    await Promise.all(connections.map(({ closed }) => closed));
    await server.close();
  });

  test('a port in use is a clear error', async () => {
    await using up = await start();
    const other = createWebServer({
      health: up.health,
      metrics: createMetrics({ version: '1', processMetrics: false }),
    });
    await assert.rejects(other.listen(up.port, host), (error) => {
      assert.ok(error instanceof WebServerError);
      assert.equal(error.code, 'EADDRINUSE');
      assert.equal(
        error.message,
        `the web server cannot listen on port ${up.port}: it is in use; ` +
          'set webserver.port to another one, or to 0 to switch the web server off',
      );
      return true;
    });
    await other.close();
  });
});
