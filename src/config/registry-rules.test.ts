import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { before, describe, test } from 'node:test';

import { createAuthority } from '../testing/certificates.ts';
import type { TestAuthority } from '../testing/certificates.ts';
import { loadValid, problemsOf } from '../testing/config-files.ts';
import type { ConfigWorld } from '../testing/config-files.ts';
import type { RegistryRule } from './config.ts';

const ghcr = '{"auths":{"ghcr.io":{"username":"u","password":"hunter2"}}}';

async function ruleOf(rule: string, world?: ConfigWorld): Promise<RegistryRule | undefined> {
  const { config } = await loadValid(`registries:\n  - ${rule}\n`, world);
  return config.registries[0];
}

async function mistakesOf(rule: string, world?: ConfigWorld): Promise<readonly string[]> {
  const problems = await problemsOf(`registries:\n  - ${rule}\n`, world);
  return problems.map((problem) => problem.replace(/^config\.yaml:\d+:\d+ registries\.0\./, ''));
}

async function warningsOf(rule: string, world?: ConfigWorld): Promise<readonly string[]> {
  const { warnings } = await loadValid(`registries:\n  - ${rule}\n`, world);
  return warnings.map((warning) => warning.replace(/^config\.yaml:\d+:\d+ registries\.0\./, ''));
}

/** A rule's credentials with their secrets shown. */
function shown(rule: RegistryRule | undefined): unknown {
  switch (rule?.secret.type) {
    case 'credential': {
      const { credential, source } = rule.secret.candidate;
      const text = credential.type === 'basic' ? credential.password : credential.token;
      const username = credential.type === 'registry-token' ? undefined : credential.username;
      return [credential.type, username, text.reveal(), source];
    }
    case 'docker-config':
      return rule.secret.candidates.map(({ source }) => source);
    case 'none':
    case 'options-only':
    case undefined:
      return rule?.secret.type;
  }
}

describe('what a secret comes to', () => {
  const source = { from: 'rule', pattern: 'a.io' };
  const files = {
    '/t/token': 's3cret\n',
    '/t/windows': 's3cret\r\n',
    '/d/.dockerconfigjson': ghcr,
    '/old/.dockercfg': '{"ghcr.io":{"username":"u","password":"p"}}',
    '/t/space': 'two words \n\n',
    '/both/.dockerconfigjson': ghcr,
    '/both/.dockercfg': '{"quay.io":{"username":"u","password":"p"}}',
    '/file.json': ghcr,
    '/file.dockercfg': '{"quay.io":{"username":"u","password":"p"}}',
  };
  const rows: readonly (readonly [name: string, secret: string, want: unknown])[] = [
    ['nothing at all', '', 'options-only'],
    ['an empty section', ', secret: ', 'options-only'],
    ['None', ', secret: {type: None}', 'none'],
    ['a token', ', secret: {token: abc}', ['registry-token', undefined, 'abc', source]],
    [
      'an empty user is none',
      ', secret: {type: Opaque, username: "", token: abc}',
      ['registry-token', undefined, 'abc', source],
    ],
    [
      'a null user is none',
      ', secret: {type: Opaque, username: , token: abc}',
      ['registry-token', undefined, 'abc', source],
    ],
    ['a user', ', secret: {username: bob, token: abc}', ['basic', 'bob', 'abc', source]],
    [
      'a token file, without the newline at its end',
      ', secret: {tokenFile: /t/token}',
      ['registry-token', undefined, 's3cret', source],
    ],
    [
      'a token file of Windows',
      ', secret: {username: bob, tokenFile: /t/windows}',
      ['basic', 'bob', 's3cret', source],
    ],
    [
      'a token file that ends in a space, which counts',
      ', secret: {tokenFile: /t/space}',
      ['registry-token', undefined, 'two words ', source],
    ],
    [
      'a variable that ends in a newline, as of a Secret made from a file',
      ', secret: {token: "${TOKEN}"}',
      ['registry-token', undefined, 'abc', source],
    ],
    [
      'a folder with .dockerconfigjson',
      ', secret: {type: ImagePullSecret, mountPath: /d}',
      [{ ...source, entry: 'ghcr.io' }],
    ],
    [
      'a folder with a slash at its end',
      ', secret: {mountPath: /d/}',
      [{ ...source, entry: 'ghcr.io' }],
    ],
    ['a folder with .dockercfg', ', secret: {mountPath: /old}', [{ ...source, entry: 'ghcr.io' }]],
    ['both: the newer one', ', secret: {mountPath: /both}', [{ ...source, entry: 'ghcr.io' }]],
    ['a file', ', secret: {mountPath: /file.json}', [{ ...source, entry: 'ghcr.io' }]],
    [
      'a file of the older format',
      ', secret: {mountPath: /file.dockercfg}',
      [{ ...source, entry: 'quay.io' }],
    ],
  ];
  for (const [name, secret, want] of rows) {
    test(name, async () => {
      const environment = { TOKEN: 'abc\n' };
      const rule = await ruleOf(`{hostnamePattern: a.io${secret}}`, { files, environment });
      assert.deepEqual(shown(rule), want);
    });
  }
});

