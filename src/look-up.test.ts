import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Candidate } from './credentials/credential.ts';
import { parsePullSecret } from './credentials/docker-config.ts';
import type { Digest } from './image/digest.ts';
import type { Latest, ManifestRead } from './image/lookup.ts';
import { lookUp } from './look-up.ts';
import { decide } from './rollout/decide.ts';
import { observe } from './rollout/observe.ts';
import { indexPods } from './rollout/pod-index.ts';
import type { ContainerSpec, PodFacts, WorkloadFacts } from './rollout/workload.ts';
import { container, deployment, digest, now, pod, statefulSet } from './testing/facts.ts';
import type { LookUps } from './tick.ts';

interface Answers {
  /** By container's repository: the letter of a digest, or an answer. */
  readonly latest: Readonly<Record<string, string | Latest>>;
  /** By the letter of a digest; default: an image with a config of its own. */
  readonly manifests?: Readonly<Record<string, ManifestRead>>;
  /** For the guard: nothing is a cause, since it was restarted already. */
  readonly annotations?: Readonly<Record<string, string>>;
}

const options = { now, maxRestartsPerDigest: 1, dryRun: false };

function failed(cutOff: boolean, reason: 'timed-out' | 'tag-not-found' = 'timed-out'): Latest {
  return { status: 'failed', reason, message: 'no answer', attempts: [], cutOff };
}

function found(letter: string, warnings: readonly string[] = []): Latest {
  const latest = digest(letter);
  return { status: 'found', digest: latest, attempts: [], pullSecretRefused: false, warnings };
}

/** Looks a workload up, and decides on it as a tick does; `asked` is what went to the registry, sorted. */
async function play(workload: WorkloadFacts, pods: readonly PodFacts[], answers: Answers) {
  const asked: string[] = [];
  const lookUps: LookUps = {
    latest: async ({ repository }) => {
      asked.push(`HEAD ${repository}`);
      const answer = answers.latest[repository];
      assert.ok(answer !== undefined, `nobody was to ask for ${repository}`);
      return typeof answer === 'string' ? found(answer) : answer;
    },
    manifest: async ({ repository }, wanted) => {
      asked.push(`GET ${repository} ${letterOf(wanted)}`);
      return answers.manifests?.[letterOf(wanted)] ?? image(wanted);
    },
  };
  const observed = observe(workload, indexPods(pods), {
    now,
    defaultRegistry: 'docker.io',
    ifNotPresent: 'skip',
    platforms: workload.template.platforms,
  });
  const lookedUp = await lookUp(observed, [], lookUps, options);
  const { decision, reason, message } = decide(observed, lookedUp.findings, options);
  return { ...lookedUp, asked: asked.toSorted(), decided: `${decision} ${reason}`, message };
}

function image(of: Digest): ManifestRead {
  return { status: 'found', manifest: { type: 'image', digest: of, config: of } };
}

function letterOf(text: Digest): string {
  return text.slice(-1);
}

function web(...containers: readonly ContainerSpec[]): WorkloadFacts {
  return deployment({}, { template: { containers } });
}

const pinned = container('log', { image: `r.example.com/log@${digest('e')}` });
const unregistered = container('log', { image: `r.example.com/log@sha512:${'e'.repeat(128)}` });

