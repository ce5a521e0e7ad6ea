import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { selectorProblem } from './selector.ts';

describe('selectorProblem', () => {
  // https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors
  for (const selector of [
    'kube-autorollout/enabled=true',
    'environment=production,tier!=frontend',
    'a == b',
    'environment in (production, qa)',
    'environment in (production),tier notin (frontend,backend)',
    'partition,!partition2',
    '! partition',
    'a=',
    'a in (,b)',
    'x>1,y<-5',
    'example.com/a.b_c-d=E_f.G-h',
    'in=notin',
  ]) {
    test(`"${selector}" is fine`, () => assert.equal(selectorProblem(selector), undefined));
  }

  const label = 'a label is [domain/]name, the name at most 63 letters, digits, "-", "_" or "."';
  const value = 'the value of a label has at most 63 letters, digits, "-", "_" or "."';
  const rows: readonly (readonly [selector: string, want: string])[] = [
    ['a b', `is no label selector: ${label}`],
    ['a=b c', `is no label selector: ${value}`],
    ['a=b,', 'is no label selector: part 2: a label is missing'],
    [',a=b', 'is no label selector: part 1: a label is missing'],
    ['=b', 'is no label selector: a label is missing'],
    ['!', 'is no label selector: a label is missing'],
    ['a=b,-c=d', `is no label selector: part 2: ${label}`],
    ['/a=b', `is no label selector: ${label}`],
    ['A.com/a=b', `is no label selector: ${label}`],
    ['a/b/c=d', `is no label selector: ${label}`],
    [`${'a'.repeat(64)}=b`, `is no label selector: ${label}`],
    [`a=${'b'.repeat(64)}`, `is no label selector: ${value}`],
    ['a in (b', `is no label selector: ${label}`],
    ['a in b', `is no label selector: ${label}`],
    ['a in (b) c', `is no label selector: ${label}`],
    ['a in (b c)', `is no label selector: ${value}`],
    ['a>b', 'is no label selector: after < and > comes a whole number'],
    ['a=b;c=d', `is no label selector: ${value}`],
    ['  ', 'selects every workload; name a label, as in kube-autorollout/enabled=true'],
  ];
  for (const [selector, want] of rows) {
    test(`"${selector.slice(0, 30)}" is not`, () => assert.equal(selectorProblem(selector), want));
  }
});