describe('what is wrong with the files of a secret', () => {
  const files = {
    '/t/empty': '\n\n',
    '/t/lines': 'hunter2\nhunter3\n',
    '/bad/.dockerconfigjson': '{"auths":{"ghcr.io":{"password":"hunter2"',
    '/list/.dockerconfigjson': '["hunter2"]',
    '/folder/.dockerconfigjson/x': '',
    '/other/config.json': ghcr,
  };
  const rows: readonly (readonly [secret: string, want: string])[] = [
    ['tokenFile: /gone', 'secret.tokenFile: "/gone" does not exist'],
    ['tokenFile: /t', 'secret.tokenFile: "/t" is a folder, not a file'],
    ['tokenFile: /t/empty', 'secret.tokenFile: "/t/empty" is empty'],
    [
      'tokenFile: /t/lines',
      'secret.tokenFile: "/t/lines" holds a line break or another control character',
    ],
    [
      'mountPath: /gone',
      'secret.mountPath: "/gone" does not exist or holds no .dockerconfigjson or .dockercfg',
    ],
    [
      'mountPath: /other',
      'secret.mountPath: "/other" does not exist or holds no .dockerconfigjson or .dockercfg',
    ],
    [
      'mountPath: /folder',
      'secret.mountPath: "/folder" holds a .dockerconfigjson that is a folder, not a file',
    ],
    [
      'mountPath: /bad',
      'secret.mountPath: "/bad" holds a docker config that cannot be used: the docker config is no JSON',
    ],
    [
      'mountPath: /list',
      'secret.mountPath: "/list" holds a docker config that cannot be used: the docker config is no map with "auths", a map of registries',
    ],
  ];
  for (const [secret, want] of rows) {
    test(want, async () => {
      assert.deepEqual(
        await mistakesOf(`{hostnamePattern: a.io, secret: {${secret}}}`, { files }),
        [want],
      );
    });
  }
});

describe('warnings', () => {
  const files = {
    '/d/.dockerconfigjson': ghcr,
    '/flaw/.dockerconfigjson':
      '{"auths":{"a.io":{"auth":"!"},"b.io":{"username":"u","password":"p"}}}',
    '/empty/.dockerconfigjson': '{"auths":{}}',
  };
  const broad =
    'is broad: its credential goes to any host that matches and that a workload names; end the pattern in two labels without "*", as in *.example.com';
  const rows: readonly (readonly [rule: string, ...want: string[]])[] = [
    ['{hostnamePattern: "*", secret: {token: x}}', `hostnamePattern: "*" ${broad}`],
    ['{hostnamePattern: "*.io", secret: {token: x}}', `hostnamePattern: "*.io" ${broad}`],
    ['{hostnamePattern: "*.example.com", secret: {token: x}}'],
    ['{hostnamePattern: "*", secret: {token: x}, endpoint: "https://mirror"}'],
    [
      '{hostnamePattern: "*", secret: {mountPath: /d}}',
      'hostnamePattern: "*" is broad: its entries go to any host that they match and that a workload names; end the pattern in two labels without "*", as in *.example.com',
    ],
    ['{hostnamePattern: "*", secret: {type: None}}'],
    [
      '{hostnamePattern: a.io, secret: {type: None, token: hunter2}}',
      'secret.token: is not used with type None',
    ],
    [
      '{hostnamePattern: a.io, secret: {type: ImagePullSecret, mountPath: /d, username: bob}}',
      'secret.username: is not used with type ImagePullSecret',
    ],
    [
      '{hostnamePattern: a.io, secret: {type: Opaque, token: x, mountPath: /d}}',
      'secret.mountPath: is not used with type Opaque',
    ],
    [
      '{hostnamePattern: a.io, secret: {mountPath: /flaw}}',
      'secret.mountPath: "/flaw" holds a docker config with a flaw: entry "a.io": its auth is not the base64 of user:password',
    ],
    [
      '{hostnamePattern: a.io, secret: {mountPath: /empty}}',
      'secret.mountPath: "/empty" holds a docker config with a flaw: it holds no credential',
    ],
  ];
  for (const [rule, ...want] of rows) {
    test(`${rule}: ${want.length === 0 ? 'none' : 'one'}`, async () => {
      assert.deepEqual(await warningsOf(rule, { files }), want);
    });
  }

  test('name the file and the line', async () => {
    const { warnings } = await loadValid(
      'registries:\n  - hostnamePattern: "*"\n    secret: {token: x}\n',
    );
    assert.deepEqual(warnings, [`config.yaml:2:22 registries.0.hostnamePattern: "*" ${broad}`]);
  });
});

describe('options', () => {
  test('are off unless set', async () => {
    assert.deepEqual((await ruleOf('{hostnamePattern: a.io}'))?.options, {
      plainHttp: false,
      insecureSkipTlsVerify: false,
    });
  });

  test('take effect', async () => {
    const rule = await ruleOf(
      '{hostnamePattern: a.io, endpoint: "http://kind-registry:5000", plainHttp: true, insecureSkipTlsVerify: true, maxConcurrentRequests: 2}',
    );
    assert.deepEqual(rule?.options, {
      endpoint: new URL('http://kind-registry:5000'),
      plainHttp: true,
      insecureSkipTlsVerify: true,
      maxConcurrentRequests: 2,
    });
  });
});