describe('what is looked up', () => {
  test('case 34: where nothing is new, a HEAD for each watched container and nothing else', async () => {
    const workload = web(container('init', { role: 'init' }), container('app'), pinned);
    const running = { init: 'c', app: 'a', log: 'e' };
    const { asked, decided } = await play(workload, [pod(workload, 'web-0', running)], {
      latest: { app: 'a' },
    });
    assert.deepEqual(asked, ['HEAD app']);
    assert.equal(decided, 'none up-to-date');
  });

  test('before a restart, what else a new Pod must pull, too: init containers and pinned ones', async () => {
    const workload = web(container('init', { role: 'init' }), container('app'), pinned);
    const running = { init: 'c', app: 'a', log: 'a' };
    const { asked, decided } = await play(workload, [pod(workload, 'web-0', running)], {
      latest: { app: 'b', init: 'd' },
    });
    assert.deepEqual(asked, [
      'GET app a',
      'GET app b',
      'GET init c',
      'GET init d',
      'GET log a',
      'GET log e',
      'HEAD app',
      'HEAD init',
    ]);
    assert.equal(decided, 'restart changed');
  });

  test('not where the guard would not have it anyway', async () => {
    const seen = [{ digest: digest('b'), time: now.toISOString(), attempts: 1 }];
    const record = { v: 1, containers: { app: { reference: 'r.example.com/app:main', seen } } };
    const workload = deployment(
      {},
      {
        annotations: { 'kube-autorollout/last-restart': JSON.stringify(record) },
        template: { containers: [container('init', { role: 'init' }), container('app')] },
      },
    );
    const { asked, decided } = await play(workload, [pod(workload, 'web-0', { app: 'a' })], {
      latest: { app: 'b' },
    });
    assert.deepEqual(asked, ['GET app a', 'GET app b', 'HEAD app']);
    assert.equal(decided, 'hold not-converging');
  });

  test('what need not be pulled is not asked for, unless it is the cause', async () => {
    const lazy = { pullPolicy: 'IfNotPresent' } as const;
    const workload = deployment(
      {},
      {
        annotations: { 'kube-autorollout/if-not-present': 'restart' },
        template: {
          containers: [
            container('init', { ...lazy, role: 'init' }),
            container('app', lazy),
            container('db', lazy),
          ],
        },
      },
    );
    const { findings, asked } = await play(
      workload,
      [pod(workload, 'web-0', { app: 'a', db: 'a' })],
      { latest: { app: 'b', db: 'a' } },
    );
    assert.deepEqual(asked, ['GET app a', 'GET app b', 'HEAD app', 'HEAD db']);
    assert.deepEqual(
      Object.fromEntries([...findings].map(([{ spec }, one]) => [spec.name, one.pullable?.status])),
      { app: 'pullable', db: undefined },
    );
  });

  test('case 24: what runs below a partition, where nothing above it is stale', async () => {
    const workload = statefulSet({ partition: 1, updatedReplicas: 1, currentRevision: 'web-old' });
    const above = (letter: string) => [
      pod(workload, 'web-1', { app: letter }),
      pod(workload, 'web-0', { app: 'c' }, { revision: 'old' }),
    ];
    const current = await play(workload, above('b'), { latest: { app: 'b' } });
    assert.equal(current.decided, 'hold partition');
    const stale = await play(workload, above('a'), { latest: { app: 'b' } });
    assert.equal(stale.decided, 'restart changed');
    assert.ok(!stale.asked.includes('GET app c'), 'it would not matter');
  });
});

describe('with which credentials', () => {
  test('case 3: each repository is asked with the entries that match it', async () => {
    const auth = { username: 'robot', password: 'secret' };
    const auths = { 'r.example.com/app': auth, 'r.example.com/retagged': auth };
    const { secret } = parsePullSecret({
      name: 'regcred',
      type: 'kubernetes.io/dockerconfigjson',
      data: {
        '.dockerconfigjson': Buffer.from(JSON.stringify({ auths })).toString('base64'),
      },
    });
    const asked: string[] = [];
    const note = (what: string, repository: string, candidates: readonly Candidate[]): void => {
      const entries = candidates.map(({ source }) =>
        source.from === 'pull-secret' ? source.entry : 'a rule',
      );
      asked.push(`${what} ${repository} with ${entries.join()}`);
    };
    const workload = web(container('app'));
    const running = { app: `r.example.com/retagged@${digest('a')}` };
    const observed = observe(workload, indexPods([pod(workload, 'web-0', running)]), {
      now,
      defaultRegistry: 'docker.io',
      ifNotPresent: 'skip',
      platforms: [],
    });
    await lookUp(
      observed,
      [secret],
      {
        latest: async ({ repository }, candidates) => {
          note('HEAD', repository, candidates);
          return found('b');
        },
        manifest: async ({ repository }, wanted, candidates) => {
          note(`GET ${letterOf(wanted)}`, repository, candidates);
          const isMissing = repository === 'app' && letterOf(wanted) === 'a';
          return isMissing ? { status: 'not-found' } : image(wanted);
        },
      },
      options,
    );
    assert.deepEqual(asked.toSorted(), [
      'GET a app with r.example.com/app',
      'GET a retagged with r.example.com/retagged',
      'GET b app with r.example.com/app',
      'HEAD app with r.example.com/app',
    ]);
  });
});

