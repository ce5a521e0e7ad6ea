import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, test } from 'node:test';

import type { Answer } from '../testing/fake-answer.ts';
import { deployment, pullSecret, workload } from '../testing/kube-objects.ts';
import { openConnection } from '../kube/connection.ts';
import { PollerWorld } from '../testing/poller-world.ts';

/* Whole ticks over real sockets, while others write to the same objects and answers get lost on the way. */

const deployments = '/apis/apps/v1/namespaces/default/deployments';
const pods = '/api/v1/namespaces/default/pods';
const web = `${deployments}/web`;
const main = 'o/web:main';

/** `web` runs the first build; the second one was pushed since. Its generation is 1. */
async function stale(options?: Parameters<typeof PollerWorld.start>[0]): Promise<PollerWorld> {
  const world = await PollerWorld.start(options);
  world.push(main);
  world.api.create(deployment({ name: 'web', image: world.image(main), replicas: 2 }));
  world.push(main, 'second');
  return world;
}

/** Two Deployments whose rollout of `:next` stopped half-way. */
async function stalled(): Promise<PollerWorld> {
  const world = await PollerWorld.start();
  world.push(main);
  world.push('o/web:next', 'broken');
  for (const name of ['api', 'web']) {
    world.api.create(deployment({ name, image: world.image(main), replicas: 2 }));
    const containers = [
      { name: 'app', image: world.image('o/web:next'), imagePullPolicy: 'Always' },
    ];
    world.api.edit('Deployment', name, { spec: { template: { spec: { containers } } } });
    world.api.rollOut('Deployment', name, { replace: 1, stalled: true });
  }
  return world;
}

