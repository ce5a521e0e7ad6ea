import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { z } from 'zod';
import { createMetrics } from '../../src/telemetry/metrics.ts';
import { Manifests, refusal, render, valuesOf } from '../chart/helm.ts';
import { promtoolOn } from './promtool.ts';

const manifests = new Manifests(render(valuesOf('monitoring')));
const ruleSchema = z.strictObject({
  alert: z.string(),
  expr: z.string(),
  for: z.string().optional(),
  labels: z.record(z.string(), z.string()),
  annotations: z.strictObject({ summary: z.string(), description: z.string() }),
});
const groupsSchema = z.object({
  groups: z.array(z.object({ name: z.string(), rules: z.array(ruleSchema) })),
});
const dashboardSchema = z.object({
  title: z.string(),
  panels: z.array(
    z.object({
      id: z.int(),
      title: z.string(),
      gridPos: z.object({ x: z.int(), y: z.int(), w: z.int(), h: z.int() }),
      targets: z.array(z.object({ expr: z.string() })).min(1),
    }),
  ),
});

const { groups } = groupsSchema.parse(manifests.get('PrometheusRule', 'spec'));
const alerts = groups.flatMap((group) => group.rules);
const dashboard = dashboardSchema.parse(JSON.parse(dashboardOf(render(valuesOf('monitoring')))));

/** The second ConfigMap; the first is the program's own. */
function dashboardOf(rendered: string): string {
  const [, text] = /^ {2}kube-autorollout\.json: \|\n((?:\n| {4}.*\n)+)/m.exec(rendered) ?? [];
  return text ?? '';
}

/** As Grafana sends it. */
function sentExpression(expr: string): string {
  return expr.replaceAll('$namespace', '.+').replaceAll('$__rate_interval', '5m');
}

describe('the alert rules of the chart', () => {
  test('are what Prometheus takes', async () => {
    const ended = await promtoolOn(['check', 'rules'], { 'rules.yaml': { groups } });
    assert.equal(ended.exitCode, 0, ended.stdout + ended.stderr);
    assert.match(ended.stdout, new RegExp(`SUCCESS: ${alerts.length} rules found`));
  });

  test('fire when they should, and not before', async () => {
    const ended = await promtoolOn(['test', 'rules'], {
      'tests.yaml': { rule_files: ['rules.yaml'], evaluation_interval: '1m', tests: scenarios },
      'rules.yaml': { groups: groups.map(withoutAnnotations) },
    });
    assert.equal(ended.exitCode, 0, ended.stdout + ended.stderr);
  });
});

