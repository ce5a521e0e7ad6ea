import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import type { IncomingHttpHeaders } from 'node:http';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { freePort, waitFor } from '../testing/cli.ts';
import { CliWorld } from '../testing/cli-world.ts';
import { FakeProxy } from '../testing/fake-proxy.ts';
import { type FakeRegistryOptions, FakeRegistry } from '../testing/fake-registry.ts';
import { fakeImage } from '../testing/fake-images.ts';
import { deployment, pullSecret } from '../testing/kube-objects.ts';
import type { JsonObject } from '../testing/kube-json.ts';

/*
 * Everything that the program ever says, at its most talkative and with every kind of credential at work, searched
 * for every one of them in every form that it could have.
 */

/** Each looks like nothing that anybody would write. */
const secrets = {
  right: 'zq1-pull-secret-Right/+=',
  wrong: 'zq2-pull-secret-Wrong',
  identity: 'zq3-identity-token',
  registryToken: 'zq4-registry-token',
  variable: 'zq5-from-a-variable',
  tokenFile: 'zq6-from-a-file',
  rotated: 'zq7-from-the-same-file-later',
  mounted: 'zq8-mounted-docker-config',
  echoed: 'zq9-told-to-one-who-repeats-it',
  proxy: 'zq10-of-the-proxy',
  kubernetes: 'zq11-service-account-token',
  misplaced: 'zq12-where-no-secret-belongs',
} as const;

/** In a refusal's status line, body, challenge and location: whoever repeats it would leak it. */
function repeating(status: number) {
  return ({ headers }: { readonly headers: IncomingHttpHeaders }) => {
    const told = headers.authorization ?? 'nothing';
    return {
      status,
      headers: {
        'content-type': 'application/json',
        'www-authenticate': `Basic realm="${told}"`,
        'x-told': told,
      },
      body: JSON.stringify({ errors: [{ code: told, message: told, detail: told }] }),
    };
  };
}

const users = { robot: { password: secrets.right } };

