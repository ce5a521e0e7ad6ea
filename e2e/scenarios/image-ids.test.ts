import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { output } from '../command.ts';
import { push, registry, waitFor } from '../cluster.ts';
import { deployment } from '../manifest.ts';
import { makeNamespace, type Namespace } from '../namespace.ts';

/*
 * What a real kubelet and a real containerd say in imageID: what the poller may rely on, and the traps. With
 * E2E_UPDATE_FIXTURES=1 the observations become fixtures for the unit tests of `image/` and `rollout/`.
 */
interface Observation {
  readonly case: string;
  /** Of the Pod template. */
  readonly image: string;
  readonly imageID: string;
  /** `status.containerStatuses[].image`, which is not always the template's. */
  readonly statusImage: string;
  /** Digests that the tag has named on this node, oldest first; the last one is what it names now. */
  readonly tagNamed: readonly string[];
}
const observations: Observation[] = [];

after(async () => {
  if (process.env['E2E_UPDATE_FIXTURES'] !== '1') return;
  const runtime = await nodeInfo('containerRuntimeVersion');
  const seen = {
    source: 'observed by e2e/scenarios/image-ids.test.ts',
    date: new Date().toISOString().slice(0, 10),
    runtime,
    kubelet: await nodeInfo('kubeletVersion'),
    observations,
  };
  const file = `observed-${runtime.replace('://', '-')}.json`;
  const folder = join(import.meta.dirname, '../../fixtures/imageids');
  await writeFile(join(folder, file), `${JSON.stringify(seen, null, 2)}\n`);
});

function nodeInfo(field: string): Promise<string> {
  const path = `jsonpath={.items[0].status.nodeInfo.${field}}`;
  return output('kubectl', ['get', 'nodes', '-o', path]);
}

/** What the newest Pod of a Deployment says, once its rollout has ended. */
async function observe(
  namespace: Namespace,
  app: string,
  name: string,
  tagNamed: readonly string[],
): Promise<string> {
  await namespace.rolledOut(`deployment/${app}`);
  const [status] = (await namespace.newestPod(app)).status.containerStatuses;
  assert.ok(status !== undefined);
  const image = await namespace.value(
    `deployment/${app}`,
    '{.spec.template.spec.containers[0].image}',
  );
  const { imageID, image: statusImage } = status;
  observations.push({ case: name, image, imageID, statusImage, tagNamed });
  return imageID;
}

async function restarted(namespace: Namespace, app: string): Promise<void> {
  await namespace.kubectl('rollout', 'restart', `deployment/${app}`);
}

test('imageID of a single manifest is the digest under the tag', async (t) => {
  const namespace = await makeNamespace(t, 'imageid');
  const web = `${registry()}/${namespace.name}/web`;
  const first = await push(`${namespace.name}/web:main`, `first ${namespace.name}`);
  await namespace.apply(deployment('web', `${web}:main`));
  assert.equal(await observe(namespace, 'web', 'manifest', [first]), `${web}@${first}`);

  const second = await push(`${namespace.name}/web:main`, `second ${namespace.name}`);
  const named = [first, second];
  assert.equal(await observe(namespace, 'web', 'tag moved', named), `${web}@${first}`);
  await restarted(namespace, 'web');
  assert.equal(await observe(namespace, 'web', 'tag moved, restarted', named), `${web}@${second}`);

  await namespace.apply(deployment('pinned', `${web}@${first}`));
  assert.equal(await observe(namespace, 'pinned', 'named by digest', [first]), `${web}@${first}`);
  await namespace.apply(deployment('both', `${web}:main@${first}`));
  assert.equal(
    await observe(namespace, 'both', 'named by tag and digest', [first]),
    `${web}@${first}`,
  );
});

test('imageID of an index is the index, in OCI types, Docker types and with an attestation', async (t) => {
  const namespace = await makeNamespace(t, 'imageid-index');
  const rows = [
    { app: 'oci', options: ['--other-platform=arm'] as const },
    { app: 'docker', options: ['--docker', '--other-platform=arm'] as const },
    { app: 'attested', options: ['--attestation=build-1'] as const },
  ];
  for (const { app, options } of rows) {
    const name = `${namespace.name}/${app}`;
    const index = await push(`${name}:main`, `${app} ${namespace.name}`, ...options);
    await namespace.apply(deployment(app, `${registry()}/${name}:main`));
    assert.equal(
      await observe(namespace, app, `index (${options.join(' ')})`, [index]),
      `${registry()}/${name}@${index}`,
    );
  }
});