describe('what keeps a new Pod from starting', () => {
  const rows: readonly {
    readonly name: string;
    readonly other: ContainerSpec;
    readonly answers: Answers;
    readonly want: string;
    readonly says?: RegExp;
  }[] = [
    {
      name: 'case 31: the tag of an init container is gone',
      other: container('init', { role: 'init' }),
      answers: {
        latest: { app: 'b', init: failed(false, 'tag-not-found') },
      },
      want: 'hold lookup-failed',
      says: /^a new Pod might not start: init: no answer/,
    },
    {
      name: 'case 31: a pinned image is gone',
      other: pinned,
      answers: { latest: { app: 'b' }, manifests: { e: { status: 'not-found' } } },
      want: 'hold lookup-failed',
      says: /^a new Pod might not start: log: the template pins e{12}, which the registry does not have/,
    },
    {
      name: 'a digest of an algorithm that nobody can ask for is left alone',
      other: unregistered,
      answers: { latest: { app: 'b' } },
      want: 'restart changed',
    },
    {
      name: 'case 31: the new index lacks the platform',
      other: container('init', { role: 'init' }),
      answers: {
        latest: { app: 'b', init: 'd' },
        manifests: {
          d: {
            status: 'found',
            manifest: {
              type: 'index',
              digest: digest('d'),
              children: [
                {
                  mediaType: 'application/vnd.oci.image.manifest.v1+json',
                  digest: digest('f'),
                  platform: { os: 'linux', architecture: 'arm64' },
                  attestation: false,
                },
              ],
            },
          },
        },
      },
      want: 'hold lookup-failed',
      says: /^a new Pod might not start: init: .*linux\/amd64/,
    },
  ];
  for (const { name, other, answers, want, says } of rows) {
    test(`${name}: ${want}`, async () => {
      const platforms = [{ os: 'linux', architecture: 'amd64' }];
      const containers = [other, container('app')];
      const workload = deployment({}, { template: { containers, platforms } });
      const running = { app: 'a', init: 'c' };
      const { decided, message } = await play(workload, [pod(workload, 'web-0', running)], answers);
      assert.equal(decided, want);
      if (says) assert.match(message, says);
    });
  }
});

describe('what the deadline cut off', () => {
  const cutManifest = {
    status: 'failed',
    reason: 'timed-out',
    message: 'no answer',
    cutOff: true,
  } as const;
  const rows: readonly {
    readonly name: string;
    readonly answers: Answers;
    readonly want: boolean;
  }[] = [
    { name: 'nothing', answers: { latest: { app: 'a', db: 'a' } }, want: false },
    {
      name: 'a registry that failed was not',
      answers: { latest: { app: 'a', db: failed(false) } },
      want: false,
    },
    {
      name: 'one of two look-ups',
      answers: { latest: { app: 'a', db: failed(true) } },
      want: true,
    },
    {
      name: 'a manifest',
      answers: { latest: { app: 'a', db: 'b' }, manifests: { b: cutManifest } },
      want: true,
    },
    {
      name: 'a manifest that could not be read was not',
      answers: {
        latest: { app: 'a', db: 'b' },
        manifests: { b: { ...cutManifest, cutOff: false } },
      },
      want: false,
    },
  ];
  for (const { name, answers, want } of rows) {
    test(`${name}: ${want}`, async () => {
      const workload = web(container('app'), container('db'));
      const pods = [pod(workload, 'web-0', { app: 'a', db: 'a' })];
      assert.equal((await play(workload, pods, answers)).cutOff, want);
    });
  }
});

test('warnings come in the order of the template, whichever registry answers first', async () => {
  const workload = web(container('app'), container('db'));
  const answers = { app: Promise.withResolvers<void>(), db: Promise.withResolvers<void>() };
  const observed = observe(workload, indexPods([pod(workload, 'web-0', { app: 'a', db: 'a' })]), {
    now,
    defaultRegistry: 'docker.io',
    ifNotPresent: 'skip',
    platforms: [],
  });
  const looking = lookUp(
    observed,
    [],
    {
      latest: async ({ repository }) => {
        await answers[repository === 'app' ? 'app' : 'db'].promise;
        return found('a', [`of ${repository}`]);
      },
      manifest: async () => assert.fail('nothing is new'),
    },
    options,
  );
  answers.db.resolve();
  await new Promise((resolve) => {
    setImmediate(resolve);
  });
  answers.app.resolve();
  const { findings } = await looking;
  assert.deepEqual(decide(observed, findings, options).warnings, ['of app', 'of db']);
});

test('the manifests that were read on the way are handed on, by digest', async () => {
  const workload = web(container('app'));
  const { manifests } = await play(workload, [pod(workload, 'web-0', { app: 'a' })], {
    latest: { app: 'b' },
  });
  assert.deepEqual([...manifests.keys()].map(letterOf).toSorted(), ['a', 'b']);
});
