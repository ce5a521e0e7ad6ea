import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';

import { parseReference } from '../image/reference.ts';
import { Secret, describeSource } from './credential.ts';
import type { Candidate } from './credential.ts';
import { parseDockerConfig } from './docker-config.ts';
import type { PullSecret } from './docker-config.ts';
import { matchCandidates, matchKeyring } from './keyring.ts';
import { matchLabel } from './label-glob.ts';

/** A pull Secret whose entries are told apart by user, which is the key unless given. */
function pullSecret(
  name: string,
  keys: readonly (string | readonly [string, string])[],
): PullSecret {
  return {
    name,
    entries: keys.map((item) => {
      const [key, username] = typeof item === 'string' ? [item, item] : item;
      return { key, credential: { type: 'basic', username, password: new Secret('p') } };
    }),
  };
}

function keysOf(candidates: readonly Candidate[]): readonly (string | undefined)[] {
  return candidates.map(({ source }) => source.entry);
}

function matching(keys: readonly string[], image: string): readonly (string | undefined)[] {
  return keysOf(matchKeyring([pullSecret('regcred', keys)], parseReference(image)));
}

describe('case 47: a key matches label by label, port by port, path by prefix', () => {
  // The rows of the kubelet's own tests and of kubernetes.io, "Interpretation of config.json", among others.
  const rows: readonly (readonly [key: string, image: string, matches: boolean])[] = [
    ['ghcr.io', 'ghcr.io/o/web', true],
    ['https://ghcr.io', 'ghcr.io/o/web', true],
    ['http://ghcr.io', 'ghcr.io/o/web', true],
    ['https://ghcr.io/', 'ghcr.io/o/web', true],
    ['https://ghcr.io/v1/', 'ghcr.io/o/web', true],
    ['https://ghcr.io/v2/', 'ghcr.io/o/web', true],
    ['https://ghcr.io/v2/o', 'ghcr.io/o/web', true],
    ['https://ghcr.io/v2', 'ghcr.io/o/web', false],
    ['https://ghcr.io/v3/', 'ghcr.io/o/web', false],
    ['ghcr.io:', 'ghcr.io/o/web', true],
    ['GHCR.io', 'ghcr.io/o/web', false],
    ['quay.io', 'ghcr.io/o/web', false],
    ['io', 'ghcr.io/o/web', false],
    ['', 'ghcr.io/o/web', false],
    // globs
    ['*.kubernetes.io', 'abc.kubernetes.io/x', true],
    ['*.kubernetes.io', 'kubernetes.io/x', false],
    ['*.*.kubernetes.io', 'abc.kubernetes.io/x', false],
    ['*.*.kubernetes.io', 'abc.def.kubernetes.io/x', true],
    ['prefix.*.io', 'prefix.kubernetes.io/x', true],
    ['prefix.kubernetes.*', 'prefix.kubernetes.io/x', true],
    ['*-good.kubernetes.io', 'prefix-good.kubernetes.io/x', true],
    ['k*.io', 'quay.io/x', false],
    ['*.io', 'a.k8s.io/x', false],
    ['*.*.io', 'a.k8s.io/x', true],
    ['*', 'ghcr.io/o/web', false],
    ['*', 'localhost/web', true],
    ['*.example.com', 'evil-example.com/x', false],
    ['r[0-9].example.com', 'r7.example.com/x', true],
    ['r[^0-9].example.com', 'r7.example.com/x', false],
    ['[rs]1.example.com', 'r1.example.com/x', false],
    // a `?` begins the query of a URL
    ['ghcr.io?x', 'ghcr.io/o/web', true],
    ['ghc?.io', 'ghcr.io/o/web', false],
    // ports
    ['r.example.com:5000', 'r.example.com:5000/x', true],
    ['r.example.com', 'r.example.com:5000/x', false],
    ['r.example.com:5000', 'r.example.com/x', false],
    ['r.example.com:443', 'r.example.com/x', false],
    ['r.example.com:*', 'r.example.com:5000/x', false],
    ['*.example.com:5000', 'r.example.com:5000/x', true],
    ['localhost:5000', 'localhost:5000/x', true],
    ['[::1]:5000', '[::1]:5000/x', true],
    ['10.0.0.1:5000', '10.0.0.1:5000/x', true],
    // paths
    ['r.example.com/team', 'r.example.com/team/app', true],
    ['r.example.com/team', 'r.example.com/team2/app', true],
    ['r.example.com/team/', 'r.example.com/team2/app', false],
    ['r.example.com/team/', 'r.example.com/team/app', true],
    ['r.example.com/team/app', 'r.example.com/team', false],
    ['r.example.com/*', 'r.example.com/team', false],
    ['r.example.com/eam', 'r.example.com/team', false],
    // a user in the key is no part of the host
    ['https://bob@ghcr.io', 'ghcr.io/o/web', true],
    ['ghcr.io@evil.example', 'ghcr.io/o/web', false],
  ];
  for (const [key, image, matches] of rows) {
    test(`"${key}" ${matches ? 'matches' : 'does not match'} ${image}`, () =>
      assert.deepEqual(matching([key], image), matches ? [key] : []));
  }
});

