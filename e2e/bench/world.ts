import { z } from 'zod';

import type { WorkloadKind } from '../../src/rollout/workload.ts';
import { createAuthority } from '../../src/testing/certificates.ts';
import { FakeApiServer } from '../../src/testing/fake-apiserver.ts';
import { jsonAnswer } from '../../src/testing/fake-answer.ts';
import {
  fakeAttestation,
  fakeImage,
  fakeIndex,
  type FakeManifest,
} from '../../src/testing/fake-images.ts';
import { FakeRegistry, type TlsIdentity } from '../../src/testing/fake-registry.ts';
import type { JsonObject } from '../../src/testing/kube-json.ts';
import { pullSecret, workload } from '../../src/testing/kube-objects.ts';
import { apiKind, noCounts, registryKind } from './counts.ts';
import {
  account,
  namespace,
  type Plan,
  plannedImages,
  plannedSecrets,
  tag,
  type PlannedImage,
} from './plan.ts';

/*
 * The API server and the registries of the benchmark, in a process of their own, so that their time and memory do not
 * count as the poller's. The parent sends one message at a time and gets one answer to each.
 */

const messageSchema = z.discriminatedUnion('do', [
  z.object({
    do: z.literal('start'),
    plan: z.object({
      workloads: z.number(),
      podsPerWorkload: z.number(),
      registry: z.enum(['h2', 'h1', 'tokens', 'private']),
      latencyMs: z.number(),
    }),
  }),
  z.object({ do: z.literal('look') }),
  /** Forgets when the first request came. */
  z.object({ do: z.literal('forget') }),
  z.object({ do: z.literal('push'), images: z.number() }),
]);

class World {
  readonly #images: readonly PlannedImage[];
  readonly #registries: readonly FakeRegistry[];
  readonly #running = new Map<string, string>();
  readonly #counts = noCounts();
  #api: FakeApiServer | undefined;
  #firstAskedAt: number | undefined;
  #pushes = 0;

  private constructor(plan: Plan, registries: readonly FakeRegistry[]) {
    this.#images = plannedImages(plan);
    this.#registries = registries;
  }

