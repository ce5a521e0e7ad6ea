import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseCommandLine } from './cli.ts';

const parse = (line: string) => parseCommandLine(line === '' ? [] : line.split(' '), '1.2.3');

describe('parseCommandLine', () => {
  const rows: readonly { line: string; want: unknown }[] = [
    { line: '', want: { command: 'run', once: false, failOnUnknown: false } },
    { line: 'run', want: { command: 'run', once: false, failOnUnknown: false } },
    { line: '--once', want: { command: 'run', once: true, failOnUnknown: false } },
    {
      line: 'run --once --fail-on-unknown',
      want: { command: 'run', once: true, failOnUnknown: true },
    },
    {
      line: 'check',
      want: { command: 'check', output: 'table', exitCode: false, failOnUnknown: false },
    },
    {
      line: 'check --output json --workload sts/db --exit-code',
      want: {
        command: 'check',
        output: 'json',
        workload: { kind: 'StatefulSet', name: 'db' },
        exitCode: true,
        failOnUnknown: false,
      },
    },
    {
      line: 'explain Deployment/web',
      want: {
        command: 'explain',
        workload: { kind: 'Deployment', name: 'web' },
        output: 'text',
        exitCode: false,
        failOnUnknown: false,
      },
    },
    { line: 'validate', want: { command: 'validate' } },
    { line: 'schema', want: { command: 'schema' } },
    { line: 'demo', want: { command: 'demo' } },
  ];
  for (const { line, want } of rows) {
    test(`reads "${line}"`, () => {
      const parsed = parse(line);
      assert.ok(parsed.ok, JSON.stringify(parsed));
      assert.deepEqual(parsed.invocation, want);
    });
  }

  for (const line of ['--namespace shop check', 'check --namespace shop']) {
    test(`takes a common flag on either side of the command: "${line}"`, () => {
      const parsed = parse(line);
      assert.ok(parsed.ok);
      assert.deepEqual(parsed.flags, { namespace: 'shop', dryRun: false });
    });
  }

  test('reads every common flag', () => {
    const parsed = parse(
      'run --config c.yaml --namespace n --kubeconfig k --context x --dry-run --log-level debug --log-format pretty',
    );
    assert.ok(parsed.ok);
    assert.deepEqual(parsed.flags, {
      config: 'c.yaml',
      namespace: 'n',
      kubeconfig: 'k',
      context: 'x',
      dryRun: true,
      logLevel: 'debug',
      logFormat: 'pretty',
    });
  });

  const wrong: readonly { line: string; quotes: RegExp }[] = [
    { line: 'check --nope', quotes: /unknown option '--nope'/ },
    { line: 'chekc', quotes: /chekc/ },
    { line: 'run --log-level loud', quotes: /'loud'.*trace, debug, info, warn, error/ },
    { line: 'check --output yaml', quotes: /'yaml'.*table, json/ },
    { line: 'check --workload web', quotes: /'web'.*KIND\/NAME/ },
    { line: 'explain job/web', quotes: /'job\/web'.*Deployment, StatefulSet, DaemonSet/ },
    { line: 'explain deployment/a/b', quotes: /'deployment\/a\/b'/ },
    { line: 'explain constructor/a', quotes: /'constructor\/a'/ },
    { line: 'explain', quotes: /missing required argument/ },
    { line: 'run --config', quotes: /--config <file>.*argument missing/ },
    { line: 'schema extra', quotes: /too many arguments/ },
  ];
  for (const { line, quotes } of wrong) {
    test(`refuses "${line}" with exit code 2`, () => {
      const parsed = parse(line);
      assert.ok(!parsed.ok);
      assert.equal(parsed.exitCode, 2);
      assert.match(parsed.text, quotes);
    });
  }

  test('prints help and version with exit code 0', () => {
    assert.deepEqual(parse('--version'), { ok: false, exitCode: 0, text: '1.2.3\n' });
    const help = parse('check --help');
    assert.ok(!help.ok);
    assert.equal(help.exitCode, 0);
    assert.match(help.text, /--exit-code/);
    assert.match(help.text, /--kubeconfig/, 'common flags are listed, too');
  });
});
