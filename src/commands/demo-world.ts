import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { quote } from '../image/quote.ts';
import { FakeApiServer } from '../testing/fake-apiserver.ts';
import { fakeImage } from '../testing/fake-images.ts';
import { FakeRegistry } from '../testing/fake-registry.ts';
import { deployment, pullSecret } from '../testing/kube-objects.ts';
import { StartError } from './environment.ts';

const namespace = 'shop';
const account = { username: 'robot', password: 'demo-password' };

/** An API server and a registry in this process, on real sockets, and a folder with the files that a user would have. */
export interface DemoWorld extends AsyncDisposable {
  readonly api: FakeApiServer;
  readonly registry: FakeRegistry;
  readonly kubeconfig: string;
  readonly config: string;
  /** Pushes an image under a tag that is already there. */
  push(repository: string, build: string): string;
  /** Replaces the Pods of a Deployment by ones of its newest template; all of them, or so many. */
  rollOut(name: string, replace?: number): void;
}

/** @param temporaryFolder where the two files may lie until the end */
export async function startDemoWorld(temporaryFolder: string): Promise<DemoWorld> {
  const folder = await makeFolder(temporaryFolder);
  const registry = await FakeRegistry.start({
    auth: {
      type: 'bearer',
      public: ['demo/web'],
      users: { [account.username]: { password: account.password } },
      expiresInSeconds: 300,
    },
  });
  const pushed = new Map<string, string>();
  const push = (repository: string, build: string): string => {
    const digest = registry.push(`${repository}:main`, fakeImage(`${repository} ${build}`));
    pushed.set(`${registry.host}/${repository}:main`, `${registry.host}/${repository}@${digest}`);
    return digest;
  };
  push('demo/web', 'first');
  push('demo/private', 'first');

  const broken = '127.0.0.1:1/demo/broken:main';
  pushed.set(broken, `127.0.0.1:1/demo/broken@${fakeImage('broken').digest}`);
  const api = await FakeApiServer.start({
    rollOutAfterMs: 'manual',
    simulate: { resolveImage: (image) => pushed.get(image) },
  });
  api.create(
    pullSecret({
      name: 'regcred',
      namespace,
      auths: { [registry.host]: { username: account.username, password: account.password } },
    }),
  );
  const image = (repository: string) => `${registry.host}/${repository}:main`;
  api.create(deployment({ name: 'web', namespace, image: image('demo/web'), replicas: 2 }));
  api.create(
    deployment({
      name: 'private',
      namespace,
      image: image('demo/private'),
      pullSecrets: ['regcred'],
    }),
  );
  api.create(deployment({ name: 'broken', namespace, image: broken }));

  const kubeconfig = join(folder, 'kubeconfig');
  const config = join(folder, 'config.yaml');
  await writeFile(kubeconfig, api.kubeconfig({ namespace }));
  await writeFile(config, 'registries:\n  - hostnamePattern: "127.0.0.1:*"\n    plainHttp: true\n');

  return {
    api,
    registry,
    kubeconfig,
    config,
    push,
    rollOut(name, replace) {
      api.rollOut('Deployment', name, { ...(replace !== undefined && { replace }) }, namespace);
    },
    async [Symbol.asyncDispose]() {
      await rm(folder, { recursive: true, force: true });
      await registry[Symbol.asyncDispose]();
      await api[Symbol.asyncDispose]();
    },
  };
}

/** In a container, where nothing can be written as a rule, somebody has to say where. */
async function makeFolder(parent: string): Promise<string> {
  try {
    return await mkdtemp(join(parent, 'kube-autorollout-demo-'));
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
    throw new StartError(
      `the demo cannot write its two files to ${quote(parent)} (${code}); set TMPDIR to a folder where it can`,
      1,
    );
  }
}

export async function pause(ms: number): Promise<void> {
  await new Promise<void>((resolve) => {
    setTimeout(resolve, ms);
  });
}
