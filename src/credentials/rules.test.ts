import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { parseReference } from '../image/reference.ts';
import { Secret } from './credential.ts';
import type { Candidate } from './credential.ts';
import { candidatesOf, ruleFor, warnOfPattern } from './rules.ts';
import type { PatternRule, RuleSecret, SecretRule } from './rules.ts';

function candidate(pattern: string, entry?: string): Candidate {
  return {
    credential: { type: 'basic', username: entry ?? 'robot', password: new Secret('p') },
    source: { from: 'rule', pattern, ...(entry !== undefined && { entry }) },
  };
}

function rule(
  hostnamePattern: string,
  secret: RuleSecret = { type: 'options-only' },
  endpoint?: string,
): PatternRule & SecretRule {
  const options = endpoint === undefined ? {} : { endpoint: new URL(endpoint) };
  return { hostnamePattern, secret, options };
}

describe('ruleFor', () => {
  const rows: readonly (readonly [pattern: string, image: string, matches: boolean])[] = [
    ['ghcr.io', 'ghcr.io/o/web', true],
    ['GHCR.IO', 'ghcr.io/o/web', true],
    ['ghcr.io', 'ghcr.io.evil.example/web', false],
    ['ghcr.io', 'ghcr.io:443/web', false],
    ['*', 'ghcr.io/o/web', true],
    ['*', 'localhost:5000/web', true],
    ['*.example.com', 'a.example.com/x', true],
    ['*.example.com', 'a.b.example.com/x', true],
    ['*.example.com', 'example.com/x', false],
    ['*.example.com', 'evil-example.com/x', false],
    ['*.example.com', 'a.example.com:5000/x', false],
    ['*.example.com:*', 'a.example.com:5000/x', true],
    ['r?.example.com', 'r1.example.com/x', true],
    ['r[12].example.com', 'r2.example.com/x', true],
    ['[::1]:5000', '[::1]:5000/x', true],
    ['localhost:5001', 'localhost:5001/x', true],
    // not special
    ['!ghcr.io', 'quay.io/x', false],
    ['{ghcr,quay}.io', 'quay.io/x', true],
    ['{ghcr,quay}.io', 'docker.io/x', false],
    ['#ghcr.io', 'ghcr.io/x', false],
    ['+(ghcr).io', 'ghcr.io/x', false],
    // with a path: registry and repository as a whole, * within one part
    ['ghcr.io/team/*', 'ghcr.io/team/app', true],
    ['ghcr.io/team/*', 'ghcr.io/team/group/app', false],
    ['ghcr.io/team/*/*', 'ghcr.io/team/group/app', true],
    ['ghcr.io/team/*', 'ghcr.io/team2/app', false],
    ['ghcr.io/team', 'ghcr.io/team/app', false],
    ['ghcr.io/**', 'ghcr.io/team/app', false],
    ['*.example.com/team/*', 'a.b.example.com/team/app', true],
    ['ghcr.io/team/web-*', 'ghcr.io/team/web-1', true],
    // case 48
    ['docker.io', 'nginx', true],
    ['docker.io', 'registry-1.docker.io/library/nginx', true],
    ['docker.io', 'index.docker.io/library/nginx', true],
    ['registry-1.docker.io', 'nginx', true],
    ['index.docker.io', 'docker.io/o/web', true],
    ['*.docker.io', 'registry-1.docker.io/library/nginx', true],
    ['docker.io/library/*', 'nginx', true],
    ['registry-1.docker.io/library/*', 'nginx', true],
    ['docker.io/team/*', 'nginx', false],
    ['docker.io', 'docker.io.evil.example/x', false],
  ];
  for (const [pattern, image, matches] of rows) {
    test(`"${pattern}" ${matches ? 'covers' : 'does not cover'} ${image}`, () => {
      const rules = [rule(pattern)];
      assert.equal(ruleFor(rules, parseReference(image)), matches ? rules[0] : undefined);
    });
  }

  test('the first rule that matches wins, even where it brings no credential', () => {
    const rules = [rule('ghcr.io/open/*'), rule('ghcr.io', { type: 'none' }), rule('*')];
    assert.equal(ruleFor(rules, parseReference('ghcr.io/open/web')), rules[0]);
    assert.equal(ruleFor(rules, parseReference('ghcr.io/closed/web')), rules[1]);
    assert.equal(ruleFor(rules, parseReference('quay.io/x')), rules[2]);
  });

  test('no rules, or none that matches: nothing', () => {
    assert.equal(ruleFor([], parseReference('nginx')), undefined);
    assert.equal(ruleFor([rule('ghcr.io')], parseReference('nginx')), undefined);
  });

  test('case 61: a pattern of many stars ends soon', () => {
    const rules = [rule(`${'*a'.repeat(40)}b`)];
    assert.equal(ruleFor(rules, parseReference(`${'a'.repeat(60)}.io/x`)), undefined);
  });
});

