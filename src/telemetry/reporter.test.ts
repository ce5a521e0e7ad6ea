import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Secret } from '../credentials/credential.ts';
import type { Digest } from '../image/digest.ts';
import type { ContainerReport, Decision, WorkloadReport } from '../rollout/verdict.ts';
import type { Restarted, TickReport } from '../tick.ts';
import type { EventRecord } from './events.ts';
import { createLog } from './log.ts';
import { createMetrics } from './metrics.ts';
import { createReporter } from './reporter.ts';

const oldDigest: Digest = `sha256:${'a'.repeat(64)}`;
const newDigest: Digest = `sha256:${'b'.repeat(64)}`;
const newerDigest: Digest = `sha256:${'c'.repeat(64)}`;
const image = 'ghcr.io/o/web:main';

const app = { name: 'app', image, running: [oldDigest], latest: newDigest, message: '' };
const changed: ContainerReport = { ...app, verdict: 'changed', reason: 'digest-changed' };
const same: ContainerReport = { ...app, running: [newDigest], verdict: 'same', reason: 'equal' };

function unknown(reason: 'unauthorized' | 'unreachable', message = ''): ContainerReport {
  return { ...app, latest: null, verdict: 'unknown', reason, message };
}

function report(
  name: string,
  decision: Decision,
  rest: Partial<Pick<WorkloadReport, 'message' | 'containers' | 'warnings'>> = {},
): WorkloadReport {
  const id = { kind: 'Deployment', namespace: 'shop', name, uid: `uid-${name}` } as const;
  return { id, message: '', containers: [], warnings: [], ...rest, ...decision };
}

const upToDate = { decision: 'none', reason: 'up-to-date' } as const;
const restarting = { decision: 'restart', reason: 'changed' } as const;
const hold = (reason: Extract<Decision, { decision: 'hold' }>['reason']) =>
  ({ decision: 'hold', reason }) as const;

function stuckOn(latest: Digest): WorkloadReport {
  return report('web', hold('not-converging'), { containers: [{ ...changed, latest }] });
}

function dryRunOf(latest: Digest): WorkloadReport {
  return report('web', hold('dry-run'), { containers: [{ ...changed, latest }] });
}

function warnedOf(...warnings: readonly string[]): WorkloadReport {
  return report('web', upToDate, { warnings });
}

function restartsOf(result: string): string {
  return `restarts_total{kind="Deployment",result="${result}"}`;
}

function restartOf({ id }: WorkloadReport): Restarted {
  const change = { container: 'app', image, running: [oldDigest], latest: newDigest };
  return { id, changes: [{ ...change, created: '2026-01-01T00:00:00Z', revision: 'abc123' }] };
}

interface Line extends Readonly<Record<string, unknown>> {
  readonly level: string;
  readonly msg: string;
}

function isLine(value: unknown): value is Line {
  return typeof value === 'object' && value !== null && 'level' in value && 'msg' in value;
}

/** A reporter whose lines, Events and metrics are kept; `tick` reports a whole tick and returns what it said. */
function setUp(options: { readonly dryRun?: boolean; readonly level?: 'debug' | 'info' } = {}) {
  const texts: string[] = [];
  const events: EventRecord[] = [];
  let nowMs = 0;
  const metrics = createMetrics({ version: '1', processMetrics: false });
  const reporter = createReporter({
    log: createLog({
      level: options.level ?? 'info',
      format: 'json',
      destination: { write: (text) => texts.push(text) },
      now: () => new Date(0),
    }),
    metrics,
    events: { record: (event) => events.push(event) },
    dryRun: options.dryRun ?? false,
    monotonicMs: () => nowMs,
  });

  function tick(
    reports: readonly WorkloadReport[],
    rest: Partial<Pick<TickReport, 'result' | 'problems'>> = {},
  ) {
    const from = { lines: texts.length, events: events.length };
    for (const one of reports) {
      reporter.workload(one, one.decision === 'restart' ? restartOf(one) : undefined);
    }
    reporter.tick({
      startedAt: new Date(0),
      durationMs: 12.3,
      result: 'success',
      listed: true,
      problems: [],
      workloads: reports,
      ...rest,
    });
    const all = texts
      .slice(from.lines)
      .map((text): unknown => JSON.parse(text))
      .filter(isLine);
    const summary = all.at(-1);
    assert.equal(summary?.msg, 'tick ended', 'one summary, the last line of a tick');
    return {
      lines: all.slice(0, -1),
      said: all
        .slice(0, -1)
        .map(({ level, msg, workload }) => `${level} ${String(workload)} ${msg}`),
      summary,
      events: events.slice(from.events),
    };
  }
  return { tick, metrics, texts, pass: (ms: number) => (nowMs += ms) };
}

