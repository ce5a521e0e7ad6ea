import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';

import type { Config } from './config.ts';
import { formatProblem, loadConfig } from './load.ts';
import { watchConfig } from './watch.ts';

interface Watched extends AsyncDisposable {
  readonly folder: string;
  /** What was told, in order; cleared by reading. */
  told(): readonly string[];
  config(): Config;
  poll(): Promise<void>;
}

/** Watches a config in a folder of its own; the timer is so slow that only `poll` looks. */
async function watch(
  write: (folder: string) => Promise<void>,
  intervalMs = 3_600_000,
): Promise<Watched> {
  const folder = await mkdtemp(join(tmpdir(), 'watch-'));
  await write(folder);
  const load = (): ReturnType<typeof loadConfig> =>
    loadConfig(join(folder, 'config.yaml'), { environment: { DIR: folder } });
  const current = await load();
  if (!current.ok) throw new Error(current.problems.map(formatProblem).join('\n'));
  let { config } = current;
  let told: string[] = [];
  const watcher = watchConfig({
    load,
    current,
    intervalMs,
    onChange: (loaded, names) => {
      config = loaded.config;
      told.push(`changed: ${names.join(', ').replaceAll(folder, '')}`);
    },
    onInvalid: (problems) => {
      told.push(`invalid: ${problems.map(formatProblem).join('; ').replaceAll(folder, '')}`);
    },
    onRestored: () => {
      told.push('restored');
    },
  });
  return {
    folder,
    told: () => {
      const all = told;
      told = [];
      return all;
    },
    config: () => config,
    poll: () => watcher.poll(),
    async [Symbol.asyncDispose]() {
      watcher.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** As the kubelet does it: the data lies in a folder of its own, and one link to it is swapped. */
async function mountSecret(
  folder: string,
  version: string,
  files: Record<string, string>,
): Promise<void> {
  const data = `..${version}`;
  await mkdir(join(folder, data), { recursive: true });
  for (const [name, content] of Object.entries(files)) {
    await writeFile(join(folder, data, name), content);
  }
  await symlink(data, join(folder, '..data_tmp'));
  await rename(join(folder, '..data_tmp'), join(folder, '..data'));
}

describe('watchConfig', () => {
  test('tells nothing while nothing changes', async () => {
    await using watched = await watch((folder) => writeFile(join(folder, 'config.yaml'), '{}'));
    await watched.poll();
    await watched.poll();
    assert.deepEqual(watched.told(), []);
  });

  test('tells once of a changed config, with what it is now', async () => {
    await using watched = await watch((folder) =>
      writeFile(join(folder, 'config.yaml'), 'cronSchedule: "* * * * *"'),
    );
    await writeFile(join(watched.folder, 'config.yaml'), 'cronSchedule: "*/5 * * * *"');
    await watched.poll();
    await watched.poll();
    assert.deepEqual(watched.told(), ['changed: /config.yaml']);
    assert.equal(watched.config().cronSchedule, '*/5 * * * *');
  });

  test('an invalid change is told once for each content; the last good one stays', async () => {
    await using watched = await watch((folder) =>
      writeFile(join(folder, 'config.yaml'), 'jitterSeconds: 1'),
    );
    const file = join(watched.folder, 'config.yaml');
    await writeFile(file, 'jitterSeconds: -1');
    await watched.poll();
    await watched.poll();
    assert.deepEqual(watched.told(), [
      'invalid: /config.yaml:1:16 jitterSeconds: "-1" is less than 0',
    ]);
    await writeFile(file, 'jitterSeconds: -2');
    await watched.poll();
    await rm(file);
    await watched.poll();
    await watched.poll();
    assert.deepEqual(watched.told(), [
      'invalid: /config.yaml:1:16 jitterSeconds: "-2" is less than 0',
      'invalid: /config.yaml: the config file does not exist',
    ]);
    assert.equal(watched.config().jitterSeconds, 1);

    await writeFile(file, 'jitterSeconds: 1');
    await watched.poll();
    await watched.poll();
    assert.deepEqual(watched.told(), ['restored'], 'back to what is in force, told once');
    await writeFile(file, 'jitterSeconds: -1');
    await watched.poll();
    await writeFile(file, 'jitterSeconds: 2');
    await watched.poll();
    assert.deepEqual(watched.told(), [
      'invalid: /config.yaml:1:16 jitterSeconds: "-1" is less than 0',
      'changed: /config.yaml',
    ]);
    assert.equal(watched.config().jitterSeconds, 2);
  });

  test('a mounted Secret that rotates by a swapped link is noticed, by name and never by value', async () => {
    await using watched = await watch(async (folder) => {
      await mkdir(join(folder, 'mount'));
      await mountSecret(join(folder, 'mount'), 'v1', { token: 'hunter1' });
      await symlink('..data/token', join(folder, 'mount', 'token'));
      await writeFile(
        join(folder, 'config.yaml'),
        'registries:\n  - hostnamePattern: a.io\n    secret:\n      tokenFile: ${DIR}/mount/token\n',
      );
    });
    const revealed = (): string | undefined => {
      const secret = watched.config().registries[0]?.secret;
      return secret?.type === 'credential' && secret.candidate.credential.type === 'registry-token'
        ? secret.candidate.credential.token.reveal()
        : undefined;
    };
    assert.equal(revealed(), 'hunter1');
    await mountSecret(join(watched.folder, 'mount'), 'v2', { token: 'hunter2' });
    await watched.poll();
    assert.deepEqual(watched.told(), ['changed: ${DIR}/mount/token']);
    assert.equal(revealed(), 'hunter2');
  });

  test('a file that the new config names is watched from then on, one that it drops is not', async () => {
    await using watched = await watch(async (folder) => {
      await mkdir(join(folder, 'creds'));
      await writeFile(
        join(folder, 'creds', '.dockercfg'),
        '{"a.io":{"username":"u","password":"p"}}',
      );
      await writeFile(join(folder, 'config.yaml'), '{}');
    });
    const { folder } = watched;
    const rule = 'registries:\n  - {hostnamePattern: a.io, secret: {mountPath: "${DIR}/creds"}}\n';
    await writeFile(join(folder, 'config.yaml'), rule);
    await watched.poll();
    assert.deepEqual(watched.told(), ['changed: /config.yaml']);
    await writeFile(
      join(folder, 'creds', '.dockerconfigjson'),
      '{"auths":{"b.io":{"username":"u","password":"p"}}}',
    );
    await watched.poll();
    assert.deepEqual(watched.told(), ['changed: ${DIR}/creds/.dockerconfigjson']);
    await rm(join(folder, 'creds', '.dockercfg'));
    await watched.poll();
    assert.deepEqual(watched.told(), []);
  });

  test('a named file that goes bad is told with the key that names it', async () => {
    await using watched = await watch(async (folder) => {
      await writeFile(join(folder, 'token'), 'hunter2');
      await writeFile(
        join(folder, 'config.yaml'),
        'registries:\n  - {hostnamePattern: a.io, secret: {tokenFile: "${DIR}/token"}}\n',
      );
    });
    await writeFile(join(watched.folder, 'token'), '\n');
    await watched.poll();
    assert.deepEqual(watched.told(), [
      'invalid: /config.yaml:2:49 registries.0.secret.tokenFile: "${DIR}/token" is empty',
    ]);
  });

  test('looks by itself, and not after stop', async () => {
    const seen = Promise.withResolvers<void>();
    await using watched = await watch((folder) => writeFile(join(folder, 'config.yaml'), '{}'));
    const file = join(watched.folder, 'config.yaml');
    const load = (): ReturnType<typeof loadConfig> => loadConfig(file, { environment: {} });
    const current = await load();
    assert.ok(current.ok);
    let calls = 0;
    const watcher = watchConfig({
      load,
      current,
      intervalMs: 5,
      onChange: () => {
        calls += 1;
        seen.resolve();
      },
      onInvalid: () => assert.fail('valid'),
    });
    const keepAlive = setInterval(() => undefined, 1_000);
    await writeFile(file, 'runOnStart: false');
    await seen.promise;
    clearInterval(keepAlive);
    watcher.stop();
    await writeFile(file, 'runOnStart: true');
    await watcher.poll();
    assert.equal(calls, 1);
  });
});
