import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { advice } from './commands/reasons.ts';
import { unknownReasons } from './image/lookup.ts';
import { annotationKeys } from './rollout/annotations.ts';
import {
  changedHoldReasons,
  sameReasons,
  screenedHoldReasons,
  skippedReasons,
} from './rollout/verdict.ts';
import { createMetrics } from './telemetry/metrics.ts';
import { decisionLevels, verdictReasons } from './telemetry/vocabulary.ts';

/* What the README promises to have a row for. Its tables are written by `node e2e/docs.ts`. */
const readme = readFileSync(join(import.meta.dirname, '../README.md'), 'utf8');

function hasRow(word: string): boolean {
  return readme.split('\n').some((line) => line.startsWith(`| \`${word}`));
}

describe('the README', () => {
  const words = [
    ...sameReasons,
    ...skippedReasons,
    ...unknownReasons,
    ...screenedHoldReasons,
    ...changedHoldReasons,
    ...Object.values(decisionLevels).flatMap((reasons) => Object.keys(reasons)),
    ...Object.values(verdictReasons).flat(),
  ];

  test('has a row for every reason', () => {
    assert.ok(words.length > 40, 'the lists are there');
    assert.deepEqual(
      words.filter((word) => !hasRow(word)),
      [],
    );
  });

  test('has no reason that there is not', () => {
    assert.deepEqual(
      Object.keys(advice).filter((reason) => !words.includes(reason)),
      [],
    );
  });

  test('says of every reason what to do, in one place only', () => {
    for (const reason of Object.keys(advice)) {
      const rows = readme.split('\n').filter((line) => line.startsWith(`| \`${reason}\` |`));
      assert.equal(rows.length, 1, reason);
      assert.match(rows[0] ?? '', /^\| `[^`]+` \| .{5,} \| .{5,} \|$/, reason);
    }
  });

  test('has a row for every metric of our own', async () => {
    const metrics = createMetrics({ version: '1', processMetrics: false });
    const names = [...(await metrics.render()).matchAll(/^# TYPE (?<name>\S+)/gm)];
    assert.ok(names.length > 10);
    for (const { groups } of names) {
      const name = groups?.['name'] ?? '';
      assert.ok(hasRow(name), name);
    }
  });

  test('has a row for every annotation', () => {
    for (const key of Object.values(annotationKeys)) assert.ok(hasRow(key), key);
  });

  test('has a row for every command', () => {
    for (const command of ['run', 'check', 'explain', 'validate', 'schema', 'demo']) {
      assert.ok(hasRow(command), command);
    }
  });
});
