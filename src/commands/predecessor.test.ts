import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { workloadKinds } from '../rollout/workload.ts';
import { problemsOf } from '../testing/config-files.ts';
import { FakeRegistry } from '../testing/fake-registry.ts';
import { type JsonObject, listAt } from '../testing/kube-json.ts';
import { deployment, pullSecret, secret, workload } from '../testing/kube-objects.ts';
import { PollerWorld } from '../testing/poller-world.ts';

/* What kube-autorollout 0.5 does wrong, one by one, in whole ticks over real sockets. */

const main = 'o/web:main';
const web = '/apis/apps/v1/namespaces/default/deployments/web';
const robot = { username: 'robot', password: 'open-sesame' };

/** A registry that shows `o/private` to the robot only. */
const withPrivate = {
  registry: {
    auth: {
      type: 'bearer',
      public: [main.split(':', 1)[0] ?? ''],
      users: { robot: { password: robot.password } },
      expiresInSeconds: 300,
    },
  },
} as const;

/** The same, by Basic and for everything. */
const withBasic = {
  registry: { auth: { type: 'basic', users: { robot: { password: robot.password } } } },
} as const;

async function staleWorld(
  options?: Parameters<typeof PollerWorld.start>[0],
  pullSecrets: readonly string[] = [],
): Promise<PollerWorld> {
  const world = await PollerWorld.start(options);
  world.push(main);
  world.api.create(deployment({ name: 'web', image: world.image(main), pullSecrets }));
  world.push(main, 'second');
  return world;
}

/** What was sent as `Authorization: Basic`, to the registry or its realm. */
function passwords({ registry }: PollerWorld): ReadonlySet<string> {
  return new Set(
    registry.requests.flatMap(({ headers }) => {
      const [scheme, value = ''] = (headers.authorization ?? '').split(' ', 2);
      return scheme === 'Basic' ? [Buffer.from(value, 'base64').toString()] : [];
    }),
  );
}

describe('defect 1 of the predecessor: one image that cannot be asked for stops the whole cycle', () => {
  test('it costs the workload that runs it, and nobody else', async () => {
    await using world = await staleWorld(withPrivate);
    world.push('o/private:main');
    world.api.create(deployment({ name: 'private', image: world.image('o/private:main') }));
    await using poller = await world.poller();
    assert.deepEqual(await poller.decisions(), [
      'private: none (unknown)',
      'web: restart (changed)',
    ]);
  });
});

describe("defect 2 of the predecessor: the image's name comes from the status", () => {
  test("the template's name is asked for, whatever the status says", async () => {
    await using world = await staleWorld();
    const [pod] = world.api.list('Pod');
    assert.ok(pod !== undefined);
    const imageID = world.image(`o/web@sha256:${'a'.repeat(64)}`);
    for (const image of ['sha256:0123', `elsewhere.test/other:1`]) {
      const status = { name: 'app', image, imageID };
      world.api.writeStatus('Pod', pod.metadata.name, { containerStatuses: [status] });
    }
    await using poller = await world.poller();
    assert.deepEqual(await poller.decisions(), ['web: restart (changed)']);
    assert.equal(world.registry.count('HEAD'), 1);
    assert.equal(world.registry.count('HEAD', '/v2/o/web/manifests/main'), 1);
  });
});

