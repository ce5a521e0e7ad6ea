import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { inspect, promisify } from 'node:util';
import { Secret } from '../credentials/credential.ts';
import type { Fields } from './fields.ts';
import { createLog, type Log, type LogOptions } from './log.ts';

function logTo(lines: string[], options: Partial<LogOptions> = {}): Log {
  return createLog({
    level: 'trace',
    format: 'json',
    destination: { write: (line) => lines.push(line) },
    now: () => new Date('2026-01-01T12:34:56.789Z'),
    ...options,
  });
}

/** What is logged for fields, read back. */
function logged(fields: Fields): unknown {
  const lines: string[] = [];
  logTo(lines).info(fields, 'sentence');
  assert.equal(lines.length, 1);
  return JSON.parse(lines.join(''));
}

const head = { level: 'info', time: '2026-01-01T12:34:56.789Z', msg: 'sentence' };

describe('log', () => {
  test('a line is JSON: level as a word, ISO time, fields, a fixed sentence', () => {
    const lines: string[] = [];
    logTo(lines).warn({ workload: 'web', kind: 'Deployment' }, 'workload is held');
    assert.deepEqual(lines, [
      '{"level":"warn","time":"2026-01-01T12:34:56.789Z","workload":"web","kind":"Deployment","msg":"workload is held"}\n',
    ]);
  });

  test('lower levels are left out', () => {
    const lines: string[] = [];
    const log = logTo(lines, { level: 'warn' });
    for (const level of ['trace', 'debug', 'info', 'warn', 'error'] as const) log[level]({}, level);
    assert.deepEqual(
      lines.map((line) => /"msg":"(?<msg>\w+)"/.exec(line)?.groups?.['msg']),
      ['warn', 'error'],
    );
  });

  test('percent signs in sentences are not placeholders', () => {
    const lines: string[] = [];
    logTo(lines).info({ a: 1 }, '100%s %d %j');
    assert.match(lines.join(''), /"msg":"100%s %d %j"/);
  });

  test('case 61 text from outside is escaped and cut, images are not', () => {
    const image = `registry.example.com/${'a'.repeat(230)}:${'b'.repeat(128)}`;
    assert.deepEqual(logged({ message: '\u001b[2Jgone', image, list: ['\u202e'] }), {
      ...head,
      message: String.raw`\u{1b}[2Jgone`,
      image,
      list: [String.raw`\u{202e}`],
    });
    const lines: string[] = [];
    logTo(lines).info({ annotation: 'x'.repeat(1_000_000) }, 'sentence');
    assert.ok(lines.join('').length < 1200);
  });

  test('case 61 long lists, deep objects and circles end', () => {
    const circle: Record<string, unknown> = {};
    circle['self'] = circle;
    const lines: string[] = [];
    logTo(lines).info({ circle, entries: Array.from({ length: 10_000 }, () => 'x') }, 'sentence');
    assert.match(lines.join(''), /"… and 9950 more"/);
    assert.ok(lines.join('').length < 1000);
  });

  test('dates, URLs, sets and numbers print as they are, a URL without what may be secret', () => {
    assert.deepEqual(
      logged({
        created: new Date(0),
        url: new URL('https://me:geheim@r.example.com/token?service=x'),
        kinds: new Set(['a']),
        count: 2n,
        nothing: null,
      }),
      {
        ...head,
        created: '1970-01-01T00:00:00.000Z',
        url: 'https://[redacted]@r.example.com/token?[redacted]',
        kinds: ['a'],
        count: '2',
        nothing: null,
      },
    );
  });
});

describe('errors', () => {
  test('print code, message and causes, nothing of the answer', () => {
    const error = Object.assign(
      new Error('HTTP-Code: 403\nBody: {"geheim":1}\nHeaders: {"set-cookie":"geheim"}', {
        cause: new AggregateError(
          [Object.assign(new Error('connect 127.0.0.1:1'), { code: 'ECONNREFUSED' })],
          'all failed',
        ),
      }),
      { code: 403, body: 'geheim', headers: { authorization: 'geheim' } },
    );
    assert.deepEqual(logged({ error }), {
      ...head,
      error: {
        name: 'Error',
        code: 403,
        message: 'HTTP-Code: 403',
        causes: ['all failed', 'ECONNREFUSED: connect 127.0.0.1:1'],
      },
    });
  });

  test('case 61 a message is cut at 200 characters', () => {
    const error = Object.assign(new Error('x'.repeat(500)), { code: 'LONG' });
    assert.deepEqual(logged({ error }), {
      ...head,
      error: { name: 'Error', code: 'LONG', message: `${'x'.repeat(199)}…` },
    });
  });

  test('a defect shows its place in the code', () => {
    const lines: string[] = [];
    logTo(lines).error({ error: new TypeError('not a function') }, 'tick threw');
    assert.match(lines.join(''), /"frames":\["at [^"]*log\.test\.ts/);
  });

  test('causes that go round end', () => {
    const error = new Error('round');
    error.cause = error;
    const lines: string[] = [];
    logTo(lines).error({ error }, 'sentence');
    assert.doesNotMatch(lines.join(''), /causes/);
  });
});

