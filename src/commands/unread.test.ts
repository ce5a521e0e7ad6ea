import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { describe, test } from 'node:test';

import { type Cli, type Ended, runCli, startCli } from '../testing/cli.ts';
import { CliWorld } from '../testing/cli-world.ts';
import { deployment } from '../testing/kube-objects.ts';
import { tempFolder } from '../testing/temp-folder.ts';

/** How a program ends whose output nobody reads from the start. */
async function unread(cli: Cli): Promise<Pick<Ended, 'exitCode' | 'signal'>> {
  cli.stopReading();
  const { exitCode, signal } = await cli.ended;
  return { exitCode, signal };
}

describe('a reader who takes their time', () => {
  test('gets all of it: check | less', async () => {
    await using folder = await tempFolder();
    const keys = Array.from({ length: 4_000 }, (_, index) => `unknown${index}: 1\n`);
    const config = await folder.write('config.yaml', keys.join(''));
    // More text than a pipe holds, and longer than the program waits for what should not keep it.
    const args = ['validate', '--config', config];
    const { exitCode, stdout } = await runCli(args, { pauseMs: 3_000 });
    assert.equal(exitCode, 2);
    assert.equal(stdout.split('\n').length, keys.length + 1);
    assert.match(stdout, /unknown key "unknown3999"[^\n]+\n$/);
  });
});

describe('a reader who has seen enough', { concurrency: true }, () => {
  const rows: readonly (readonly [args: readonly string[], want: number])[] = [
    [['--help'], 0],
    [['check', '--help'], 0],
    [['--version'], 0],
    [['schema'], 0],
    [['--nonsense'], 2],
    [['validate', '--config', '/nowhere'], 2],
  ];
  for (const [args, want] of rows) {
    test(`leaves ${args.join(' ')} its exit code, ${want}`, async () => {
      await using cli = startCli(args);
      assert.deepEqual(await unread(cli), { exitCode: want, signal: null });
    });
  }

  test('leaves check its exit code', async () => {
    await using world = await CliWorld.start();
    world.push('o/web:main');
    world.api.create(
      deployment({ name: 'web', namespace: 'shop', image: world.image('o/web:main') }),
    );
    world.pushAgain('o/web:main');
    await using cli = world.start(['check', '--exit-code']);
    assert.deepEqual(await unread(cli), { exitCode: 3, signal: null });
  });

  test('ends the demo, which takes its files with it', async () => {
    await using folder = await tempFolder();
    await using cli = startCli(['demo'], { env: { HOME: folder.path, TMPDIR: folder.path } });
    await cli.says(/Three Deployments are labelled/);
    cli.stopReading();
    const { exitCode } = await cli.ended;
    assert.equal(exitCode, 1, 'it has not shown all');
    assert.deepEqual(await readdir(folder.path), []);
  });
});