async function sample(metrics: { render(): Promise<string> }, name: string): Promise<number> {
  const line = (await metrics.render())
    .split('\n')
    .find((text) => text.startsWith(`kube_autorollout_${name} `));
  return Number(line?.split(' ').at(-1));
}

describe('log', () => {
  test('a workload with nothing to watch says why of every container', () => {
    const { tick } = setUp();
    const message = 'imagePullPolicy is IfNotPresent';
    const skipped = { ...app, verdict: 'skipped', reason: 'pull-policy', message } as const;
    const { lines } = tick([
      report('web', { decision: 'none', reason: 'nothing-to-watch' }, { containers: [skipped] }),
    ]);
    assert.deepEqual(
      lines.map((line) => [line['container'], line['containerReason'], line['containerMessage']]),
      [['app', 'pull-policy', message]],
    );
  });

  test('the first tick says what is not up to date, and sums up', () => {
    const { tick } = setUp();
    const { said, summary } = tick([
      report('web', upToDate, { containers: [same] }),
      report('api', hold('paused')),
      report(
        'db',
        { decision: 'none', reason: 'unknown' },
        { containers: [unknown('unauthorized')] },
      ),
    ]);
    assert.deepEqual(said, ['info api workload is held', 'warn db workload could not be compared']);
    assert.deepEqual(summary, {
      level: 'info',
      time: '1970-01-01T00:00:00.000Z',
      result: 'success',
      durationMs: 12,
      workloads: 3,
      restart: 0,
      none: 2,
      hold: 1,
      failed: 0,
      unknown: 1,
      msg: 'tick ended',
    });
  });

  test('what did not change is debug', () => {
    const reports = [report('api', hold('paused')), report('web', upToDate)];
    const { tick } = setUp();
    tick(reports);
    assert.deepEqual(tick(reports).said, []);
    const debugging = setUp({ level: 'debug' });
    debugging.tick(reports);
    assert.deepEqual(debugging.tick(reports).said, [
      'debug api workload is held',
      'debug web workload is up to date',
    ]);
  });

  test('a restart is one line with all that is known of it', () => {
    const { tick } = setUp();
    const { lines } = tick([report('web', restarting, { containers: [changed] })]);
    assert.deepEqual(lines, [
      {
        level: 'info',
        time: '1970-01-01T00:00:00.000Z',
        kind: 'Deployment',
        workload: 'web',
        decision: 'restart',
        reason: 'changed',
        container: 'app',
        image,
        running: [oldDigest],
        latest: newDigest,
        created: '2026-01-01T00:00:00Z',
        revision: 'abc123',
        msg: 'workload restarted',
      },
    ]);
  });

  test('a restart in each of two ticks is two lines', () => {
    const { tick } = setUp();
    const web = report('web', restarting, { containers: [changed] });
    tick([web]);
    assert.deepEqual(tick([web]).said, ['info web workload restarted']);
  });

  test('each change of decision or reason is one line', () => {
    const { tick } = setUp();
    tick([report('web', upToDate)]);
    const levels = [
      hold('rollout-in-progress'),
      hold('not-converging'),
      hold('on-hold'),
      { decision: 'failed', reason: 'forbidden' } as const,
      { decision: 'failed', reason: 'conflict' } as const,
      { decision: 'none', reason: 'nothing-to-watch' } as const,
      upToDate,
    ].map((decision) => tick([report('web', decision)]).said);
    assert.deepEqual(levels, [
      ['info web workload is held'],
      ['warn web workload is held'],
      ['info web workload is held'],
      ['warn web workload could not be restarted'],
      ['info web workload could not be restarted'],
      ['warn web workload has nothing to watch'],
      ['info web workload is up to date'],
    ]);
  });

  test("a change of a container's unknown reason is a line with the container's fields", () => {
    const { tick } = setUp();
    const known = { decision: 'none', reason: 'unknown' } as const;
    tick([report('web', known, { containers: [unknown('unreachable')] })]);
    assert.deepEqual(
      tick([report('web', known, { containers: [unknown('unreachable', 'again')] })]).said,
      [],
    );
    const { lines } = tick([
      report('web', known, { containers: [unknown('unauthorized', 'entry "x" refused')] }),
    ]);
    assert.equal(lines.length, 1);
    assert.equal(lines[0]?.['container'], 'app');
    assert.equal(lines[0]?.['containerReason'], 'unauthorized');
    assert.equal(lines[0]?.['containerMessage'], 'entry "x" refused');
  });

  test('a workload that comes later is told of, one that goes is forgotten', () => {
    const { tick } = setUp();
    tick([]);
    const web = report('web', upToDate);
    assert.deepEqual(tick([web]).said, ['info web workload is up to date']);
    assert.deepEqual(tick([]).said, ['info web workload is no longer watched']);
    assert.deepEqual(tick([web]).said, ['info web workload is up to date']);
  });

  test('a workload of a kind that cannot be listed for a while is not new afterwards', () => {
    const { tick } = setUp();
    const web = report('web', hold('paused'));
    tick([web]);
    const problems = ['Deployments could not be listed: forbidden'];
    assert.deepEqual(tick([], { problems }).said, ['warn undefined tick had a problem']);
    assert.deepEqual(tick([], { problems, result: 'failed' }).said, []);
    assert.deepEqual(tick([web]).said, ['info undefined problem is resolved']);
  });

  test('workloads that stay away are forgotten even while something cannot be listed', () => {
    const { tick } = setUp();
    tick([report('web', hold('paused'))]);
    const problems = ['StatefulSets could not be listed: forbidden'];
    const said = Array.from({ length: 25 }, () => tick([], { problems }).said).flat();
    assert.deepEqual(said, [
      'warn undefined tick had a problem',
      'info web workload is no longer watched',
    ]);
  });

  test('warnings are told when they are new', () => {
    const { tick } = setUp();
    tick([warnedOf('Secret "a" is missing')]);
    assert.deepEqual(tick([warnedOf('Secret "a" is missing')]).lines, []);
    const { lines } = tick([warnedOf('Secret "a" is missing', 'Secret "b" is missing')]);
    assert.deepEqual(
      lines.map(({ warnings }) => warnings),
      [['Secret "b" is missing']],
    );
  });

  test('a failed tick sums up as a warning', () => {
    const { tick } = setUp();
    assert.equal(tick([], { result: 'failed', problems: ['Pods: 500'] }).summary?.level, 'warn');
  });

  test('case 61 what outsiders worded is escaped, and no Secret prints', () => {
    const { tick, texts } = setUp({ level: 'debug' });
    const evil = report('web', hold('invalid-annotation'), {
      message: `\u001b[2J${String(new Secret('geheim'))}`,
      containers: [{ ...changed, image: '--privileged \u001b]0;x\u0007' }],
      warnings: ['\u009b31m Basic Z2VoZWltZXMtcGFzc3dvcnQ='],
    });
    tick([evil]);
    const text = texts.join('');
    // oxlint-disable-next-line no-control-regex
    assert.doesNotMatch(text, /[\u001b\u0007\u009b]|geheim|Z2VoZWlt/);
    assert.match(text, /\[redacted\]/);
  });
});