describe('secrets', () => {
  const password = 'correct-horse-battery-staple';
  const carriers: Record<string, Fields> = {
    'a Secret': { password: new Secret(password), given: new Secret(password) },
    'a Secret deep inside': { credentials: [{ source: 'rule', token: new Secret(password) }] },
    'a credential': {
      credential: { type: 'basic', username: 'u', password: new Secret(password) },
    },
    'a field that is named like one': { headers: { authorization: password }, token: password },
    'a docker config': { auths: { 'r.example.com': { auth: password } } },
    'an error property': { error: Object.assign(new Error('refused'), { password }) },
    'a cause that is a Secret': { error: new Error('refused', { cause: new Secret(password) }) },
    'a header in a message': { message: `refused: Basic ${password}` },
    'a URL in an error': { error: new Error(`GET https://u:${password}@r/t?password=${password}`) },
    'text in a template': { message: `refused ${String(new Secret(password))}` },
    'inspected text': { message: inspect({ given: new Secret(password) }) },
  };
  for (const format of ['json', 'pretty'] as const) {
    for (const [name, fields] of Object.entries(carriers)) {
      test(`${name} does not print its secret in ${format}`, () => {
        const lines: string[] = [];
        logTo(lines, { format }).error(fields, 'sentence');
        assert.equal(lines.length, 1);
        assert.ok(!lines.join('').includes(password), lines.join(''));
      });
    }
  }
  test('it says that something was there', () => {
    assert.deepEqual(logged({ given: new Secret(password) }), { ...head, given: '[redacted]' });
  });
});

describe('pretty', () => {
  const fields = {
    kind: 'Deployment',
    workload: 'web',
    message: 'the tag moved',
    running: ['sha256:a', 'sha256:b'],
    quoted: 'a "b"',
    changes: [{ container: 'app' }],
  };
  test('is one line for people', () => {
    const lines: string[] = [];
    logTo(lines, { format: 'pretty' }).info(fields, 'workload restarted');
    assert.deepEqual(lines, [
      '12:34:56Z INFO  workload restarted: the tag moved kind=Deployment workload=web ' +
        'running=sha256:a,sha256:b quoted="a \\"b\\"" changes=[{"container":"app"}]\n',
    ]);
  });

  test('has colours only where asked for', () => {
    const lines: string[] = [];
    logTo(lines, { format: 'pretty', colour: true }).error({ kind: 'Deployment' }, 'sentence');
    assert.match(lines.join(''), /\u001b\[31mERROR/); // oxlint-disable-line no-control-regex
  });

  test('case 61 the only escapes on a terminal are its own', () => {
    const lines: string[] = [];
    logTo(lines, { format: 'pretty' }).info({ message: '\u001b[31m', name: '\u009b' }, '\u001b');
    assert.doesNotMatch(lines.join(''), /[\u001b\u009b]/); // oxlint-disable-line no-control-regex
  });
});

test('every line is out when the process exits at once', async () => {
  const script = `
    import { createLog, descriptorDestination } from ${JSON.stringify(new URL('./log.ts', import.meta.url).href)};
    const log = createLog({ level: 'info', format: 'json', destination: descriptorDestination(1), now: () => new Date() });
    for (let line = 0; line < 2000; line++) log.info({ line }, 'a line that is long enough to fill a pipe');
    process.exit(0);`;
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--input-type=module', '--eval', script],
    { cwd: fileURLToPath(new URL('.', import.meta.url)), maxBuffer: 10 * 1024 * 1024 },
  );
  const lines = stdout.trimEnd().split('\n');
  assert.equal(lines.length, 2000);
  assert.match(lines.at(-1) ?? '', /"line":1999/);
});