describe('defect 3 of the predecessor: panics', () => {
  const rows: readonly { readonly what: string; readonly spec: JsonObject }[] = [
    {
      what: 'a selector with matchExpressions only',
      spec: {
        selector: { matchLabels: null, matchExpressions: [{ key: 'app', operator: 'Exists' }] },
      },
    },
    { what: 'replicas unset', spec: { replicas: null } },
  ];
  for (const { what, spec } of rows) {
    test(what, async () => {
      await using world = await PollerWorld.start();
      world.push(main);
      world.api.create(deployment({ name: 'web', image: world.image(main), spec }));
      world.push(main, 'second');
      await using poller = await world.poller();
      assert.deepEqual(await poller.decisions(), ['web: restart (changed)']);
    });
  }

  test('imagePullPolicy unset', async () => {
    await using world = await PollerWorld.start();
    world.push('o/web:latest');
    world.push(main);
    for (const [name, tag] of [
      ['latest', 'latest'],
      ['main', 'main'],
    ] as const) {
      const image = world.image(`o/web:${tag}`);
      const containers = [{ name: 'app', image, imagePullPolicy: undefined }];
      world.api.create(deployment({ name, containers }));
    }
    world.push('o/web:latest', 'second');
    world.push(main, 'second');
    await using poller = await world.poller();
    assert.deepEqual(await poller.decisions(), [
      'latest: restart (changed)',
      'main: none (nothing-to-watch)',
    ]);
  });

  test('an imageID without @', async () => {
    await using world = await PollerWorld.start();
    world.push(main);
    world.pulls(world.image(main), `docker://sha256:${'a'.repeat(64)}`);
    world.api.create(deployment({ name: 'bare', image: world.image(main) }));
    world.pulls(world.image(main), 'nonsense');
    world.api.create(deployment({ name: 'nonsense', image: world.image(main) }));
    await using poller = await world.poller();
    assert.deepEqual(await poller.decisions(), [
      'bare: restart (changed)',
      'nonsense: none (unknown)',
    ]);
  });

  test('a missing ${NAME} is a problem with its place and name', async () => {
    const text = 'registries:\n  - hostnamePattern: r.test\n    secret: { token: "${TOKEN}" }\n';
    assert.deepEqual(await problemsOf(text), [
      'config.yaml:3:23 registries.0.secret.token: the environment variable TOKEN is not set',
    ]);
  });
});

describe('defect 4 of the predecessor: the password of the first entry is sent, whichever matches', () => {
  for (const form of ['username and password', 'auth'] as const) {
    test(`the entry that matches, by ${form} alone; no other one leaves the house`, async () => {
      await using world = await staleWorld(withBasic, ['regcred']);
      const matching =
        form === 'auth'
          ? { auth: Buffer.from(`${robot.username}:${robot.password}`).toString('base64') }
          : robot;
      const auths = {
        'aaa.test': { username: 'other', password: 'secret' },
        [world.registry.host]: matching,
        'zzz.test': { username: 'another', password: 'secret' },
      };
      world.api.create(pullSecret({ name: 'regcred', auths }));
      await using poller = await world.poller();
      assert.deepEqual(await poller.decisions(), ['web: restart (changed)']);
      assert.deepEqual([...passwords(world)], ['robot:open-sesame']);
    });
  }
});