function count(pem: string | undefined): number {
  return (pem ?? '').split('-----BEGIN').length - 1;
}

describe('case 54: certificates', () => {
  let authority: TestAuthority;
  let files: Record<string, string>;

  before(async () => {
    authority = await createAuthority('Corp CA');
    const other = await createAuthority('Other CA');
    const client = await authority.issue(['client']);
    const old = await authority.issue(['old.example.com'], { expired: true });
    const encrypted = generateKeyPairSync('ec', {
      namedCurve: 'P-256',
      publicKeyEncoding: { type: 'spki', format: 'pem' },
      privateKeyEncoding: { type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' },
    });
    files = {
      '/ca.pem': authority.certificate,
      '/bundle.pem': `# Corp\n${authority.certificate}\nand\n${other.certificate}\n${client.key}`,
      '/old.pem': old.certificate,
      '/client.crt': client.certificate,
      '/client.key': client.key,
      '/old.key': old.key,
      '/encrypted.key': encrypted.privateKey,
      '/text.pem': 'no certificate here',
      '/broken.pem': `${authority.certificate}\n-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n`,
      '/open.pem': '-----BEGIN CERTIFICATE-----\n'.repeat(1_000),
    };
  });

  test('of everybody: every file of tls.caCertificatePaths, each may hold a chain', async () => {
    const { config, warnings } = await loadValid(
      'tls: {caCertificatePaths: [/ca.pem, /bundle.pem]}',
      {
        files,
      },
    );
    assert.deepEqual(config.tls.caCertificates.map(count), [1, 2]);
    assert.ok(!config.tls.caCertificates.join('').includes('PRIVATE KEY'));
    assert.deepEqual(warnings, []);
  });

  test('of one registry', async () => {
    const rule = await ruleOf('{hostnamePattern: a.io, caCertificatePath: /bundle.pem}', { files });
    assert.equal(count(rule?.options.caCertificate), 2);
  });

  test('of a client, with the key that belongs to it', async () => {
    const rule = await ruleOf(
      '{hostnamePattern: a.io, clientCertificatePath: /client.crt, clientKeyPath: /client.key}',
      { files },
    );
    const pair = rule?.options.clientCertificate;
    assert.equal(count(pair?.certificate), 1);
    assert.equal(pair?.key.reveal(), files['/client.key']);
    assert.equal(String(pair?.key), '[redacted]');
  });

  test('an expired one is a warning', async () => {
    const { warnings } = await loadValid('tls: {caCertificatePaths: [/old.pem]}', { files });
    assert.equal(warnings.length, 1);
    assert.match(
      warnings[0] ?? '',
      /^config\.yaml:1:28 tls\.caCertificatePaths\.0: "\/old\.pem" holds "CN=old\.example\.com", which expired at \d{4}-\d\d-\d\dT[\d:.]+Z$/,
    );
  });

  test('one of the future is a warning', async () => {
    const { warnings } = await loadValid('tls: {caCertificatePaths: [/ca.pem]}', {
      files,
      now: new Date(0),
    });
    assert.match(warnings[0] ?? '', /holds "CN=Corp CA", which is not valid before 20/);
  });

  const rows: readonly (readonly [rule: string, ...want: string[]])[] = [
    ['caCertificatePath: /gone.pem', 'caCertificatePath: "/gone.pem" does not exist'],
    [
      'caCertificatePath: /text.pem',
      'caCertificatePath: "/text.pem" holds no certificate in PEM, which begins with -----BEGIN CERTIFICATE-----',
    ],
    [
      'caCertificatePath: /broken.pem',
      'caCertificatePath: "/broken.pem" holds a certificate that cannot be read, number 2',
    ],
    [
      'caCertificatePath: /open.pem',
      'caCertificatePath: "/open.pem" holds a certificate that cannot be read, number 1',
    ],
    [
      'clientCertificatePath: /client.crt, clientKeyPath: /old.key',
      'clientKeyPath: "/old.key" is not the key of the certificate in clientCertificatePath',
    ],
    [
      'clientCertificatePath: /client.crt, clientKeyPath: /encrypted.key',
      'clientKeyPath: "/encrypted.key" is encrypted; a key without a passphrase is needed',
    ],
    [
      'clientCertificatePath: /client.crt, clientKeyPath: /text.pem',
      'clientKeyPath: "/text.pem" holds no private key in PEM',
    ],
    [
      'clientCertificatePath: /client.key, clientKeyPath: /gone.key',
      'clientCertificatePath: "/client.key" holds no certificate in PEM, which begins with -----BEGIN CERTIFICATE-----',
      'clientKeyPath: "/gone.key" does not exist',
    ],
  ];
  for (const [rule, ...want] of rows) {
    test(want[0] ?? '', async () => {
      assert.deepEqual(await mistakesOf(`{hostnamePattern: a.io, ${rule}}`, { files }), want);
    });
  }
});
