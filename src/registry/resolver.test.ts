import assert from 'node:assert/strict';
import type { LookupAddress } from 'node:dns';
import { describe, test } from 'node:test';
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises';

import { FakeRegistry } from '../testing/fake-registry.ts';
import { testHttp } from '../testing/test-http.ts';
import { Resolver, type ResolverOptions } from './resolver.ts';

const never = new AbortController().signal;
const here: readonly LookupAddress[] = [{ address: '192.0.2.1', family: 4 }];
const there: readonly LookupAddress[] = [{ address: '192.0.2.2', family: 4 }];

/** A DNS that answers when the test says so. */
class Dns {
  readonly asked: string[] = [];
  readonly #open = new Map<string, PromiseWithResolvers<readonly LookupAddress[]>>();

  readonly lookup = (hostname: string): Promise<readonly LookupAddress[]> => {
    this.asked.push(hostname);
    const question = Promise.withResolvers<readonly LookupAddress[]>();
    this.#open.set(hostname, question);
    return question.promise;
  };

  async answer(hostname: string, addresses = here): Promise<void> {
    this.#open.get(hostname)?.resolve(addresses);
    await turn();
  }

  async fail(hostname: string, code: string): Promise<void> {
    this.#open.get(hostname)?.reject(Object.assign(new Error(code), { code }));
    await turn();
  }
}

function create(options: Partial<ResolverOptions> = {}): { dns: Dns; resolver: Resolver } {
  const dns = new Dns();
  const patience = { knownMs: 60_000, slowMs: 1 };
  return { dns, resolver: new Resolver({ lookup: dns.lookup, atOnce: 2, patience, ...options }) };
}

/** Resolves a name that is answered at once. */
async function know(dns: Dns, resolver: Resolver, hostname: string): Promise<void> {
  const answer = resolver.resolve(hostname, never);
  await turn();
  await dns.answer(hostname);
  assert.deepEqual(await answer, here);
}

describe('Resolver', () => {
  test('all who ask for a name together get one answer, the next one a new one', async () => {
    const { dns, resolver } = create();
    const answers = [1, 2, 3].map(() => resolver.resolve('a', never));
    await turn();
    await dns.answer('a');
    assert.deepEqual(await Promise.all(answers), [here, here, here]);
    assert.deepEqual(dns.asked, ['a']);
    const next = resolver.resolve('a', never);
    await turn();
    await dns.answer('a', there);
    assert.deepEqual(await next, there);
  });

  test('case 62: unknown names that get no answer hold up unknown ones only', async () => {
    const { dns, resolver } = create();
    await know(dns, resolver, 'known');
    const holes = ['hole1', 'hole2', 'hole3'].map((name) => resolver.resolve(name, never));
    const known = resolver.resolve('known', never);
    await turn();
    assert.deepEqual(dns.asked.slice(1).toSorted(), ['hole1', 'hole2', 'known']);
    await dns.answer('known', there);
    assert.deepEqual(await known, there);
    await dns.answer('hole1');
    assert.equal(dns.asked.at(-1), 'hole3');
    await dns.answer('hole2');
    await dns.answer('hole3');
    assert.deepEqual(await Promise.all(holes), [here, here, here]);
  });

  test('case 62: names that were slow wait behind the others, and for half of the places', async () => {
    const { dns, resolver } = create({ atOnce: 2 });
    for (const name of ['slow1', 'slow2']) {
      const rejected = assert.rejects(resolver.resolve(name, never), { code: 'EAI_AGAIN' });
      await sleep(20);
      await dns.fail(name, 'EAI_AGAIN');
      await rejected;
    }
    dns.asked.length = 0;
    const slow = ['slow1', 'slow2'].map((name) => resolver.resolve(name, never));
    const quick = ['a', 'b'].map((name) => resolver.resolve(name, never));
    await turn();
    assert.deepEqual(dns.asked, ['slow1', 'a']);
    await dns.answer('slow1');
    assert.deepEqual(dns.asked, ['slow1', 'a', 'b']);
    await dns.answer('a');
    assert.deepEqual(dns.asked, ['slow1', 'a', 'b', 'slow2']);
    await dns.answer('b');
    await dns.answer('slow2');
    await Promise.all([...slow, ...quick]);
  });

  test('case 62: a host is still where it was when no answer comes', async () => {
    const { dns, resolver } = create({ patience: { knownMs: 1, slowMs: 1 } });
    await know(dns, resolver, 'a');
    assert.deepEqual(await resolver.resolve('a', never), here);
    assert.deepEqual(dns.asked, ['a', 'a']);
  });

  test('case 62: a host is still where it was when no answer can be had', async () => {
    const { dns, resolver } = create();
    await know(dns, resolver, 'a');
    const again = resolver.resolve('a', never);
    await turn();
    await dns.fail('a', 'EAI_AGAIN');
    assert.deepEqual(await again, here);
  });

  test('a name that is gone is gone, and after an hour nothing is known of a host', async () => {
    let clock = 0;
    const { dns, resolver } = create({ monotonic: () => clock });
    await know(dns, resolver, 'a');
    const gone = assert.rejects(resolver.resolve('a', never), { code: 'ENOTFOUND' });
    await turn();
    await dns.fail('a', 'ENOTFOUND');
    await gone;

    await know(dns, resolver, 'b');
    clock += 60 * 60_000 + 1;
    const later = assert.rejects(resolver.resolve('b', never), { code: 'EAI_AGAIN' });
    await turn();
    await dns.fail('b', 'EAI_AGAIN');
    await later;
  });

  test('who gives up does not wait, and what nobody wants to know is not asked', async () => {
    const { dns, resolver } = create({ atOnce: 1 });
    const first = resolver.resolve('first', never);
    const controller = new AbortController();
    const given = resolver.resolve('given up', controller.signal);
    const last = resolver.resolve('last', never);
    await turn();
    controller.abort(new Error('given up'));
    await assert.rejects(given, /given up/);
    await dns.answer('first');
    await first;
    await turn();
    assert.deepEqual(dns.asked, ['first', 'last']);
    await dns.answer('last');
    assert.deepEqual(await last, here);
  });

  test('case 62: a DNS that is silent for many names costs a host that was found before nothing', async () => {
    await using registry = await FakeRegistry.start();
    await using net = testHttp({
      lookupsAtOnce: 1,
      lookup: (hostname) =>
        hostname === 'living.example'
          ? Promise.resolve([{ address: '127.0.0.1', family: 4 }])
          : new Promise(() => {}),
    });
    registry.on('HEAD', '/v2/', {});
    const url = `http://living.example:${registry.port}/v2/`;
    assert.equal((await net.send(url)).status, 200);
    const stop = new AbortController();
    const holes = Array.from({ length: 20 }, (_, number) =>
      net.failure(`http://hole${number}.example/v2/`, {}, stop.signal),
    );
    registry.disconnect();
    assert.equal((await net.send(url)).status, 200);
    stop.abort();
    await Promise.all(holes);
  });
});