describe('case 46: every matching entry, in the order of the kubelet', () => {
  test('longer keys come first, globs after names', () => {
    const keys = ['*.example.com', 'r.example.com', 'r.example.com/team', 'r.example.com/team/app'];
    assert.deepEqual(matching(keys, 'r.example.com/team/app:1'), [
      'r.example.com/team/app',
      'r.example.com/team',
      'r.example.com',
      '*.example.com',
    ]);
  });

  test('all Secrets are one keyring: the key decides, not which Secret has it', () => {
    const secrets = [pullSecret('first', ['ghcr.io']), pullSecret('second', ['ghcr.io/o'])];
    assert.deepEqual(
      matchKeyring(secrets, parseReference('ghcr.io/o/web')).map(({ source }) =>
        describeSource(source),
      ),
      ['entry "ghcr.io/o" of Secret "second"', 'entry "ghcr.io" of Secret "first"'],
    );
  });

  test('equal keys come in the order of the Secrets, whatever their scheme', () => {
    const secrets = [
      pullSecret('first', [['https://ghcr.io/v2/', 'one']]),
      pullSecret('second', [['ghcr.io', 'two']]),
      pullSecret('third', [['http://ghcr.io', 'three']]),
    ];
    assert.deepEqual(
      matchKeyring(secrets, parseReference('ghcr.io/o/web')).map(({ credential }) =>
        credential.type === 'basic' ? credential.username : '',
      ),
      ['one', 'two', 'three'],
    );
  });

  test('the example of kubernetes.io tries the longer path first', () => {
    const { entries } = parseDockerConfig(
      readFileSync(
        new URL('../../fixtures/docker-configs/interpretation.json', import.meta.url),
        'utf8',
      ),
      'dockerconfigjson',
    );
    const reference = parseReference('subdomain.my-registry.example/images/my-image');
    assert.deepEqual(keysOf(matchKeyring([{ name: 'regcred', entries }], reference)), [
      'subdomain.my-registry.example',
      '*.my-registry.example/images',
    ]);
  });

  test('a credential that is there twice is tried once', () => {
    const secrets = [
      pullSecret('first', [['ghcr.io', 'robot']]),
      pullSecret('second', [
        ['ghcr.io', 'robot'],
        ['ghcr.io/o', 'other'],
      ]),
    ];
    assert.deepEqual(keysOf(matchKeyring(secrets, parseReference('ghcr.io/o/web'))), [
      'ghcr.io/o',
      'ghcr.io',
    ]);
  });

  test('no Secrets, or empty ones, match nothing', () => {
    assert.deepEqual(matchKeyring([], parseReference('nginx')), []);
    assert.deepEqual(matchKeyring([{ name: 'x', entries: [] }], parseReference('nginx')), []);
  });

  test('of more than twenty, one more than is tried tells that there are more', () => {
    const secrets = Array.from({ length: 50 }, (_, index) =>
      pullSecret(`s${index}`, [['ghcr.io', `user${index}`]]),
    );
    const chosen = matchKeyring(secrets, parseReference('ghcr.io/o/web'));
    assert.equal(chosen.length, 21);
    assert.deepEqual(chosen[19]?.source, { from: 'pull-secret', secret: 's19', entry: 'ghcr.io' });
  });

  test('the entries of a mounted docker config are chosen alike', () => {
    const candidates = ['quay.io', 'ghcr.io', 'ghcr.io/o'].map((entry) => ({
      credential: { type: 'basic', username: entry, password: new Secret('p') } as const,
      source: { from: 'rule', pattern: '*', entry } as const,
    }));
    assert.deepEqual(keysOf(matchCandidates(candidates, parseReference('ghcr.io/o/web'))), [
      'ghcr.io/o',
      'ghcr.io',
    ]);
  });
});