describe('candidatesOf', () => {
  const reference = parseReference('ghcr.io/o/web');
  const config: RuleSecret = {
    type: 'docker-config',
    candidates: ['quay.io', 'ghcr.io', 'ghcr.io/o', 'mirror.example.com:5000'].map((entry) =>
      candidate('*', entry),
    ),
  };

  test('None and a rule of options only bring nothing', () => {
    assert.deepEqual(candidatesOf(rule('*', { type: 'none' }), reference), []);
    assert.deepEqual(candidatesOf(rule('*'), reference), []);
  });

  test('Opaque brings its one', () => {
    const own = candidate('ghcr.io');
    const opaque = rule('ghcr.io', { type: 'credential', candidate: own });
    assert.deepEqual(candidatesOf(opaque, reference), [own]);
  });

  test('a docker config brings every entry that matches the image, in the order of the kubelet', () => {
    assert.deepEqual(
      candidatesOf(rule('*', config), reference).map(({ source }) => source.entry),
      ['ghcr.io/o', 'ghcr.io'],
    );
  });

  test('an entry of a docker config for another host stays at home', () => {
    assert.deepEqual(candidatesOf(rule('*', config), parseReference('evil.example/x')), []);
  });

  test('with an endpoint, entries for the image, or else those for the endpoint', () => {
    const mirrored = rule('*', config, 'https://mirror.example.com:5000/');
    assert.deepEqual(
      candidatesOf(mirrored, reference).map(({ source }) => source.entry),
      ['ghcr.io/o', 'ghcr.io'],
    );
    assert.deepEqual(
      candidatesOf(mirrored, parseReference('other.example/x')).map(({ source }) => source.entry),
      ['mirror.example.com:5000'],
    );
  });
});

describe('warnOfPattern', () => {
  const rows: readonly (readonly [pattern: string, warned: boolean])[] = [
    ['*', true],
    ['*.io', true],
    ['*example.com', true],
    ['ghcr.*', true],
    ['*.com:5000', true],
    ['*.*/team/*', true],
    ['r[0-9].corp', true],
    ['{a,b}.corp', true],
    ['*.example.com', false],
    ['*.example.com:5000', false],
    ['*.example.com:*', false],
    ['*.example.com/team/*', false],
    ['ghcr.io', false],
    ['ghcr.io/*', false],
    ['localhost:5000', false],
    ['registry', false],
  ];
  for (const [pattern, warned] of rows) {
    test(`"${pattern}" with a credential ${warned ? 'is warned of' : 'is fine'}`, () => {
      const secret: RuleSecret = { type: 'credential', candidate: candidate(pattern) };
      assert.equal(
        warnOfPattern(rule(pattern, secret)),
        warned
          ? 'is broad: its credential goes to any host that matches and that a workload names; end the pattern in two labels without "*", as in *.example.com'
          : undefined,
      );
    });
  }

  test('a rule whose credential can go nowhere else is fine', () => {
    const secret: RuleSecret = { type: 'credential', candidate: candidate('*') };
    assert.equal(warnOfPattern(rule('*', secret, 'https://mirror.example.com')), undefined);
    assert.equal(warnOfPattern(rule('*', { type: 'none' })), undefined);
    assert.equal(warnOfPattern(rule('*')), undefined);
  });

  test('the entries of a mounted docker config are warned of, too', () => {
    const secret: RuleSecret = { type: 'docker-config', candidates: [candidate('*', 'ghcr.io')] };
    assert.match(
      warnOfPattern(rule('*.io', secret)) ?? '',
      /^is broad: its entries go to any host/,
    );
    assert.equal(warnOfPattern(rule('*.example.com', secret)), undefined);
  });

  test('a pattern that cannot match is warned of', () => {
    assert.equal(warnOfPattern(rule('!ghcr.io')), 'matches nothing: "!" does not negate');
  });
});
