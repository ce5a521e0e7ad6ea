import { writeFile } from 'node:fs/promises';
import { CliWorld } from '../../src/testing/cli-world.ts';
import { fakeImage, fakeIndex } from '../../src/testing/fake-images.ts';
import { FakeProxy } from '../../src/testing/fake-proxy.ts';
import { daemonSet, deployment, pullSecret, statefulSet } from '../../src/testing/kube-objects.ts';

export interface DocsWorld extends AsyncDisposable {
  readonly cli: CliWorld;
  /** With which the program reaches the registry under the names of real ones. */
  readonly env: Readonly<Record<string, string>>;
}

const hosts = ['ghcr.io', 'registry-1.docker.io', 'registry.acme.example', 'auth.acme.example'];
const linux = { os: 'linux', architecture: 'amd64' };

/** A namespace for the README, with what people meet most, under names as they give them. */
export async function startDocsWorld(): Promise<DocsWorld> {
  const cli = await CliWorld.start({
    registry: {
      auth: {
        type: 'bearer',
        realm: 'http://auth.acme.example/token',
        public: ['acme/shop-web', 'acme/shop-api', 'acme/node-agent', 'library/redis'],
      },
    },
  });
  const routes = hosts.map((host) => [host, cli.registry.host] as const);
  const proxy = await FakeProxy.start({ routes: Object.fromEntries(routes) });
  await writeFile(cli.config, 'registries: [{ hostnamePattern: "*", plainHttp: true }]\n');
  furnish(cli);
  return {
    cli,
    env: { HTTP_PROXY: proxy.url.href },
    async [Symbol.asyncDispose]() {
      await proxy[Symbol.asyncDispose]();
      await cli[Symbol.asyncDispose]();
    },
  };
}

function furnish({ api, namespace, registry, running }: CliWorld): void {
  /** The tag moves to a new build. */
  const push = (name: string, build: string): string =>
    registry.push(name, fakeIndex([{ manifest: fakeImage(`${name} ${build}`), platform: linux }]));
  /** What the nodes have pulled. */
  const pulled = (image: string): string => {
    const digest = push(image.slice(image.indexOf('/') + 1), 'first');
    running.set(image, `${image.replace(/:[^:]*$/, '')}@${digest}`);
    return image;
  };

  const web = pulled('ghcr.io/acme/shop-web:main');
  api.create(deployment({ name: 'web', namespace, image: web, replicas: 2 }));
  push('acme/shop-web:main', 'second');
  api.create(deployment({ name: 'api', namespace, image: pulled('ghcr.io/acme/shop-api:main') }));

  const auths = { 'registry.acme.example': { username: 'robot', password: 'expired' } };
  api.create(pullSecret({ name: 'regcred', namespace, auths }));
  const worker = pulled('registry.acme.example/jobs/worker:stable');
  api.create(deployment({ name: 'worker', namespace, image: worker, pullSecrets: ['regcred'] }));

  const redis = {
    name: 'redis',
    image: pulled('docker.io/library/redis:8'),
    imagePullPolicy: 'IfNotPresent',
  };
  api.create(statefulSet({ name: 'cache', namespace, containers: [redis] }));

  const agent = pulled('ghcr.io/acme/node-agent:1');
  const onDelete = { updateStrategy: { type: 'OnDelete' } };
  api.create(daemonSet({ name: 'agent', namespace, image: agent, spec: onDelete }));

  const template = { metadata: { labels: { 'kube-autorollout/enabled': 'true' } } };
  api.create(deployment({ name: 'search', namespace, image: web, labels: {}, spec: { template } }));
}
