import assert from 'node:assert/strict';
import { once } from 'node:events';
import { join } from 'node:path';
import { test } from 'node:test';
import { z } from 'zod';
import { pullSecret } from '../account.ts';
import { chart, fixtures, Manifests, render, valuesOf } from '../chart/helm.ts';
import { push, registry, waitFor } from '../cluster.ts';
import { workload } from '../manifest.ts';
import { makeNamespace, type Namespace } from '../namespace.ts';
import { Answer, Poller } from '../poller.ts';
import { Relay } from '../relay.ts';
import {
  apiServer,
  type Grant,
  grantFor,
  grantName,
  grantsOf,
  makeServiceAccounts,
  ruleFor,
} from '../service-account.ts';

const kinds = [
  { kind: 'Deployment', resource: 'deployments' },
  { kind: 'StatefulSet', resource: 'statefulsets' },
  { kind: 'DaemonSet', resource: 'daemonsets' },
] as const;

/** The poller with some Role, for the workloads with a label `part`, or for all. */
type PollerFor = (role: string, part?: string) => Promise<Poller>;

test('the Role of the chart is what is needed, each part of it for what is documented', async (t) => {
  const namespace = await makeNamespace(t, 'role');
  const grants = rulesOf(chart);
  await using relay = await Relay.start(await apiServer());
  const roles = new Map([
    ['whole', grants],
    ['predecessors', rulesOf(join(fixtures, 'predecessor'))],
    ...grants.map((left) => [roleWithout(left), grants.filter((grant) => grant !== left)] as const),
  ]);
  const [accounts] = await Promise.all([
    makeServiceAccounts(t, namespace, Object.fromEntries(roles), relay.url),
    prepare(namespace),
  ]);
  const pollerFor: PollerFor = (role, part) => {
    const selector = `kube-autorollout/enabled=true${part === undefined ? '' : `,part=${part}`}`;
    const config = { selector, webserver: { port: 0 }, cronSchedule: '* * * * * *' };
    return Poller.create(t, namespace, { ...config, jitterSeconds: 0 }, [
      '--kubeconfig',
      accounts.get(role) ?? '',
    ]);
  };

  const degradations = degradationsOf(namespace, pollerFor);
  assert.deepEqual([...degradations.keys()].toSorted(), grants.map(grantName).toSorted());
  for (const [name, holds] of degradations) await t.test(`without ${name}`, holds);

  await t.test("with the predecessor's Role it works, with one warning", async () => {
    const poller = await pollerFor('predecessors', 'old');
    const child = poller.start('run');
    let log = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (log += text));
    await waitFor('a restart, and ticks after it', async () =>
      /"workload restarted"(?:[^]*"tick ended"){3}/.test(log),
    );
    child.kill('SIGTERM');
    await once(child, 'close');
    assert.equal((await namespace.generations())['Deployment/old'], 2);
    const warnings = warningsIn(log).filter((warning) => !warning.startsWith('tick skipped'));
    assert.deepEqual(warnings, ['the Role lacks permissions; what they are for does not work']);
  });

  await t.test(
    'with the whole of it nothing is refused, and nothing of it goes unused',
    async () => {
      const began = relay.passed.length;
      const poller = await pollerFor('whole');
      await poller.once();
      const log = await poller.once(); // Goes on with the Events of the former.
      assert.deepEqual(warningsIn(log), []);
      const passed = relay.passed.slice(began);
      assert.deepEqual(
        passed.filter(({ status }) => status === 403),
        [],
      );
      const used = new Set(passed.map(({ method, path }) => grantName(grantFor(method, path))));
      assert.deepEqual([...used].toSorted(), grants.map(grantName).toSorted());
    },
  );
});

function rulesOf(chartFolder: string): readonly Grant[] {
  const values = valuesOf('defaults');
  return grantsOf(new Manifests(render(values, chartFolder)).get('Role', 'rules'));
}

function roleWithout({ verb, resource }: Grant): string {
  return `no-${verb}-${resource}`;
}

/** One workload of each kind, and one for each of the other permissions, all with an image that was pushed again. */
async function prepare(namespace: Namespace): Promise<void> {
  const { name } = namespace;
  await Promise.all([push(`${name}/web:main`, 'first'), push(`${name}/web:stalled`, 'first')]);
  const image = `${registry()}/${name}/web:main`;
  const login = pullSecret('login', { host: registry(), username: 'any', password: 'body' });
  await namespace.apply([
    login,
    ...kinds.map(({ kind }) =>
      workload(kind.toLowerCase(), image, { kind, labels: { part: kind } }),
    ),
    workload('held', image, {
      labels: { part: 'held' },
      annotations: { 'kube-autorollout/hold': 'true' },
    }),
    workload('old', image, { labels: { part: 'old' } }),
    workload('secretive', image, {
      labels: { part: 'secretive' },
      pod: { imagePullSecrets: [{ name: 'login' }] },
    }),
    workload('stalled', `${registry()}/${name}/web:stalled`, { labels: { part: 'stalled' } }),
  ]);
  await namespace.podsReady(7);

  const broken = await push(`${name}/web:stalled`, 'never ready', '--sleep');
  await namespace.kubectl('rollout', 'restart', 'deployment/stalled');
  await waitFor('the broken image to run', async () =>
    (await namespace.running('stalled')).includes(broken),
  );
  const deadline = JSON.stringify({ spec: { progressDeadlineSeconds: 1 } });
  await namespace.kubectl('patch', 'deployment/stalled', '--patch', deadline);
  const reason = '{.status.conditions[?(@.type=="Progressing")].reason}';
  await namespace.kubectl(
    'wait',
    'deployment/stalled',
    `--for=jsonpath=${reason}=ProgressDeadlineExceeded`,
    '--timeout=90s',
  );
  await Promise.all([push(`${name}/web:main`, 'second'), push(`${name}/web:stalled`, 'second')]);
}

