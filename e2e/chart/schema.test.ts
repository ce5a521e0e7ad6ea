import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { z } from 'zod';
import { configJsonSchema } from '../../src/config/schema.ts';
import { chart, refusal } from './helm.ts';

interface Row {
  readonly name: string;
  readonly values: string;
  /** Of what helm says. */
  readonly says: RegExp;
}

/** A rule with that text as its `secret`. */
const secret = (text: string): string =>
  `config: {registries: [{hostnamePattern: ghcr.io, secret: ${text}}]}`;
const certificate = (text: string): string =>
  `config: {tls: {customCaCertificates: {enabled: true, secrets: [${text}]}}}`;

describe('values.schema.json refuses', () => {
  const rows: readonly Row[] = [
    { name: 'an unknown value', values: 'replicas: 2', says: /replicas/ },
    {
      name: 'a key of the config that is misspelt',
      values: 'config: {cronShedule: "* * * * *"}',
      says: /cronShedule/,
    },
    {
      name: 'a key of the config that stands beside it',
      values: 'featureFlags: {enableKubectlAnnotation: true}',
      says: /featureFlags/,
    },
    {
      name: 'an unknown feature flag',
      values: 'config: {featureFlags: {enableJFrog: true}}',
      says: /enableJFrog/,
    },
    {
      name: 'a text where a boolean belongs',
      values: 'config: {runOnStart: "yes"}',
      says: /runOnStart/,
    },
    {
      name: 'a cron pattern of three fields',
      values: 'config: {cronSchedule: "* * *"}',
      says: /cronSchedule/,
    },
    {
      name: 'a port beyond 65535',
      values: 'config: {webserver: {port: 70000}}',
      says: /port/,
    },
    {
      name: 'a negative jitter',
      values: 'config: {jitterSeconds: -1}',
      says: /jitterSeconds/,
    },
    {
      name: 'another pull policy rule',
      values: 'config: {pullPolicy: {ifNotPresent: always}}',
      says: /ifNotPresent/,
    },
    {
      name: 'a platform without an architecture',
      values: 'config: {platforms: [linux]}',
      says: /platforms/,
    },
    {
      name: 'no restart per digest',
      values: 'config: {convergence: {maxRestartsPerDigest: 0}}',
      says: /maxRestartsPerDigest/,
    },
    {
      name: 'an empty selector, which would watch everything',
      values: 'config: {selector: ""}',
      says: /selector/,
    },
    {
      name: 'a selector that the API server would refuse',
      values: 'config: {selector: "team shop"}',
      says: /selector/,
    },
    {
      name: 'a default registry with a scheme',
      values: 'config: {defaultRegistry: "https://docker.io"}',
      says: /defaultRegistry/,
    },
    {
      name: 'a platform that nothing is built for',
      values: 'config: {platforms: [linux/amd46]}',
      says: /platforms/,
    },
    {
      name: 'a field manager with a line break',
      values: 'config: {fieldManager: "a\\nb"}',
      says: /fieldManager/,
    },
    {
      name: 'a time zone with a blank',
      values: 'config: {timeZone: Europe Berlin}',
      says: /timeZone/,
    },
    { name: 'an unknown log level', values: 'config: {logLevel: verbose}', says: /logLevel/ },
    {
      name: 'an unknown log level among others',
      values: 'config: {logLevel: "info,kube=loud"}',
      says: /logLevel/,
    },
    { name: 'an unknown log format', values: 'logFormat: xml', says: /logFormat/ },
    {
      name: 'a rule without a pattern',
      values: 'config: {registries: [{secret: {type: None}}]}',
      says: /hostnamePattern/,
    },
    {
      name: 'a rule with a password outside its secret',
      values: 'config: {registries: [{hostnamePattern: ghcr.io, token: abc}]}',
      says: /token/,
    },
    { name: 'a misspelt key of a secret', values: secret('{passwrod: x}'), says: /passwrod/ },
    { name: 'an unknown type of secret', values: secret('{type: Basic}'), says: /type/ },
    {
      name: 'an endpoint that is no URL',
      values: 'config: {registries: [{hostnamePattern: x.io, endpoint: "mirror:5000"}]}',
      says: /endpoint/,
    },
    {
      name: 'an endpoint with a password in it',
      values: 'config: {registries: [{hostnamePattern: x.io, endpoint: "https://me:pw@mirror"}]}',
      says: /endpoint/,
    },
    {
      name: 'a pattern with a scheme',
      values: 'config: {registries: [{hostnamePattern: "https://ghcr.io"}]}',
      says: /hostnamePattern/,
    },
    {
      name: 'a pattern that ends in a slash',
      values: 'config: {registries: [{hostnamePattern: ghcr.io/}]}',
      says: /hostnamePattern/,
    },
    {
      name: 'a pattern with a blank',
      values: 'config: {registries: [{hostnamePattern: "ghcr.io, quay.io"}]}',
      says: /hostnamePattern/,
    },
    {
      name: 'a client certificate without its key',
      values: 'config: {registries: [{hostnamePattern: x.io, clientCertificatePath: /a.crt}]}',
      says: /clientKeyPath/,
    },
    {
      name: 'another pull policy of the image',
      values: 'image: {pullPolicy: Sometimes}',
      says: /pullPolicy/,
    },
    {
      name: 'an image tag that YAML reads as a number',
      values: 'image: {tag: 1.0}',
      says: /tag/,
    },
  ];
  for (const { name, values, says } of rows) {
    test(name, () => {
      const words = refusal(values);
      assert.match(words ?? 'accepted', /values don't meet the specifications of the schema/);
      assert.match(words ?? '', says);
    });
  }
});

describe('the templates refuse, saying which value is wrong', () => {
  const rows: readonly Row[] = [
    {
      name: 'a secret that says nothing',
      values: secret('{}'),
      says: /config\.registries\[0\]\.secret: type "" is none of ImagePullSecret, Opaque, None/,
    },
    {
      name: 'a secret without type whose name alone does not tell it',
      values: secret('{name: creds}'),
      says: /config\.registries\[0\]\.secret: type ""/,
    },
    {
      name: 'an ImagePullSecret without name and mountPath',
      values: secret('{type: ImagePullSecret}'),
      says: /type ImagePullSecret needs name/,
    },
    {
      name: 'an Opaque secret without a key',
      values: secret('{type: Opaque, name: creds}'),
      says: /type Opaque needs name and key/,
    },
    {
      name: 'a token of nothing but blanks',
      values: secret('{type: Opaque, token: " "}'),
      says: /config\.registries\[0\]\.secret: token is empty/,
    },
    {
      name: 'a token of two lines',
      values: secret('{type: Opaque, token: "one\\ntwo"}'),
      says: /config\.registries\[0\]\.secret: token holds a line break or another control character/,
    },
    {
      name: 'a token from two places',
      values: secret('{type: Opaque, tokenFile: /etc/token, token: "${TOKEN}"}'),
      says: /config\.registries\[0\]\.secret: tokenFile is set beside token/,
    },
    {
      name: 'two Secrets in one folder',
      values: `config: {registries: [
        {hostnamePattern: a.io, secret: {type: ImagePullSecret, name: a, mountPath: /etc/x}},
        {hostnamePattern: b.io, secret: {type: ImagePullSecret, name: b, mountPath: /etc/x/}}]}`,
      says: /config\.registries\[1\]\.secret: mountPath \/etc\/x is taken by Secret a/,
    },
    {
      name: 'a certificate without its key',
      values: certificate('{name: ca, mountPath: /etc/ca/ca.crt}'),
      says: /customCaCertificates\.secrets\[0\]: name, subPath .* are all needed/,
    },
    {
      name: 'a certificate at a relative path',
      values: certificate('{name: ca, subPath: ca.crt, mountPath: ca.crt}'),
      says: /mountPath "ca\.crt" is no absolute path/,
    },
    {
      name: 'two certificates at one path',
      values: certificate(
        '{name: a, subPath: ca.crt, mountPath: /etc/ca/ca.crt}, {name: b, subPath: ca.crt, mountPath: /etc/ca/ca.crt}',
      ),
      says: /secrets\[1\]: mountPath \/etc\/ca\/ca\.crt is there twice/,
    },
  ];
  for (const { name, values, says } of rows) {
    test(name, () => assert.match(refusal(values) ?? 'accepted', says));
  }
});

describe('values.schema.json takes', () => {
  const rows = [
    {
      name: 'nulls in a secret',
      values: secret('{type: None, name: null, key: null, token: null}'),
    },
    { name: 'a null secret', values: secret('null') },
    { name: 'five fields of cron', values: 'config: {cronSchedule: "*/5 * * * *"}' },
    { name: 'log levels in upper case', values: 'config: {logLevel: WARN}' },
    { name: "the predecessor's log filters", values: 'config: {logLevel: "debug,kube=info"}' },
    { name: 'a log that is switched off', values: 'config: {logLevel: "off"}' },
    { name: 'a filter of one part only', values: 'config: {logLevel: kube_autorollout=Trace}' },
    {
      name: 'every kind of requirement in a selector',
      values: 'config: {selector: "a.io/b=c, d!=e,f in (g,h),!i,j,k == l, m notin (n), o>1"}',
    },
    {
      name: 'variables anywhere',
      values: `config: {selector: "\${S}", timeZone: "\${Z}", defaultRegistry: "r.\${D}", fieldManager: "\${F}",
        platforms: ["linux/\${A}"],
        registries: [{hostnamePattern: "*.\${DOMAIN}", endpoint: "https://\${HOST}"}]}`,
    },
    {
      name: 'platforms as people write them',
      values: 'config: {platforms: [linux/x86_64, linux/arm/v7, "windows(10.0.20348.2113)/amd64"]}',
    },
    {
      name: 'patterns of every form',
      values: `config: {registries: [{hostnamePattern: "*"}, {hostnamePattern: "{a,b}.example.com"},
        {hostnamePattern: "[::1]:5000"}, {hostnamePattern: "ghcr.io/team/*"}, {hostnamePattern: "r[0-9]?.io"}]}`,
    },
    {
      name: 'an endpoint with a port and a path',
      values:
        'config: {registries: [{hostnamePattern: x.io, endpoint: "http://[::1]:5000/v2/hub/"}]}',
    },
    { name: "a token file's newline", values: secret('{type: Opaque, token: "token\\r\\n"}') },
    { name: 'the condition of a parent chart', values: 'enabled: true' },
    { name: 'values of a parent chart', values: 'global: {region: eu}' },
  ];
  for (const { name, values } of rows) {
    test(name, () => assert.equal(refusal(values), undefined));
  }
});

const schemaNode = z.object({
  $ref: z.string().optional(),
  properties: z.record(z.string(), z.unknown()).optional(),
  items: z.unknown().optional(),
  minimum: z.number().optional(),
  maximum: z.number().optional(),
});

/** Every key below a schema with its bounds: `convergence.maxRestartsPerDigest 1..100`. */
function keysOf(
  schema: unknown,
  definitions: Readonly<Record<string, unknown>>,
  path = '',
): readonly string[] {
  const node = schemaNode.parse(schema);
  const definition = node.$ref?.replace('#/definitions/', '');
  if (definition !== undefined) return keysOf(definitions[definition], definitions, path);
  const below = Object.entries(node.properties ?? {}).flatMap(([key, value]) =>
    keysOf(value, definitions, path === '' ? key : `${path}.${key}`),
  );
  if (node.items !== undefined) below.push(...keysOf(node.items, definitions, `${path}[]`));
  // Zod bounds every integer by what a number can hold.
  const maximum = node.maximum === Number.MAX_SAFE_INTEGER ? undefined : node.maximum;
  const bounds = node.minimum === undefined ? '' : ` ${node.minimum}..${maximum ?? ''}`;
  return [path + bounds, ...below];
}

test("values.schema.json has every key of the program's config with the same bounds, and the chart's own", () => {
  const values = z
    .object({
      properties: z.object({ config: z.unknown() }),
      definitions: z.record(z.string(), z.unknown()),
    })
    .parse(JSON.parse(readFileSync(join(chart, 'values.schema.json'), 'utf8')));
  const own = /^(logLevel|tls\.customCaCertificates.*)$/;
  const known = keysOf(values.properties.config, values.definitions).filter(
    (key) => !own.test(key),
  );
  assert.deepEqual(known.toSorted(), keysOf(configJsonSchema(), {}).toSorted());
});