describe('defect 5 of the predecessor: pull Secrets are not read as the kubelet reads them', () => {
  const wrong = { username: 'robot', password: 'wrong' };

  test('an entry for a path goes to images below it only', async () => {
    await using world = await staleWorld(withBasic, ['regcred']);
    const { host } = world.registry;
    const auths = { [`${host}/o`]: robot, [`${host}/team`]: wrong };
    world.api.create(pullSecret({ name: 'regcred', auths }));
    await using poller = await world.poller();
    assert.deepEqual(await poller.decisions(), ['web: restart (changed)']);
    assert.deepEqual([...passwords(world)], ['robot:open-sesame']);
  });

  test('a * stands for one label of the host, and for nothing with dots or slashes', async () => {
    await using world = await staleWorld(withBasic, ['regcred']);
    const { hostname, port } = world.registry.url;
    const auths = {
      [`*.1:${port}`]: wrong,
      [`*/${hostname}`]: wrong,
      [`127.*.*.1:${port}`]: robot,
    };
    world.api.create(pullSecret({ name: 'regcred', auths }));
    await using poller = await world.poller();
    assert.deepEqual(await poller.decisions(), ['web: restart (changed)']);
    assert.deepEqual([...passwords(world)], ['robot:open-sesame']);
  });

  test("the service account's pull Secrets count, for its Pods have them", async () => {
    const simulate = { serviceAccountPullSecrets: ['of-the-account'] };
    await using world = await staleWorld({ ...withBasic, simulate });
    const auths = { [world.registry.host]: robot };
    world.api.create(pullSecret({ name: 'of-the-account', auths }));
    await using poller = await world.poller();
    assert.deepEqual(await poller.decisions(), ['web: restart (changed)']);
  });

  test('a Secret of type dockercfg is as good', async () => {
    await using world = await staleWorld(withBasic, ['old']);
    const text = JSON.stringify({ [world.registry.host]: robot });
    const data = { '.dockercfg': text };
    world.api.create(secret({ name: 'old', type: 'kubernetes.io/dockercfg', data }));
    await using poller = await world.poller();
    assert.deepEqual(await poller.decisions(), ['web: restart (changed)']);
  });

  test('every entry that matches is tried, over all Secrets', async () => {
    await using world = await staleWorld(withBasic, ['first', 'missing', 'second']);
    const { host } = world.registry;
    world.api.create(pullSecret({ name: 'first', auths: { [host]: wrong } }));
    world.api.create(pullSecret({ name: 'second', auths: { [host]: robot } }));
    await using poller = await world.poller();
    assert.deepEqual(await poller.decisions(), ['web: restart (changed)']);
    assert.deepEqual([...passwords(world)], ['robot:wrong', 'robot:open-sesame']);
  });

  test('what is public is read without any', async () => {
    await using world = await staleWorld(withPrivate, ['elsewhere']);
    world.api.create(pullSecret({ name: 'elsewhere', auths: { 'elsewhere.test': robot } }));
    await using poller = await world.poller();
    assert.deepEqual(await poller.decisions(), ['web: restart (changed)']);
  });

  test('and where an entry was refused first, a restart would end in ImagePullBackOff', async () => {
    await using world = await staleWorld(withPrivate, ['regcred']);
    world.api.create(pullSecret({ name: 'regcred', auths: { [world.registry.host]: wrong } }));
    // Public, but the first answer asks for a token, and the entry is refused one.
    world.registry.once('HEAD', '/v2/o/web/manifests/main', {
      status: 401,
      headers: {
        'www-authenticate': `Bearer realm="${world.registry.url.href}token",service="fake-registry"`,
      },
    });
    await using poller = await world.poller();
    assert.deepEqual(await poller.decisions(), ['web: hold (pull-secret-refused)']);
  });
});

describe('defect 6 of the predecessor: three GETs per container, one after another', () => {
  test('one HEAD per image and tick, one token for all ticks, no GET where nothing is new', async () => {
    await using world = await PollerWorld.start(withPrivate);
    world.push('o/private:main');
    const auths = { [world.registry.host]: robot };
    world.api.create(pullSecret({ name: 'regcred', auths }));
    for (const name of ['one', 'two', 'three']) {
      const image = world.image('o/private:main');
      world.api.create(deployment({ name, image, replicas: 3, pullSecrets: ['regcred'] }));
    }
    await using poller = await world.poller();
    for (let ticks = 0; ticks < 3; ticks += 1) {
      // oxlint-disable-next-line no-await-in-loop -- one tick after another
      await poller.tick();
    }
    const tokens = world.registry.requests.filter(({ path }) => path.startsWith('/token'));
    // The first HEAD learns of the realm.
    assert.equal(world.registry.count('HEAD'), 1 + 3);
    assert.equal(tokens.length, 1);
    assert.equal(world.registry.count('GET'), tokens.length);
  });

  test('several images are asked for at the same time', async () => {
    await using world = await PollerWorld.start();
    let waiting = 0;
    const all = Promise.withResolvers<void>();
    for (const name of ['one', 'two', 'three']) {
      world.push(`o/${name}:main`);
      world.api.create(deployment({ name, image: world.image(`o/${name}:main`) }));
      world.registry.on('HEAD', `/v2/o/${name}/manifests/main`, async () => {
        waiting += 1;
        if (waiting === 3) all.resolve();
        await all.promise;
        return { status: 500 };
      });
    }
    await using poller = await world.poller();
    const { workloads } = await poller.tick();
    assert.deepEqual(
      workloads.map(({ containers }) => containers[0]?.reason),
      ['registry-error', 'registry-error', 'registry-error'],
    );
  });

  test('a registry that does not answer keeps nobody else waiting', async () => {
    await using world = await staleWorld();
    await using hanging = await FakeRegistry.start();
    hanging.on('HEAD', '/v2/o/hung/manifests/main', { fault: 'hang' });
    const image = `${hanging.host}/o/hung:main`;
    world.pulls(image, `${hanging.host}/o/hung@sha256:${'a'.repeat(64)}`);
    world.api.create(deployment({ name: 'hung', image }));
    await using poller = await world.poller();
    const deadline = new AbortController();
    world.api.once('PATCH', web, (_, serve) => {
      const answer = serve();
      setTimeout(() => deadline.abort(), 50);
      return answer;
    });
    const { workloads } = await poller.tick(deadline.signal);
    assert.deepEqual(
      workloads.map(({ id, reason }) => `${id.name}: ${reason}`),
      ['hung: unknown', 'web: changed'],
    );
  });
});