describe('others write at the same time', () => {
  test('case 29: a workload whose status is written ten times a second is restarted, once', async () => {
    await using world = await stale({ api: { latencyMs: 20 } });
    await using poller = await world.poller();
    let writes = 0;
    const flapping = setInterval(() => {
      writes += 1;
      world.api.writeStatus('Deployment', 'web', { availableReplicas: writes });
    }, 100);
    try {
      // Each tick has three tries, and of those that come too late the next tick's are no different.
      for (let ticks = 0; ticks < 50 && world.generation('web') === 1; ticks += 1) {
        // oxlint-disable-next-line no-await-in-loop -- one tick after another
        await poller.tick();
      }
      world.api.rollOut('Deployment', 'web');
      assert.deepEqual(await poller.decisions(), ['web: none (up-to-date)']);
    } finally {
      clearInterval(flapping);
    }
    assert.ok(writes > 0, 'nobody wrote');
    assert.equal(world.generation('web'), 2);
  });

  test('deleted between list and patch is gone, and the others are restarted', async () => {
    await using world = await stale();
    world.api.create(deployment({ name: 'api', image: world.image(main) }));
    world.push(main, 'third');
    await using poller = await world.poller();
    world.api.once('GET', web, () => {
      world.api.delete('Deployment', 'web');
      return undefined;
    });
    assert.deepEqual(await poller.decisions(), ['api: restart (changed)', 'web: failed (gone)']);
    world.api.rollOut('Deployment', 'api');
    assert.deepEqual(await poller.decisions(), ['api: none (up-to-date)']);
  });

  test('deleted and made anew between GET and PATCH is gone: the new one runs the new image', async () => {
    await using world = await stale();
    await using poller = await world.poller();
    world.api.once('PATCH', web, () => {
      world.api.delete('Deployment', 'web');
      world.api.create(deployment({ name: 'web', image: world.image(main), replicas: 2 }));
      return undefined;
    });
    assert.deepEqual(await poller.decisions(), ['web: failed (gone)']);
    assert.deepEqual(await poller.decisions(), ['web: none (up-to-date)']);
    assert.equal(world.generation('web'), 1);
  });

  test('relabelled between list and patch is left alone', async () => {
    await using world = await stale();
    await using poller = await world.poller();
    world.api.once('GET', web, () => {
      const labels = { 'kube-autorollout/enabled': 'false' };
      world.api.edit('Deployment', 'web', { metadata: { labels } });
      return undefined;
    });
    assert.deepEqual(await poller.decisions(), ['web: failed (conflict)']);
    assert.deepEqual(await poller.decisions(), []);
    assert.equal(world.api.count('PATCH', web), 0);
  });

  test('a template that is edited in between is judged anew, and needs no restart of ours', async () => {
    await using world = await stale();
    world.push('o/web:stable');
    await using poller = await world.poller();
    world.api.once('GET', web, () => {
      const containers = [
        { name: 'app', image: world.image('o/web:stable'), imagePullPolicy: 'Always' },
      ];
      world.api.edit('Deployment', 'web', { spec: { template: { spec: { containers } } } });
      return undefined;
    });
    assert.deepEqual(await poller.decisions(), ['web: failed (conflict)']);
    assert.deepEqual(await poller.decisions(), ['web: hold (rollout-in-progress)']);
    world.api.rollOut('Deployment', 'web');
    assert.deepEqual(await poller.decisions(), ['web: none (up-to-date)']);
    assert.equal(world.api.count('PATCH', web), 0);
  });

  test('an autoscaler in between does not stop it, unless it scales to zero', async () => {
    await using world = await stale();
    await using poller = await world.poller();
    world.api.once('PATCH', web, () => {
      world.api.edit('Deployment', 'web', { spec: { replicas: 0 } });
      return undefined;
    });
    assert.deepEqual(await poller.decisions(), ['web: failed (conflict)']);
    world.api.rollOut('Deployment', 'web');
    assert.deepEqual(await poller.decisions(), ['web: hold (scaled-to-zero)']);

    world.push(main);
    world.api.edit('Deployment', 'web', { spec: { replicas: 2 } });
    world.api.rollOut('Deployment', 'web');
    world.push(main, 'third');
    world.api.once('PATCH', web, () => {
      world.api.edit('Deployment', 'web', { spec: { replicas: 5 } });
      return undefined;
    });
    assert.deepEqual(await poller.decisions(), ['web: restart (changed)']);
    world.api.rollOut('Deployment', 'web');
    assert.deepEqual(await poller.decisions(), ['web: none (up-to-date)']);
  });

  test('case 57: two pollers that tick at the same time restart it once', async () => {
    await using world = await stale();
    await using one = await world.poller();
    await using other = await world.poller();
    let gets = 0;
    const both = Promise.withResolvers<void>();
    world.api.on('GET', web, async () => {
      gets += 1;
      if (gets === 2) both.resolve();
      await both.promise;
      return undefined;
    });
    const decisions = await Promise.all([one.decisions(), other.decisions()]);
    assert.deepEqual(decisions.flat().toSorted(), [
      'web: failed (conflict)',
      'web: restart (changed)',
    ]);
    assert.equal(world.generation('web'), 2);
    world.api.rollOut('Deployment', 'web');
    assert.deepEqual(await other.decisions(), ['web: none (up-to-date)']);
    assert.equal(world.generation('web'), 2);
  });
});

describe('case 15: a rollout that stalls does not hold for ever', () => {
  const replicaSets = '/apis/apps/v1/namespaces/default/replicasets';

  test('its newest Pods are judged, and a fix that is pushed gets there', async () => {
    await using world = await stalled();
    await using poller = await world.poller();
    assert.deepEqual(await poller.decisions(), [
      'api: none (up-to-date)',
      'web: none (up-to-date)',
    ]);
    assert.equal(world.api.count('GET', replicaSets), 1, 'once a tick, however many have stalled');

    world.push('o/web:next', 'fixed');
    assert.deepEqual(await poller.decisions(), [
      'api: restart (changed)',
      'web: restart (changed)',
    ]);
    for (const name of ['api', 'web']) world.api.rollOut('Deployment', name);
    const lists = world.api.count('GET', replicaSets);
    assert.deepEqual(await poller.decisions(), [
      'api: none (up-to-date)',
      'web: none (up-to-date)',
    ]);
    assert.equal(world.api.count('GET', replicaSets), lists, 'only while one has stalled');
  });

  test('without permission it goes on holding, and names the rule', async () => {
    await using world = await stalled();
    world.api.deny('list', 'replicasets');
    world.push('o/web:next', 'fixed');
    await using poller = await world.poller();
    const { result, workloads } = await poller.tick();
    assert.equal(result, 'success');
    for (const { reason, message } of workloads) {
      assert.equal(reason, 'rollout-in-progress');
      assert.match(message, /the Role must allow list on replicasets\.apps/);
    }
  });

  test('who is held for another reason asks for no ReplicaSets', async () => {
    await using world = await stalled();
    for (const name of ['api', 'web']) {
      world.api.edit('Deployment', name, { spec: { paused: true } });
      world.api.rollOut('Deployment', name);
    }
    await using poller = await world.poller();
    assert.deepEqual(await poller.decisions(), ['api: hold (paused)', 'web: hold (paused)']);
    assert.equal(world.api.count('GET', replicaSets), 0);
  });
});

