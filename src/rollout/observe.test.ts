import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  container,
  daemonSet,
  deployment,
  digest,
  minutesAgo,
  now,
  pod,
  statefulSet,
} from '../testing/facts.ts';
import { formatReference } from '../image/reference.ts';
import { observe, type ObserveContext, type ObservedContainer } from './observe.ts';
import { indexPods } from './pod-index.ts';
import type { ContainerSpec, PodFacts, WorkloadFacts } from './workload.ts';

const context: ObserveContext = {
  now,
  defaultRegistry: 'docker.io',
  ifNotPresent: 'skip',
  platforms: [],
};

function see(
  workload: WorkloadFacts,
  pods: readonly PodFacts[],
  changes: Partial<ObserveContext> = {},
) {
  return observe(workload, indexPods(pods), { ...context, ...changes });
}

function web(
  containers: readonly ContainerSpec[],
  annotations: Readonly<Record<string, string>> = {},
): WorkloadFacts {
  return deployment({}, { annotations, template: { containers } });
}

/** `app watched a,b` or `app pull-policy`; `pulls` where a new Pod must pull it. */
function shown(seen: ObservedContainer): string {
  const runs = seen.running.map((image) =>
    image.type === 'unreadable' ? '?' : image.digest.slice(7, 8),
  );
  const parts = [
    seen.spec.name,
    seen.watched ? 'watched' : seen.reason,
    runs.join(','),
    seen.mustPull ? 'pulls' : '',
  ];
  return parts.filter((part) => part !== '').join(' ');
}