describe('defect 7 of the predecessor: challenges are split at commas, and token replies half read', () => {
  test('commas in quotes, several challenges, access_token alone', async () => {
    await using world = await staleWorld(
      {
        registry: {
          auth: {
            type: 'bearer',
            users: { robot: { password: robot.password } },
            service: 'Registry, main',
            field: 'access_token',
          },
        },
      },
      ['regcred'],
    );
    world.api.create(pullSecret({ name: 'regcred', auths: { [world.registry.host]: robot } }));
    world.registry.once('HEAD', '/v2/o/web/manifests/main', {
      status: 401,
      headers: {
        'www-authenticate': `Negotiate, Basic realm="Registry, Realm", Bearer realm="${world.registry.url.href}token", service="Registry, main",scope="repository:o/web:pull"`,
      },
    });
    await using poller = await world.poller();
    assert.deepEqual(await poller.decisions(), ['web: restart (changed)']);
    const [token] = world.registry.requests.filter(({ path }) => path.startsWith('/token'));
    const query = new URL(token?.path ?? '', world.registry.url).searchParams;
    assert.equal(query.get('service'), 'Registry, main');
  });

  for (const status of [401, 403, 404, 500]) {
    test(`${status} after the token is an answer, and no digest`, async () => {
      await using world = await staleWorld(withPrivate);
      for (const method of ['HEAD', 'GET']) {
        world.registry.on(method, '/v2/o/web/manifests/main', ({ headers }) =>
          headers.authorization === undefined
            ? {
                status: 401,
                headers: { 'www-authenticate': `Bearer realm="${world.registry.url.href}token"` },
              }
            : { status, headers: { 'docker-content-digest': `sha256:${'b'.repeat(64)}` } },
        );
      }
      await using poller = await world.poller();
      assert.deepEqual(await poller.decisions(), ['web: none (unknown)']);
    });
  }
});

describe('defect 8 of the predecessor: a patch per container, one Pod looked at, restarts without end', () => {
  test('two changed containers are one PATCH', async () => {
    await using world = await PollerWorld.start();
    world.push(main);
    const image = world.image(main);
    const containers = ['app', 'worker'].map((name) => ({ name, image }));
    world.api.create(deployment({ name: 'web', containers }));
    world.push(main, 'second');
    await using poller = await world.poller();
    assert.deepEqual(await poller.decisions(), ['web: restart (changed)']);
    assert.equal(world.api.count('PATCH', web), 1);
  });

  test('one stale Pod of three is reason enough, whichever it is', async () => {
    await using world = await PollerWorld.start();
    world.push(main);
    world.api.create(deployment({ name: 'web', image: world.image(main), replicas: 3 }));
    world.push(main, 'second');
    const [, ...others] = world.api.list('Pod');
    for (const { metadata } of others) world.api.restartContainer(metadata.name, 'app');
    await using poller = await world.poller();
    assert.deepEqual(await poller.decisions(), ['web: restart (changed)']);
  });

  for (const kind of workloadKinds) {
    test(`${kind}: not in the middle of a rollout, and once where Pods go on pulling the old image`, async () => {
      await using world = await PollerWorld.start();
      world.push(main);
      world.api.create(workload(kind, { name: 'web', image: world.image(main), replicas: 2 }));
      world.pushBehindMirror(main, 'second');
      await using poller = await world.poller();
      assert.deepEqual(await poller.decisions(), ['web: restart (changed)']);
      assert.deepEqual(await poller.decisions(), ['web: hold (rollout-in-progress)']);
      world.api.rollOut(kind, 'web', { replace: 1 });
      assert.deepEqual(await poller.decisions(), ['web: hold (rollout-in-progress)']);
      world.api.rollOut(kind, 'web');
      assert.deepEqual(await poller.decisions(), ['web: hold (not-converging)']);
      assert.deepEqual(await poller.decisions(), ['web: hold (not-converging)']);
      assert.equal(world.generation('web', kind), 2);
    });
  }
});