describe('the dashboard of the chart', () => {
  test('has queries that Prometheus takes', async () => {
    const recorded = dashboard.panels.flatMap(({ id, targets }) =>
      targets.map(({ expr }, index) => ({
        record: `panel_${id}_${index}`,
        expr: sentExpression(expr),
      })),
    );
    const ended = await promtoolOn(['check', 'rules'], {
      'rules.yaml': { groups: [{ name: 'dashboard', rules: recorded }] },
    });
    assert.equal(ended.exitCode, 0, ended.stdout + ended.stderr);
  });

  test('counts workloads once where two pollers watch them, and shows who was without success longest', async () => {
    const a = 'namespace="shop",pod="a"';
    const b = 'namespace="shop",pod="b"';
    const changed = 'decision="restart",reason="changed"';
    const unknown = 'verdict="unknown",reason="unreachable"';
    const series = {
      [`kube_autorollout_workloads{${a},${changed}}`]: '3x20',
      [`kube_autorollout_workloads{${b},${changed}}`]: '3x20',
      [`kube_autorollout_workloads{namespace="other",pod="c",${changed}}`]: '1x20',
      [`kube_autorollout_containers{${a},${unknown}}`]: '2x20',
      [`kube_autorollout_containers{${b},${unknown}}`]: '2x20',
      [`kube_autorollout_not_converging{${a}}`]: '1x20',
      [`kube_autorollout_not_converging{${b}}`]: '1x20',
      [`kube_autorollout_last_success_timestamp_seconds{${a}}`]: '0+60x20',
      [`kube_autorollout_last_success_timestamp_seconds{${b}}`]: '60x20',
      'kube_autorollout_last_success_timestamp_seconds{namespace="other",pod="c"}': '120x20',
    };
    const expected = {
      Workloads: 4,
      'Not converging': 1,
      'Containers unknown': 2,
      'Since the last success': 480,
      Decisions: 4,
      Containers: 2,
    };
    const expressions = Object.entries(expected).map(([title, value]) => {
      const [target] = dashboard.panels.find((panel) => panel.title === title)?.targets ?? [];
      const expr = `sum(${sentExpression(target?.expr ?? 'absent()')})`;
      return { expr, eval_time: '10m', exp_samples: [{ value }] };
    });
    const input = Object.entries(series).map(([name, values]) => ({ series: name, values }));
    const scene = { interval: '1m', input_series: input, promql_expr_test: expressions };
    const ended = await promtoolOn(['test', 'rules'], { 'tests.yaml': { tests: [scene] } });
    assert.equal(ended.exitCode, 0, ended.stdout + ended.stderr);
  });

  test('has panels that do not overlap, within 24 columns', () => {
    const taken = new Map<string, string>();
    for (const { title, gridPos } of dashboard.panels) {
      assert.ok(gridPos.x + gridPos.w <= 24, title);
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x += 1) {
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y += 1) {
          assert.equal(taken.get(`${x} ${y}`), undefined, title);
          taken.set(`${x} ${y}`, title);
        }
      }
    }
  });
});

test('rules and dashboard ask for metrics, labels and values that the program has', async () => {
  const metrics = createMetrics({ version: '1' });
  metrics.requestEnded({ registry: 'r.test', method: 'HEAD', status: 200, durationMs: 1 });
  metrics.throttled('r.test');
  metrics.credentialRejected('r.test');
  metrics.tokenRequested('r.test', 'ok');
  metrics.rateLimitRemaining('r.test', 1);
  const rendered = await metrics.render();
  const targets = dashboard.panels.flatMap((panel) => panel.targets);
  for (const { expr } of [...alerts, ...targets]) {
    for (const [, name = '', labels = ''] of expr.matchAll(
      /\b((?:kube_autorollout|process)_\w+)(?:\{([^}]*)\})?/g,
    )) {
      assert.match(rendered, new RegExp(`^${name}[ {]`, 'm'), expr);
      for (const [, label = '', value = ''] of labels.matchAll(/(\w+)=~?"([^"]*)"/g)) {
        if (label === 'namespace') continue;
        assert.match(rendered, new RegExp(`^${name}\\{.*\\b${label}="${value}"`, 'm'), expr);
      }
    }
    for (const [, labels = ''] of expr.matchAll(/\bby \(([^)]*)\)/g)) {
      for (const label of labels.split(', ')) {
        if (['namespace', 'pod'].includes(label)) continue;
        assert.match(rendered, new RegExp(`\\b${label}="`), expr);
      }
    }
  }
});

test('what needs metrics is refused without the web server', () => {
  const off = 'config: {webserver: {port: 0}}';
  for (const kind of ['service', 'serviceMonitor', 'prometheusRule']) {
    const values = `${off}\nmetrics: {${kind}: {enabled: true}}`;
    const words = new RegExp(`metrics\\.${kind} needs config\\.webserver\\.port, which is 0`);
    assert.match(refusal(values) ?? 'accepted', words);
  }
});

/** promtool compares texts with values in them, too; here only when an alert fires matters. */
function withoutAnnotations({ name, rules: all }: (typeof groups)[number]): object {
  const rules = all.map(({ annotations, ...rule }) => {
    assert.notEqual(annotations.description, '', rule.alert);
    return rule;
  });
  return { name, rules };
}

type Labels = Readonly<Record<string, string>>;

/**
 * Series and whether alerts fire at a minute.
 * @param series in promtool's notation: `1x3` is 1 1 1 1, `0+60x3` is 0 60 120 180
 * @param expected with the labels of the alert where it fires
 */
