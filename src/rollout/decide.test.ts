import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Latest, UnknownReason } from '../image/lookup.ts';
import {
  container,
  deployment,
  digest,
  minutesAgo,
  now,
  pod,
  statefulSet,
} from '../testing/facts.ts';
import { decide, type Decided, type DecideOptions, type Finding, wouldRestart } from './decide.ts';
import type { Judged } from './judge.ts';
import { formatLastRestart } from './last-restart.ts';
import { observe } from './observe.ts';
import { indexPods } from './pod-index.ts';
import type { ContainerSpec, PodFacts, WorkloadFacts } from './workload.ts';

/** What a registry says of a container: `d`: its tag names that digest; `d refused`; or the reason of a failure. */
type Answer = string;

interface Scene {
  readonly name: string;
  readonly containers?: readonly ContainerSpec[];
  readonly annotations?: Readonly<Record<string, string>>;
  readonly template?: Readonly<Record<string, string>>;
  /** What runs, by container; default: `app` runs `a`. */
  readonly running?: Readonly<Record<string, string>>;
  /** By container; missing: nobody asked. */
  readonly latest: Readonly<Record<string, Answer>>;
  /** Containers that no new Pod could run, with the reason. */
  readonly unpullable?: Readonly<Record<string, UnknownReason>>;
  readonly options?: Partial<DecideOptions>;
  readonly want: string;
  readonly says?: string | RegExp;
  readonly warns?: readonly string[];
}

const two = [container('app'), container('db')];
const sidecar = [container('app'), container('log', { pullPolicy: 'IfNotPresent' })];
const bothRun = { app: 'a', db: 'a' };
const appToB = 'app runs aaaaaaaaaaaa, its tag names bbbbbbbbbbbb';

