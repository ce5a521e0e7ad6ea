import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { runCli, startCli } from '../testing/cli.ts';
import { tempFolder } from '../testing/temp-folder.ts';

describe('demo', { concurrency: true }, () => {
  test('shows a restart, its convergence, a private image and a broken one, with nothing of the user', async () => {
    await using folder = await tempFolder();
    const env = {
      HOME: folder.path,
      TMPDIR: folder.path,
      KUBECONFIG: '/nowhere',
      CONFIG_FILE: '/nowhere',
      HTTP_PROXY: 'http://127.0.0.1:1',
      LOG_LEVEL: 'error',
    };
    const { exitCode, stdout, stderr } = await runCli(['demo'], { env });
    assert.deepEqual([exitCode, stderr], [0, ''], stdout);
    assert.equal(stdout.match(/INFO +workload restarted: /g)?.length, 2, 'web and private');
    assert.match(stdout, /^PATCH \/apis\/apps\/v1\/namespaces\/shop\/deployments\/web\?/m);
    assert.match(stdout, /workload=web decision=hold reason=rollout-in-progress/);
    assert.match(stdout, /workload=web decision=none reason=up-to-date/);
    assert.match(stdout, /workload=broken .*containerReason=unreachable/);
    assert.doesNotMatch(stdout, /^!!/m);
  });

  test('says where it cannot write', async () => {
    const { exitCode, stdout, stderr } = await runCli(['demo'], { env: { TMPDIR: '/nowhere' } });
    assert.deepEqual([exitCode, stdout], [1, '']);
    assert.equal(
      stderr,
      'error: the demo cannot write its two files to "/nowhere" (ENOENT); set TMPDIR to a folder where it can\n',
    );
  });

  test('ends soon when it is told to, without claims about what it did not show', async () => {
    await using folder = await tempFolder();
    await using cli = startCli(['demo'], { env: { HOME: folder.path, TMPDIR: folder.path } });
    await cli.says(/Somebody pushes web again/);
    cli.kill('SIGINT');
    const { exitCode, stdout } = await cli.ended;
    assert.equal(exitCode, 1);
    assert.doesNotMatch(stdout, /^!!|== Done/m);
  });
});