function scenario(
  series: Readonly<Record<string, string>>,
  expected: readonly (readonly [minute: number, alert: string, labels?: Labels])[],
): object {
  return {
    interval: '1m',
    input_series: Object.entries(series).map(([name, values]) => ({ series: name, values })),
    alert_rule_test: expected.map(([minute, alertname, labels]) => ({
      eval_time: `${minute}m`,
      alertname,
      exp_alerts: labels === undefined ? [] : [{ exp_labels: labels }],
    })),
  };
}

const target = 'namespace="shop",pod="p"';
const warning = { severity: 'warning', namespace: 'shop', pod: 'p' };
const success = `kube_autorollout_last_success_timestamp_seconds{${target}}`;
const started = `process_start_time_seconds{${target}}`;
const unauthorized = { verdict: 'unknown', reason: 'unauthorized' };
const unreachable = { verdict: 'unknown', reason: 'unreachable' };

function containers({ verdict, reason }: Labels): string {
  return `kube_autorollout_containers{${target},verdict="${verdict}",reason="${reason}"}`;
}

const scenarios = [
  // 90 minutes without a success, as the setup says; it started at second 0, and the gauge is 0 until the first one.
  scenario({ [success]: '0x200', [started]: '0x200' }, [
    [5, 'KubeAutorolloutNoSuccess'],
    [90, 'KubeAutorolloutNoSuccess'],
    [93, 'KubeAutorolloutNoSuccess', warning],
  ]),
  scenario({ [success]: '0+60x60 3600x140', [started]: '0x200' }, [
    [100, 'KubeAutorolloutNoSuccess'],
    [150, 'KubeAutorolloutNoSuccess'],
    [153, 'KubeAutorolloutNoSuccess', warning],
  ]),
  // Another poller's success is none of this one's, and its start neither.
  scenario({ [success.replace('shop', 'other')]: '0x200', [started]: '0x200' }, [
    [150, 'KubeAutorolloutNoSuccess'],
  ]),
  scenario({ [`kube_autorollout_not_converging{${target}}`]: '0x10 1x5 0x10 2x60' }, [
    [20, 'KubeAutorolloutNotConverging'],
    [50, 'KubeAutorolloutNotConverging', warning],
  ]),
  scenario({ [containers(unauthorized)]: '1x50 0x10 1x100' }, [
    [55, 'KubeAutorolloutUnauthorized'],
    [110, 'KubeAutorolloutUnauthorized'],
    [130, 'KubeAutorolloutUnauthorized', { ...warning, ...unauthorized }],
    [130, 'KubeAutorolloutUnknown'],
  ]),
  scenario({ [containers(unreachable)]: '1x100' }, [
    [50, 'KubeAutorolloutUnknown'],
    [70, 'KubeAutorolloutUnknown', { ...warning, ...unreachable, severity: 'info' }],
    [70, 'KubeAutorolloutUnauthorized'],
  ]),
  scenario({ [`kube_autorollout_config_reloads_total{${target},result="invalid"}`]: '0x9 1x100' }, [
    [8, 'KubeAutorolloutConfigInvalid'],
    [15, 'KubeAutorolloutConfigInvalid', { ...warning, result: 'invalid' }],
    [90, 'KubeAutorolloutConfigInvalid'],
  ]),
  scenario(
    {
      [`kube_autorollout_restarts_total{${target},kind="Deployment",result="failed"}`]: '0+1x100',
      [`kube_autorollout_restarts_total{${target},kind="DaemonSet",result="conflict"}`]: '0+1x100',
    },
    [
      [10, 'KubeAutorolloutRestartsFail'],
      [
        30,
        'KubeAutorolloutRestartsFail',
        { severity: 'warning', namespace: 'shop', kind: 'Deployment' },
      ],
    ],
  ),
  scenario({ [`kube_autorollout_build_info{${target}}`]: '1x30' }, [
    [30, 'KubeAutorolloutAbsent'],
    [60, 'KubeAutorolloutAbsent', { severity: 'warning', namespace: 'shop' }],
  ]),
];
