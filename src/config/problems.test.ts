import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { loadValid, problemsOf } from '../testing/config-files.ts';

describe('each mistake has its message', () => {
  const rows: readonly (readonly [text: string, ...want: string[]])[] = [
    // keys
    [
      'cronShedule: "* * * * *"',
      'config.yaml:1:1 cronShedule: unknown key "cronShedule"; did you mean cronSchedule?',
    ],
    [
      'registries:\n  - hostnamePattern: ghcr.io\n    secret:\n      type: Opaque\n      token: x\n      passwrod: y',
      'config.yaml:6:7 registries.0.secret.passwrod: unknown key "passwrod"; known here: type, mountPath, username, token, tokenFile, name, key',
    ],
    [
      'webserver:\n  prot: 1',
      'config.yaml:2:3 webserver.prot: unknown key "prot"; did you mean port?',
    ],
    ['port: 8080', 'config.yaml:1:1 port: unknown key "port"; did you mean webserver.port?'],
    [
      'caCertificatePaths: []',
      'config.yaml:1:1 caCertificatePaths: unknown key "caCertificatePaths"; did you mean tls.caCertificatePaths?',
    ],
    [
      'token: x',
      'config.yaml:1:1 token: unknown key "token"; did you mean registries[].secret.token?',
    ],
    ['timezone: UTC', 'config.yaml:1:1 timezone: unknown key "timezone"; did you mean timeZone?'],
    ['tls:\n  foo:', 'config.yaml:2:3 tls.foo: unknown key "foo"; known here: caCertificatePaths'],
    [
      '"__proto__": 1',
      'config.yaml:1:1 __proto__: unknown key "__proto__"; known here: cronSchedule, timeZone, jitterSeconds, runOnStart, selector, defaultRegistry, registries, tls, webserver, pullPolicy, platforms, convergence, fieldManager, featureFlags',
    ],
    // types
    ['- a', 'config.yaml:1:1: a map is needed, not a list'],
    ['just text', 'config.yaml:1:1: a map is needed, not text'],
    ['webserver: 8080', 'config.yaml:1:12 webserver: a map is needed, not a number'],
    [
      'webserver:\n  port: "8080"',
      'config.yaml:2:9 webserver.port: a number is needed, not text; leave out the quotes',
    ],
    ['webserver:\n  port: http', 'config.yaml:2:9 webserver.port: a number is needed, not text'],
    [
      'webserver: {port: 80.5}',
      'config.yaml:1:19 webserver.port: a whole number is needed, not a fraction',
    ],
    ['webserver:\n  port: 65536', 'config.yaml:2:9 webserver.port: "65536" is more than 65535'],
    ['webserver:\n  port: -1', 'config.yaml:2:9 webserver.port: "-1" is less than 0'],
    ['runOnStart: yes', 'config.yaml:1:13 runOnStart: true or false is needed, not text'],
    [
      'runOnStart: "true"',
      'config.yaml:1:13 runOnStart: true or false is needed, not text; leave out the quotes',
    ],
    ['jitterSeconds: -1', 'config.yaml:1:16 jitterSeconds: "-1" is less than 0'],
    ['jitterSeconds: 10s', 'config.yaml:1:16 jitterSeconds: a number is needed, not text'],
    ['jitterSeconds: .nan', 'config.yaml:1:16 jitterSeconds: a number is needed, not NaN'],
    ['jitterSeconds: .inf', 'config.yaml:1:16 jitterSeconds: a number is needed, not Infinity'],
    ['jitterSeconds: 1e9', 'config.yaml:1:16 jitterSeconds: "1e9" is more than 3600'],
    [
      'fieldManager: 42',
      'config.yaml:1:15 fieldManager: text is needed, not a number; put it in quotes',
    ],
    [
      'fieldManager: ""',
      'config.yaml:1:15 fieldManager: the value is no field manager: 1 to 128 printable characters',
    ],
    [
      'convergence: {maxRestartsPerDigest: 0}',
      'config.yaml:1:37 convergence.maxRestartsPerDigest: "0" is less than 1',
    ],
    [
      'pullPolicy:\n  ifNotPresent: Restart',
      'config.yaml:2:17 pullPolicy.ifNotPresent: "Restart" is none of skip, restart; did you mean restart?',
    ],
    [
      'pullPolicy:\n  ifNotPresent: always',
      'config.yaml:2:17 pullPolicy.ifNotPresent: "always" is none of skip, restart',
    ],
    ['registries: ghcr.io', 'config.yaml:1:13 registries: a list is needed, not text'],
    ['registries:\n  -', 'config.yaml:2:4 registries.0: a map is needed, not nothing'],
    // case 56: schedules
    [
      'cronSchedule: "* * *"',
      'config.yaml:1:15 cronSchedule: "* * *" has 3 fields; a schedule has 5 (minute hour day month weekday) or 6 (seconds first)',
    ],
    [
      'cronSchedule: hourly',
      'config.yaml:1:15 cronSchedule: "hourly" has 1 field; a schedule has 5 (minute hour day month weekday) or 6 (seconds first)',
    ],
    [
      'cronSchedule: "* * * 13 *"',
      'config.yaml:1:15 cronSchedule: "* * * 13 *" is no schedule: its month is out of range; as an example, "0 */5 * * * *" is every five minutes',
    ],
    [
      'cronSchedule: "* * * * 9"',
      'config.yaml:1:15 cronSchedule: "* * * * 9" is no schedule: its weekday is out of range; as an example, "0 */5 * * * *" is every five minutes',
    ],
    [
      'cronSchedule: "0 0 30 2 *"',
      'config.yaml:1:15 cronSchedule: "0 0 30 2 *" never comes due: no such day exists',
    ],
    [
      'cronSchedule: "2099-01-01T00:00:00"',
      'config.yaml:1:15 cronSchedule: "2099-01-01T00:00:00" has 1 field; a schedule has 5 (minute hour day month weekday) or 6 (seconds first)',
    ],
    [
      'timeZone: Europe/Berln',
      'config.yaml:1:11 timeZone: "Europe/Berln" is no time zone; IANA names are meant, as Europe/Berlin',
    ],
    [
      'selector: "app = = b"',
      'config.yaml:1:11 selector: "app = = b" is no label selector: the value of a label has at most 63 letters, digits, "-", "_" or "."',
    ],
    [
      'selector: ""',
      'config.yaml:1:11 selector: the value selects every workload; name a label, as in kube-autorollout/enabled=true',
    ],
    [
      'defaultRegistry: https://docker.io',
      'config.yaml:1:18 defaultRegistry: "https://docker.io" is no host[:port], as docker.io',
    ],
    [
      'platforms:\n  - linux/amd46',
      'config.yaml:2:5 platforms.0: "linux/amd46" is no platform: os/architecture[/variant], as linux/amd64',
    ],
    // rules
    [
      'registries:\n  - secret: {type: None}',
      'config.yaml:2:5 registries.0.hostnamePattern: is missing; text is needed',
    ],
    [
      'registries:\n  - hostnamePattern: https://ghcr.io',
      'config.yaml:2:22 registries.0.hostnamePattern: "https://ghcr.io" starts with a scheme; leave it out: host[:port][/path]',
    ],
    [
      'registries:\n  - hostnamePattern: ghcr.io/',
      'config.yaml:2:22 registries.0.hostnamePattern: "ghcr.io/" ends in "/"; leave it out, or write /* for one part of a path',
    ],
    [
      'registries:\n  - hostnamePattern: "ghcr io"',
      'config.yaml:2:22 registries.0.hostnamePattern: "ghcr io" is no pattern; it is host[:port] or host[:port]/path, with "*", "?", [a-z] and {a,b} as wildcards',
    ],
    [
      'registries:\n  - hostnamePattern: ""',
      'config.yaml:2:22 registries.0.hostnamePattern: is empty',
    ],
    [
      'registries:\n  - hostnamePattern: a.io\n    secret: {}',
      'config.yaml:3:13 registries.0.secret: a type is missing: ImagePullSecret, Opaque or None',
    ],
    [
      'registries:\n  - hostnamePattern: a.io\n    secret: {type: Docker}',
      'config.yaml:3:20 registries.0.secret.type: "Docker" is none of ImagePullSecret, Opaque, None',
    ],
    [
      'registries:\n  - hostnamePattern: a.io\n    secret: {type: ImagePullSecret, name: x}',
      'config.yaml:3:13 registries.0.secret: type ImagePullSecret needs mountPath, the folder that holds .dockerconfigjson',
    ],
    [
      'registries:\n  - hostnamePattern: a.io\n    secret: {type: Opaque}',
      'config.yaml:3:13 registries.0.secret: type Opaque needs token or tokenFile, not empty',
    ],
    [
      'registries:\n  - hostnamePattern: a.io\n    secret: {name: creds, key: TOKEN}',
      'config.yaml:3:13 registries.0.secret: type Opaque needs token or tokenFile, not empty; name and key are values of the Helm chart',
    ],
    [
      'registries:\n  - hostnamePattern: a.io\n    secret: {token: hunter2, mountPath: /x}',
      'config.yaml:3:13 registries.0.secret: is it Opaque (token, tokenFile) or ImagePullSecret (mountPath)? Say so with type',
    ],
    [
      'registries:\n  - hostnamePattern: a.io\n    secret: {token: hunter2, tokenFile: /x}',
      'config.yaml:3:41 registries.0.secret.tokenFile: "/x" is set beside token; only one of them can be meant',
    ],
    [
      'registries:\n  - hostnamePattern: a.io\n    secret: {token: "hunter2\\nX: y"}',
      'config.yaml:3:21 registries.0.secret.token: the value holds a line break or another control character',
    ],
    [
      'registries:\n  - hostnamePattern: a.io\n    secret: {token: 4711}',
      'config.yaml:3:21 registries.0.secret.token: text is needed, not a number; put it in quotes',
    ],
    [
      'registries:\n  - hostnamePattern: a.io\n    endpoint: mirror:5000',
      'config.yaml:3:15 registries.0.endpoint: "mirror:5000" is no http or https URL, as in https://mirror.example.com',
    ],
    [
      'registries:\n  - hostnamePattern: a.io\n    endpoint: https://bob:hunter2@mirror',
      'config.yaml:3:15 registries.0.endpoint: the value holds a user; put user and password into secret (username, token)',
    ],
    [
      'registries:\n  - hostnamePattern: a.io\n    endpoint: https://mirror/?x=1',
      'config.yaml:3:15 registries.0.endpoint: "https://mirror/?x=1" has a query or a fragment; leave it out',
    ],
    [
      'registries:\n  - hostnamePattern: a.io\n    clientKeyPath: /k.pem',
      'config.yaml:3:20 registries.0.clientKeyPath: "/k.pem" needs clientCertificatePath beside it',
    ],
    [
      'registries:\n  - hostnamePattern: a.io\n    maxConcurrentRequests: 0',
      'config.yaml:3:28 registries.0.maxConcurrentRequests: "0" is less than 1',
    ],
    // YAML
    ['timeZone: UTC\ntimeZone: UTC', 'config.yaml:2:1: this key is there twice'],
    ['timeZone: "UTC', 'config.yaml:1:15: a quote, bracket, comma or ":" is missing'],
    [
      'platforms: [linux/amd64',
      'config.yaml:1:24: the indentation is wrong, or a bracket is not closed',
    ],
    [
      'tls:\n\tcaCertificatePaths: []',
      'config.yaml:2:1: a tab indents this line; YAML takes spaces only',
    ],
    [
      'timeZone: a: b',
      'config.yaml:1:11: two keys stand in one line, or a value with ": " lacks its quotes',
    ],
    ['timeZone: @UTC', 'config.yaml:1:11: a value that starts with this character needs quotes'],
    [
      'timeZone: UTC\n---\ntimeZone: UTC',
      'config.yaml:2:1: a second document starts here ("---"); a config file is one',
    ],
    ['timeZone: !zone UTC', 'config.yaml:1:11: a tag ("!…") means nothing here'],
    ['timeZone: *zone', 'config.yaml:1:11: no anchor &zone stands before this alias'],
    ['platforms: [${A,B}]', 'config.yaml:1:14: a quote, bracket, comma or ":" is missing'],
    [
      'registries: [{hostnamePattern: a.io, secret: {token: ${TOKEN}}}]',
      'config.yaml:1:54 registries.0.secret.token: the environment variable TOKEN is not set',
    ],
  ];
  for (const [text, ...want] of rows) {
    test(want[0] ?? '', async () => assert.deepEqual(await problemsOf(text), want));
  }

  test('all problems come at once, in the order of the file', async () => {
    const text = `
cronSchedule: "* * * 13 *"
registries:
  - hostnamePattern: ghcr.io
    secrets: {}
    secret:
      type: Opaque
      tokenFile: /missing
  - secret:
      mountPath: /gone
timeZone: \${ZONE}
tls:
  caCertificatePaths: [/ca.pem]
webserver: { port: 70000 }
`;
    assert.deepEqual(await problemsOf(text), [
      'config.yaml:2:15 cronSchedule: "* * * 13 *" is no schedule: its month is out of range; as an example, "0 */5 * * * *" is every five minutes',
      'config.yaml:5:5 registries.0.secrets: unknown key "secrets"; did you mean secret?',
      'config.yaml:8:18 registries.0.secret.tokenFile: "/missing" does not exist',
      'config.yaml:9:5 registries.1.hostnamePattern: is missing; text is needed',
      'config.yaml:10:18 registries.1.secret.mountPath: "/gone" does not exist or holds no .dockerconfigjson or .dockercfg',
      'config.yaml:11:11 timeZone: the environment variable ZONE is not set',
      'config.yaml:13:24 tls.caCertificatePaths.0: "/ca.pem" does not exist',
      'config.yaml:14:20 webserver.port: "70000" is more than 65535',
    ]);
  });

  test('aliases work, and cannot blow up', async () => {
    const { config } = await loadValid(
      'registries:\n  - &a {hostnamePattern: a.io}\n  - *a\nplatforms: &p [linux/amd64]\n',
    );
    assert.equal(config.registries.length, 2);
    const laughs = 'bcdefghij'
      .split('')
      .map((name, level) => `${name}: &${name} [${`*${'abcdefghi'[level]},`.repeat(9)}]`);
    assert.deepEqual(await problemsOf(`a: &a [x]\n${laughs.join('\n')}\n`), [
      'config.yaml:1:1: the aliases (*name) stand for too much',
    ]);
    assert.deepEqual(await problemsOf(`a: &a x\nb: [${'*a,'.repeat(101)}]`), [
      'config.yaml:2:305: there are more than 100 aliases (*name)',
    ]);
    assert.equal((await problemsOf('platforms: &a [*a]')).length, 1);
  });

  test('endless nesting is a problem, not a crash', async () => {
    assert.equal((await problemsOf(`platforms: ${'['.repeat(50_000)}`)).length, 1);
  });
});