test('imageID is the smallest of all indexes with this child that the node has pulled', async (t) => {
  const namespace = await makeNamespace(t, 'imageid-rule');
  const name = `${namespace.name}/web`;
  const image = `${registry()}/${name}`;
  const text = `the same in ${namespace.name}`;
  const made: { readonly digest: string; readonly rebuild: () => Promise<string> }[] = [];
  for (const provenance of ['one', 'two', 'three']) {
    const rebuild = (): Promise<string> =>
      push(`${name}:main`, text, `--attestation=${provenance}`);
    made.push({ digest: await rebuild(), rebuild });
  }
  const [smallest, middle, largest] = made.toSorted((a, b) => (a.digest < b.digest ? -1 : 1));
  assert.ok(smallest !== undefined && middle !== undefined && largest !== undefined);

  await middle.rebuild();
  await namespace.apply(deployment('web', `${image}:main`));
  assert.equal(
    await observe(namespace, 'web', 'first of three indexes with one child', [middle.digest]),
    `${image}@${middle.digest}`,
  );
  await largest.rebuild();
  await restarted(namespace, 'web');
  assert.equal(
    await observe(namespace, 'web', 'a larger index of the same child, restarted', [
      middle.digest,
      largest.digest,
    ]),
    `${image}@${middle.digest}`,
    'the trap: a restart that changed nothing to see',
  );
  await smallest.rebuild();
  await restarted(namespace, 'web');
  assert.equal(
    await observe(namespace, 'web', 'a smaller index of the same child, restarted', [
      middle.digest,
      largest.digest,
      smallest.digest,
    ]),
    `${image}@${smallest.digest}`,
  );
});

test('imageID may name the repository under which the node first pulled the same image', async (t) => {
  const namespace = await makeNamespace(t, 'imageid-copy');
  const [original, copy] = [`${namespace.name}/a`, `${namespace.name}/b`];
  const digest = await push(`${original}:main`, namespace.name);
  assert.equal(await push(`${copy}:main`, namespace.name), digest);
  await namespace.apply(deployment('original', `${registry()}/${original}:main`));
  await observe(namespace, 'original', 'first repository', [digest]);
  await namespace.apply(deployment('copy', `${registry()}/${copy}:main`));
  assert.equal(
    await observe(namespace, 'copy', 'second repository with the same image', [digest]),
    `${registry()}/${original}@${digest}`,
  );
});

test(
  'imageID of an image that was loaded into the node is a bare config digest',
  { skip: process.env['E2E_USE_EXISTING'] === '1' && 'needs the socket of the node' },
  async (t) => {
    const namespace = await makeNamespace(t, 'imageid-loaded');
    const image = `${registry()}/${namespace.name}/web:main`;
    const digest = await push(`${namespace.name}/web:main`, `loaded ${namespace.name}`);
    await output(join(import.meta.dirname, '../cluster/load-image.sh'), [image]);
    await namespace.apply(deployment('web', image, { pullPolicy: 'Never' }));
    assert.match(
      await observe(namespace, 'web', 'loaded, never pulled', [digest]),
      /^sha256:[0-9a-f]{64}$/,
    );
  },
);

test(
  'imageID of a private image looks the same, once its Pod has the pull Secret',
  { skip: process.env['AUTH_REGISTRY'] === undefined && 'needs a registry with a password' },
  async (t) => {
    const namespace = await makeNamespace(t, 'imageid-private');
    const host = process.env['AUTH_REGISTRY'] ?? '';
    const name = `${namespace.name}/web`;
    const digest = await push(`${name}:main`, `private ${namespace.name}`);
    await namespace.apply(deployment('web', `${host}/${name}:main`, { pullSecret: 'login' }));
    await waitFor('a pull that is refused', async () => {
      const [pod] = await namespace.pods('app=web');
      const [status] = pod?.status.containerStatuses ?? [];
      return status?.state.waiting?.reason?.includes('Pull') ?? false;
    });
    await namespace.kubectl(
      'create',
      'secret',
      'docker-registry',
      'login',
      `--docker-server=${host}`,
      `--docker-username=${process.env['AUTH_REGISTRY_USER']}`,
      `--docker-password=${process.env['AUTH_REGISTRY_PASSWORD']}`,
    );
    await restarted(namespace, 'web');
    assert.equal(
      await observe(namespace, 'web', 'private, through a pull Secret', [digest]),
      `${host}/${name}@${digest}`,
    );
  },
);
