import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { FakeApiServer } from '../testing/fake-apiserver.ts';
import { connectToFake, type TestCluster } from '../testing/kube-connection.ts';
import { numberAt, textAt } from '../testing/kube-json.ts';
import { createEvents, type EventRecord, type Events, type EventsObservation } from './events.ts';

const signal = new AbortController().signal;
const path = '/apis/events.k8s.io/v1/namespaces/default/events';
const minuteMs = 60_000;

const restarted: EventRecord = {
  workload: { kind: 'Deployment', namespace: 'default', name: 'web', uid: 'uid-1' },
  type: 'Normal',
  reason: 'Restarted',
  note: 'app: sha256:1 → sha256:2',
  key: 'sha256:2',
};

/** A clock that is set by hand. */
class Clock {
  ms = Date.UTC(2026, 0, 1);
  readonly now = (): Date => new Date(this.ms);
}

function eventsOf(kube: TestCluster, clock: Clock, observed: EventsObservation[] = []): Events {
  return createEvents({
    client: kube.connection.client,
    namespace: 'default',
    instance: 'poller-abc',
    now: clock.now,
    observe: (observation) => observed.push(observation),
  });
}

describe('Events', () => {
  test('are created as events.k8s.io/v1 demands', async () => {
    await using api = await FakeApiServer.start();
    await using kube = connectToFake(api);
    await eventsOf(kube, new Clock()).record(restarted, signal);
    const [sent, ...more] = api.requests;
    assert.deepEqual(more, []);
    assert.equal(sent?.method, 'POST');
    assert.equal(sent.path, path);
    assert.equal(sent.headers['content-type'], 'application/json');
    const name = textAt(sent.document, 'metadata', 'name');
    assert.match(name, /^web\.[0-9a-f]{32}$/);
    assert.deepEqual(sent.document, {
      apiVersion: 'events.k8s.io/v1',
      kind: 'Event',
      metadata: { name, namespace: 'default' },
      eventTime: '2026-01-01T00:00:00.000000Z',
      type: 'Normal',
      reason: 'Restarted',
      action: 'Restarted',
      note: 'app: sha256:1 → sha256:2',
      regarding: {
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        namespace: 'default',
        name: 'web',
        uid: 'uid-1',
      },
      reportingController: 'kube-autorollout',
      reportingInstance: 'poller-abc',
    });
  });

  test('of one series are written once, then every 30 min at most', async () => {
    await using api = await FakeApiServer.start();
    await using kube = connectToFake(api);
    const clock = new Clock();
    const events = eventsOf(kube, clock);
    for (let minute = 0; minute < 61; minute += 1) {
      await events.record(restarted, signal);
      clock.ms += minuteMs;
    }
    assert.deepEqual(
      api.requests.map(({ method }) => method),
      ['POST', 'PATCH', 'PATCH'],
    );
    assert.deepEqual(api.requests[2]?.document, {
      series: { count: 61, lastObservedTime: '2026-01-01T01:00:00.000000Z' },
    });
    assert.equal(api.requests[2].headers['content-type'], 'application/merge-patch+json');
    assert.equal(api.list('Event').length, 1);
  });

  test('of another reason, digest or workload are another series', async () => {
    await using api = await FakeApiServer.start();
    await using kube = connectToFake(api);
    const events = eventsOf(kube, new Clock());
    await events.record(restarted, signal);
    await events.record({ ...restarted, reason: 'RestartHeld' }, signal);
    await events.record({ ...restarted, key: 'sha256:3' }, signal);
    await events.record(
      { ...restarted, workload: { ...restarted.workload, uid: 'uid-2' } },
      signal,
    );
    assert.equal(api.list('Event').length, 4);
  });

  test('of a restarted poller go on with the series of its predecessor', async () => {
    await using api = await FakeApiServer.start();
    await using kube = connectToFake(api);
    const clock = new Clock();
    await eventsOf(kube, clock).record(restarted, signal);
    clock.ms += 10 * minuteMs;
    await eventsOf(kube, clock).record(restarted, signal);
    const [event, ...more] = api.list('Event');
    assert.deepEqual(more, []);
    assert.equal(event?.['series'], undefined, 'too early to write it again');

    clock.ms += 30 * minuteMs;
    const third = eventsOf(kube, clock);
    await third.record(restarted, signal);
    assert.equal(numberAt(api.list('Event')[0], ['series', 'count'], 0), 2);
    clock.ms += 30 * minuteMs;
    await third.record(restarted, signal);
    assert.equal(numberAt(api.list('Event')[0], ['series', 'count'], 0), 3);
  });

  test('that the API server has deleted begin anew', async () => {
    await using api = await FakeApiServer.start();
    await using kube = connectToFake(api);
    const clock = new Clock();
    const events = eventsOf(kube, clock);
    await events.record(restarted, signal);
    api.delete('Event', api.list('Event')[0]?.metadata.name ?? '');
    clock.ms += 61 * minuteMs;
    await events.record(restarted, signal);
    assert.equal(api.list('Event').length, 1);
    assert.deepEqual(
      api.requests.map(({ method }) => method),
      ['POST', 'PATCH', 'POST'],
    );
  });

  test('case 59: go on though the clock was ahead and is set right, by a poller or by its predecessor', async () => {
    await using api = await FakeApiServer.start();
    await using kube = connectToFake(api);
    const clock = new Clock();
    const events = eventsOf(kube, clock);
    await events.record(restarted, signal);
    clock.ms -= 5 * 60 * minuteMs;
    await eventsOf(kube, clock).record(restarted, signal);
    assert.equal(numberAt(api.list('Event')[0], ['series', 'count'], 0), 2);

    api.delete('Event', api.list('Event')[0]?.metadata.name ?? '');
    await events.record(restarted, signal);
    assert.equal(api.list('Event').length, 1, 'the API server had deleted it after an hour');
  });

  test('without permission are one warning, then silence', async () => {
    await using api = await FakeApiServer.start();
    await using kube = connectToFake(api);
    api.deny('create', 'events');
    const observed: EventsObservation[] = [];
    const events = eventsOf(kube, new Clock(), observed);
    await events.record(restarted, signal);
    await events.record({ ...restarted, key: 'other' }, signal);
    assert.equal(api.requests.length, 1);
    assert.equal(observed.length, 1);
    assert.equal(observed[0]?.type, 'events-forbidden');
    assert.match(observed[0].message, /verbs: \["create"\]/);
  });

  test('that fail otherwise are tried again the next time', async () => {
    await using api = await FakeApiServer.start();
    await using kube = connectToFake(api);
    api.once('POST', path, { status: 500 });
    const observed: EventsObservation[] = [];
    const events = eventsOf(kube, new Clock(), observed);
    await events.record(restarted, signal);
    assert.equal(observed[0]?.type, 'event-failed');
    await events.record(restarted, signal);
    assert.equal(api.list('Event').length, 1);
  });

  test('have notes of 1 KB at most, in whole characters, and names that are DNS subdomains', async () => {
    await using api = await FakeApiServer.start();
    await using kube = connectToFake(api);
    const name = `${'a'.repeat(199)}-${'b'.repeat(50)}`;
    const workload = { ...restarted.workload, name };
    const note = `x${'→'.repeat(1000)}`;
    await eventsOf(kube, new Clock()).record({ ...restarted, workload, note }, signal);
    const [event] = api.list('Event');
    const written = textAt(event, 'note');
    assert.ok(Buffer.byteLength(written) <= 1024);
    assert.ok(Buffer.byteLength(written) > 1015);
    assert.match(written, /^x→+…$/);
    assert.match(event?.metadata.name ?? '', /^a{199}\.[0-9a-f]{32}$/);
  });
});
