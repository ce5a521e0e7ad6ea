import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { checkNode } from './environment.ts';

describe('checkNode', () => {
  for (const version of ['24.0.0', '26.10.0', '100.1.0', process.versions.node]) {
    test(`takes ${version}`, () => checkNode(version));
  }

  for (const version of ['20.20.2', '22.22.0', '9.0.0', '23.11.1']) {
    test(`refuses ${version} in one sentence`, () => {
      const message = `Node 24 or newer is needed; this is ${version}`;
      assert.throws(() => checkNode(version), { name: 'StartError', exitCode: 2, message });
    });
  }
});