const rows: readonly Scene[] = [
  {
    name: 'the tag names what runs',
    latest: { app: 'a' },
    want: 'none up-to-date',
    says: 'runs what its tags name',
  },
  { name: 'the tag moved', latest: { app: 'b' }, want: 'restart changed', says: appToB },
  {
    name: 'case 31: could not be looked up, which is not "same"',
    latest: { app: 'unreachable' },
    want: 'none unknown',
    says: 'app could not be judged: words about unreachable',
  },
  {
    name: 'case 31: tag deleted',
    latest: { app: 'tag-not-found' },
    want: 'none unknown',
  },
  {
    name: 'two of three unknown',
    containers: [...two, container('x')],
    running: { ...bothRun, x: 'a' },
    latest: { app: 'a', db: 'unauthorized', x: 'timed-out' },
    want: 'none unknown',
    says: 'db could not be judged (and 1 more): words about unauthorized',
  },
  {
    name: 'case 20: two changed containers are one restart',
    containers: two,
    running: bothRun,
    latest: { app: 'b', db: 'c' },
    want: 'restart changed',
    says: `${appToB}; db runs aaaaaaaaaaaa, its tag names cccccccccccc`,
  },
  {
    name: 'case 22: one is skipped for its pull policy, the other is still a cause',
    containers: sidecar,
    running: { app: 'a', log: 'a' },
    latest: { app: 'b' },
    want: 'restart changed',
    says: appToB,
  },
  {
    name: 'changed beside unauthorized: a restart and a warning',
    containers: two,
    running: bothRun,
    latest: { app: 'b', db: 'unauthorized' },
    want: 'restart changed',
    warns: ['a new Pod may not be able to pull db: words about unauthorized'],
  },
  {
    name: 'changed beside malformed: a restart and a warning',
    containers: two,
    running: bothRun,
    latest: { app: 'b', db: 'malformed' },
    want: 'restart changed',
    warns: ['a new Pod may not be able to pull db: words about malformed'],
  },
  ...(
    [
      'tag-not-found',
      'platform-missing',
      'unsupported-manifest',
      'unreachable',
      'timed-out',
      'registry-error',
      'rate-limited',
    ] as const
  ).map((reason): Scene => ({
    name: `case 31: changed beside ${reason}`,
    containers: two,
    running: bothRun,
    latest: { app: 'b', db: reason },
    want: 'hold lookup-failed',
    says: `a new Pod might not start: db: words about ${reason}`,
  })),
  {
    name: 'case 31: the new digest has no image for the platform',
    latest: { app: 'b' },
    unpullable: { app: 'platform-missing' },
    want: 'hold lookup-failed',
    says: 'a new Pod might not start: app: words about platform-missing',
  },
  {
    name: 'case 31: the same for a container that need not pull, but causes the restart',
    containers: [container('app', { pullPolicy: 'IfNotPresent' })],
    annotations: { 'kube-autorollout/if-not-present': 'restart' },
    latest: { app: 'b' },
    unpullable: { app: 'platform-missing' },
    want: 'hold lookup-failed',
  },
  {
    name: 'case 31: the same for one of two that cause it',
    containers: ['app', 'db'].map((name) => container(name, { pullPolicy: 'IfNotPresent' })),
    annotations: { 'kube-autorollout/if-not-present': 'restart' },
    running: bothRun,
    latest: { app: 'b', db: 'b' },
    unpullable: { db: 'platform-missing' },
    want: 'hold lookup-failed',
    says: 'a new Pod might not start: db: words about platform-missing',
  },
  {
    name: 'an init container that is not watched has its say',
    containers: [container('migrate', { role: 'init' }), container('app')],
    latest: { app: 'b', migrate: 'tag-not-found' },
    want: 'hold lookup-failed',
    says: 'a new Pod might not start: migrate: words about tag-not-found',
  },
  {
    name: 'a container that is ignored has none',
    containers: two,
    running: bothRun,
    annotations: { 'kube-autorollout/ignore-containers': 'db' },
    latest: { app: 'b' },
    want: 'restart changed',
  },
  {
    name: 'one that is merely not named in containers has its say',
    containers: two,
    running: bothRun,
    annotations: { 'kube-autorollout/containers': 'app' },
    latest: { app: 'b', db: 'unreachable' },
    want: 'hold lookup-failed',
  },
  {
    name: 'one that nobody looked up counts as failed',
    containers: two,
    running: bothRun,
    annotations: { 'kube-autorollout/containers': 'app' },
    latest: { app: 'b' },
    want: 'hold lookup-failed',
    says: 'a new Pod might not start: db: the tick ended before it was looked up',
  },
  {
    name: 'a pinned one whose digest is gone',
    containers: [container('app'), container('db', { image: `r.example.com/db@${digest('a')}` })],
    running: bothRun,
    latest: { app: 'b' },
    unpullable: { db: 'tag-not-found' },
    want: 'hold lookup-failed',
  },
  {
    name: 'a pinned one whose digest is there',
    containers: [container('app'), container('db', { image: `r.example.com/db@${digest('a')}` })],
    running: bothRun,
    latest: { app: 'b' },
    want: 'restart changed',
  },
  {
    name: 'case 45: changed, but only we could read it',
    latest: { app: 'b refused' },
    want: 'hold pull-secret-refused',
    says: 'every pull Secret entry for the image of app was refused, so a new Pod could not pull it: renew the Secret',
    warns: ['entry refused'],
  },
  {
    name: 'case 45: an unchanged container that a new Pod could not pull',
    containers: two,
    running: bothRun,
    latest: { app: 'b', db: 'a refused' },
    want: 'hold pull-secret-refused',
    says: /image of db/,
    warns: ['entry refused'],
  },
  {
    name: 'case 45: refused, but nothing changed',
    latest: { app: 'a refused' },
    want: 'none up-to-date',
    warns: ['entry refused'],
  },
  {
    name: 'case 27: restarted for it before',
    annotations: { 'kube-autorollout/last-restart': record('app', 'b', 30) },
    latest: { app: 'b' },
    want: 'hold not-converging',
    says: /^already restarted for bbbbbbbbbbbb at 2026-01-01T11:30:00\.000Z/,
  },
  {
    name: 'case 27: restarted for it before, and more attempts are allowed',
    annotations: { 'kube-autorollout/last-restart': record('app', 'b', 60) },
    latest: { app: 'b' },
    options: { maxRestartsPerDigest: 2 },
    want: 'restart changed',
  },
  {
    name: 'case 27: one is stuck, the other is a new cause',
    containers: two,
    running: bothRun,
    annotations: { 'kube-autorollout/last-restart': record('app', 'b', 30) },
    latest: { app: 'b', db: 'c' },
    want: 'restart changed',
    says: 'db runs aaaaaaaaaaaa, its tag names cccccccccccc',
  },
  {
    name: 'case 60: somebody stripped the record',
    template: { 'kube-autorollout/restartedAt': minutesAgo(30).toISOString() },
    latest: { app: 'b' },
    want: 'hold not-converging',
    says: /is gone, though we restarted it/,
  },
  {
    name: 'hold: "true"',
    annotations: { 'kube-autorollout/hold': 'true' },
    latest: { app: 'b' },
    want: 'hold on-hold',
    says: `${appToB}, and it is on hold; let it go with kubectl annotate deployment/web kube-autorollout/hold- --namespace shop`,
  },
  {
    name: 'hold: "true", and nothing changed',
    annotations: { 'kube-autorollout/hold': 'true' },
    latest: { app: 'a' },
    want: 'none up-to-date',
  },
  {
    name: 'dry run',
    latest: { app: 'b' },
    options: { dryRun: true },
    want: 'hold dry-run',
    says: `would restart: ${appToB}`,
  },
  {
    name: 'order: not-converging before pull-secret-refused',
    annotations: { 'kube-autorollout/last-restart': record('app', 'b', 30) },
    latest: { app: 'b refused' },
    want: 'hold not-converging',
    warns: ['entry refused'],
  },
  {
    name: 'order: pull-secret-refused before lookup-failed',
    containers: two,
    running: bothRun,
    latest: { app: 'b refused', db: 'unreachable' },
    want: 'hold pull-secret-refused',
    warns: ['entry refused'],
  },
  {
    name: 'order: lookup-failed before on-hold',
    containers: two,
    running: bothRun,
    annotations: { 'kube-autorollout/hold': 'true' },
    latest: { app: 'b', db: 'unreachable' },
    want: 'hold lookup-failed',
  },
  {
    name: 'order: on-hold before dry-run',
    annotations: { 'kube-autorollout/hold': 'true' },
    latest: { app: 'b' },
    options: { dryRun: true },
    want: 'hold on-hold',
  },
  {
    name: 'a name that no container has is said in the message',
    annotations: { 'kube-autorollout/ignore-containers': 'dp' },
    latest: { app: 'b' },
    want: 'restart changed',
    says: `${appToB}; kube-autorollout/ignore-containers names "dp", and no container has that name`,
  },
];

