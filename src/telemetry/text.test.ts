import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { printable } from '../image/quote.ts';
import { clip, clipBytes, withoutCredentials } from './text.ts';

describe('printable', () => {
  const rows = [
    { name: 'plain text stays', text: 'Grüße, 世界 🚀', want: 'Grüße, 世界 🚀' },
    { name: 'terminal escapes', text: '\u001b[31mred', want: String.raw`\u{1b}[31mred` },
    { name: 'line breaks', text: 'a\r\nb', want: String.raw`a\u{d}\u{a}b` },
    { name: 'C1 controls', text: '\u009b31m', want: String.raw`\u{9b}31m` },
    { name: 'bidi overrides', text: 'a\u202eb', want: String.raw`a\u{202e}b` },
    { name: 'line separators', text: 'a\u2028b', want: String.raw`a\u{2028}b` },
    { name: 'half a surrogate pair', text: 'a\ud83d', want: String.raw`a\u{d83d}` },
  ];
  for (const { name, text, want } of rows) {
    test(`case 61 ${name}`, () => {
      assert.equal(printable(text), want);
      assert.equal(printable(want), want, 'escaping twice does no harm');
    });
  }
});

describe('clip', () => {
  test('case 61 a megabyte is cut, with a sign that it was', () => {
    const text = clip('x'.repeat(1_000_000), 200);
    assert.equal(text.length, 200);
    assert.ok(text.endsWith('x…'));
  });
  test('text of just the limit stays whole', () => {
    assert.equal(clip('x'.repeat(200), 200), 'x'.repeat(200));
  });
  test('case 61 escapes count, for they are what is printed', () => {
    assert.ok(clip('\u001b'.repeat(200), 200).length <= 200);
  });
  test('no character is cut in two', () => {
    assert.equal(clip('🚀🚀🚀', 4), '🚀…');
  });
});

test('clipBytes counts bytes and cuts no character in two', () => {
  assert.equal(clipBytes('äöü', 5), 'äö');
  assert.equal(clipBytes('abc', 1024), 'abc');
});

describe('withoutCredentials', () => {
  const rows = [
    {
      text: 'sent Authorization: Basic dXNlcjpnZWhlaW1lcy1wYXNzd29ydA==',
      want: 'sent Authorization: Basic [redacted]',
    },
    {
      text: 'bearer eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJ4In0.abc-_x',
      want: 'bearer [redacted]',
    },
    { text: 'http://user:geheim@proxy:3128/', want: 'http://[redacted]@proxy:3128/' },
    {
      text: 'GET https://auth.docker.io/token?account=a&scope=b: 401',
      want: 'GET https://auth.docker.io/token?[redacted] 401',
    },
    {
      text: 'ghcr.io/o/web:main@sha256:abc, docker-pullable://repo@sha256:abc',
      want: 'ghcr.io/o/web:main@sha256:abc, docker-pullable://repo@sha256:abc',
    },
    {
      text: 'Bearer realm="https://ghcr.io/token",service="ghcr.io"',
      want: 'Bearer realm="https://ghcr.io/token",service="ghcr.io"',
    },
    { text: 'Basic authentication is refused', want: 'Basic authentication is refused' },
  ];
  for (const { text, want } of rows) {
    test(text, () => assert.equal(withoutCredentials(text), want));
  }
});
