import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { parse } from 'yaml';
import { z } from 'zod';
import packageJson from '../../package.json' with { type: 'json' };
import { output } from '../command.ts';
import { chart, helmEnvironment, Manifests, render, valuesOf } from './helm.ts';

const chartYaml = z.object({ version: z.string(), appVersion: z.string() });

test("a release's package installs the release's image by default", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'kube-autorollout-chart-'));
  t.after(() => rm(folder, { recursive: true }));
  const script = join(import.meta.dirname, '../../.ci/package-chart');
  const repository = 'registry.example.com/acme/kube-autorollout';
  await output(script, [repository, folder], { env: helmEnvironment });

  const { version, appVersion } = chartYaml.parse(
    parse(readFileSync(join(chart, 'Chart.yaml'), 'utf8')),
  );
  assert.equal(appVersion, packageJson.version);
  assert.deepEqual(await readdir(folder), [`kube-autorollout-${version}.tgz`]);
  const packaged = join(folder, `kube-autorollout-${version}.tgz`);
  const manifests = new Manifests(render(valuesOf('defaults'), packaged));
  const image = ['spec', 'template', 'spec', 'containers', 0, 'image'];
  assert.equal(manifests.get('Deployment', ...image), `${repository}:${packageJson.version}`);
});
