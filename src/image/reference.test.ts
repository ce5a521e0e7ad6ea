import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  formatReference,
  type ImageReference,
  InvalidReferenceError,
  isTagReference,
  parseReference,
} from './reference.ts';

const hex = 'a'.repeat(64);
const pin = `sha256:${hex}`;

describe('parseReference: what it accepts', () => {
  const rows: readonly {
    readonly name: string;
    readonly text: string;
    readonly want: ImageReference;
  }[] = [
    {
      name: 'case 26: no tag means latest',
      text: 'nginx',
      want: { registry: 'docker.io', repository: 'library/nginx', tag: 'latest' },
    },
    {
      name: 'case 26: a tag and a digest is pinned, the tag decorates',
      text: `ghcr.io/o/web:main@${pin}`,
      want: { registry: 'ghcr.io', repository: 'o/web', tag: 'main', digest: pin },
    },
    {
      name: 'case 26: a digest without a tag gets none',
      text: `ghcr.io/o/web@${pin}`,
      want: { registry: 'ghcr.io', repository: 'o/web', digest: pin },
    },
    {
      name: 'case 48: docker.io with one part gets library/',
      text: 'docker.io/nginx:1',
      want: { registry: 'docker.io', repository: 'library/nginx', tag: '1' },
    },
    {
      name: 'case 48: index.docker.io is docker.io',
      text: 'index.docker.io/o/web:1',
      want: { registry: 'docker.io', repository: 'o/web', tag: '1' },
    },
    {
      name: 'case 48: registry-1.docker.io is docker.io, in any case of letters',
      text: 'Registry-1.Docker.io/nginx:1',
      want: { registry: 'docker.io', repository: 'library/nginx', tag: '1' },
    },
    {
      name: 'case 48: library/ is for Docker Hub only',
      text: 'quay.io/nginx:1',
      want: { registry: 'quay.io', repository: 'nginx', tag: '1' },
    },
    {
      name: 'case 49: a first part without dot, colon or capital is no host',
      text: 'team/web:1',
      want: { registry: 'docker.io', repository: 'team/web', tag: '1' },
    },
    {
      name: 'case 49: localhost is a host',
      text: 'localhost/web:1',
      want: { registry: 'localhost', repository: 'web', tag: '1' },
    },
    {
      name: 'case 49: an upper-case first part is a host, kept as written',
      text: 'MyRegistry/web:1',
      want: { registry: 'MyRegistry', repository: 'web', tag: '1' },
    },
    {
      name: 'case 49: host:5000/x has a port and no tag',
      text: 'host:5000/x',
      want: { registry: 'host:5000', repository: 'x', tag: 'latest' },
    },
    {
      name: 'case 49: host:5000 alone is a name and a tag',
      text: 'host:5000',
      want: { registry: 'docker.io', repository: 'library/host', tag: '5000' },
    },
    {
      name: 'case 49: IPv6 with a port',
      text: '[::1]:5000/team/x:v1',
      want: { registry: '[::1]:5000', repository: 'team/x', tag: 'v1' },
    },
    {
      name: 'case 49: a tag of 128 characters',
      text: `x.io/a:${'_'.repeat(128)}`,
      want: { registry: 'x.io', repository: 'a', tag: '_'.repeat(128) },
    },
    {
      name: 'case 49: all separators of a repository',
      text: 'x.io/a.b/c_d/e__f/g---h:1',
      want: { registry: 'x.io', repository: 'a.b/c_d/e__f/g---h', tag: '1' },
    },
    {
      name: '64 hex digits are a name below a registry',
      text: `x.io/${hex}:1`,
      want: { registry: 'x.io', repository: hex, tag: '1' },
    },
  ];
  for (const { name, text, want } of rows) {
    test(name, () => assert.deepEqual(parseReference(text), want));
  }

  test('case 26: short names take the default registry, without library/', () => {
    assert.equal(formatReference(parseReference('nginx:1', 'r.corp:5000')), 'r.corp:5000/nginx:1');
    assert.equal(formatReference(parseReference('quay.io/a:1', 'r.corp')), 'quay.io/a:1');
    assert.equal(
      formatReference(parseReference('nginx', 'index.docker.io')),
      'docker.io/library/nginx:latest',
    );
  });
});