describe('what is watched', () => {
  const rows: readonly {
    readonly name: string;
    readonly containers: readonly ContainerSpec[];
    readonly annotations?: Readonly<Record<string, string>>;
    readonly ifNotPresent?: 'skip' | 'restart';
    readonly running?: Readonly<Record<string, string>>;
    readonly want: readonly string[];
    readonly says?: RegExp;
  }[] = [
    {
      name: 'a container with Always',
      containers: [container('app')],
      want: ['app watched a pulls'],
    },
    {
      name: 'case 17: injected containers exist only in the Pod and do not appear',
      containers: [container('app')],
      running: { app: 'a', 'istio-proxy': 'b' },
      want: ['app watched a pulls'],
    },
    {
      name: 'case 18: a webhook rewrote the image in the Pod: the template decides',
      containers: [container('app')],
      running: { app: `mirror.example.com/cache/app@${digest('b')}` },
      want: ['app watched b pulls'],
    },
    {
      name: 'case 20: two containers with the same image are two',
      containers: [container('app'), container('worker', { image: 'r.example.com/app:main' })],
      running: { app: 'a', worker: 'b' },
      want: ['app watched a pulls', 'worker watched b pulls'],
    },
    {
      name: 'case 22: Never',
      containers: [container('app', { pullPolicy: 'Never' })],
      want: ['app pull-policy a'],
      says: /Never: a restart pulls nothing/,
    },
    {
      name: 'case 22: IfNotPresent',
      containers: [container('app', { pullPolicy: 'IfNotPresent' }), container('worker')],
      running: { app: 'a', worker: 'b' },
      want: ['app pull-policy a', 'worker watched b pulls'],
      says: /set Always, or kube-autorollout\/if-not-present: "restart"$/,
    },
    {
      name: 'case 22: IfNotPresent, and the config says restart',
      containers: [container('app', { pullPolicy: 'IfNotPresent' })],
      ifNotPresent: 'restart',
      want: ['app watched a'],
    },
    {
      name: 'case 22: IfNotPresent, and the workload says restart',
      containers: [container('app', { pullPolicy: 'IfNotPresent' })],
      annotations: { 'kube-autorollout/if-not-present': 'restart' },
      want: ['app watched a'],
    },
    {
      name: 'case 22: IfNotPresent, and the workload says skip against the config',
      containers: [container('app', { pullPolicy: 'IfNotPresent' })],
      ifNotPresent: 'restart',
      annotations: { 'kube-autorollout/if-not-present': 'skip' },
      want: ['app pull-policy a'],
    },
    {
      name: 'case 22: Never, and the config says restart',
      containers: [container('app', { pullPolicy: 'Never' })],
      ifNotPresent: 'restart',
      want: ['app pull-policy a'],
    },
    {
      name: 'case 26: pinned, its tag is decoration; a new Pod still pulls it',
      containers: [container('app', { image: `r.example.com/app:main@${digest('a')}` })],
      want: ['app digest-pinned a pulls'],
    },
    {
      name: 'no reference at all',
      containers: [container('app', { image: 'UPPER/CASE' })],
      want: ['app invalid-reference a'],
      says: /^invalid image reference "UPPER\/CASE"/,
    },
    {
      name: 'an image that the template leaves out',
      containers: [container('app', { image: '' })],
      want: ['app invalid-reference a'],
      says: /is empty/,
    },
    {
      name: 'case 19: init containers count only where asked for, native sidecars always',
      containers: [
        container('migrate', { role: 'init' }),
        container('proxy', { role: 'sidecar' }),
        container('app'),
      ],
      running: { migrate: 'c', proxy: 'b', app: 'a' },
      want: ['migrate ignored c pulls', 'proxy watched b pulls', 'app watched a pulls'],
      says: /init containers count only with kube-autorollout\/init-containers: "true"/,
    },
    {
      name: 'case 19: init containers asked for',
      containers: [container('migrate', { role: 'init' }), container('app')],
      annotations: { 'kube-autorollout/init-containers': 'true' },
      running: { migrate: 'c', app: 'a' },
      want: ['migrate watched c pulls', 'app watched a pulls'],
    },
    {
      name: 'case 19: an init container that is named',
      containers: [container('migrate', { role: 'init' }), container('app')],
      annotations: { 'kube-autorollout/containers': 'migrate' },
      running: { migrate: 'c', app: 'a' },
      want: ['migrate watched c pulls', 'app ignored a pulls'],
      says: /not named in kube-autorollout\/containers/,
    },
    {
      name: 'ignore-containers also lifts their say in lookup-failed',
      containers: [container('app'), container('proxy')],
      annotations: { 'kube-autorollout/ignore-containers': 'proxy' },
      running: { app: 'a', proxy: 'b' },
      want: ['app watched a pulls', 'proxy ignored b'],
    },
    {
      name: 'named in both lists: ignored',
      containers: [container('app')],
      annotations: {
        'kube-autorollout/containers': 'app',
        'kube-autorollout/ignore-containers': 'app',
      },
      want: ['app ignored a'],
    },
    {
      name: 'case 19: an image volume, of which the kubelet reports no digest',
      containers: [container('app'), container('model', { role: 'volume' })],
      want: ['app watched a pulls', 'model ignored pulls'],
      says: /reports no digest for image volumes/,
    },
    {
      name: 'case 19: an image volume with a digest is judged as anything else',
      containers: [container('app'), container('model', { role: 'volume' })],
      running: { app: 'a', model: 'b' },
      want: ['app watched a pulls', 'model watched b pulls'],
    },
    {
      name: 'case 11: one container has not been pulled yet, the other runs',
      containers: [container('app'), container('worker')],
      running: { app: 'a', worker: '' },
      want: ['app watched a pulls', 'worker not-running-yet pulls'],
      says: /^Pod web-0 has not pulled it yet/,
    },
    {
      name: 'case 1: an imageID that no runtime we know reports is still something that runs',
      containers: [container('app')],
      running: { app: 'what?' },
      want: ['app watched ? pulls'],
    },
  ];
  for (const row of rows) {
    const { name, containers, annotations = {}, ifNotPresent, want, says } = row;
    test(name, () => {
      const workload = web(containers, annotations);
      const pods = [pod(workload, 'web-0', row.running ?? { app: 'a' })];
      const seen = see(workload, pods, ifNotPresent && { ifNotPresent });
      assert.deepEqual(seen.containers.map(shown), want);
      const words = seen.containers.map((one) => (one.watched ? '' : one.message)).join('');
      if (says) assert.match(words, says);
    });
  }

  test('case 10: the reference is the template’s, joined by container name', () => {
    const workload = web([container('app', { image: 'nginx' }), container('worker')]);
    const pods = [pod(workload, 'web-0', { worker: 'b', app: 'a' })];
    const seen = see(workload, pods, { defaultRegistry: 'mirror.example.com' });
    assert.deepEqual(seen.containers.map(shown), ['app watched a pulls', 'worker watched b pulls']);
    assert.deepEqual(
      seen.containers.map(({ reference }) => reference && formatReference(reference)),
      ['mirror.example.com/nginx:latest', 'r.example.com/worker:main'],
    );
  });

  test('case 26: no tag is latest', () => {
    const [seen] = see(web([container('app', { image: 'r.example.com/app' })]), []).containers;
    assert.equal(seen?.reference?.tag, 'latest');
  });

  test('a volume and a container of the same name are two', () => {
    const workload = web([container('app'), container('app', { role: 'volume' })]);
    const base = pod(workload, 'web-0', { app: 'a' });
    const volume = { name: 'app', role: 'volume', imageId: `x@${digest('b')}` } as const;
    const seen = see(workload, [{ ...base, containers: [volume, ...base.containers] }]);
    assert.deepEqual(seen.containers.map(shown), ['app watched a pulls', 'app watched b pulls']);
  });
});