  static async start(plan: Plan): Promise<{ readonly world: World; readonly access: JsonObject }> {
    const authority = await createAuthority('Benchmark CA');
    const identity = await authority.issue(['127.0.0.1', 'localhost']);
    const registries = await startRegistries(plan, identity);
    const world = new World(plan, registries);
    for (const image of world.#images) world.#push(image, 'first');
    const api = await FakeApiServer.start({
      identity,
      latencyMs: plan.latencyMs,
      simulate: {
        nodes: plan.podsPerWorkload,
        resolveImage: (image) => world.#running.get(image),
      },
    });
    world.#populate(api, plan);
    const ca = Buffer.from(authority.certificate).toString('base64');
    const cluster = { 'certificate-authority-data': ca };
    return {
      world,
      access: {
        server: api.url.href,
        kubeconfig: api.kubeconfig({ namespace, cluster }),
        certificate: authority.certificate,
        images: world.#images.map((image) => world.#nameOf(image)),
      },
    };
  }

  /** Everything asked so far, by kind. The fakes' own records are emptied, or they would grow with every tick. */
  look(): JsonObject {
    for (const registry of this.#registries) {
      for (const request of registry.requests.splice(0)) this.#counts[registryKind(request)] += 1;
    }
    for (const request of this.#api?.requests.splice(0) ?? []) {
      this.#counts[apiKind(request, 'continue' in request.query)] += 1;
    }
    return {
      counts: { ...this.#counts },
      connections: this.#registries.map(({ connections }) => connections),
      problems: [
        ...this.#registries.flatMap(({ problems }) => problems.splice(0)),
        ...(this.#api?.problems.splice(0) ?? []),
      ].slice(0, 5),
      ...(this.#firstAskedAt !== undefined && { firstAskedAt: this.#firstAskedAt }),
    };
  }

  forget(): void {
    this.#firstAskedAt = undefined;
  }

  /** Other images under the same tags, as a pipeline would. */
  push(images: number): void {
    this.#pushes += 1;
    for (const image of this.#images.slice(0, images)) this.#push(image, `push ${this.#pushes}`);
  }

  #push(image: PlannedImage, build: string): void {
    const { repository, registry } = image;
    const digest = this.#registries[registry]?.push(
      `${repository}:${tag}`,
      indexOf(repository, build),
    );
    const host = this.#registries[registry]?.host ?? '';
    this.#running.set(this.#nameOf(image), `${host}/${repository}@${digest}`);
  }

  #nameOf({ repository, registry }: PlannedImage): string {
    return `${this.#registries[registry]?.host}/${repository}:${tag}`;
  }

  #populate(api: FakeApiServer, plan: Plan): void {
    this.#api = api;
    const note = (): undefined => {
      this.#firstAskedAt ??= Date.now();
    };
    api.on('GET', `/apis/apps/v1/namespaces/${namespace}/deployments`, note);
    api.on('GET', '/version', jsonAnswer(version));
    for (const name of plannedSecrets(plan)) {
      const host = this.#registries[0]?.host ?? '';
      api.create(pullSecret({ name, namespace, auths: { [host]: account } }));
    }
    for (let index = 0; index < plan.workloads; index += 1) {
      const image = this.#images[index % this.#images.length];
      if (image === undefined) continue;
      const { pullSecret: secret } = image;
      api.create(
        workload(kindOf(index), {
          name: `app-${index}`,
          namespace,
          replicas: plan.podsPerWorkload,
          containers: [container(this.#nameOf(image))],
          podSpec,
          ...(secret !== undefined && { pullSecrets: [secret] }),
        }),
      );
    }
  }
}

/** Mostly Deployments, as in most namespaces. */
function kindOf(index: number): WorkloadKind {
  if (index % 10 === 8) return 'StatefulSet';
  return index % 10 === 9 ? 'DaemonSet' : 'Deployment';
}

async function startRegistries(
  { registry, latencyMs }: Plan,
  identity: TlsIdentity,
): Promise<readonly FakeRegistry[]> {
  const common = { identity, latencyMs, tls: registry === 'h1' ? 'h1' : 'h2' } as const;
  const expiresInSeconds = 300;
  switch (registry) {
    case 'h2':
    case 'h1':
      return [await FakeRegistry.start(common)];
    case 'tokens':
      return [
        await FakeRegistry.start(common),
        await FakeRegistry.start({
          ...common,
          auth: { type: 'bearer', public: true, expiresInSeconds },
        }),
      ];
    case 'private': {
      const users = { [account.username]: { password: account.password } };
      const auth = { type: 'bearer', users, expiresInSeconds } as const;
      return [await FakeRegistry.start({ ...common, auth })];
    }
  }
}

/** Two platforms and their provenance, as most builds push them. */
function indexOf(repository: string, build: string): FakeManifest {
  const images = ['amd64', 'arm64'].map((architecture) => ({
    manifest: fakeImage(`${repository} ${build} ${architecture}`),
    platform: { os: 'linux', architecture },
  }));
  return fakeIndex([...images, ...images.map(({ manifest }) => fakeAttestation(manifest))]);
}

/** As wordy as real ones are: a Pod has some 6 kB. */
function container(image: string): JsonObject {
  return {
    name: 'app',
    image,
    args: ['--listen=:8080', '--log-format=json', '--shutdown-timeout=30s'],
    env: Array.from({ length: 24 }, (_, index) =>
      index % 3 === 0
        ? {
            name: `APP_SECRET_${index}`,
            valueFrom: { secretKeyRef: { name: 'app-secrets', key: `secret-${index}` } },
          }
        : { name: `APP_SETTING_${index}`, value: `value-of-setting-${index}`.repeat(2) },
    ),
    ports: [{ name: 'http', containerPort: 8080, protocol: 'TCP' }],
    resources: {
      limits: { cpu: '500m', memory: '256Mi' },
      requests: { cpu: '100m', memory: '128Mi' },
    },
    livenessProbe: probe('/health/live'),
    readinessProbe: probe('/health/ready'),
    securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
    volumeMounts: ['config', 'data', 'tmp'].map((name) => ({ name, mountPath: `/var/${name}` })),
  };
}

function probe(path: string): JsonObject {
  return {
    httpGet: { path, port: 'http', scheme: 'HTTP' },
    initialDelaySeconds: 5,
    timeoutSeconds: 1,
    periodSeconds: 10,
    successThreshold: 1,
    failureThreshold: 3,
  };
}

const podSpec: JsonObject = {
  volumes: [
    { name: 'config', configMap: { name: 'app-config', defaultMode: 420 } },
    { name: 'data', persistentVolumeClaim: { claimName: 'app-data' } },
    { name: 'tmp', emptyDir: {} },
  ],
  tolerations: ['not-ready', 'unreachable'].map((condition) => ({
    key: `node.kubernetes.io/${condition}`,
    operator: 'Exists',
    effect: 'NoExecute',
    tolerationSeconds: 300,
  })),
};

/** The predecessor asks for it at start. */
const version = {
  major: '1',
  minor: '34',
  gitVersion: 'v1.34.0',
  gitCommit: '',
  gitTreeState: 'clean',
  buildDate: '2026-01-01T00:00:00Z',
  goVersion: 'go1.24',
  compiler: 'gc',
  platform: 'linux/amd64',
};

let world: World | undefined;

async function answer(text: unknown): Promise<JsonObject> {
  const message = messageSchema.parse(text);
  if (message.do === 'start') {
    const started = await World.start(message.plan);
    world = started.world;
    return started.access;
  }
  if (world === undefined) throw new Error('the world has not begun yet');
  if (message.do === 'push') world.push(message.images);
  if (message.do === 'forget') world.forget();
  return world.look();
}

process.on('message', (message) => {
  answer(message).then(
    (document) => process.send?.(document),
    (error: unknown) => process.send?.({ error: String(error) }),
  );
});
process.on('disconnect', () => process.exit());
