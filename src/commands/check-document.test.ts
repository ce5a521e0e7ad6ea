import assert from 'node:assert/strict';
import { test } from 'node:test';
import { report, web } from '../testing/reports.ts';
import { checkDocument } from './check-document.ts';
import { printableJson } from './printable-json.ts';

test('checkDocument has the documented shape', () => {
  assert.deepEqual(JSON.parse(JSON.stringify(checkDocument(report, 'shop', ['label it']))), {
    version: 1,
    namespace: 'shop',
    time: '2026-01-01T00:00:00.000Z',
    problems: [],
    hints: ['label it'],
    workloads: [
      {
        kind: 'Deployment',
        name: 'web',
        decision: 'restart',
        reason: 'changed',
        message: 'app runs an older image; Secret "regcred" does not exist',
        containers: web.containers,
      },
      {
        kind: 'StatefulSet',
        name: 'db',
        decision: 'failed',
        reason: 'forbidden',
        message: 'may not patch',
        containers: [],
      },
    ],
  });
});

test('checkDocument leaves hints out where there are none, and orders keys as documented', () => {
  const document = checkDocument(report, 'shop', []);
  assert.deepEqual(Object.keys(document), [
    'version',
    'namespace',
    'time',
    'problems',
    'workloads',
  ]);
  assert.deepEqual(Object.keys(document.workloads[0]?.containers[0] ?? {}), [
    'name',
    'image',
    'running',
    'latest',
    'verdict',
    'reason',
    'message',
  ]);
});

test('case 61: printableJson holds no character that steers a terminal, and means the same', () => {
  const document = { text: 'a\u{1b}[31m \u{9b}31m \u{202e} \u{e0041} \u{2028}\n' };
  const text = printableJson(document);
  assert.doesNotMatch(text, /(?!\n)[\p{C}\p{Zl}\p{Zp}]/u);
  assert.deepEqual(JSON.parse(text), document);
});