describe('the PATCH was carried out, and its answer got lost', () => {
  /** What comes instead of the answer. */
  const losses: readonly { readonly name: string; readonly instead: Answer }[] = [
    { name: 'the connection is reset', instead: { fault: 'reset' } },
    {
      name: 'the answer stops half-way',
      instead: { fault: 'truncate', body: 'x'.repeat(10_000) },
    },
    { name: 'a gateway answers 504', instead: { status: 504 } },
    { name: 'a proxy answers HTML', instead: { body: '<html>moved</html>' } },
    {
      name: 'it is busy, and asks to come again at once',
      instead: { status: 429, headers: { 'retry-after': '0' } },
    },
    { name: 'it says conflict', instead: { status: 409 } },
  ];
  for (const { name, instead } of losses) {
    test(`${name}: never two restarts, by the same poller or the next`, async () => {
      await using world = await stale();
      world.api.once('PATCH', web, (_, serve) => {
        serve();
        return instead;
      });
      {
        await using poller = await world.poller();
        const [decision] = await poller.decisions();
        assert.match(decision ?? '', /^web: failed \((api-error|conflict)\)$/);
        assert.deepEqual(await poller.decisions(), ['web: hold (rollout-in-progress)']);
      }
      await using next = await world.poller();
      assert.deepEqual(await next.decisions(), ['web: hold (rollout-in-progress)']);
      world.api.rollOut('Deployment', 'web');
      assert.deepEqual(await next.decisions(), ['web: none (up-to-date)']);
      assert.equal(world.generation('web'), 2);
      assert.equal(world.api.count('PATCH', web), 1);
    });
  }

  test('case 27: nor where the Pods still pull the old image', async () => {
    await using world = await PollerWorld.start();
    world.push(main);
    world.api.create(deployment({ name: 'web', image: world.image(main) }));
    world.pushBehindMirror(main, 'second');
    world.api.once('PATCH', web, (_, serve) => {
      serve();
      return { fault: 'reset' };
    });
    await using poller = await world.poller();
    assert.deepEqual(await poller.decisions(), ['web: failed (api-error)']);
    world.api.rollOut('Deployment', 'web');
    assert.deepEqual(await poller.decisions(), ['web: hold (not-converging)']);
    await using next = await world.poller();
    assert.deepEqual(await next.decisions(), ['web: hold (not-converging)']);
    assert.equal(world.generation('web'), 2);
  });

  test('a PATCH that never arrived is sent by the next tick', async () => {
    await using world = await stale();
    await using poller = await world.poller();
    world.api.once('PATCH', web, { fault: 'reset' });
    assert.deepEqual(await poller.decisions(), ['web: failed (api-error)']);
    assert.equal(world.generation('web'), 1);
    assert.deepEqual(await poller.decisions(), ['web: restart (changed)']);
    assert.equal(world.generation('web'), 2);
  });
});