describe('case 48: Docker Hub under all its names', () => {
  for (const image of [
    'nginx',
    'library/nginx',
    'docker.io/nginx',
    'index.docker.io/library/nginx',
    'registry-1.docker.io/library/nginx',
  ]) {
    for (const key of [
      'docker.io',
      'https://docker.io',
      'index.docker.io',
      'https://index.docker.io/v1/',
      'https://index.docker.io/v2/',
      'registry-1.docker.io',
      'https://registry-1.docker.io/v2/',
      'docker.io/library',
      'registry-1.docker.io/library/nginx',
    ]) {
      test(`"${key}" matches ${image}`, () => assert.deepEqual(matching([key], image), [key]));
    }
  }

  for (const key of [
    'hub.docker.com',
    'docker.com',
    '*.docker.io',
    'docker.io/team',
    'docker.io:443',
    'https://index.docker.io/v1/team',
  ]) {
    test(`"${key}" does not match nginx`, () => assert.deepEqual(matching([key], 'nginx'), []));
  }

  test('the default registry is asked for only where docker.io has no entry, as in the kubelet', () => {
    const keys = ['https://index.docker.io/v1/', 'docker.io', 'registry-1.docker.io'];
    assert.deepEqual(matching(keys, 'nginx'), ['docker.io']);
    assert.deepEqual(matching(keys.toSpliced(1, 1), 'nginx'), ['https://index.docker.io/v1/']);
  });

  test("the login of Docker Hub goes to nobody else's images", () => {
    assert.deepEqual(matching(['https://index.docker.io/v1/', 'docker.io'], 'ghcr.io/o/web'), []);
    assert.deepEqual(matching(['https://index.docker.io/v1/'], 'docker.io.evil.example/x'), []);
  });
});

describe('case 61: hostile keys', () => {
  test('a pattern of many stars ends soon', () => {
    const label = 'a'.repeat(63);
    assert.equal(matchLabel('*a'.repeat(400), label), false);
    assert.equal(matchLabel(`${'*a'.repeat(60)}*`, label), true);
    assert.equal(matchLabel(`${'*'.repeat(1_000)}b`, label), false);
  });

  test('the key * matches hosts of one label only, so no registry of the internet', () => {
    for (const image of ['nginx', 'ghcr.io/o/web', 'r.example.com:5000/x']) {
      assert.deepEqual(matching(['*', 'https://*', '*:*', '**', '*/', '*/*'], image), []);
    }
  });

  test('a thousand entries are chosen from for a thousand images', () => {
    const secret = pullSecret(
      'many',
      Array.from({ length: 1_000 }, (_, index) => `*a*b*c${index}.example.com`),
    );
    for (let image = 0; image < 1_000; image += 1) {
      const reference = parseReference(`xaxbxc${image}.example.com/app`);
      assert.deepEqual(keysOf(matchKeyring([secret], reference)), [`*a*b*c${image}.example.com`]);
    }
  });
});

describe('matchLabel, as filepath.Match', () => {
  const rows: readonly (readonly [pattern: string, label: string, matches: boolean])[] = [
    ['abc', 'abc', true],
    ['*', '', true],
    ['*', 'abc', true],
    ['*c', 'abc', true],
    ['a*', 'abc', true],
    ['a*b', 'abc', false],
    ['a*b*c', 'axbxbc', true],
    ['a**c', 'ac', true],
    ['ab[c]', 'abc', true],
    ['ab[b-d]', 'abc', true],
    ['ab[e-g]', 'abc', false],
    ['ab[^c]', 'abc', false],
    ['ab[^e-g]', 'abc', true],
    ['[a-ce-g]*', 'f', true],
    ['a[', 'a', false],
    ['a[]b', 'ab', false],
    ['a[]b]', 'a]', false],
    ['[-]', '-', false],
    ['[x-]', 'x', false],
    ['[-x]', 'x', false],
    ['[^]', 'a', false],
    ['a]', 'a]', true],
  ];
  for (const [pattern, label, matches] of rows) {
    test(`${pattern} and ${label || 'nothing'}: ${matches}`, () =>
      assert.equal(matchLabel(pattern, label), matches));
  }
});
