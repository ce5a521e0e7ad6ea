import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Digest } from './image/digest.ts';
import type { Latest, ManifestRead } from './image/lookup.ts';
import type { WorkloadReport } from './rollout/verdict.ts';
import type { PodFacts, WorkloadFacts, WorkloadKind } from './rollout/workload.ts';
import {
  tick,
  type Cluster,
  type LookUps,
  type Ports,
  type Read,
  type Restarted,
  type RestartOutcome,
  type TickOptions,
  type TickReport,
} from './tick.ts';

const running = digest('a');
const pushed = digest('b');

function digest(letter: string): Digest {
  return `sha256:${letter.repeat(64)}`;
}

function deployment(name: string, image = `r.example.com/${name}:main`): WorkloadFacts {
  return {
    id: { kind: 'Deployment', namespace: 'shop', name, uid: `uid-${name}` },
    resourceVersion: '1',
    generation: 1,
    observedGeneration: 1,
    annotations: {},
    template: {
      annotations: {},
      labels: {},
      containers: [{ name: 'app', image, role: 'container', pullPolicy: 'Always' }],
      pullSecrets: ['regcred'],
      platforms: [],
    },
    rollout: {
      kind: 'Deployment',
      paused: false,
      strategy: 'RollingUpdate',
      replicas: 1,
      statusReplicas: 1,
      updatedReplicas: 1,
      availableReplicas: 1,
      progressDeadlineExceeded: false,
    },
    fingerprint: 'f',
  };
}

function podOf({ id }: WorkloadFacts, imageId = `r.example.com/${id.name}@${running}`): PodFacts {
  return {
    name: `${id.name}-5d4f-x`,
    owner: { kind: 'ReplicaSet', name: `${id.name}-5d4f`, uid: `rs-${id.name}` },
    templateHash: '5d4f',
    phase: 'Running',
    terminating: false,
    ready: true,
    createdAt: new Date('2026-01-01T00:00:00Z'),
    pullSecrets: ['regcred'],
    containers: [{ name: 'app', role: 'container', imageId }],
  };
}

function found(latest: Digest): Latest {
  return { status: 'found', digest: latest, attempts: [], pullSecretRefused: false, warnings: [] };
}

function imageRead(
  of: Digest,
  madeFrom: { readonly created?: string; readonly revision?: string } = {},
): ManifestRead {
  return { status: 'found', manifest: { type: 'image', digest: of, config: of, ...madeFrom } };
}

interface World {
  readonly workloads?: Partial<Record<WorkloadKind, Read<readonly WorkloadFacts[]>>>;
  readonly pods?: Read<readonly PodFacts[]>;
  /** By repository; the default is what runs. */
  readonly latest?: Readonly<Record<string, Latest | Promise<Latest> | Error>>;
  /** Of every manifest; the default is some image. */
  readonly manifest?: ManifestRead;
  readonly restart?: RestartOutcome;
  readonly onReport?: () => void;
}

/** Ports that answer from a table and remember what was asked, in order. */
function world({
  onReport = () => {},
  workloads = {},
  pods = { ok: true, value: [] },
  latest = {},
  manifest,
  restart,
}: World = {}) {
  const asked: string[] = [];
  const reported: WorkloadReport[] = [];
  const restarts: Restarted[] = [];
  const cluster: Cluster = {
    listWorkloads: async (kind) => {
      asked.push(`list ${kind}`);
      return workloads[kind] ?? { ok: true, value: [] };
    },
    listPods: async () => {
      asked.push('list Pods');
      return pods;
    },
    listReplicaSets: async () => {
      asked.push('list ReplicaSets');
      return { ok: true, value: [] };
    },
    readPullSecret: async (name) => {
      asked.push(`read Secret ${name}`);
      return { secret: { name, entries: [] }, problems: [`Secret "${name}" does not exist`] };
    },
    restart: async ({ id }) => {
      asked.push(`restart ${id.name}`);
      return restart ?? { result: 'restarted' };
    },
  };
  const lookUps: LookUps = {
    latest: async ({ repository }) => {
      asked.push(`HEAD ${repository}`);
      const answer = await (latest[repository] ?? found(running));
      if (answer instanceof Error) throw answer;
      return answer;
    },
    manifest: async (_repository, wanted) => {
      asked.push(`GET ${wanted}`);
      if (manifest !== undefined) return manifest;
      return {
        status: 'found',
        manifest: { type: 'image', digest: wanted, config: wanted, revision: 'abc' },
      };
    },
  };
  const ports: Ports = {
    cluster,
    registry: { begin: () => lookUps },
    reporter: {
      workload: (report, restarted) => {
        reported.push(report);
        if (restarted) restarts.push(restarted);
        onReport();
      },
      tick: () => {},
    },
  };
  return { ports, asked, reported, restarts };
}