describe('events', () => {
  test('a restart is told each time, with old and new digest, short', () => {
    const { tick } = setUp();
    const web = report('web', restarting, { containers: [changed] });
    const told = [tick([web]), tick([web])].map(({ events }) =>
      events.map(({ reason, note }) => `${reason} ${note}`),
    );
    const want =
      'Restarted Restarted: container app (ghcr.io/o/web:main) ran sha256:aaaaaaaaaaaa, ' +
      'latest is sha256:bbbbbbbbbbbb';
    assert.deepEqual(told, [[want], [want]]);
  });

  test('a state is told once, not at every tick, and in the same series when it comes back', () => {
    const { tick } = setUp();
    const web = stuckOn(newDigest);
    const first = tick([web]).events;
    assert.deepEqual(
      first.map(({ reason }) => reason),
      ['NotConverging'],
    );
    assert.deepEqual(tick([web]).events, []);
    tick([report('web', upToDate)]);
    assert.deepEqual(tick([web]).events, first);
  });

  test('a warning that still holds goes on as a series before its Event expires, what was asked for does not', () => {
    const { tick, pass } = setUp();
    const reports = [stuckOn(newDigest), report('api', hold('paused'))];
    const first = tick(reports).events;
    assert.equal(first.length, 2);
    const later = Array.from({ length: 62 }, () => {
      pass(60_000);
      return tick(reports).events;
    });
    assert.deepEqual(later.flat(), [first[0], first[0]], 'after 31 and 62 minutes');
  });

  test('case 27 a newer digest that does not converge either is told anew', () => {
    const { tick } = setUp();
    const [first] = tick([stuckOn(newDigest)]).events;
    const [second] = tick([stuckOn(newerDigest)]).events;
    assert.notEqual(first?.key, second?.key);
    assert.equal(second?.reason, 'NotConverging');
  });

  test('case 59 a rollout in progress is told only when it goes on for ten minutes', () => {
    const { tick, pass } = setUp();
    const web = report('web', hold('rollout-in-progress'), { message: 'delete Pod web-0' });
    assert.deepEqual(tick([web]).events, []);
    pass(5 * 60_000);
    assert.deepEqual(tick([web]).events, []);
    pass(5 * 60_000);
    assert.equal(tick([web]).events.length, 1);
    assert.deepEqual(tick([web]).events, []);
  });

  test('none in a dry run', () => {
    const { tick } = setUp({ dryRun: true });
    const { events, said } = tick([
      report('web', hold('dry-run'), { containers: [changed] }),
      report('api', hold('paused')),
    ]);
    assert.deepEqual(events, []);
    assert.deepEqual(said, ['info web workload would be restarted', 'info api workload is held']);
  });
});

