import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { describe, test } from 'node:test';
import { ChallengeError, parseChallenges } from './challenge.ts';

/** A challenge as the tables below write it. */
function plain(values: readonly string[]): readonly unknown[] {
  return parseChallenges(values).map(({ scheme, params, token68 }) =>
    token68 === undefined ? [scheme, Object.fromEntries(params)] : [scheme, token68],
  );
}

const fixtures = new URL('../../fixtures/challenges/', import.meta.url);

describe('case 40: challenges of real registries', () => {
  const rows: Readonly<Record<string, readonly [string, Readonly<Record<string, string>>]>> = {
    'docker-hub': [
      'bearer',
      {
        realm: 'https://auth.docker.io/token',
        service: 'registry.docker.io',
        scope: 'repository:library/alpine:pull',
      },
    ],
    ghcr: [
      'bearer',
      {
        realm: 'https://ghcr.io/token',
        service: 'ghcr.io',
        scope: 'repository:user/image:pull',
      },
    ],
    quay: [
      'bearer',
      {
        realm: 'https://quay.io/v2/auth',
        service: 'quay.io',
        scope: 'repository:org/app:pull',
      },
    ],
    gitlab: [
      'bearer',
      {
        realm: 'https://gitlab.com/jwt/auth',
        service: 'container_registry',
        scope: 'repository:group/app:pull',
        error: 'insufficient_scope',
      },
    ],
    ecr: [
      'basic',
      {
        realm: 'https://123456789012.dkr.ecr.eu-west-1.amazonaws.com/',
        service: 'ecr.amazonaws.com',
      },
    ],
    acr: [
      'bearer',
      {
        realm: 'https://x.azurecr.io/oauth2/token',
        service: 'x.azurecr.io',
        scope: 'repository:app:pull',
        error: 'invalid_token',
      },
    ],
    'artifact-registry': [
      'bearer',
      {
        realm: 'https://europe-docker.pkg.dev/v2/token',
        service: 'europe-docker.pkg.dev',
        scope: 'repository:p/r/app:pull',
      },
    ],
    harbor: [
      'bearer',
      {
        realm: 'https://harbor.example.com/service/token',
        service: 'harbor-registry',
        scope: 'repository:p/app:pull',
      },
    ],
    artifactory: [
      'bearer',
      {
        realm: 'https://x.jfrog.io/artifactory/api/docker/docker-local/v2/token',
        service: 'x.jfrog.io',
        scope: 'repository:app:pull',
      },
    ],
    nvidia: [
      'bearer',
      {
        realm: 'https://nvcr.io/proxy_auth?scope=repository:nvidia/cuda:pull',
        scope: 'repository:nvidia/cuda:pull',
      },
    ],
    nexus: ['basic', { realm: 'Sonatype Nexus Repository Manager' }],
    distribution: ['basic', { realm: 'basic-realm' }],
  };
  for (const [registry, want] of Object.entries(rows)) {
    test(registry, () => {
      const header = readFileSync(new URL(`${registry}.txt`, fixtures), 'utf8').trimEnd();
      assert.deepEqual(plain([header]), [want]);
    });
  }

  test('every fixture has its row', () => {
    const files = readdirSync(fixtures).filter((file) => file.endsWith('.txt'));
    assert.deepEqual(
      files.toSorted(),
      Object.keys(rows)
        .map((registry) => `${registry}.txt`)
        .toSorted(),
    );
  });
});

