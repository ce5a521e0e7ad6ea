import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';

import type { Credential } from './credential.ts';
import { parseDockerConfig, parsePullSecret } from './docker-config.ts';

function fixture(name: string): string {
  return readFileSync(new URL(`../../fixtures/docker-configs/${name}`, import.meta.url), 'utf8');
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}

/** A credential with its secrets shown, for comparison. */
function shown(credential: Credential | undefined): unknown {
  switch (credential?.type) {
    case 'basic':
      return [credential.username, credential.password.reveal()];
    case 'identity-token':
      return { identity: credential.token.reveal(), username: credential.username };
    case 'registry-token':
      return { bearer: credential.token.reveal() };
    case undefined:
      return undefined;
  }
}

function entryOf(entry: unknown): { readonly credential: unknown; readonly problems: unknown } {
  const { entries, problems } = parseDockerConfig(
    JSON.stringify({ auths: { 'r.example.com': entry } }),
    'dockerconfigjson',
  );
  return { credential: shown(entries[0]?.credential), problems };
}

describe('case 50: every form of a credential is read', () => {
  const rows: readonly {
    readonly name: string;
    readonly entry: unknown;
    readonly want: unknown;
  }[] = [
    { name: 'auth with padding', entry: { auth: 'dXNlcjpwYXNzMQ==' }, want: ['user', 'pass1'] },
    { name: 'auth without padding', entry: { auth: 'dXNlcjpwYXNzMQ' }, want: ['user', 'pass1'] },
    {
      name: 'auth in the URL-safe alphabet',
      entry: { auth: base64('user:>>>???').replaceAll('+', '-').replaceAll('/', '_') },
      want: ['user', '>>>???'],
    },
    {
      name: 'auth broken into lines',
      entry: { auth: 'dXNlcjpw\nYXNzMQ==\n' },
      want: ['user', 'pass1'],
    },
    {
      name: 'auth split at the first colon only',
      entry: { auth: base64('user:pass:with:colons') },
      want: ['user', 'pass:with:colons'],
    },
    { name: 'auth with a NUL at its end', entry: { auth: base64('u:p\0\0') }, want: ['u', 'p'] },
    {
      name: 'auth with a newline at its end',
      entry: { auth: base64('u:p\r\n') },
      want: ['u', 'p'],
    },
    {
      name: 'auth beyond ASCII',
      entry: { auth: base64('jürgen:pässwörd') },
      want: ['jürgen', 'pässwörd'],
    },
    { name: 'user and password only', entry: { username: 'u', password: 'p' }, want: ['u', 'p'] },
    {
      name: 'auth wins over user and password, as for the kubelet',
      entry: { username: 'old', password: 'old', auth: base64('new:secret') },
      want: ['new', 'secret'],
    },
    {
      name: 'an empty auth leaves it to user and password',
      entry: { username: 'u', password: 'p', auth: '' },
      want: ['u', 'p'],
    },
    {
      name: 'a user without a password is sent as by the kubelet',
      entry: { username: 'u', auth: null },
      want: ['u', ''],
    },
    { name: 'registrytoken', entry: { registrytoken: 'jwt' }, want: { bearer: 'jwt' } },
    {
      name: 'case 44: identitytoken',
      entry: { identitytoken: 'refresh' },
      want: { identity: 'refresh', username: '' },
    },
    {
      name: 'case 44: identitytoken beside a user without a password',
      entry: { auth: base64('user:'), identitytoken: 'refresh' },
      want: { identity: 'refresh', username: 'user' },
    },
    {
      name: 'case 44: the user <token>',
      entry: { username: '<token>', password: 'refresh' },
      want: { identity: 'refresh', username: '<token>' },
    },
    {
      name: "case 44: Azure's user of zeros",
      entry: { auth: base64('00000000-0000-0000-0000-000000000000:refresh') },
      want: { identity: 'refresh', username: '00000000-0000-0000-0000-000000000000' },
    },
    {
      name: 'user and password come before tokens, which the kubelet does not know',
      entry: { username: 'u', password: 'p', identitytoken: 'refresh', registrytoken: 'jwt' },
      want: ['u', 'p'],
    },
  ];
  for (const { name, entry, want } of rows) {
    test(name, () => assert.deepEqual(entryOf(entry), { credential: want, problems: [] }));
  }
});

