import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { Files, readRegularFile } from './files.ts';

describe('files of the real file system', () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'files-'));
    await writeFile(join(folder, 'text'), 'täxt');
    await writeFile(join(folder, 'latin'), new Uint8Array([0x74, 0xe4, 0x78, 0x74]));
    await writeFile(join(folder, 'huge'), '');
    await truncate(join(folder, 'huge'), 3 * 1024 * 1024);
    await symlink('text', join(folder, 'link'));
    await symlink('loop', join(folder, 'loop'));
    await mkdir(join(folder, 'sub'));
  });
  after(() => rm(folder, { recursive: true }));

  test('are read, links followed', async () => {
    const files = new Files(readRegularFile);
    assert.deepEqual(await files.read(join(folder, 'text'), 'a'), { ok: true, text: 'täxt' });
    assert.deepEqual(await files.read(join(folder, 'link'), 'b'), { ok: true, text: 'täxt' });
    assert.deepEqual(
      files.watched.map(({ name }) => name),
      ['a', 'b'],
    );
    assert.equal(files.watched[0]?.fingerprint, files.watched[1]?.fingerprint);
  });

  const rows: readonly (readonly [name: string, code: string, message: string])[] = [
    ['gone', 'ENOENT', 'does not exist'],
    ['text/below', 'ENOTDIR', 'does not exist'],
    ['sub', 'EISDIR', 'is a folder, not a file'],
    ['huge', 'EFBIG', 'is larger than 2 MiB'],
    ['latin', 'not-text', 'is no text in UTF-8'],
    ['loop', 'ELOOP', 'cannot be read (ELOOP)'],
  ];
  for (const [name, code, message] of rows) {
    test(`${name}: ${message}`, async () => {
      const read = await new Files(readRegularFile).read(join(folder, name), name);
      assert.deepEqual(read, { ok: false, code, message });
    });
  }

  test('a device is not read, which would never end', async () => {
    assert.deepEqual(await new Files(readRegularFile).read('/dev/zero', 'zero'), {
      ok: false,
      code: 'ENXIO',
      message: 'is no regular file',
    });
  });
});