describe('what runs', () => {
  test('case 16: mixed digests in one revision, distinct, newest Pod first', () => {
    const workload = web([container('app')]);
    const pods = ['a', 'b', 'a', 'c'].map((letter, index) =>
      pod(workload, `web-${index}`, { app: letter }, { createdAt: minutesAgo(index) }),
    );
    const seen = see(workload, pods.toReversed());
    assert.deepEqual(seen.containers.map(shown), ['app watched a,b,c pulls']);
  });

  test('case 12: a container that crashes has an imageID like any other', () => {
    const workload = web([container('app')]);
    const base = pod(workload, 'web-0', { app: 'a' }, { ready: false });
    const crashing = base.containers.map((one) => ({ ...one, waiting: 'CrashLoopBackOff' }));
    const seen = see(workload, [{ ...base, containers: crashing }]);
    assert.deepEqual(seen.containers.map(shown), ['app watched a pulls']);
  });

  test('case 11: a Pod that waits says why', () => {
    const workload = web([container('app')]);
    const base = pod(workload, 'web-0', { app: '' }, { phase: 'Pending' });
    const waiting = base.containers.map((one) => ({ ...one, waiting: 'ImagePullBackOff' }));
    const [seen] = see(workload, [{ ...base, containers: waiting }]).containers;
    assert.equal(
      seen?.watched === false && seen.message,
      'Pod web-0 has not pulled it yet (ImagePullBackOff); the kubelet goes on trying',
    );
  });

  test('case 24: what runs below a partition is kept apart', () => {
    const workload = statefulSet({ partition: 1, updatedReplicas: 1, currentRevision: 'web-old' });
    const [seen] = see(workload, [
      pod(workload, 'web-1', { app: 'a' }),
      pod(workload, 'web-0', { app: 'b' }, { revision: 'old' }),
    ]).containers;
    assert.deepEqual(seen && shown(seen), 'app watched a pulls');
    assert.deepEqual(
      seen?.belowPartition.map((image) => image.type === 'manifest' && image.digest),
      [digest('b')],
    );
  });

  test('case 24: with a partition above all, what runs below it is still looked up, as those Pods could', () => {
    const workload = statefulSet({ partition: 9, updatedReplicas: 0, currentRevision: 'web-old' });
    const old = { revision: 'old', pullSecrets: ['of-the-pod'] };
    const observed = see(workload, [pod(workload, 'web-0', { app: 'b' }, old)]);
    assert.deepEqual(
      observed.containers.map(({ watched, running }) => [watched, running]),
      [[true, []]],
    );
    assert.deepEqual(observed.pullSecrets, ['of-the-pod']);
  });

  test('case 15: of a stalled rollout only the newest revision, and the message says so', () => {
    const workload = daemonSet({ updated: 1 });
    const seen = see(workload, [
      pod(workload, 'new', { app: 'b' }, { ready: false, createdAt: minutesAgo(20) }),
      pod(workload, 'old', { app: 'a' }, { revision: 'old' }),
    ]);
    assert.deepEqual(seen.containers.map(shown), ['app watched b pulls']);
    assert.deepEqual(seen.notes, ['the rollout has stalled: 1 of 2 Pods are updated']);
  });
});