function options(overrides: Partial<TickOptions> = {}): TickOptions {
  return {
    mode: 'act',
    signal: new AbortController().signal,
    now: () => new Date('2026-01-02T00:00:00Z'),
    monotonicMs: () => 0,
    memory: new Set(),
    ...overrides,
  };
}

const settings = {
  defaultRegistry: 'docker.io',
  ifNotPresent: 'skip',
  platforms: [],
  maxRestartsPerDigest: 1,
  restartedAtKey: 'kube-autorollout/restartedAt',
} as const;

const listed = (...workloads: WorkloadFacts[]): World => ({
  workloads: { Deployment: { ok: true, value: workloads } },
  pods: { ok: true, value: workloads.map((workload) => podOf(workload)) },
});

const decisions = ({ workloads }: TickReport) =>
  workloads.map(({ id, decision, reason }) => `${id.name}: ${decision} (${reason})`);

describe('tick', () => {
  test('restarts what is stale and leaves the rest', async () => {
    const { ports, asked } = world({
      ...listed(deployment('web'), deployment('api')),
      latest: { web: found(pushed) },
    });
    const report = await tick(ports, settings, options());

    assert.equal(report.result, 'success');
    assert.deepEqual(decisions(report), ['api: none (up-to-date)', 'web: restart (changed)']);
    assert.deepEqual(
      asked.filter((request) => request.startsWith('restart')),
      ['restart web'],
    );
  });

  test('lists Pods after the workloads, and a Secret once for all that name it', async () => {
    const { ports, asked } = world(listed(deployment('web'), deployment('api')));
    await tick(ports, settings, options());

    assert.deepEqual(asked, [
      'list Deployment',
      'list StatefulSet',
      'list DaemonSet',
      'list Pods',
      'read Secret regcred',
      'HEAD web',
      'HEAD api',
    ]);
  });

  test('finds nothing labelled without a word', async () => {
    const { ports, asked, reported } = world();
    const report = await tick(ports, settings, options());

    assert.equal(report.result, 'success');
    assert.deepEqual(report.problems, []);
    assert.deepEqual(reported, []);
    assert.equal(asked.length, 4);
  });

  test("one workload's failure does not stop the next", async () => {
    const { ports } = world({
      ...listed(deployment('api'), deployment('web')),
      latest: { api: new Error('a bug'), web: found(pushed) },
    });
    const report = await tick(ports, settings, options());

    assert.deepEqual(decisions(report), ['api: failed (api-error)', 'web: restart (changed)']);
    assert.match(report.workloads[0]?.message ?? '', /a bug/);
  });

  test('acts on a workload although the look-up of another has not ended', async () => {
    const { promise, resolve } = Promise.withResolvers<Latest>();
    const restarted = Promise.withResolvers<void>();
    const { ports, reported } = world({
      ...listed(deployment('slow'), deployment('web')),
      latest: { slow: promise, web: found(pushed) },
      onReport: () => restarted.resolve(),
    });
    const ticking = tick(ports, settings, options());
    await restarted.promise;
    assert.deepEqual(
      reported.map(({ id }) => id.name),
      ['web'],
    );
    resolve(found(running));
    assert.deepEqual(decisions(await ticking), [
      'slow: none (up-to-date)',
      'web: restart (changed)',
    ]);
  });

  test('goes on with the other kinds where one could not be listed', async () => {
    const { ports } = world({
      ...listed(deployment('web')),
      workloads: {
        Deployment: { ok: true, value: [deployment('web')] },
        StatefulSet: { ok: false, reason: 'forbidden', message: 'the Role lacks it' },
      },
    });
    const report = await tick(ports, settings, options());

    assert.equal(report.result, 'success');
    assert.deepEqual(report.problems, ['StatefulSets could not be listed: the Role lacks it']);
    assert.deepEqual(decisions(report), ['web: none (up-to-date)']);
  });

  for (const [name, broken] of [
    [
      'Pods',
      { ...listed(deployment('web')), pods: { ok: false, reason: 'api-error', message: 'down' } },
    ],
    [
      'every kind',
      {
        workloads: {
          Deployment: { ok: false, reason: 'api-error', message: 'down' },
          StatefulSet: { ok: false, reason: 'api-error', message: 'down' },
          DaemonSet: { ok: false, reason: 'api-error', message: 'down' },
        },
      },
    ],
  ] satisfies [string, World][]) {
    test(`fails where ${name} could not be listed`, async () => {
      const { ports, asked } = world(broken);
      const report = await tick(ports, settings, options());

      assert.equal(report.result, 'failed');
      assert.match(report.problems.join(), new RegExp('could not be listed: down'));
      assert.deepEqual(report.workloads, []);
      assert.deepEqual(
        asked.filter((request) => request.startsWith('HEAD')),
        [],
      );
    });
  }

  for (const [mode, want] of [
    ['check', 'web: restart (changed)'],
    ['dry-run', 'web: hold (dry-run)'],
  ] as const) {
    test(`changes nothing in mode ${mode}`, async () => {
      const { ports, asked } = world({
        ...listed(deployment('web')),
        latest: { web: found(pushed) },
      });
      const report = await tick(ports, settings, options({ mode }));

      assert.deepEqual(decisions(report), [want]);
      assert.ok(!asked.includes('restart web'));
    });
  }

  test('reports a failed restart under its reason', async () => {
    const { ports } = world({
      ...listed(deployment('web')),
      latest: { web: found(pushed) },
      restart: { result: 'failed', reason: 'conflict', message: 'it was changed' },
    });
    const report = await tick(ports, settings, options());
    assert.deepEqual(decisions(report), ['web: failed (conflict)']);
  });

  test('case 58: a stop before the PATCH restarts nothing', async () => {
    const stop = new AbortController();
    const { ports, asked } = world({
      ...listed(deployment('web')),
      latest: {
        get web() {
          stop.abort();
          return found(pushed);
        },
      },
    });
    const report = await tick(ports, settings, options({ signal: stop.signal }));

    assert.equal(report.result, 'aborted');
    assert.ok(!asked.includes('restart web'));
  });

  for (const [name, pods, want] of [
    ['had listed all', { ok: true, value: [] }, true],
    ['could not list', { ok: false, reason: 'api-error', message: 'no answer' }, false],
  ] satisfies [string, World['pods'], boolean][]) {
    test(`a tick that was cut short says whether it ${name}`, async () => {
      const { ports } = world({ pods });
      const report = await tick(ports, settings, options({ signal: AbortSignal.abort() }));
      assert.equal(report.result, 'aborted');
      assert.equal(report.listed, want);
    });
  }

  test('what the deadline cut off goes first in the next tick', async () => {
    const cut: Latest = {
      status: 'failed',
      reason: 'timed-out',
      message: '',
      attempts: [],
      cutOff: true,
    };
    const memory = new Set<string>();
    const workloads = listed(deployment('api'), deployment('web'));

    const first = world({ ...workloads, latest: { web: cut } });
    const report = await tick(first.ports, settings, options({ memory }));
    assert.match(report.problems.join(), /1 workload/);
    assert.deepEqual(
      first.reported.map(({ id }) => id.name),
      ['api'],
      'what is not known is not told as news',
    );

    const second = world(workloads);
    await tick(second.ports, settings, options({ memory }));
    assert.deepEqual(second.asked.slice(-2), ['HEAD web', 'HEAD api']);
    assert.equal(memory.size, 0);
  });

  test('a manifest that the deadline cut off is a look-up cut off, not a registry that fails', async () => {
    const memory = new Set<string>();
    const { ports, reported } = world({
      ...listed(deployment('web')),
      latest: { web: found(pushed) },
      manifest: { status: 'failed', reason: 'timed-out', message: '', cutOff: true },
    });
    const report = await tick(ports, settings, options({ memory }));
    assert.deepEqual(decisions(report), ['web: none (unknown)']);
    assert.match(report.problems.join(), /1 workload/);
    assert.deepEqual(reported, [], 'what is not known is not told as news');
    assert.deepEqual([...memory], ['uid-web']);
  });

  test('who was cut off still goes first after a tick that could list nothing', async () => {
    const memory = new Set(['uid-web']);
    const down: Read<never> = { ok: false, reason: 'api-error', message: 'it is down' };
    const { ports } = world({ ...listed(deployment('web')), pods: down });
    await tick(ports, settings, options({ memory }));
    assert.deepEqual([...memory], ['uid-web']);
  });

  test('reports by kind and name, whoever was ready first', async () => {
    const statefulSet = { ...deployment('a').id, kind: 'StatefulSet' } as const;
    const { ports } = world({
      workloads: {
        Deployment: { ok: true, value: [deployment('c'), deployment('b')] },
        StatefulSet: { ok: true, value: [{ ...deployment('a'), id: statefulSet }] },
      },
    });
    const { workloads } = await tick(ports, settings, options());
    assert.deepEqual(
      workloads.map(({ id }) => `${id.kind} ${id.name}`),
      ['Deployment b', 'Deployment c', 'StatefulSet a'],
    );
  });

  test('case 59: Pods are as old as when they were listed, though the machine slept since', async () => {
    const { id, ...web } = deployment('web');
    const daemonSet: WorkloadFacts = {
      ...web,
      id: { ...id, kind: 'DaemonSet' },
      rollout: {
        kind: 'DaemonSet',
        strategy: 'RollingUpdate',
        desired: 2,
        updated: 1,
        available: 1,
      },
    };
    const { templateHash: _, ...pod } = podOf(deployment('web'));
    const owner = { kind: 'DaemonSet', name: 'web', uid: id.uid };
    const start = new Date('2026-01-02T00:00:00Z');
    const { ports } = world({
      workloads: { DaemonSet: { ok: true, value: [daemonSet] } },
      pods: {
        ok: true,
        value: [
          { ...pod, owner, revisionHash: 'new', ready: false, createdAt: start },
          { ...pod, owner, revisionHash: 'old' },
        ],
      },
      latest: { web: found(pushed) },
    });
    const times = [start];
    const now = (): Date => times.shift() ?? new Date('2026-01-02T01:00:00Z');
    const report = await tick(ports, settings, options({ now }));
    assert.deepEqual(decisions(report), ['web: hold (rollout-in-progress)']);
  });

  test('case 59: takes as long as the monotonic clock says', async () => {
    const times = [1_000, 1_250];
    const { ports } = world();
    const monotonicMs = (): number => times.shift() ?? assert.fail('asked once more');
    assert.equal((await tick(ports, settings, options({ monotonicMs }))).durationMs, 250);
  });

  test('tells what a restart was for, and where the new image comes from', async () => {
    const made = { created: '2026-01-01T00:00:00Z', revision: 'abc' };
    const { ports, restarts } = world({
      ...listed(deployment('web')),
      latest: { web: found(pushed) },
      manifest: {
        status: 'found',
        manifest: { type: 'image', digest: pushed, config: pushed, ...made },
      },
      pods: { ok: true, value: [podOf(deployment('web'), `docker://${running}`)] },
    });
    await tick(ports, settings, options());
    assert.deepEqual(restarts, [
      {
        id: deployment('web').id,
        changes: [
          {
            container: 'app',
            image: 'r.example.com/web:main',
            running: [running],
            latest: pushed,
            ...made,
          },
        ],
      },
    ]);
  });

  test('tells where a multi-platform image comes from, by one of its images that was read', async () => {
    const [before, after, attestation] = [digest('c'), digest('d'), digest('e')];
    const made = { created: '2026-01-01T00:00:00Z', revision: 'abc' };
    const platform = { os: 'linux', architecture: 'amd64' };
    const mediaType = 'application/vnd.oci.image.manifest.v1+json';
    const index = (of: Digest, child: Digest): ManifestRead => ({
      status: 'found',
      manifest: {
        type: 'index',
        digest: of,
        children: [
          { mediaType, digest: attestation, attestation: true },
          { mediaType, digest: child, platform, attestation: false },
        ],
      },
    });
    const shelf = new Map<Digest, ManifestRead>([
      [running, index(running, before)],
      [pushed, index(pushed, after)],
      [before, imageRead(before, { revision: 'old' })],
      [after, imageRead(after, made)],
    ]);
    const { ports, restarts } = world({
      ...listed(deployment('web')),
      latest: { web: found(pushed) },
    });
    const registry: Ports['registry'] = {
      begin: (signal) => ({
        ...ports.registry.begin(signal),
        manifest: async (_, wanted) => shelf.get(wanted) ?? assert.fail(`${wanted} was read`),
      }),
    };
    await tick({ ...ports, registry }, settings, options());
    const [change] = restarts[0]?.changes ?? [];
    assert.deepEqual({ created: change?.created, revision: change?.revision }, made);
  });

  test('one workload that nobody watches is a problem, unless its kind could not be listed', async () => {
    const only = { kind: 'Deployment', name: 'web' } as const;
    const nobody = await tick(world().ports, settings, options({ only }));
    assert.deepEqual(nobody.problems, [
      'Deployment web is not watched: the selector finds no such object',
    ]);
    const down: Read<never> = { ok: false, reason: 'api-error', message: 'it is down' };
    const { ports } = world({ workloads: { Deployment: down } });
    const failed = await tick(ports, settings, options({ only }));
    assert.deepEqual(failed.problems, ['Deployments could not be listed: it is down']);
  });

  test('narrows to one workload', async () => {
    const { ports, asked } = world(listed(deployment('web'), deployment('api')));
    const only = { kind: 'Deployment', name: 'web' } as const;
    const report = await tick(ports, settings, options({ only }));

    assert.deepEqual(decisions(report), ['web: none (up-to-date)']);
    assert.deepEqual(asked.slice(0, 2), ['list Deployment', 'list Pods']);
  });

  test('a missing Secret is a warning for those that name it', async () => {
    const { ports } = world(listed(deployment('web')));
    const report = await tick(ports, settings, options());
    assert.deepEqual(report.workloads[0]?.warnings, ['Secret "regcred" does not exist']);
  });
});
