import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { inspect } from 'node:util';

import { Secret, describeSource, sameCredential } from './credential.ts';
import type { Credential } from './credential.ts';

describe('Secret', () => {
  test('prints nowhere', () => {
    const credential = { type: 'basic', username: 'u', password: new Secret('hunter2') };
    const printed = [
      String(new Secret('hunter2')),
      JSON.stringify(credential),
      inspect(credential, { showHidden: true, depth: null }),
    ];
    for (const text of printed) {
      assert.ok(text.includes('[redacted]'));
      assert.ok(!text.includes('hunter2'));
    }
  });

  test('is told apart from others by a keyed hash', () => {
    const key = new Uint8Array(32);
    const print = new Secret('hunter2').fingerprint(key, 'ghcr.io');
    assert.equal(new Secret('hunter2').fingerprint(key, 'ghcr.io'), print);
    assert.notEqual(new Secret('hunter3').fingerprint(key, 'ghcr.io'), print);
    assert.notEqual(new Secret('hunter2').fingerprint(key, 'quay.io'), print);
    assert.notEqual(new Secret('hunter2').fingerprint(new Uint8Array([1]), 'ghcr.io'), print);
  });
});

test('two credentials are the same when they would put the same on the wire', () => {
  const kinds: readonly Credential[] = [
    { type: 'basic', username: 'u', password: new Secret('p') },
    { type: 'basic', username: 'v', password: new Secret('p') },
    { type: 'basic', username: 'u', password: new Secret('q') },
    { type: 'identity-token', username: 'u', token: new Secret('p') },
    { type: 'identity-token', username: 'u', token: new Secret('q') },
    { type: 'registry-token', token: new Secret('p') },
    { type: 'registry-token', token: new Secret('q') },
  ];
  for (const one of kinds) {
    for (const other of kinds) assert.equal(sameCredential(one, { ...other }), one === other);
  }
});

describe('describeSource', () => {
  test('names where a credential comes from', () => {
    assert.equal(
      describeSource({ from: 'pull-secret', secret: 'regcred', entry: 'ghcr.io' }),
      'entry "ghcr.io" of Secret "regcred"',
    );
    assert.equal(
      describeSource({ from: 'rule', pattern: '*.example.com' }),
      'registry rule "*.example.com"',
    );
    assert.equal(
      describeSource({ from: 'rule', pattern: '*', entry: 'ghcr.io' }),
      'entry "ghcr.io" of registry rule "*"',
    );
  });

  test('case 61: shows terminal escapes in a key instead of obeying them', () => {
    assert.equal(
      describeSource({ from: 'pull-secret', secret: 'regcred', entry: '\u001b]0;x\u0007' }),
      String.raw`entry "\u{1b}]0;x\u{7}" of Secret "regcred"`,
    );
  });
});