describe('parseReference: what it refuses', () => {
  const rows: readonly {
    readonly name: string;
    readonly text: string;
    readonly says: RegExp;
  }[] = [
    { name: 'nothing', text: '', says: /empty/ },
    { name: 'white space', text: ' nginx', says: /" nginx"/ },
    { name: 'a line break at the end', text: 'nginx\n', says: /"nginx\\u\{a\}"/ },
    { name: 'case 61: an option', text: '--help', says: /"--help"/ },
    { name: 'case 61: a terminal escape', text: 'a\u001b[2J', says: /"a\\u\{1b\}\[2J"/ },
    { name: 'a scheme', text: 'https://ghcr.io/o/web:1', says: /leave out the scheme/ },
    { name: 'an image ID', text: hex, says: /image ID/ },
    { name: 'case 49: an upper-case repository', text: 'ghcr.io/O/web', says: /lower case/ },
    { name: 'an empty part', text: 'ghcr.io//web', says: /repository/ },
    { name: 'a way up', text: 'ghcr.io/../web', says: /repository/ },
    { name: 'case 49: a tag of 129 characters', text: `a:${'x'.repeat(129)}`, says: /128/ },
    { name: 'case 49: a tag that starts with a dot', text: 'a:.x', says: /tag/ },
    { name: 'an empty tag', text: 'a:', says: /tag/ },
    { name: 'an upper-case digest', text: `a@sha256:${'A'.repeat(64)}`, says: /digest/ },
    { name: 'a short digest', text: 'a@sha256:abc', says: /digest/ },
    { name: 'two digests', text: `a@${pin}@${pin}`, says: /digest/ },
    { name: 'a port that is none', text: 'h:70000/a', says: /"h:70000" is no host/ },
    { name: 'an IPv6 address that is none', text: '[:::]/a', says: /no host/ },
    { name: 'user info in the host', text: 'user:pw@h.io/a', says: /no host/ },
    { name: 'a host with an underscore', text: 'my_host:5000/a', says: /no host/ },
    { name: '256 characters of repository', text: `x.io/${'a'.repeat(256)}`, says: /255/ },
    { name: 'case 61: a megabyte', text: 'a'.repeat(1_000_000), says: /longer than 1024/ },
  ];
  for (const { name, text, says } of rows) {
    test(name, () => {
      assert.throws(
        () => parseReference(text),
        (error) => {
          assert.ok(error instanceof InvalidReferenceError);
          assert.match(error.message, says);
          return true;
        },
      );
    });
  }
});

test('case 26: only what names a tag and no digest can be looked up', () => {
  assert.equal(isTagReference(parseReference('nginx')), true);
  assert.equal(isTagReference(parseReference(`nginx:1@${pin}`)), false);
  assert.equal(isTagReference(parseReference(`nginx@${pin}`)), false);
});

test('a normalised reference reads back as itself, and nothing throws but its own error', () => {
  const random = seeded(49);
  const alphabet = Array.from('aZ09.-_/:@[]%# \n\u0000é\u{1f600}');
  const pieces = ['docker.io', 'localhost', '::', pin, 'library/', '__', '--', ...alphabet];
  let accepted = 0;
  for (let round = 0; round < 20_000; round += 1) {
    let text = '';
    for (let left = 1 + random(8); left > 0; left -= 1) text += pieces[random(pieces.length)];
    try {
      const reference = parseReference(text);
      assert.deepEqual(parseReference(formatReference(reference)), reference, text);
      accepted += 1;
    } catch (error) {
      assert.ok(error instanceof InvalidReferenceError, text);
    }
  }
  assert.ok(accepted > 100, `only ${accepted} of the texts were references`);
});

test('hostile lengths are refused without backtracking', () => {
  for (const part of ['a', 'a.', 'a-', 'a_', 'a/', '_', '-', 'a:1', 'A.b']) {
    const text = `${part.repeat(500).slice(0, 1000)}!`;
    assert.throws(() => parseReference(`x.io/${text}`), InvalidReferenceError);
    assert.throws(() => parseReference(`${text}/x`), InvalidReferenceError);
  }
});

/** Lehmer's generator: the same numbers in every run. */
function seeded(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state * 48_271) % 2_147_483_647;
    return state % below;
  };
}