describe('what else is known', () => {
  const linux = { os: 'linux', architecture: 'amd64' };
  const arm = { os: 'linux', architecture: 'arm64' };

  test('case 9: platforms are the template’s, else the config’s, else unknown', () => {
    const stated = deployment({}, { template: { platforms: [arm] } });
    assert.deepEqual(see(stated, [], { platforms: [linux] }).platforms, [arm]);
    assert.deepEqual(see(deployment(), [], { platforms: [linux] }).platforms, [linux]);
    assert.deepEqual(see(deployment(), []).platforms, []);
  });

  test('case 46: pull Secrets are the newest live Pod’s, else the template’s', () => {
    const workload = deployment({}, { template: { pullSecrets: ['template'] } });
    const pods = [
      pod(workload, 'a', { app: 'a' }, { pullSecrets: ['old'], createdAt: minutesAgo(9) }),
      pod(
        workload,
        'b',
        { app: 'a' },
        { pullSecrets: ['new', 'account'], createdAt: minutesAgo(1) },
      ),
      pod(
        workload,
        'c',
        { app: 'a' },
        { pullSecrets: ['failed'], createdAt: now, phase: 'Failed' },
      ),
    ];
    assert.deepEqual(see(workload, pods).pullSecrets, ['new', 'account']);
    assert.deepEqual(see(workload, []).pullSecrets, ['template']);
  });

  test('case 61: each pull Secret once, and no more than anybody has', () => {
    const names = Array.from({ length: 101 }, (_, index) => `secret-${index}`);
    const again = [...names.slice(0, 100), 'secret-7', 'secret-0'];
    const twice = see(deployment({}, { template: { pullSecrets: again } }), []);
    assert.deepEqual(twice.pullSecrets, names.slice(0, 100));
    assert.deepEqual(twice.notes, []);
    const many = see(deployment({}, { template: { pullSecrets: names } }), []);
    assert.deepEqual(many.pullSecrets, names.slice(0, 100));
    assert.deepEqual(many.notes, ['it names 101 pull Secrets, of which the first 100 are used']);
  });

  test('a name in an annotation that no container has is said', () => {
    const workload = web([container('app')], {
      'kube-autorollout/containers': 'app,worker',
      'kube-autorollout/ignore-containers': 'istio-proxy',
    });
    assert.deepEqual(see(workload, []).notes, [
      'kube-autorollout/containers names "worker", and no container has that name',
      'kube-autorollout/ignore-containers names "istio-proxy", and no container has that name',
    ]);
  });

  test('bad annotations are problems, the poller’s own included', () => {
    const { problems } = see(
      web([container('app')], {
        'kube-autorollout/hold': 'maybe',
        'kube-autorollout/last-restart': '{}',
      }),
      [],
    );
    assert.equal(problems.length, 2);
  });

  test('case 61: 20,000 containers are each found in 10 Pods', () => {
    const specs = Array.from({ length: 20_000 }, (_, index) => container(`c-${index}`));
    const workload = web(specs);
    const running = Object.fromEntries(specs.map(({ name }) => [name, 'a']));
    const pods = Array.from({ length: 10 }, (_, index) => pod(workload, `p-${index}`, {}));
    const { containers } = pod(workload, 'p', running);
    const seen = see(
      workload,
      pods.map((one) => ({ ...one, containers })),
    );
    assert.ok(seen.containers.every(({ watched }) => watched));
  });

  test('1,000 workloads with 10,000 Pods are each joined with their own', () => {
    const workloads = Array.from({ length: 1000 }, (_, index) => {
      const base = deployment();
      return { ...base, id: { ...base.id, name: `web-${index}`, uid: `uid-${index}` } };
    });
    const pods = workloads.flatMap((workload) =>
      Array.from({ length: 10 }, (_, index) => pod(workload, `p-${index}`, { app: 'a' })),
    );
    const index = indexPods(pods);
    assert.equal(index.byDeployment.size, 1000);
    for (const workload of workloads) {
      const [seen] = observe(workload, index, context).containers;
      assert.equal(seen && shown(seen), 'app watched a pulls');
    }
  });
});