/** What is lost with each permission, and that nothing else is. */
function degradationsOf(
  namespace: Namespace,
  pollerFor: PollerFor,
): ReadonlyMap<string, () => Promise<void>> {
  const pods = { verb: 'list', group: '', resource: 'pods' };
  const secrets = { verb: 'get', group: '', resource: 'secrets' };
  const replicaSets = { verb: 'list', group: 'apps', resource: 'replicasets' };
  const createEvents = { verb: 'create', group: 'events.k8s.io', resource: 'events' };
  const patchEvents = { verb: 'patch', group: 'events.k8s.io', resource: 'events' };
  const rows: (readonly [Grant, () => Promise<void>])[] = [
    [pods, () => withoutPods(pollerFor, pods)],
    [secrets, () => withoutSecrets(pollerFor, secrets)],
    [replicaSets, () => withoutReplicaSets(pollerFor, replicaSets)],
    [createEvents, () => withoutNewEvents(namespace, pollerFor, createEvents)],
    [patchEvents, () => withoutSeries(namespace, pollerFor, patchEvents)],
  ];
  for (const { kind, resource } of kinds) {
    const list = { verb: 'list', group: 'apps', resource };
    rows.push([list, () => withoutKind(kind, pollerFor, list)]);
    for (const verb of ['get', 'patch']) {
      const act = { verb, group: 'apps', resource };
      rows.push([act, () => withoutActing(kind, namespace, pollerFor, act)]);
    }
  }
  return new Map(rows.map(([grant, holds]) => [grantName(grant), holds]));
}

async function withoutPods(pollerFor: PollerFor, grant: Grant): Promise<void> {
  const { document } = await check(pollerFor, grant, 1);
  assert.deepEqual(document.workloads, []);
  assertProblem(document.problems, 'Pods', grant);
}

async function withoutSecrets(pollerFor: PollerFor, grant: Grant): Promise<void> {
  const { decision, message } = (await check(pollerFor, grant, 0)).workload('secretive');
  assert.equal(decision, 'restart', 'the registry is open to anybody');
  assert.ok(message.includes(ruleFor(grant)), message);
}

async function withoutReplicaSets(pollerFor: PollerFor, grant: Grant): Promise<void> {
  const { reason, message } = (await check(pollerFor, grant, 0)).workload('stalled');
  assert.equal(reason, 'rollout-in-progress');
  assert.match(message, /must allow list on replicasets\.apps/);
}

async function withoutKind(kind: string, pollerFor: PollerFor, grant: Grant): Promise<void> {
  const { document } = await check(pollerFor, grant, 1);
  assertProblem(document.problems, `${kind}s`, grant);
  const seen = new Set(document.workloads.map((each) => each.kind));
  const others = kinds.map((each) => each.kind).filter((other) => other !== kind);
  assert.deepEqual([...seen].toSorted(), others.toSorted(), 'the other kinds go on');
}

async function withoutActing(
  kind: string,
  namespace: Namespace,
  pollerFor: PollerFor,
  grant: Grant,
): Promise<void> {
  const poller = await pollerFor(roleWithout(grant), kind);
  const { exitCode, stdout } = await poller.ended('run', '--once');
  assert.equal(exitCode, 1, stdout);
  const said = linesOf(stdout).find(({ reason }) => reason === 'forbidden');
  assert.ok(said?.message?.includes(ruleFor(grant)), stdout);
  assert.equal((await namespace.generations())[`${kind}/${kind.toLowerCase()}`], 1);
}

async function withoutNewEvents(
  namespace: Namespace,
  pollerFor: PollerFor,
  grant: Grant,
): Promise<void> {
  const poller = await pollerFor(roleWithout(grant), 'held');
  assert.deepEqual(warningsIn(await poller.once()), [noEvents]);
  assert.deepEqual(await namespace.events('RestartHeld'), []);
}

async function withoutSeries(
  namespace: Namespace,
  pollerFor: PollerFor,
  grant: Grant,
): Promise<void> {
  const former = await pollerFor('whole', 'held');
  assert.deepEqual(warningsIn(await former.once()), []);
  const poller = await pollerFor(roleWithout(grant), 'held');
  assert.deepEqual(warningsIn(await poller.once()), [noEvents]);
  assert.equal((await namespace.events('RestartHeld')).length, 1);
}

const noEvents = 'may not write Events; goes on without them';

async function check(pollerFor: PollerFor, left: Grant, exitCode: number): Promise<Answer> {
  const poller = await pollerFor(roleWithout(left));
  const ended = await poller.ended('check', '--output', 'json');
  assert.equal(ended.exitCode, exitCode, ended.stdout + ended.stderr);
  return Answer.parse(ended.stdout);
}

function assertProblem(problems: readonly string[], what: string, grant: Grant): void {
  const [problem = '', ...others] = problems;
  assert.deepEqual(others, []);
  assert.ok(problem.startsWith(`${what} could not be listed`), problem);
  assert.ok(problem.includes(ruleFor(grant)), problem);
}

const line = z.object({
  level: z.string(),
  msg: z.string(),
  reason: z.string().optional(),
  message: z.string().optional(),
});

function linesOf(log: string): readonly z.infer<typeof line>[] {
  const lines = log.split('\n').filter((text) => text !== '');
  return lines.map((text) => line.parse(JSON.parse(text)));
}

/** The fixed sentences of all that is a warning or worse. */
function warningsIn(log: string): readonly string[] {
  return linesOf(log)
    .filter(({ level }) => level === 'warn' || level === 'error')
    .map(({ msg }) => msg);
}