function record(name: string, letter: string, minutes: number): string {
  const entry = { digest: digest(letter), time: minutesAgo(minutes), attempts: 1 };
  const reference = `r.example.com/${name}:main`;
  return formatLastRestart(new Map([[name, { reference, seen: [entry] }]]));
}

function latestOf(answer: Answer): Latest {
  const [letter = '', refused] = answer.split(' ');
  if (letter.length > 1) {
    // A reason, in the row's own words.
    const reason = reasons.find((known) => known === letter);
    assert.ok(reason, letter);
    return {
      status: 'failed',
      reason,
      message: `words about ${reason}`,
      attempts: [],
      cutOff: false,
    };
  }
  const pullSecretRefused = refused !== undefined;
  const warnings = pullSecretRefused ? ['entry refused'] : [];
  return { status: 'found', digest: digest(letter), attempts: [], pullSecretRefused, warnings };
}

const reasons = [
  'unauthorized',
  'rate-limited',
  'unreachable',
  'timed-out',
  'registry-error',
  'tag-not-found',
  'malformed',
  'unsupported-manifest',
  'platform-missing',
] as const;

/** As `judge` says when no manifest needs to be read. */
function judgedOf(running: string, latest: string): Judged {
  return running === latest
    ? { status: 'judged', verdict: { verdict: 'same', reason: 'equal' }, message: 'equal' }
    : {
        status: 'judged',
        verdict: { verdict: 'changed', reason: 'digest-changed' },
        message: 'differs',
      };
}

function play(scene: Scene): { readonly decided: Decided; readonly wouldRestart: boolean } {
  const { annotations = {}, template = {}, running = { app: 'a' } } = scene;
  const workload = deployment(
    {},
    {
      annotations,
      template: { annotations: template, containers: scene.containers ?? [container('app')] },
    },
  );
  return playWith(workload, [pod(workload, 'web-0', running)], scene, (name, letter) => {
    const runs = running[name];
    return runs === undefined ? {} : { judged: judgedOf(runs, letter) };
  });
}

