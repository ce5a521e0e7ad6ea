import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createMetrics, type Metrics } from './metrics.ts';

function ownMetrics(): Metrics {
  return createMetrics({ version: '1.2.3', processMetrics: false });
}

/** Samples by `name{labels}`, the prefix left out. */
async function samples(metrics: Metrics): Promise<Map<string, number>> {
  const lines = (await metrics.render()).split('\n').filter((line) => /^[a-z]/.test(line));
  return new Map(
    lines.map((line) => {
      const end = line.lastIndexOf(' ');
      return [line.slice(0, end).replace(/^kube_autorollout_/, ''), Number(line.slice(end + 1))];
    }),
  );
}

interface Family {
  readonly name: string;
  readonly type: string;
  readonly help: string;
  readonly labels: ReadonlySet<string>;
}

function familiesOf(text: string): readonly Family[] {
  return text
    .trim()
    .split('\n\n')
    .map((block) => {
      const help = /^# HELP (?<name>\S+) ?(?<help>.*)$/m.exec(block)?.groups;
      const type = /^# TYPE \S+ (?<type>\w+)$/m.exec(block)?.groups?.['type'];
      const labels = [...block.matchAll(/[{,](?<label>\w+)="/g)].map(
        ({ groups }) => groups?.['label'] ?? '',
      );
      assert.ok(help !== undefined && type !== undefined, block);
      return { name: help['name'] ?? '', help: help['help'] ?? '', type, labels: new Set(labels) };
    });
}

const baseUnits = new Set(['amperes', 'bytes', 'celsius', 'joules', 'meters', 'seconds', 'volts']);
const otherUnits =
  /^(?:(?:pico|nano|micro|milli|centi|kilo|kibi|mega|mibi|giga|gibi)\w+|minutes|hours|days|weeks|bits)$/;
const abbreviations = new Set('s ms us ns sec b kb mb gb tb pb m h d'.split(' '));
const types = new Set(['counter', 'gauge', 'summary', 'histogram']);

/**
 * What `promtool check metrics` objects to.
 * @see https://github.com/prometheus/client_golang/tree/main/prometheus/testutil/promlint/validations
 */
function lint({ name, type, help, labels }: Family): readonly string[] {
  const words = name.split('_');
  const problems: Record<string, boolean> = {
    'no help': help === '',
    'not snake_case': [name, ...labels].some((word) => !/^[a-z][a-z0-9_]*$/.test(word)),
    'counter without _total': type === 'counter' && !name.endsWith('_total'),
    'no counter, but _total': type !== 'counter' && name.endsWith('_total'),
    'reserved suffix': /_(?:bucket|count|sum)$/.test(name),
    'reserved label': (labels.has('le') && type !== 'histogram') || labels.has('quantile'),
    'type in name': words.slice(1).some((word) => types.has(word)),
    'not a base unit': words.some((word) => !baseUnits.has(word) && otherUnits.test(word)),
    'abbreviated unit': words.slice(1).some((word) => abbreviations.has(word)),
  };
  return Object.keys(problems).filter((problem) => problems[problem]);
}

describe('names', () => {
  test('every metric passes the rules of promtool, the process metrics included', async () => {
    const metrics = createMetrics({ version: '1.2.3' });
    feed(metrics);
    const families = familiesOf(await metrics.render());
    assert.ok(families.some(({ name }) => name === 'process_resident_memory_bytes'));
    assert.ok(families.some(({ name }) => name === 'kube_autorollout_ticks_total'));
    assert.deepEqual(
      families
        .map((family) => ({ name: family.name, problems: lint(family) }))
        .filter(({ problems }) => problems.length > 0),
      [],
    );
  });

  test('the rules find each kind of fault', () => {
    const family = { name: 'x', type: 'gauge', help: 'h', labels: new Set<string>() };
    assert.deepEqual(lint({ ...family, help: '' }), ['no help']);
    assert.deepEqual(lint({ ...family, name: 'x_total' }), ['no counter, but _total']);
    assert.deepEqual(lint({ ...family, type: 'counter' }), ['counter without _total']);
    assert.deepEqual(lint({ ...family, name: 'x_milliseconds' }), ['not a base unit']);
    assert.deepEqual(lint({ ...family, name: 'x_ms' }), ['abbreviated unit']);
    assert.deepEqual(lint({ ...family, labels: new Set(['le']) }), ['reserved label']);
    assert.deepEqual(lint({ ...family, name: 'x_gauge' }), ['type in name']);
    assert.deepEqual(lint({ ...family, labels: new Set(['myLabel']) }), ['not snake_case']);
  });

  test('names and labels are those of the design', async () => {
    const metrics = ownMetrics();
    feed(metrics);
    const families = familiesOf(await metrics.render());
    assert.deepEqual(
      Object.fromEntries(
        families.map(({ name, labels }) => [
          name.replace(/^kube_autorollout_/, ''),
          [...labels].filter((label) => label !== 'le').join(','),
        ]),
      ),
      {
        ticks_total: 'result',
        ticks_skipped_total: '',
        tick_duration_seconds: '',
        last_success_timestamp_seconds: '',
        workloads: 'decision,reason',
        containers: 'verdict,reason',
        restarts_total: 'kind,result',
        not_converging: '',
        registry_requests_total: 'registry,method,code',
        registry_request_duration_seconds: 'registry',
        registry_rate_limit_remaining: 'registry',
        registry_throttled_total: 'registry',
        token_requests_total: 'registry,result',
        credential_rejections_total: 'registry',
        config_reloads_total: 'result',
        build_info: 'version',
      },
    );
  });
});

function feed(metrics: Metrics): void {
  metrics.tickEnded({ result: 'success', durationMs: 1500, startedAt: new Date(1_000_000) });
  metrics.tickSkipped();
  metrics.restart('Deployment', 'restarted');
  metrics.requestEnded({ registry: 'ghcr.io', method: 'HEAD', status: 200, durationMs: 20 });
  metrics.tokenRequested('ghcr.io', 'ok');
  metrics.credentialRejected('ghcr.io');
  metrics.throttled('ghcr.io');
  metrics.rateLimitRemaining('docker.io', 76);
  metrics.configReloaded('invalid');
}

describe('values', () => {
  test('everything that is fed is counted', async () => {
    const metrics = ownMetrics();
    feed(metrics);
    const found = await samples(metrics);
    const want = {
      'ticks_total{result="success"}': 1,
      'ticks_total{result="failed"}': 0,
      ticks_skipped_total: 1,
      tick_duration_seconds_sum: 1.5,
      last_success_timestamp_seconds: 1001.5,
      'restarts_total{kind="Deployment",result="restarted"}': 1,
      'restarts_total{kind="DaemonSet",result="conflict"}': 0,
      'registry_requests_total{registry="ghcr.io",method="HEAD",code="200"}': 1,
      'registry_request_duration_seconds_sum{registry="ghcr.io"}': 0.02,
      'token_requests_total{registry="ghcr.io",result="ok"}': 1,
      'credential_rejections_total{registry="ghcr.io"}': 1,
      'registry_throttled_total{registry="ghcr.io"}': 1,
      'registry_rate_limit_remaining{registry="docker.io"}': 76,
      'config_reloads_total{result="invalid"}': 1,
      'build_info{version="1.2.3"}': 1,
    };
    for (const [name, value] of Object.entries(want)) assert.equal(found.get(name), value, name);
  });

  test('a tick that failed is no success', async () => {
    const metrics = ownMetrics();
    metrics.tickEnded({ result: 'failed', durationMs: 1, startedAt: new Date() });
    const found = await samples(metrics);
    assert.equal(found.get('ticks_total{result="failed"}'), 1);
    assert.equal(found.get('last_success_timestamp_seconds'), 0);
  });

  test('states read 0 from the start and again when nothing is in them any more', async () => {
    const metrics = ownMetrics();
    const held = 'workloads{decision="hold",reason="not-converging"}';
    const changed = 'containers{verdict="changed",reason="digest-changed"}';
    const values = async () => {
      const found = await samples(metrics);
      return [held, changed, 'not_converging'].map((name) => found.get(name));
    };
    assert.deepEqual(await values(), [0, 0, 0]);
    metrics.workloads([
      {
        decision: 'hold',
        reason: 'not-converging',
        containers: [{ verdict: 'changed', reason: 'digest-changed' }],
      },
    ]);
    assert.deepEqual(await values(), [1, 1, 1]);
    metrics.workloads([]);
    assert.deepEqual(await values(), [0, 0, 0]);
  });

  test('two instances share nothing', async () => {
    const [one, other] = [ownMetrics(), ownMetrics()];
    one.tickSkipped();
    assert.equal((await samples(other)).get('ticks_skipped_total'), 0);
  });
});

describe('bounds', () => {
  test('case 61 the first 50 hosts have series of their own, the others share one', async () => {
    const metrics = ownMetrics();
    for (let host = 0; host < 10_000; host++) {
      const registry = `r${host}.example.com`;
      metrics.requestEnded({ registry, method: 'HEAD', status: 200, durationMs: 1 });
      metrics.throttled(registry);
    }
    const found = await samples(metrics);
    const throttled = [...found].filter(([name]) => name.startsWith('registry_throttled_total'));
    assert.equal(throttled.length, 51);
    assert.equal(found.get('registry_throttled_total{registry="r49.example.com"}'), 1);
    assert.equal(found.get('registry_throttled_total{registry="other"}'), 9950);
  });

  test('case 61 statuses and methods that a hostile registry makes up share series', async () => {
    const metrics = ownMetrics();
    for (let status = 100; status < 1000; status++) {
      metrics.requestEnded({ registry: 'r', method: `M${status}`, status, durationMs: 1 });
    }
    metrics.requestEnded({ registry: 'r', method: 'HEAD', durationMs: 1 });
    const names = [...(await samples(metrics)).keys()].filter((name) =>
      name.startsWith('registry_requests_total'),
    );
    assert.ok(names.length < 35, String(names.length));
    assert.ok(names.includes('registry_requests_total{registry="r",method="HEAD",code="none"}'));
    assert.ok(names.includes('registry_requests_total{registry="r",method="other",code="4xx"}'));
  });

  test('case 61 a host cannot break out of its label', async () => {
    const metrics = ownMetrics();
    metrics.throttled('r"} 1\nevil{x="');
    assert.doesNotMatch(await metrics.render(), /^evil/m);
  });
});