test('no password, token or docker config is ever said: log, metrics, Events, check, explain, validate', async () => {
  await using world = await CliWorld.start({
    registry: { auth: { type: 'bearer', users, refreshTokens: { [secrets.identity]: 'robot' } } },
    // Pods that never run what was pushed: every tick asks again, after the restart, too.
    api: { tokens: [secrets.kubernetes], rollOutAfterMs: 0 },
  });
  await using variable = await startRegistry({ password: secrets.variable });
  await using file = await startRegistry({ password: secrets.tokenFile });
  await using mounted = await startRegistry({ password: secrets.mounted });
  await using echo = await FakeRegistry.start();
  await using proxy = await FakeProxy.start({
    account: `robot:${secrets.proxy}`,
    routes: { 'proxied.test:5000': world.registry.host },
  });
  const registries = [world.registry, variable, file, mounted, echo];

  const credentials: Readonly<Record<string, JsonObject>> = {
    right: { username: 'robot', password: secrets.right },
    wrong: { username: 'robot', password: secrets.wrong },
    identity: { auth: base64('robot:'), identitytoken: secrets.identity },
    token: { registrytoken: secrets.registryToken },
    echoed: { username: 'robot', password: secrets.echoed },
  };
  for (const [name, auth] of Object.entries(credentials)) {
    const host = name === 'echoed' ? echo.host : world.registry.host;
    const auths = { [host]: auth, 'proxied.test:5000': auth };
    world.api.create(pullSecret({ name, namespace: world.namespace, auths }));
    deploy(name, `${host}/o/${name}:main`, name);
  }
  deploy('proxied', 'proxied.test:5000/o/right:main', 'right');
  for (const [name, { host }] of Object.entries({ variable, file, mounted })) {
    deploy(name, `${host}/o/${name}:main`);
  }
  // A Secret of another type is neither parsed nor quoted.
  world.api.create({
    ...pullSecret({
      name: 'opaque',
      namespace: world.namespace,
      auths: { x: { auth: secrets.misplaced } },
    }),
    type: 'Opaque',
  });
  deploy('opaque', `${world.registry.host}/o/opaque:main`, 'opaque');

  function deploy(name: string, image: string, secret?: string): void {
    const running = fakeImage(`${name} as it runs`);
    world.runs(image, running.digest);
    world.api.create(
      deployment({
        name,
        namespace: world.namespace,
        image,
        pullSecrets: secret === undefined ? [] : [secret],
      }),
    );
  }
  for (const registry of registries) {
    for (const name of ['right', 'wrong', 'identity', 'token', 'variable', 'file', 'mounted']) {
      registry.push(`o/${name}:main`, fakeImage(name));
    }
  }
  for (const method of ['HEAD', 'GET']) {
    echo.on(method, '/v2/o/echoed/manifests/main', repeating(401));
  }

  const port = await freePort();
  const { folder } = world;
  const tokenFile = await folder.write('token', secrets.tokenFile);
  await mkdir(join(folder.path, 'mounted'));
  const auths = { [mounted.host]: { auth: base64(`robot:${secrets.mounted}`) } };
  const docker = await folder.write('mounted/.dockerconfigjson', JSON.stringify({ auths }));
  const goodConfig = `
cronSchedule: "* * * * * *"
jitterSeconds: 0
webserver: { port: ${port} }
registries:
  - { hostnamePattern: "${variable.host}", plainHttp: true, secret: { username: robot, token: "\${TOKEN}" } }
  - { hostnamePattern: "${file.host}", plainHttp: true, secret: { username: robot, tokenFile: ${tokenFile} } }
  - { hostnamePattern: "${mounted.host}", plainHttp: true, secret: { mountPath: ${dirname(docker)} } }
  - { hostnamePattern: "*.test:5000", plainHttp: true }
  - { hostnamePattern: "127.0.0.1:*", plainHttp: true }
`;
  await folder.write('config.yaml', goodConfig);
  await folder.write(
    'kubeconfig',
    world.api.kubeconfig({ namespace: world.namespace, user: { token: secrets.kubernetes } }),
  );
  const env = {
    TOKEN: secrets.variable,
    HTTP_PROXY: `http://robot:${secrets.proxy}@${proxy.url.host}`,
    HTTPS_PROXY: `http://robot:${secrets.proxy}@${proxy.url.host}`,
  };
  const loud = ['--log-level', 'trace'];
  const said: string[] = [];

  await using poller = world.start(['run', ...loud], { env });
  await poller.says(/"tick ended"/);
  await folder.write('token', secrets.rotated);
  for (const command of [
    ['check'],
    ['check', '--output', 'json'],
    ['explain', 'deployment/wrong'],
    ['explain', 'deployment/identity', '--output', 'json'],
    ['explain', 'deployment/echoed'],
    ['explain', 'deployment/proxied'],
    ['validate'],
    ['run', '--once', '--log-format', 'pretty'],
  ]) {
    // oxlint-disable-next-line no-await-in-loop -- two cores
    const { stdout, stderr } = await world.run([...command, ...loud], { env });
    said.push(stdout, stderr);
  }
  await poller.says(/"configuration changed; /);
  await waitFor('the new token is used', () => isSent(secrets.rotated));
  // oxlint-disable-next-line no-restricted-globals -- a scrape as anybody sends it
  said.push(await (await fetch(`http://127.0.0.1:${port}/metrics`)).text());
  await folder.write('config.yaml', broken(goodConfig));
  await poller.says(/the last good one stays/);
  const { stdout, stderr } = await world.run(['validate'], { env });
  poller.kill('SIGTERM');
  await poller.ended;
  said.push(stdout, stderr, poller.output());
  const events = world.api.list('Event', world.namespace);
  said.push(JSON.stringify(events));
  for (const { method, body } of world.api.requests) if (method !== 'GET') said.push(body);

  assert.ok(events.length > 0, 'there are Events to search');
  assert.match(said.join('\n'), /registry request ended/, 'the log is at its most talkative');
  for (const [name, secret] of Object.entries(secrets)) {
    if (name !== 'misplaced') assert.ok(isSent(secret), `${name} was at work`);
    for (const form of formsOf(secret)) assertUnsaid(form, name);
  }
  for (const token of tokensOnTheWire()) assertUnsaid(token, 'an issued token');

  function assertUnsaid(text: string, name: string): void {
    for (const output of said) {
      const at = output.indexOf(text);
      assert.equal(at, -1, `${name} is said: ${output.slice(Math.max(0, at - 200), at + 100)}`);
    }
  }

  /** Whether somebody got it, so that the search is not for what never was. */
  function isSent(secret: string): boolean {
    const forms = [...formsOf(secret)];
    return sent().some((text) => forms.some((form) => text.includes(form)));
  }

  function sent(): readonly string[] {
    return [
      ...registries.flatMap(({ requests }) =>
        requests.flatMap(({ headers, body }) => [headers.authorization ?? '', body]),
      ),
      ...world.api.requests.map(({ headers }) => headers.authorization ?? ''),
      ...proxy.requests.map(({ authorization = '' }) => authorization),
    ];
  }

  function tokensOnTheWire(): ReadonlySet<string> {
    const tokens = sent().flatMap((text) => /^(?:Basic|Bearer) (.{8,})$/.exec(text)?.[1] ?? []);
    assert.ok(tokens.length > 10, 'credentials were sent');
    return new Set(tokens);
  }
});

async function startRegistry({ password }: { readonly password: string }): Promise<FakeRegistry> {
  const options: FakeRegistryOptions = { auth: { type: 'basic', users: { robot: { password } } } };
  return FakeRegistry.start(options);
}

/** As text, in a header, in a URL, in JSON. */
function formsOf(secret: string): ReadonlySet<string> {
  const texts = [secret, `robot:${secret}`];
  return new Set([
    secret,
    encodeURIComponent(secret),
    new URLSearchParams({ x: secret }).toString().slice(2),
    JSON.stringify(secret).slice(1, -1),
    ...texts.map(base64),
    ...texts.map((text) => Buffer.from(text).toString('base64url')),
    Buffer.from(secret).toString('hex'),
  ]);
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}

/** Secrets where they do not belong: under a misspelt key, in a list, instead of the map around them. */
function broken(config: string): string {
  return `${config}
  - { hostnamePattern: "a.test", secret: { type: Opaque, tokn: ${secrets.misplaced} } }
  - { hostnamePattern: "c.test", secret: { token: [${secrets.misplaced}] } }
  - { hostnamePattern: "d.test", secret: "${secrets.misplaced}" }
`;
}
