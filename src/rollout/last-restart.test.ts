import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { digest, now } from '../testing/facts.ts';
import { formatLastRestart, type LastRestart, readLastRestart } from './last-restart.ts';

const key = 'kube-autorollout/last-restart';
const entry = { digest: digest('a'), time: '2026-01-01T00:00:00Z', attempts: 1 };

function record(changes: object = {}, seen: readonly unknown[] = [entry]): string {
  const app = { reference: 'ghcr.io/o/web:main', seen };
  return JSON.stringify({ v: 1, containers: { app }, ...changes });
}

describe('last-restart', () => {
  test('absent is not empty', () => {
    assert.deepEqual(readLastRestart({}), { status: 'absent' });
  });

  test('what was written is read again, word for word as the design has it', () => {
    const written: LastRestart = new Map([
      [
        'app',
        {
          reference: 'ghcr.io/o/web:main',
          seen: [
            { digest: digest('b'), time: now, attempts: 2 },
            { digest: digest('a'), time: now, attempts: 1 },
          ],
        },
      ],
    ]);
    const text = formatLastRestart(written);
    assert.equal(
      text,
      `{"v":1,"containers":{"app":{"reference":"ghcr.io/o/web:main","seen":[` +
        `{"digest":"${digest('b')}","time":"2026-01-01T12:00:00.000Z","attempts":2},` +
        `{"digest":"${digest('a')}","time":"2026-01-01T12:00:00.000Z","attempts":1}]}}}`,
    );
    assert.deepEqual(readLastRestart({ [key]: text }), { status: 'read', record: written });
  });

  const good: readonly { readonly name: string; readonly text: string }[] = [
    { name: 'five entries', text: record({}, ['a', 'b', 'c', 'd', 'e'].map(entryOf)) },
    {
      name: 'an offset in a time',
      text: record({}, [{ ...entry, time: '2026-01-01T01:00:00+01:00' }]),
    },
    {
      name: 'a time in the future',
      text: record({}, [{ ...entry, time: '2999-01-01T00:00:00Z' }]),
    },
    { name: 'keys of a later version', text: record({ note: 'x' }, [{ ...entry, note: 'x' }]) },
    { name: 'sha512', text: record({}, [{ ...entry, digest: `sha512:${'a'.repeat(128)}` }]) },
  ];
  for (const { name, text } of good) {
    test(`${name} is read`, () => {
      assert.equal(readLastRestart({ [key]: text }).status, 'read');
    });
  }

  const bad: readonly { readonly name: string; readonly text: string }[] = [
    { name: 'an empty value', text: '' },
    { name: 'an empty object', text: '{}' },
    { name: 'null', text: 'null' },
    { name: 'an array', text: '[]' },
    { name: 'a string', text: '"x"' },
    { name: 'JSON that was cut', text: record().slice(0, -2) },
    { name: 'another version', text: record({ v: 2 }) },
    { name: 'a version that is a string', text: record({ v: '1' }) },
    { name: 'no container', text: record({ containers: {} }) },
    { name: 'containers that are an array', text: record({ containers: [] }) },
    { name: 'a container that is null', text: record({ containers: { app: null } }) },
    { name: 'no reference', text: record({ containers: { app: { seen: [entry] } } }) },
    {
      name: 'an empty reference',
      text: record({ containers: { app: { reference: '', seen: [entry] } } }),
    },
    {
      name: 'seen that is no array',
      text: record({ containers: { app: { reference: 'x', seen: {} } } }),
    },
    { name: 'nothing seen', text: record({}, []) },
    {
      name: 'more than five entries',
      text: record({}, ['a', 'b', 'c', 'd', 'e', 'f'].map(entryOf)),
    },
    { name: 'one digest twice', text: record({}, [entry, entry]) },
    { name: 'an entry that is null', text: record({}, [null]) },
    { name: 'a digest that is none', text: record({}, [{ ...entry, digest: 'sha256:abc' }]) },
    { name: 'a digest in upper case', text: record({}, [{ ...entry, digest: digest('A') }]) },
    { name: 'a time that is none', text: record({}, [{ ...entry, time: 'yesterday' }]) },
    { name: 'a time without zone', text: record({}, [{ ...entry, time: '2026-01-01T00:00:00' }]) },
    { name: 'a 13th month', text: record({}, [{ ...entry, time: '2026-13-01T00:00:00Z' }]) },
    { name: 'a time as a number', text: record({}, [{ ...entry, time: 1_767_225_600 }]) },
    { name: 'no attempts', text: record({}, [{ ...entry, attempts: undefined }]) },
    { name: 'attempts of 0', text: record({}, [{ ...entry, attempts: 0 }]) },
    { name: 'half an attempt', text: record({}, [{ ...entry, attempts: 1.5 }]) },
    {
      name: 'attempts beyond counting',
      text: record().replace('"attempts":1', '"attempts":1e999'),
    },
    { name: 'a value of 1 MB', text: record({ note: 'x'.repeat(1024 * 1024) }) },
    { name: 'deep nesting', text: '['.repeat(100_000) },
  ];
  for (const { name, text } of bad) {
    test(`${name} is invalid, and the message quotes it and says what to do`, () => {
      const read = readLastRestart({ [key]: text });
      assert.equal(read.status, 'invalid');
      const words = read.status === 'invalid' ? read.message : '';
      assert.match(words, /^annotation kube-autorollout\/last-restart is ".*: delete it to forget/);
      assert.ok(words.length < 200);
    });
  }

  test('a container called __proto__ is a container', () => {
    const text = record().replace('"app"', '"__proto__"');
    const read = readLastRestart({ [key]: text });
    assert.deepEqual(read.status === 'read' && [...read.record.keys()], ['__proto__']);
    assert.equal(
      read.status === 'read' && formatLastRestart(read.record).includes('__proto__'),
      true,
    );
  });

  function entryOf(letter: string): object {
    return { ...entry, digest: digest(letter) };
  }
});