describe('case 50: an entry that holds nothing, or nothing readable', () => {
  const notBase64 = 'entry "r.example.com": its auth is not the base64 of user:password';
  const notTexts =
    'entry "r.example.com": it is no map of texts (auth, username, password, identitytoken, registrytoken)';
  const rows: readonly { readonly name: string; readonly entry: unknown; readonly want: string }[] =
    [
      { name: 'an empty entry', entry: {}, want: 'it holds no credential' },
      { name: 'empty texts', entry: { auth: '', username: '' }, want: 'it holds no credential' },
      { name: 'an auth of a colon', entry: { auth: base64(':') }, want: 'it holds no credential' },
      { name: 'auth that is not base64', entry: { auth: 'hunter2!' }, want: notBase64 },
      { name: 'auth without a colon', entry: { auth: base64('hunter2') }, want: notBase64 },
      { name: 'a number for a password', entry: { username: 'u', password: 42 }, want: notTexts },
      { name: 'a text for an entry', entry: 'hunter2', want: notTexts },
      { name: 'null for an entry', entry: null, want: notTexts },
    ];
  for (const { name, entry, want } of rows) {
    test(name, () => assert.deepEqual(entryOf(entry), { credential: undefined, problems: [want] }));
  }

  test('costs no other entry', () => {
    const auths = { a: { auth: '!' }, b: { username: 'u', password: 'p' }, c: {} };
    const { entries, problems } = parseDockerConfig(JSON.stringify({ auths }), 'dockerconfigjson');
    assert.deepEqual(
      entries.map(({ key }) => key),
      ['b'],
    );
    assert.deepEqual(problems, ['entry "a": its auth is not the base64 of user:password']);
  });
});

describe('parsePullSecret', () => {
  test('case 46: reads the type dockerconfigjson', () => {
    const { secret, problems } = parsePullSecret({
      name: 'regcred',
      type: 'kubernetes.io/dockerconfigjson',
      data: { '.dockerconfigjson': base64(fixture('kubectl-create-secret.json')) },
    });
    assert.deepEqual(problems, []);
    assert.equal(secret.name, 'regcred');
    assert.deepEqual(
      secret.entries.map(({ key, credential }) => [key, shown(credential)]),
      [['https://index.docker.io/v1/', ['tiger', 'pass1234']]],
    );
  });

  test('case 46: reads the type dockercfg', () => {
    const { secret, problems } = parsePullSecret({
      name: 'old',
      type: 'kubernetes.io/dockercfg',
      data: { '.dockercfg': base64(fixture('dockercfg.json')) },
    });
    assert.deepEqual(problems, []);
    assert.deepEqual(
      secret.entries.map(({ key, credential }) => [key, shown(credential)]),
      [
        ['https://index.docker.io/v1/', ['tiger', 'pass1234']],
        ['registry.example.com:5000', ['robot', 'pa:ss']],
      ],
    );
  });

  const secretText = base64('{"auths":{"ghcr.io":{"password":"hunter2"');
  const rows: readonly {
    readonly name: string;
    readonly type: string | undefined;
    readonly data?: Readonly<Record<string, string>>;
    readonly want: string;
  }[] = [
    {
      name: 'a Secret of another type is neither parsed nor quoted',
      type: 'Opaque',
      data: { '.dockerconfigjson': base64(fixture('kubectl-create-secret.json')) },
      want: 'Secret "regcred" is of type "Opaque"; a pull Secret is of type kubernetes.io/dockerconfigjson or kubernetes.io/dockercfg',
    },
    {
      name: 'a Secret without a type',
      type: undefined,
      want: 'Secret "regcred" is of type ""; a pull Secret is of type kubernetes.io/dockerconfigjson or kubernetes.io/dockercfg',
    },
    {
      name: 'the key of the other type',
      type: 'kubernetes.io/dockercfg',
      data: { '.dockerconfigjson': base64('{}') },
      want: 'Secret "regcred" has no key ".dockercfg"',
    },
    {
      name: 'no data',
      type: 'kubernetes.io/dockerconfigjson',
      want: 'Secret "regcred" has no key ".dockerconfigjson"',
    },
    {
      name: 'case 50: bad JSON is a problem that does not quote it',
      type: 'kubernetes.io/dockerconfigjson',
      data: { '.dockerconfigjson': secretText },
      want: 'Secret "regcred": the docker config is no JSON',
    },
    {
      name: 'a list',
      type: 'kubernetes.io/dockerconfigjson',
      data: { '.dockerconfigjson': base64('["hunter2"]') },
      want: 'Secret "regcred": the docker config is no map with "auths", a map of registries',
    },
    {
      name: 'a text as dockercfg',
      type: 'kubernetes.io/dockercfg',
      data: { '.dockercfg': base64('"hunter2"') },
      want: 'Secret "regcred": the docker config is no map of registries',
    },
    {
      name: 'the older format under the newer type',
      type: 'kubernetes.io/dockerconfigjson',
      data: { '.dockerconfigjson': base64(fixture('dockercfg.json')) },
      want: 'Secret "regcred": the docker config has no "auths"',
    },
    {
      name: 'a file that only names a helper',
      type: 'kubernetes.io/dockerconfigjson',
      data: { '.dockerconfigjson': base64(fixture('docker-desktop.json')) },
      want: 'Secret "regcred": it holds no credential, only the name of a helper (credsStore, credHelpers) that keeps them on the machine of the docker login',
    },
  ];
  for (const { name, type, data, want } of rows) {
    test(name, () => {
      const { secret, problems } = parsePullSecret({ name: 'regcred', type, data });
      assert.deepEqual(secret, { name: 'regcred', entries: [] });
      assert.deepEqual(problems, [want]);
    });
  }
});