describe('defect 9 of the predecessor: init containers and sidecars are ignored, injected ones are not', () => {
  test('a native sidecar is a reason, an init container where asked for, an injected one never', async () => {
    await using world = await PollerWorld.start();
    world.push(main);
    world.push('o/init:main');
    const image = world.image(main);
    const init = { name: 'init', image: world.image('o/init:main') };
    const sidecar = { ...init, restartPolicy: 'Always' };
    const asked = { 'kube-autorollout/init-containers': 'true' };
    world.api.create(
      deployment({ name: 'asked', image, initContainers: [init], annotations: asked }),
    );
    world.api.create(deployment({ name: 'init', image, initContainers: [init] }));
    world.api.create(deployment({ name: 'sidecar', image, initContainers: [sidecar] }));
    world.api.create(deployment({ name: 'injected', image }));
    const pod = world.api.list('Pod').find(({ metadata }) => metadata.name.startsWith('injected-'));
    assert.ok(pod !== undefined);
    const statuses = listAt(pod, 'status', 'containerStatuses');
    const proxy = { name: 'istio-proxy', image: init.image, imageID: `x@sha256:${'a'.repeat(64)}` };
    world.api.edit('Pod', pod.metadata.name, {
      spec: {
        containers: [
          { name: 'app', image },
          { name: 'istio-proxy', image: init.image },
        ],
      },
    });
    world.api.writeStatus('Pod', pod.metadata.name, { containerStatuses: [...statuses, proxy] });
    world.push('o/init:main', 'second');
    await using poller = await world.poller();
    assert.deepEqual(await poller.decisions(), [
      'asked: restart (changed)',
      'init: none (up-to-date)',
      'injected: none (up-to-date)',
      'sidecar: restart (changed)',
    ]);
  });
});

describe('defect 10 of the predecessor: a reference that is not registry/repository:tag stops the cycle', () => {
  test('pinned, without tag, without registry, and no reference at all', async () => {
    await using registry = await FakeRegistry.start();
    const config = `defaultRegistry: ${registry.host}\nregistries:\n  - hostnamePattern: "127.0.0.1:*"\n    plainHttp: true\n`;
    await using world = await PollerWorld.start({ config });
    const pinned = world.image(`o/web:main@sha256:${'a'.repeat(64)}`);
    const images = {
      broken: 'UPPER:CASE:',
      pinned,
      'without-registry': 'short:main',
      'without-tag': world.image('o/web'),
    };
    world.push('o/web:latest', 'second');
    for (const [name, image] of Object.entries(images)) {
      world.pulls(image, `x.test/y@sha256:${'a'.repeat(64)}`);
      const containers = [{ name: 'app', image, imagePullPolicy: 'Always' }];
      world.api.create(deployment({ name, containers }));
    }
    registry.on('HEAD', '/v2/short/manifests/main', { status: 404 });
    registry.on('GET', '/v2/short/manifests/main', { status: 404 });
    await using poller = await world.poller();
    assert.deepEqual(await poller.decisions(), [
      'broken: none (nothing-to-watch)',
      'pinned: none (nothing-to-watch)',
      'without-registry: none (unknown)',
      'without-tag: restart (changed)',
    ]);
    assert.equal(registry.count('HEAD', '/v2/short/manifests/main'), 1);
  });
});

