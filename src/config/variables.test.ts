import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { loadValid, problemsOf } from '../testing/config-files.ts';

describe('variables', () => {
  const environment = {
    PORT: '9090',
    DIGITS: '0123456789',
    WORD: 'true',
    EMPTY: '',
    ZONE: 'Europe/Berlin',
    STRUCTURE: 'x: 1\nwebserver: { port: 1 } # ',
    NESTED: '${PORT}',
    SECRET: 'hunter2',
    LINE: '9090\n',
    'identity-token.v1': 'from a Secret',
    'A B': 'spaced',
  };

  const rows: readonly (readonly [name: string, text: string, key: string, want: unknown])[] = [
    [
      'a value without quotes gets its type',
      'webserver: \n  port: ${PORT}',
      'webserver',
      { port: 9090 },
    ],
    [
      'white space around it does not count',
      'webserver: \n  port: ${LINE}',
      'webserver',
      { port: 9090 },
    ],
    ['a truth value, too', 'runOnStart: ${WORD}', 'runOnStart', true],
    ['an empty one is null, which is absent', 'timeZone: ${EMPTY}', 'timeZone', 'UTC'],
    ['a part of a value', 'fieldManager: a-${PORT}-b', 'fieldManager', 'a-9090-b'],
    ['two in a value', 'fieldManager: ${PORT}${WORD}', 'fieldManager', '9090true'],
    ['within quotes', 'timeZone: "${ZONE}"', 'timeZone', 'Europe/Berlin'],
    ['within single quotes', "timeZone: '${ZONE}'", 'timeZone', 'Europe/Berlin'],
    ['in a folded block', 'timeZone: >-\n  ${ZONE}', 'timeZone', 'Europe/Berlin'],
    [
      'digits where a text is needed stay as they are',
      'fieldManager: ${DIGITS}',
      'fieldManager',
      '0123456789',
    ],
    ['a $ without braces is itself', 'fieldManager: $PORT$', 'fieldManager', '$PORT$'],
    ['a $ before is itself: there is no escape', 'fieldManager: $${PORT}', 'fieldManager', '$9090'],
    [
      'what a variable holds is not expanded again',
      'fieldManager: ${NESTED}',
      'fieldManager',
      '${PORT}',
    ],
    ['a variable in a comment is left alone', 'timeZone: UTC # ${MISSING}', 'timeZone', 'UTC'],
    // https://github.com/juv/kube-autorollout/blob/1b1100ce03140e9469cc172949e4442889f8adb7/src/config.rs
    [
      'within { }, as the predecessor takes it',
      'webserver: { port: ${PORT} }',
      'webserver',
      { port: 9090 },
    ],
    [
      'within { }, though the text holds the characters that stand in',
      'timeZone: UTC # \ue000\ue001\nwebserver: {port: ${PORT}}',
      'webserver',
      { port: 9090 },
    ],
    [
      'a part of a value within { }, quoted',
      'webserver: {port: ${PORT}}\nfieldManager: "{${PORT}}"',
      'fieldManager',
      '{9090}',
    ],
    [
      "named after a Secret's key, as the predecessor's chart names it",
      'fieldManager: ${identity-token.v1}',
      'fieldManager',
      'from a Secret',
    ],
    ['with any name that is set', 'fieldManager: ${A B}', 'fieldManager', 'spaced'],
    [
      'an alias stands for what was expanded',
      'fieldManager: &z ${ZONE}\ntimeZone: *z',
      'timeZone',
      'Europe/Berlin',
    ],
  ];
  for (const [name, text, key, want] of rows) {
    test(name, async () => {
      const { config } = await loadValid(text, { environment });
      assert.deepEqual(new Map<string, unknown>(Object.entries(config)).get(key), want);
    });
  }

  test('a secret within { } is the text of the variable', async () => {
    const text = 'registries: [{hostnamePattern: a.io, secret: {username: u, token: ${DIGITS}}}]';
    const { config } = await loadValid(text, { environment });
    const [rule] = config.registries;
    assert.ok(rule?.secret.type === 'credential');
    const { credential } = rule.secret.candidate;
    assert.ok(credential.type === 'basic');
    assert.equal(credential.password.reveal(), '0123456789');
  });

  test('what a variable holds never becomes structure, nor shows in a problem', async () => {
    assert.deepEqual(await problemsOf('timeZone: ${STRUCTURE}', { environment }), [
      'config.yaml:1:11 timeZone: "${STRUCTURE}" is no time zone; IANA names are meant, as Europe/Berlin',
    ]);
  });

  test('case 61: no problem shows what a variable or a token holds', async () => {
    const text = `
cronSchedule: \${SECRET}
timeZone: "\${SECRET}"
selector: "=\${SECRET}"
jitterSeconds: \${SECRET}
defaultRegistry: https://\${SECRET}
platforms: ["\${SECRET}"]
pullPolicy: { ifNotPresent: "\${SECRET}" }
registries:
  - hostnamePattern: "\${SECRET} {}"
    endpoint: \${SECRET}
    caCertificatePath: /\${SECRET}
    secret: { type: "\${SECRET}", token: [hunter2] }
  - hostnamePattern: b.io
    secret: { mountPath: "/\${SECRET}" }
  - hostnamePattern: c.io
    secret: { tokenFile: "/\${SECRET}" }
tls: { caCertificatePaths: ["/\${SECRET}"] }
`;
    const problems = await problemsOf(text, { environment });
    assert.equal(problems.length, 15);
    for (const problem of problems) assert.ok(!problem.includes('hunter2'), problem);
  });

  const wrong: readonly (readonly [text: string, want: string])[] = [
    [
      'webserver:\n  port: ${MISSING}',
      'config.yaml:2:9 webserver.port: the environment variable MISSING is not set',
    ],
    [
      'platforms:\n  - linux/amd64\n  - "linux/${ARCH}"',
      'config.yaml:3:12 platforms.1: the environment variable ARCH is not set',
    ],
    [
      'fieldManager: ${PORT:-80}',
      'config.yaml:1:15 fieldManager: "${PORT:-80}" is no variable; one is ${NAME}, of letters, digits, "_", "-" and ".", without a default',
    ],
    [
      'fieldManager: ${}',
      'config.yaml:1:15 fieldManager: "${}" is no variable; one is ${NAME}, of letters, digits, "_", "-" and ".", without a default',
    ],
    [
      'fieldManager: "a${PORT"',
      'config.yaml:1:17 fieldManager: an open "${" is no variable; one is ${NAME}, of letters, digits, "_", "-" and ".", without a default',
    ],
    [
      'fieldManager: ${toString}',
      'config.yaml:1:15 fieldManager: the environment variable toString is not set',
    ],
    [
      'registries:\n  - hostnamePattern: a.io\n    secret: {tokenFile: "${DIR}/token"}',
      'config.yaml:3:26 registries.0.secret.tokenFile: the environment variable DIR is not set',
    ],
    [
      'registries:\n  - hostnamePattern: a.io\n    secret: {token: "${EMPTY}"}',
      'config.yaml:3:21 registries.0.secret.token: the value is empty',
    ],
    [
      'registries:\n  - hostnamePattern: a.io\n    secret:\n      token: ${EMPTY}',
      'config.yaml:4:7 registries.0.secret: a type is missing: ImagePullSecret, Opaque or None',
    ],
  ];
  for (const [text, want] of wrong) {
    test(want, async () => assert.deepEqual(await problemsOf(text, { environment }), [want]));
  }
});