describe('case 61: hostile Secrets', () => {
  test('ten thousand entries are capped, and said so', () => {
    const auths = Object.fromEntries(
      Array.from({ length: 10_000 }, (_, index) => [`r${index}.io`, { auth: base64('u:p') }]),
    );
    const { entries, problems } = parseDockerConfig(JSON.stringify({ auths }), 'dockerconfigjson');
    assert.equal(entries.length, 1_000);
    assert.deepEqual(problems, ['it has 10000 entries; only the first 1000 are used']);
  });

  test('many bad entries make few problems', () => {
    const auths = Object.fromEntries(
      Array.from({ length: 900 }, (_, index) => [`r${index}.io`, { auth: '!' }]),
    );
    const { problems } = parseDockerConfig(JSON.stringify({ auths }), 'dockerconfigjson');
    assert.equal(problems.length, 6);
    assert.equal(problems.at(-1), 'and 895 more such problems');
  });

  test("names of an object's own properties are keys like others", () => {
    const text =
      '{"auths":{"__proto__":{"auth":"dTpw"},"constructor":{"auth":"dTpw"},"toString":{"auth":"dTpw"}}}';
    const { entries } = parseDockerConfig(text, 'dockerconfigjson');
    assert.ok(entries.some(({ key }) => key === 'constructor'));
    assert.equal(Object.getPrototypeOf(entries[0]), Object.prototype);
  });

  test('a key that is longer than any reference is left out', () => {
    const auths = { ['*'.repeat(2_000)]: { auth: base64('u:p') } };
    const { entries, problems } = parseDockerConfig(JSON.stringify({ auths }), 'dockerconfigjson');
    assert.deepEqual(entries, []);
    assert.deepEqual(problems, [`entry "${'*'.repeat(40)}…" is longer than 1024 characters`]);
  });

  test('terminal escapes in a key are shown, not obeyed', () => {
    const auths = { 'r\u001b[31m.io': { auth: '!' } };
    const { problems } = parseDockerConfig(JSON.stringify({ auths }), 'dockerconfigjson');
    assert.deepEqual(problems, [
      String.raw`entry "r\u{1b}[31m.io": its auth is not the base64 of user:password`,
    ]);
  });

  test('a password in a key is not kept', () => {
    const auths = { 'https://bob:hunter2@x@r.example.com/team': { auth: base64('u:p') } };
    const { entries } = parseDockerConfig(JSON.stringify({ auths }), 'dockerconfigjson');
    assert.equal(entries[0]?.key, 'https://r.example.com/team');
  });

  test('random bytes throw nothing and are never quoted', () => {
    const random = seeded(61);
    const seeds = [fixture('kubectl-create-secret.json'), fixture('dockercfg.json')];
    for (let round = 0; round < 3_000; round += 1) {
      const text = mangled(seeds[round % 2] ?? '', random);
      for (const format of ['dockerconfigjson', 'dockercfg'] as const) {
        const { problems } = parseDockerConfig(text, format);
        assert.ok(problems.every((problem) => !/pass1234|dGlnZXI6/.test(problem)));
      }
    }
  });
});

/** A linear congruential generator, so that a failure repeats. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32;
    return state / 2 ** 32;
  };
}

function mangled(text: string, random: () => number): string {
  const characters = text.split('');
  const alphabet = '{}[]":,\\\0\n=*é'.split('');
  for (let change = 0; change < 1 + random() * 4; change += 1) {
    const place = Math.floor(random() * characters.length);
    characters[place] = alphabet[Math.floor(random() * alphabet.length)] ?? '';
  }
  return characters.join('');
}