describe('defect 11 of the predecessor: no Events, no dry run, and the docker config in the log', () => {
  test('a restart is an Event; a dry run writes nothing', async () => {
    await using world = await staleWorld();
    {
      await using poller = await world.poller({ mode: 'dry-run' });
      assert.deepEqual(await poller.decisions(), ['web: hold (dry-run)']);
    }
    assert.deepEqual(
      world.api.requests.filter(({ method }) => method !== 'GET'),
      [],
    );
    {
      await using poller = await world.poller();
      assert.deepEqual(await poller.decisions(), ['web: restart (changed)']);
    }
    assert.deepEqual(
      world.api.list('Event').map((event) => event['reason']),
      ['Restarted'],
    );
  });

  test('no password, encoded or not, and no token is ever logged', async () => {
    await using world = await staleWorld(withPrivate, ['regcred']);
    world.push('o/private:main');
    const image = world.image('o/private:main');
    world.api.create(deployment({ name: 'private', image, pullSecrets: ['regcred'] }));
    world.api.create(pullSecret({ name: 'regcred', auths: { [world.registry.host]: robot } }));
    await using poller = await world.poller();
    await poller.tick();
    const log = world.log.join('');
    assert.match(log, /asked for a token/);
    const tokens = world.registry.requests.map(
      ({ headers }) => headers.authorization?.split(' ', 2)[1],
    );
    assert.ok(tokens.some((token) => token !== undefined));
    for (const text of [robot.password, 'auths', 'dockerconfigjson', ...tokens]) {
      assert.ok(text === undefined || !log.includes(text), `it was logged: ${text}`);
    }
  });
});

describe('defect 12 of the predecessor: registries without TLS are impossible', () => {
  test('a rule says plainHttp, or names an endpoint', async () => {
    await using registry = await FakeRegistry.start();
    const rules = [
      '  - hostnamePattern: "127.0.0.1:*"\n    plainHttp: true\n',
      `  - hostnamePattern: localhost:5001\n    endpoint: ${registry.url.href}\n`,
    ];
    await using world = await staleWorld({ config: `registries:\n${rules.join('')}` });
    const image = 'localhost:5001/o/node:main';
    world.pulls(image, `localhost:5001/o/node@sha256:${'a'.repeat(64)}`);
    world.api.create(deployment({ name: 'node', image }));
    registry.on('HEAD', '/v2/o/node/manifests/main', { status: 500 });
    await using poller = await world.poller();
    assert.deepEqual(await poller.decisions(), ['node: none (unknown)', 'web: restart (changed)']);
    assert.equal(registry.count('HEAD'), 1);
  });
});

describe('defect 13 of the predecessor: a typo in a key is ignored', () => {
  test('it is a problem with its place, and with what may have been meant', async () => {
    assert.deepEqual(await problemsOf('cronSchedule: "* * * * *"\nwebServer: { port: 1 }\n'), [
      'config.yaml:2:1 webServer: unknown key "webServer"; did you mean webserver?',
    ]);
  });
});

describe("what the predecessor's users have is enough", () => {
  test('its Role: neither Events nor ReplicaSets, said once and missed by nobody', async () => {
    await using world = await staleWorld();
    world.api.deny('create', 'events');
    world.api.deny('patch', 'events');
    world.api.deny('list', 'replicasets');
    {
      await using poller = await world.poller();
      assert.deepEqual(await poller.decisions(), ['web: restart (changed)']);
      world.api.rollOut('Deployment', 'web');
      world.push(main, 'third');
      assert.deepEqual(await poller.decisions(), ['web: restart (changed)']);
    }
    assert.equal(world.log.filter((line) => line.includes('may not write Events')).length, 1);
  });

  test('its Role without Secrets: a rule of the config opens what is private', async () => {
    const auth = { type: 'basic', users: { robot: { password: robot.password } } } as const;
    const secretOfRule = `{ type: Opaque, username: robot, token: ${robot.password} }`;
    await using world = await staleWorld(
      {
        registry: { auth },
        config: `registries:\n  - { hostnamePattern: "127.0.0.1:*", plainHttp: true, secret: ${secretOfRule} }\n`,
      },
      ['regcred'],
    );
    world.api.deny('get', 'secrets');
    await using poller = await world.poller();
    assert.deepEqual(await poller.decisions(), ['web: restart (changed)']);
  });
});