describe('case 40: what the grammar allows', () => {
  const rows: readonly { name: string; values: readonly string[]; want: readonly unknown[] }[] = [
    { name: 'no header', values: [], want: [] },
    { name: 'an empty header', values: [' , ,'], want: [] },
    {
      name: 'several challenges in one header, a comma inside quotes',
      values: [
        'Negotiate, Basic realm="Registry, Realm", Bearer realm="https://r/token",service=s',
      ],
      want: [
        ['negotiate', {}],
        ['basic', { realm: 'Registry, Realm' }],
        ['bearer', { realm: 'https://r/token', service: 's' }],
      ],
    },
    {
      name: 'several headers',
      values: ['Basic realm="a"', 'Bearer realm="b"'],
      want: [
        ['basic', { realm: 'a' }],
        ['bearer', { realm: 'b' }],
      ],
    },
    {
      name: 'escapes in a quoted value',
      values: [String.raw`Basic realm="say \"hi\", \\ ok"`],
      want: [['basic', { realm: String.raw`say "hi", \ ok` }]],
    },
    {
      name: 'a token68, then another challenge',
      values: ['Negotiate a87421000492aa874209af8bc028==, Bearer realm="r"'],
      want: [
        ['negotiate', 'a87421000492aa874209af8bc028=='],
        ['bearer', { realm: 'r' }],
      ],
    },
    {
      name: 'names in any case, case kept in values',
      values: ['BEARER Realm="https://R.example.com/Token",SCOPE="repository:O/App:pull"'],
      want: [['bearer', { realm: 'https://R.example.com/Token', scope: 'repository:O/App:pull' }]],
    },
    {
      name: 'unquoted values, a URL among them',
      values: ['Bearer realm=https://r.example.com:5000/token?a=b,service=r.example.com'],
      want: [
        ['bearer', { realm: 'https://r.example.com:5000/token?a=b', service: 'r.example.com' }],
      ],
    },
    {
      name: 'blanks around the equals sign and empty list elements',
      values: ['Bearer\trealm = "r" ,, , service= "s",'],
      want: [['bearer', { realm: 'r', service: 's' }]],
    },
    {
      name: 'no comma between parameters',
      values: ['Bearer realm="r" service="s"'],
      want: [['bearer', { realm: 'r', service: 's' }]],
    },
    {
      name: 'the first of two equal names counts',
      values: ['Bearer realm="first",REALM="second"'],
      want: [['bearer', { realm: 'first' }]],
    },
    {
      name: 'a name that JavaScript objects know',
      values: ['Bearer __proto__="x",constructor="y"'],
      want: [
        [
          'bearer',
          Object.fromEntries([
            ['__proto__', 'x'],
            ['constructor', 'y'],
          ]),
        ],
      ],
    },
    { name: 'an empty quoted value', values: ['Basic realm=""'], want: [['basic', { realm: '' }]] },
  ];
  for (const { name, values, want } of rows) {
    test(name, () => assert.deepEqual(plain(values), want));
  }
});

describe('case 40: what is no challenge', () => {
  const rows: readonly string[] = [
    'realm="https://r/token"',
    '"Bearer" realm="r"',
    'Bearer realm="never ends',
    String.raw`Bearer realm="ends with an escape\"`,
    'Bearer realm=half"quoted"',
    '=',
    '<html>',
    `Bearer realm="${'x'.repeat(20_000)}"`,
    `Bearer ${'a=b,'.repeat(100)}`,
    'Basic,'.repeat(100),
  ];
  for (const value of rows) {
    test(value.slice(0, 50), () => assert.throws(() => parseChallenges([value]), ChallengeError));
  }

  test('a hundred headers of one challenge each are too many', () => {
    assert.throws(
      () => parseChallenges(Array.from({ length: 100 }, () => 'Basic')),
      ChallengeError,
    );
  });

  test('the message is printable and short', () => {
    assert.throws(
      () => parseChallenges([`Bearer \u001B[31m"${'x'.repeat(999)}`]),
      (error) => {
        assert.ok(error instanceof ChallengeError);
        assert.ok(error.message.length < 200);
        assert.doesNotMatch(error.message, /\p{C}/u);
        return true;
      },
    );
  });
});

/** Mulberry32: the same strings in every run. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

test('case 40: 20,000 random headers throw nothing but ChallengeError and keep their values', () => {
  const random = randomFrom(40);
  const pieces = [
    'Bearer',
    'Basic',
    ' ',
    ',',
    '=',
    '"',
    '\\',
    'realm',
    '=="',
    'a',
    '\t',
    ';',
    'é',
    '\u0000',
  ];
  const pick = (): string => pieces[Math.floor(random() * pieces.length)] ?? '';
  let parsed = 0;
  for (let round = 0; round < 20_000; round += 1) {
    const header = Array.from({ length: Math.floor(random() * 24) }, pick).join('');
    try {
      for (const { scheme, params } of parseChallenges([header])) {
        assert.equal(scheme, scheme.toLowerCase());
        // A value's characters all come from the header; only escapes are removed.
        for (const value of params.values()) assert.ok(value.length <= header.length);
      }
      parsed += 1;
    } catch (error) {
      assert.ok(error instanceof ChallengeError, `${JSON.stringify(header)}: ${String(error)}`);
    }
  }
  assert.ok(parsed > 1000, `only ${parsed} were challenges`);
});

test('case 40: long runs of one character are read once, not squared', () => {
  // At the cap, a squared reading would take 2.7e8 steps per header; the test run would show it.
  for (const run of ['\\', '"', ',', '=', ' ', 'a', 'a=', 'a ,', '\\"', '=a"', 'a,']) {
    const header = `Bearer realm="${run.repeat(16_000 / run.length)}`;
    for (const value of [header, header.replace('"', ''), header.slice(0, 16_300)]) {
      try {
        parseChallenges([value]);
      } catch (error) {
        assert.ok(error instanceof ChallengeError);
      }
    }
  }
});