describe('the API server has its moments', () => {
  test('a list of Pods whose continue token has expired is read anew, and no Pod is missed', async () => {
    await using world = await stale();
    await using poller = await world.poller();
    const page = { metadata: { continue: 'too old by now' }, items: [] };
    world.api.once('GET', pods, { body: JSON.stringify(page) });
    world.api.once('GET', pods, { status: 410 });
    assert.deepEqual(await poller.decisions(), ['web: restart (changed)']);
    assert.equal(world.generation('web'), 2);
  });

  test('429 with Retry-After, before the list and before the PATCH, costs a moment and nothing else', async () => {
    await using world = await stale();
    await using poller = await world.poller();
    const busy = { status: 429, headers: { 'retry-after': '0' } };
    for (const path of [deployments, pods, web]) world.api.once('GET', path, busy);
    assert.deepEqual(await poller.decisions(), ['web: restart (changed)']);
    assert.equal(world.generation('web'), 2);
  });

  test('a list that is cut half-way is no list: nothing is decided by half of the Pods', async () => {
    await using world = await stale();
    await using poller = await world.poller();
    world.api.on('GET', pods, (_, serve) => ({ ...serve(), fault: 'truncate' }));
    const report = await poller.tick();
    assert.equal(report.result, 'failed');
    assert.deepEqual(report.workloads, []);
    assert.match(report.problems.join('\n'), /^Pods could not be listed: .*cut before the whole/);
    assert.equal(world.api.count('PATCH'), 0);
  });

  test('403 on one kind leaves the others, 403 on Secrets leaves what needs none', async () => {
    await using world = await stale();
    world.api.create(workload('StatefulSet', { name: 'db', image: world.image(main) }));
    world.api.create(
      pullSecret({ name: 'regcred', auths: { 'r.test': { username: 'u', password: 'p' } } }),
    );
    world.api.edit('Deployment', 'web', {
      spec: { template: { spec: { imagePullSecrets: [{ name: 'regcred' }] } } },
    });
    world.api.rollOut('Deployment', 'web');
    world.push(main, 'third');
    world.api.deny('list', 'daemonsets');
    world.api.deny('get', 'secrets');
    await using poller = await world.poller();
    const { result, problems, workloads } = await poller.tick();
    assert.equal(result, 'success');
    assert.match(problems.join('\n'), /^DaemonSets could not be listed: .*\["daemonsets"\]/);
    assert.deepEqual(
      workloads.map(({ id, reason, warnings }) => [id.name, reason, warnings.length]),
      [
        ['web', 'changed', 1],
        ['db', 'changed', 0],
      ],
    );
    assert.match(workloads[0]?.warnings.join('') ?? '', /resources: \["secrets"\], verbs: \["get"/);
  });

  test('a token that is rotated between list and patch costs one tick, and one restart is all', async () => {
    await using world = await stale({ api: { tokens: ['one'] } });
    let token = 'one';
    const connection = openConnection(
      {
        server: world.api.url,
        namespace: 'default',
        access: async () => ({ headers: { authorization: `Bearer ${token}` }, tls: {} }),
        async reload() {},
      },
      { proxy: {}, userAgent: 'test', observe: () => {} },
    );
    await using poller = await world.poller({ connection });
    world.api.once('GET', web, () => {
      world.api.tokens?.clear();
      world.api.tokens?.add('two');
      token = 'two';
      return undefined;
    });
    assert.deepEqual(await poller.decisions(), ['web: failed (api-error)']);
    assert.deepEqual(await poller.decisions(), ['web: restart (changed)']);
    assert.equal(world.generation('web'), 2);
  });

  test('case 58: stopped while the PATCH is under way, it ends, and the next poller finds it done', async () => {
    await using world = await stale();
    const stop = new AbortController();
    world.api.once('PATCH', web, async (_, serve) => {
      stop.abort();
      await sleep(100);
      return serve();
    });
    {
      await using poller = await world.poller();
      const report = await poller.tick(stop.signal);
      assert.equal(report.result, 'aborted');
      assert.deepEqual(
        report.workloads.map(({ reason }) => reason),
        ['changed'],
      );
    }
    world.api.rollOut('Deployment', 'web');
    await using next = await world.poller();
    assert.deepEqual(await next.decisions(), ['web: none (up-to-date)']);
    assert.equal(world.generation('web'), 2);
  });
});
