import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { fitsSelector } from './label-selector.ts';

const labels = { 'kube-autorollout/enabled': 'true', tier: 'web', replicas: '3', empty: '' };

describe('fitsSelector', () => {
  const rows: readonly (readonly [selector: string, want: boolean])[] = [
    ['kube-autorollout/enabled=true', true],
    ['kube-autorollout/enabled==true', true],
    ['kube-autorollout/enabled = true', true],
    ['kube-autorollout/enabled=false', false],
    ['absent=true', false],
    ['empty=', true],
    ['tier!=db', true],
    ['tier!=web', false],
    ['absent!=web', true],
    ['tier', true],
    ['absent', false],
    ['!absent', true],
    ['! tier', false],
    ['tier in (web, api)', true],
    ['tier in (db)', false],
    ['absent in (db)', false],
    ['tier notin (web,api)', false],
    ['absent notin (web)', true],
    ['replicas>2', true],
    ['replicas<3', false],
    ['absent<3', false],
    ['tier in (web,api), kube-autorollout/enabled=true', true],
    ['tier in (web,api),kube-autorollout/enabled=false', false],
    // No label of an object's prototype.
    ['toString', false],
  ];
  for (const [selector, want] of rows) {
    test(`${selector}: ${want}`, () => assert.equal(fitsSelector(selector, labels), want));
  }
});