function playWith(
  workload: WorkloadFacts,
  pods: readonly PodFacts[],
  { latest, unpullable = {}, options = {} }: Pick<Scene, 'latest' | 'unpullable' | 'options'>,
  judge: (name: string, letter: string) => Partial<Finding>,
) {
  const context = {
    now,
    defaultRegistry: 'docker.io',
    ifNotPresent: 'skip',
    platforms: [],
  } as const;
  const observed = observe(workload, indexPods(pods), context);
  const findings = new Map(
    observed.containers.map((seen): [typeof seen, Finding] => {
      const { name } = seen.spec;
      const answer = latest[name];
      const found = answer === undefined ? undefined : latestOf(answer);
      const reason = unpullable[name];
      return [
        seen,
        {
          ...(found && { latest: found }),
          ...(found?.status === 'found' && seen.watched && judge(name, answer?.slice(0, 1) ?? '')),
          pullable: reason
            ? { status: 'failed', reason, message: `words about ${reason}` }
            : { status: 'pullable' },
        },
      ];
    }),
  );
  const all = { now, maxRestartsPerDigest: 1, dryRun: false, ...options };
  return {
    decided: decide(observed, findings, all),
    wouldRestart: wouldRestart(observed, findings, all),
  };
}

describe('decide', () => {
  for (const scene of rows) {
    test(`${scene.name}: ${scene.want}`, () => {
      const { decided } = play(scene);
      assert.equal(`${decided.decision} ${decided.reason}`, scene.want);
      if (typeof scene.says === 'string') assert.equal(decided.message, scene.says);
      else if (scene.says) assert.match(decided.message, scene.says);
      assert.deepEqual(decided.warnings, scene.warns ?? []);
    });
  }

  for (const { name, latest, annotations, want } of [
    { name: 'a change', latest: 'b', annotations: {}, want: true },
    { name: 'no change', latest: 'a', annotations: {}, want: false },
    {
      name: 'a change that the guard blocks',
      latest: 'b',
      annotations: { 'kube-autorollout/last-restart': record('app', 'b', 1) },
      want: false,
    },
    {
      name: 'a change on hold, for what stands before it in the order',
      latest: 'b',
      annotations: { 'kube-autorollout/hold': 'true' },
      want: true,
    },
  ]) {
    test(`more is looked up for ${name}: ${want}`, () => {
      const scene = { name, latest: { app: latest }, annotations, want: '' };
      assert.equal(play(scene).wouldRestart, want);
    });
  }
});

describe('partition (case 24)', () => {
  const workload = statefulSet({ partition: 1, updatedReplicas: 1, currentRevision: 'web-old' });
  const pods = [
    pod(workload, 'web-1', { app: 'a' }),
    pod(workload, 'web-0', { app: 'b' }, { revision: 'old' }),
  ];
  const judged = judgedOf('x', 'y');
  const same = judgedOf('x', 'x');
  const unknown: Judged = {
    status: 'judged',
    verdict: { verdict: 'unknown', reason: 'malformed' },
    message: 'cannot say',
  };
  const scenes = [
    {
      name: 'only Pods below it are stale',
      finding: { judged: same, judgedBelowPartition: judged },
      want: 'hold partition',
    },
    { name: 'Pods above it are stale', finding: { judged }, want: 'restart changed' },
    {
      name: 'none is stale',
      finding: { judged: same, judgedBelowPartition: same },
      want: 'none up-to-date',
    },
    {
      name: 'nothing runs above it',
      finding: { judgedBelowPartition: judged },
      want: 'hold partition',
    },
    {
      name: 'below it cannot be judged',
      finding: { judged: same, judgedBelowPartition: unknown },
      want: 'none unknown',
    },
    {
      name: 'above it cannot be judged',
      finding: { judged: unknown, judgedBelowPartition: same },
      want: 'none unknown',
    },
  ];
  for (const { name, finding, want } of scenes) {
    test(`case 24: ${name}: ${want}`, () => {
      const { decided } = playWith(workload, pods, { latest: { app: 'c' } }, () => finding);
      assert.equal(`${decided.decision} ${decided.reason}`, want);
    });
  }

  test('case 24: the hold says what to lower, the container which Pods', () => {
    const finding = { judged: same, judgedBelowPartition: judged };
    const { decided } = playWith(workload, pods, { latest: { app: 'c' } }, () => finding);
    assert.match(decided.message, /lower spec\.updateStrategy\.rollingUpdate\.partition$/);
    assert.match(decided.containers[0]?.message ?? '', /^below the partition only: /);
    assert.deepEqual(decided.containers[0]?.running, [digest('a'), digest('b')]);
  });
});

