import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { copyFile, cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

/*
 * The bundle is the one thing that is shipped and that no unit test runs. It is started alone in an
 * empty folder, so that nothing it needs can come from node_modules.
 */
const root = join(import.meta.dirname, '..');
let folder: string;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kube-autorollout-smoke-'));
  await cp(join(root, 'dist'), folder, { recursive: true });
  await copyFile(join(root, 'config.example.yaml'), join(folder, 'config.example.yaml'));
});

after(() => rm(folder, { recursive: true, force: true }));

interface Ended {
  readonly exitCode: number | string | null | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

function start(...args: readonly string[]): Promise<Ended> {
  return new Promise((resolve) => {
    const options = { cwd: folder, env: { PATH: process.env['PATH'] }, timeout: 60_000 };
    execFile(process.execPath, ['main.mjs', ...args], options, (error, stdout, stderr) =>
      resolve({ exitCode: error === null ? 0 : error.code, stdout, stderr }),
    );
  });
}

describe('the bundle, alone in a folder', () => {
  test('prints the version of package.json', async () => {
    const ended = await start('--version');
    assert.equal(ended.exitCode, 0, ended.stderr);
    const packageJson = await readFile(join(root, 'package.json'), 'utf8');
    assert.ok(packageJson.includes(`"version": "${ended.stdout.trim()}"`), ended.stdout);
  });

  test('prints help that names every command', async () => {
    const ended = await start('--help');
    assert.equal(ended.exitCode, 0, ended.stderr);
    for (const command of ['run', 'check', 'explain', 'validate', 'schema', 'demo']) {
      assert.match(ended.stdout, new RegExp(`^ +${command}\\b`, 'm'));
    }
  });

  test('finds the example configuration valid and says when it would run', async () => {
    const ended = await start('validate', '--config', 'config.example.yaml');
    assert.equal(ended.exitCode, 0, ended.stderr);
    const times = ended.stdout.match(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d/g) ?? [];
    assert.equal(times.length, 5, ended.stdout);
  });

  test('says where a configuration is wrong, with exit code 2', async () => {
    await writeFile(join(folder, 'wrong.yaml'), 'cronSchedule: "0 * * * * *"\nwebservr: {}\n');
    const ended = await start('validate', '--config', 'wrong.yaml');
    assert.equal(ended.exitCode, 2, ended.stdout);
    assert.match(ended.stdout + ended.stderr, /wrong\.yaml:2:1 .*webservr/);
  });

  test('refuses a wrong flag with exit code 2 and a word on stderr', async () => {
    const ended = await start('run', '--onse');
    assert.equal(ended.exitCode, 2);
    assert.equal(ended.stdout, '');
    assert.match(ended.stderr, /--onse/);
  });

  test('prints a JSON Schema', async () => {
    const ended = await start('schema');
    assert.equal(ended.exitCode, 0, ended.stderr);
    assert.match(JSON.stringify(JSON.parse(ended.stdout)), /cronSchedule/);
  });

  test('shows the demo', async () => {
    const ended = await start('demo');
    assert.equal(ended.exitCode, 0, ended.stdout + ended.stderr);
  });
});
