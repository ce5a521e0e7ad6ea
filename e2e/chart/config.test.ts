import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, test } from 'node:test';
import { parse } from 'yaml';
import { z } from 'zod';
import { configSchema } from '../../src/config/schema.ts';
import { createAuthority } from '../../src/testing/certificates.ts';
import { run } from '../command.ts';
import { Manifests, render, setups, valuesOf } from './helm.ts';

/*
 * The config that the chart renders is read by the program itself, with every file it names where the Pod's
 * mounts put it: so a typo in a key, a wrong path and a missing mount each fail here.
 */
const main = join(import.meta.dirname, '../../src/main.ts');

const items = z.array(z.object({ key: z.string(), path: z.string() })).optional();
const podSpec = z.object({
  containers: z.tuple([
    z.object({
      env: z.array(z.object({ name: z.string(), value: z.string().optional() })),
      volumeMounts: z.array(
        z.object({ name: z.string(), mountPath: z.string(), subPath: z.string().optional() }),
      ),
    }),
  ]),
  volumes: z.array(
    z.object({
      name: z.string(),
      secret: z.object({ secretName: z.string(), items }).optional(),
      projected: z
        .object({ sources: z.array(z.object({ secret: z.object({ items }) })) })
        .optional(),
    }),
  ),
});
type PodSpec = z.infer<typeof podSpec>;

/**
 * Where the file of a path in the config lies, below the mount that holds it.
 * @returns '' for the mount itself
 */
function mounted(pod: PodSpec, path: string): string {
  const [{ volumeMounts }] = pod.containers;
  const mount = volumeMounts
    .toSorted((a, b) => b.mountPath.length - a.mountPath.length)
    .find(({ mountPath }) => `${path}/`.startsWith(`${mountPath}/`));
  assert.ok(mount !== undefined, `the config names ${path}, where nothing is mounted`);
  const inside = mount.subPath ?? path.slice(mount.mountPath.length + 1).replace(/\/$/, '');
  const volume = pod.volumes.find(({ name }) => name === mount.name);
  const sources = volume?.projected?.sources.map(({ secret }) => secret) ?? [volume?.secret];
  const named = sources.flatMap((source) => source?.items ?? []);
  if (named.length > 0) {
    const found = named.some((item) => item.path === inside);
    assert.ok(found, `no item of volume ${mount.name} becomes ${path}`);
  }
  return inside;
}

describe('the config that the chart renders is valid for the program', () => {
  for (const setup of setups) {
    test(setup, async (t) => {
      const folder = await mkdtemp(join(tmpdir(), 'kube-autorollout-chart-'));
      t.after(() => rm(folder, { recursive: true }));
      const manifests = new Manifests(render(valuesOf(setup)));
      const pod = podSpec.parse(manifests.get('Deployment', 'spec', 'template', 'spec'));
      const rendered = String(manifests.get('ConfigMap', 'data', 'config.yaml'));

      const authority = await createAuthority();
      const client = await authority.issue(['client']);
      const paths = [...rendered.matchAll(/"(\/[^"]+)"/g)].map(([, path = '']) => path);
      for (const path of paths) {
        const dockerConfig = mounted(pod, path) === '';
        const file = join(folder, path, dockerConfig ? '.dockerconfigjson' : '');
        await mkdir(dirname(file), { recursive: true });
        await writeFile(file, contentOf(path, dockerConfig));
      }
      function contentOf(path: string, dockerConfig: boolean): string {
        if (dockerConfig) return '{"auths":{"ghcr.io":{"auth":"dXNlcjpwYXNzd29yZA=="}}}';
        if (path.endsWith('.key')) return client.key;
        if (path.endsWith('/client/tls.crt')) return client.certificate;
        return path.endsWith('.crt') ? authority.certificate : 'a-token';
      }

      const config = join(folder, 'config.yaml');
      await writeFile(config, rendered.replaceAll(/"(\/[^"]+)"/g, `"${folder}$1"`));
      // A token of digits only: a text must stay a text, whatever stands for it. FOUR_TOKEN comes from a whole Secret.
      const [container] = pod.containers;
      const variables = container.env.map(({ name, value = '12345' }) => [name, value] as const);
      const env = { FOUR_TOKEN: '12345', ...Object.fromEntries(variables) };
      const ended = await run(process.execPath, [main, 'validate', '--config', config], { env });
      assert.equal(ended.exitCode, 0, `${ended.stdout}${ended.stderr}\n${rendered}`);
    });
  }
});

test("the defaults of values.yaml are the program's own", () => {
  const manifests = new Manifests(render(valuesOf('defaults')));
  const config: unknown = parse(String(manifests.get('ConfigMap', 'data', 'config.yaml')));
  assert.deepEqual(configSchema.parse(config), configSchema.parse({}));
});