function left(scene: Omit<Scene, 'name' | 'want'>) {
  const { decided } = play({ name: '', want: '', ...scene });
  assert.equal(decided.decision, 'restart');
  return decided.decision === 'restart' ? decided : assert.fail();
}

/** Two hours ago. */
function restartedFor(name: string, letter: string) {
  const seen = [{ digest: digest(letter), time: minutesAgo(120), attempts: 1 }];
  return [name, { reference: `r.example.com/${name}:main`, seen }] as const;
}

describe('what a restart leaves', () => {
  test('case 28: the causes, and a record of every container whose digest is known', () => {
    const { causes, lastRestart } = left({
      containers: [...two, container('x'), container('y', { pullPolicy: 'IfNotPresent' })],
      running: { ...bothRun, x: 'a', y: 'a' },
      latest: { app: 'b', db: 'a', x: 'unauthorized' },
    });
    assert.deepEqual(
      causes.map(({ container: { spec }, running, latest }) => [spec.name, running, latest]),
      [['app', [digest('a')], digest('b')]],
    );
    assert.deepEqual(
      lastRestart,
      new Map(
        [['app', 'b'] as const, ['db', 'a'] as const].map(([name, letter]) => [
          name,
          {
            reference: `r.example.com/${name}:main`,
            seen: [{ digest: digest(letter), time: now, attempts: 1 }],
          },
        ]),
      ),
    );
  });

  test('case 27: one attempt more for what caused it, and none for what did not', () => {
    const { lastRestart } = left({
      containers: two,
      running: bothRun,
      annotations: {
        'kube-autorollout/last-restart': formatLastRestart(
          new Map([restartedFor('app', 'b'), restartedFor('db', 'a')]),
        ),
      },
      latest: { app: 'b', db: 'a' },
      options: { maxRestartsPerDigest: 2 },
    });
    assert.deepEqual(lastRestart.get('app')?.seen, [
      { digest: digest('b'), time: now, attempts: 2 },
    ]);
    assert.deepEqual(lastRestart.get('db')?.seen, [
      { digest: digest('a'), time: minutesAgo(120), attempts: 1 },
    ]);
  });

  test('case 28: the reference in it is normalised', () => {
    const { lastRestart } = left({
      containers: [container('app', { image: 'nginx' })],
      latest: { app: 'b' },
    });
    assert.equal(lastRestart.get('app')?.reference, 'docker.io/library/nginx:latest');
  });

  test('case 28: a volume is no container of the same name', () => {
    const volume = container('app', { role: 'volume' });
    const workload = deployment({}, { template: { containers: [container('app'), volume] } });
    const base = pod(workload, 'web-0', { app: 'a' });
    const mounted = { name: 'app', role: 'volume', imageId: `x@${digest('a')}` } as const;
    const { decided } = playWith(
      workload,
      [{ ...base, containers: [...base.containers, mounted] }],
      { latest: { app: 'b' } },
      () => ({ judged: judgedOf('a', 'b') }),
    );
    assert.equal(decided.decision, 'restart');
    assert.deepEqual(decided.decision === 'restart' && [...decided.lastRestart.keys()], [
      'app',
      'volume/app',
    ]);
  });
});

describe('containers in the report', () => {
  test('each with its verdict, digests and message', () => {
    const { decided } = play({
      name: '',
      want: '',
      containers: [...two, container('init', { role: 'init' }), container('x')],
      running: { ...bothRun, init: 'e', x: 'f' },
      latest: { app: 'b', db: 'a', init: 'c', x: 'unauthorized' },
    });
    assert.deepEqual(
      decided.containers.map(({ name, verdict, reason, running, latest, message }) => [
        name,
        `${verdict} ${reason}`,
        running[0]?.[7],
        latest?.[7] ?? null,
        message,
      ]),
      [
        ['app', 'changed digest-changed', 'a', 'b', 'differs'],
        ['db', 'same equal', 'a', 'a', 'equal'],
        [
          'init',
          'skipped ignored',
          'e',
          'c',
          'init containers count only with kube-autorollout/init-containers: "true"',
        ],
        ['x', 'unknown unauthorized', 'f', null, 'words about unauthorized'],
      ],
    );
  });
});
