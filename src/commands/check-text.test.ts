import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import type { WorkloadReport } from '../rollout/verdict.ts';
import { a, db, report, web } from '../testing/reports.ts';
import { checkText } from './check-text.ts';

const plain = { color: false };
const lines = (text: string): readonly string[] => text.split('\n');

const longImage =
  'registry.gitlab.example.com:5050/acme/platform/billing-and-invoicing-worker:release-2026-11';
const unreachable: WorkloadReport = {
  id: { kind: 'DaemonSet', namespace: 'shop', name: 'billing-and-invoicing-worker', uid: '3' },
  decision: 'none',
  reason: 'unknown',
  message: 'app could not be judged: connecting to registry.gitlab.example.com:5050 failed',
  warnings: [],
  containers: [
    {
      name: 'app',
      image: longImage,
      running: [a],
      latest: null,
      verdict: 'unknown',
      reason: 'unreachable',
      message: 'connecting to registry.gitlab.example.com:5050 failed',
    },
  ],
};

describe('checkText', () => {
  test('prints a row per container and counts the decisions', () => {
    assert.deepEqual(lines(checkText(report, [], plain)), [
      'WORKLOAD        DECISION            CONTAINER  IMAGE               RUNNING       LATEST        WHY',
      'deployment/web  restart (changed)   app        ghcr.io/o/web:main  aaaaaaaaaaaa  bbbbbbbbbbbb  digest-changed: the tag names bbbbbbbbbbbb now; app runs an older image; Secret "regcred" does not exist',
      '                                    proxy      envoy@sha256:…      -             -             digest-pinned',
      'statefulset/db  failed (forbidden)                                                             may not patch',
      '',
      'What to do:',
      '  forbidden  add it to the Role',
      '',
      '2 workloads: 1 to restart, 1 failed',
    ]);
  });

  test('on a terminal of 120 columns the images stand above the words', () => {
    assert.deepEqual(lines(checkText(report, [], { ...plain, columns: 120 })).slice(0, 6), [
      'WORKLOAD        DECISION            CONTAINER  RUNNING       LATEST        IMAGE AND WHY',
      'deployment/web  restart (changed)   app        aaaaaaaaaaaa  bbbbbbbbbbbb  ghcr.io/o/web:main',
      '                                                                           digest-changed: the tag names bbbbbbbbbbbb',
      '                                                                           now; app runs an older image; Secret',
      '                                                                           "regcred" does not exist',
      '                                    proxy      -             -             envoy@sha256:…',
    ]);
  });

  test('on a terminal of 80 columns each workload is a block', () => {
    const narrow = checkText({ ...report, workloads: [web, unreachable] }, [], {
      ...plain,
      columns: 80,
    });
    assert.deepEqual(lines(narrow), [
      'deployment/web  restart (changed)',
      '  app runs an older image',
      '  Secret "regcred" does not exist',
      '  app  ghcr.io/o/web:main',
      '    changed (digest-changed): runs aaaaaaaaaaaa, latest bbbbbbbbbbbb',
      '    the tag names bbbbbbbbbbbb now',
      '  proxy  envoy@sha256:…',
      '    skipped (digest-pinned)',
      '',
      'daemonset/billing-and-invoicing-worker  none (unknown)',
      '  app',
      '    registry.gitlab.example.com:5050/acme/platform/',
      '    billing-and-invoicing-worker:release-2026-11',
      '    unknown (unreachable): runs aaaaaaaaaaaa',
      '    connecting to registry.gitlab.example.com:5050 failed',
      '',
      'What to do:',
      '  unreachable  check the name, the port, the network and HTTPS_PROXY; for a CA',
      '               of your own set the key that the message names',
      '',
      '2 workloads: 1 to restart, 1 unknown',
    ]);
  });

  const hint = `deployment/x lacks it: kubectl --namespace shop label deployment/x kube-autorollout/enabled=true`;
  for (const columns of [60, 80, 100, 120, 160, 200, 300]) {
    test(`no line is longer than a terminal of ${columns} columns, but for what is to be copied`, () => {
      const text = checkText(
        {
          ...report,
          workloads: [web, db, unreachable],
          problems: [`list pods: ${'long '.repeat(50)}`],
        },
        [hint],
        { color: true, columns },
      );
      for (const line of lines(text).map(stripVTControlCharacters)) {
        assert.ok(line.length <= columns || /^ +kubectl /.test(line), `${line.length}: ${line}`);
      }
      assert.match(stripVTControlCharacters(text).replaceAll(/\s+/g, ' '), /older image/);
    });
  }

  test('colours change nothing but the colours', () => {
    const colored = checkText(report, [hint], { color: true, columns: 120 });
    assert.notEqual(colored, stripVTControlCharacters(colored));
    assert.equal(
      stripVTControlCharacters(colored),
      checkText(report, [hint], { color: false, columns: 120 }),
    );
  });

  test('a command to copy stands on a line of its own, whole', () => {
    const text = checkText(report, [hint], { ...plain, columns: 60 });
    assert.match(
      text,
      /^hint: deployment\/x lacks it:\n {6}kubectl --namespace shop label deployment\/x kube-autorollout\/enabled=true$/m,
    );
  });

  test('case 61: nothing from outside steers the terminal, at any width', () => {
    const evil = 'x\u{1b}[31m\u{9b}2J\u{202e}\r\n\u{7}';
    const [container] = web.containers;
    assert.ok(container !== undefined);
    const hostile: WorkloadReport = {
      ...web,
      id: { ...web.id, name: evil },
      message: evil,
      warnings: [evil],
      containers: [{ ...container, name: evil, image: evil, message: `because of ${evil}` }],
    };
    for (const columns of [undefined, 60, 120, 300]) {
      const text = checkText({ ...report, workloads: [hostile], problems: [evil] }, [evil], {
        color: false,
        ...(columns !== undefined && { columns }),
      });
      assert.doesNotMatch(text, /(?!\n)[\p{C}\p{Zl}\p{Zp}]/u);
      assert.match(text, /x\\u\{1b\}\[31m/);
    }
  });

  test('says that nothing could be checked where nothing could be listed', () => {
    assert.equal(
      checkText(
        { ...report, workloads: [], problems: ['Pods could not be listed: refused'] },
        [],
        plain,
      ),
      'problem: Pods could not be listed: refused\n\nNo workload could be checked.',
    );
  });

  test('says that there is nothing to watch, and hints why', () => {
    assert.equal(
      checkText({ ...report, workloads: [] }, ['namespace shop has no Deployment'], plain),
      'hint: namespace shop has no Deployment\n\nNothing to watch.',
    );
  });
});
