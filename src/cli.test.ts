import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { calledAs, parseCommandLine } from './cli.ts';

const parse = (line: string) => parseCommandLine(line === '' ? [] : line.split(' '), '1.2.3');

const asPlugin = (...args: string[]) => parseCommandLine(args, '1.2.3', 'kubectl autorollout');

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
    {
      line: 'explain deployment.apps/web -o json',
      want: {
        command: 'explain',
        workload: { kind: 'Deployment', name: 'web' },
        output: 'json',
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
    { line: 'help chekc', quotes: /^error: unknown command 'chekc'. Allowed are run, check, / },
    { line: 'run --log-level loud', quotes: /'loud'.*trace, debug, info, warn, error/ },
    { line: 'check --output yaml', quotes: /'yaml'.*table, json/ },
    { line: 'check --workload shop', quotes: /'shop'.*KIND\/NAME.*like deployment\/shop\./ },
    { line: 'explain jobs.apps/web', quotes: /'jobs.apps\/web'/ },
    { line: 'explain job/web', quotes: /'job\/web'.*Deployment, StatefulSet, DaemonSet/ },
    { line: 'explain deployment/a/b', quotes: /'deployment\/a\/b'/ },
    { line: 'explain constructor/a', quotes: /'constructor\/a'/ },
    { line: 'check -- -n=shop', quotes: /too many arguments/ },
    { line: 'explain', quotes: /missing required argument/ },
    { line: 'run --config', quotes: /--config <file>.*argument missing/ },
    { line: 'validate --config=', quotes: /--config <file>' argument '' is invalid. It is empty/ },
    { line: 'check --namespace=', quotes: /--namespace <namespace>' argument '' is invalid/ },
    { line: 'check --kubeconfig=', quotes: /--kubeconfig <file>' argument '' is invalid/ },
    { line: 'check --context=', quotes: /--context <name>' argument '' is invalid/ },
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
    for (const line of ['check --help', 'help check']) {
      const help = parse(line);
      assert.ok(!help.ok);
      assert.equal(help.exitCode, 0);
      assert.match(help.text, /^Usage: kube-autorollout check/);
      assert.match(help.text, /--exit-code/);
      assert.match(help.text, /--kubeconfig/, 'common flags are listed, too');
    }
    assert.deepEqual(parse('help'), parse('--help'));
  });

  for (const line of ['check -n shop -o json', 'check -n=shop -o=json', 'check -nshop -ojson']) {
    test(`takes kubectl's short flags as kubectl does: ${line}`, () => {
      const parsed = parse(line);
      assert.ok(parsed.ok);
      assert.equal(parsed.flags.namespace, 'shop');
      assert.deepEqual(parsed.invocation, {
        command: 'check',
        output: 'json',
        exitCode: false,
        failOnUnknown: false,
      });
    });
  }
});

describe('as a plugin of kubectl', () => {
  test('no command is no poller: it prints help with exit code 2', () => {
    const parsed = asPlugin();
    assert.ok(!parsed.ok);
    assert.equal(parsed.exitCode, 2);
    assert.match(parsed.text, /^Usage: kubectl autorollout /);
    assert.match(parsed.text, /^ +check /m);
  });

  test('check is check', () => {
    const parsed = asPlugin('check');
    assert.ok(parsed.ok);
    assert.equal(parsed.invocation.command, 'check');
  });

  test('a mistyped command is refused with exit code 2', () => {
    const parsed = asPlugin('chekc');
    assert.ok(!parsed.ok);
    assert.equal(parsed.exitCode, 2);
    assert.match(parsed.text, /chekc/);
  });

  for (const [script, want] of [
    ['/usr/local/bin/kubectl-autorollout', 'kubectl autorollout'],
    ['C:\\bin\\kubectl-autorollout.mjs', 'kubectl autorollout'],
    ['/usr/local/bin/kube-autorollout', 'kube-autorollout'],
    ['/home/me/kubectl-autorollout/src/main.ts', 'kube-autorollout'],
  ] as const) {
    test(`${script} is called as ${want}`, () => assert.equal(calledAs(script), want));
  }
});