describe('metrics', () => {
  test('restarts are counted by what came of them', async () => {
    const { tick, metrics } = setUp();
    const containers = [changed];
    tick([
      report('a', restarting, { containers }),
      report('b', { decision: 'failed', reason: 'conflict' }, { containers }),
      report('c', { decision: 'failed', reason: 'forbidden' }, { containers }),
      report('d', { decision: 'failed', reason: 'api-error' }),
    ]);
    assert.equal(await sample(metrics, restartsOf('restarted')), 1);
    assert.equal(await sample(metrics, restartsOf('conflict')), 1);
    assert.equal(await sample(metrics, restartsOf('failed')), 1, 'd never came to acting');
  });

  test('a dry run counts a restart once for a digest, as a real one would', async () => {
    const { tick, metrics } = setUp({ dryRun: true });
    tick([dryRunOf(newDigest)]);
    tick([dryRunOf(newDigest)]);
    assert.equal(await sample(metrics, restartsOf('dry_run')), 1);
    tick([dryRunOf(newerDigest)]);
    assert.equal(await sample(metrics, restartsOf('dry_run')), 2);
  });

  test('states are those of the last tick that saw the workloads', async () => {
    const { tick, metrics } = setUp();
    const held = 'workloads{decision="hold",reason="not-converging"}';
    tick([report('web', hold('not-converging'), { containers: [changed] })]);
    assert.equal(await sample(metrics, held), 1);
    tick([], { result: 'failed', problems: ['Pods could not be listed: 500'] });
    assert.equal(await sample(metrics, held), 1, 'an alert does not end because nobody can look');
    assert.equal(await sample(metrics, 'not_converging'), 1);
    tick([]);
    assert.equal(await sample(metrics, held), 0);
    assert.equal(await sample(metrics, 'ticks_total{result="failed"}'), 1);
  });
});
