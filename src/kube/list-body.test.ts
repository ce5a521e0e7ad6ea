import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';

import { ListBody, versionOf } from './list-body.ts';

/** Gives a body in pieces. @returns what it was taken apart into, items parsed */
function read(
  body: string | Uint8Array,
  pieceLength = 64,
): { readonly frame: unknown; readonly items: readonly unknown[] } {
  const bytes = Buffer.from(body);
  const items: unknown[] = [];
  const list = new ListBody((item) => items.push(JSON.parse(Buffer.from(item).toString())));
  for (let at = 0; at < bytes.length; at += pieceLength) {
    list.push(bytes.subarray(at, at + pieceLength));
  }
  return { frame: list.end(), items };
}

describe('ListBody', () => {
  test('hands on each item and keeps the rest, wherever the pieces are cut', () => {
    const body = JSON.stringify({
      kind: 'PodList',
      metadata: { continue: 'äö"\\', resourceVersion: '7' },
      items: [{ a: '}]{["\\' }, { 'b\\"': [1, { items: [] }] }, {}],
    });
    for (let length = 1; length <= Buffer.byteLength(body); length += 1) {
      const { frame, items } = read(body, length);
      assert.deepEqual(items, [{ a: '}]{["\\' }, { 'b\\"': [1, { items: [] }] }, {}]);
      assert.deepEqual(frame, {
        kind: 'PodList',
        metadata: { continue: 'äö"\\', resourceVersion: '7' },
        items: [0, 0, 0],
      });
    }
  });

  test('finds in any list what JSON.parse finds in it', () => {
    const object = fc.dictionary(fc.string(), fc.jsonValue());
    const document = fc.record({
      metadata: object,
      items: fc.array(object),
      other: fc.jsonValue(),
    });
    fc.assert(
      fc.property(document, fc.integer({ min: 1, max: 40 }), fc.nat(2), (list, length, indent) => {
        const text = JSON.stringify(list, undefined, indent);
        // Through JSON, for -0 and __proto__.
        const parsed: unknown = JSON.parse(text);
        const { frame, items } = read(text, length);
        const zeros = items.map(() => 0);
        assert.deepEqual(JSON.parse(JSON.stringify({ ...list, items })), parsed);
        assert.deepEqual(frame, JSON.parse(JSON.stringify({ ...list, items: zeros })));
      }),
      { seed: 20_260_101, numRuns: 300 },
    );
  });

  const whole = [
    { name: 'an empty list', body: '{"metadata":{},"items":[]}' },
    { name: 'a list whose items Go wrote as null', body: '{"metadata":{},"items":null}' },
    { name: 'an object without items', body: '{"kind":"Status","code":200}' },
    { name: 'items further down', body: '{"spec":{"items":[{"a":1}]}}' },
    { name: 'a list of another name', body: '{"metadata":{},"others":[{"a":1}]}' },
    { name: 'a bare list', body: '[{"items":[{"a":1}]}]' },
    { name: 'a string', body: '"{\\"items\\":[{}]}"' },
  ];
  for (const { name, body } of whole) {
    test(`takes ${name} as it is`, () => {
      const document: unknown = JSON.parse(body);
      assert.deepEqual(read(body), { frame: document, items: [] });
    });
  }

  const nonsense = [
    { name: 'nothing', body: '' },
    { name: 'HTML', body: '<html><body>{"items":[{}]}</body></html>' },
    { name: 'half a list', body: '{"metadata":{},"items":[{"a":1},{"b"' },
    { name: 'a list without its end', body: '{"metadata":{},"items":[{"a":1}' },
    { name: 'items without commas', body: '{"items":[{}{}]}' },
    { name: 'a comma too many', body: '{"items":[{},]}' },
    { name: 'more after the end', body: '{"items":[{}]}{"items":[{}]}' },
    { name: 'brackets that do not match', body: ']]}}{"items":[{}]}' },
  ];
  for (const { name, body } of nonsense) {
    test(`does not take ${name} for a list`, () => {
      const list = new ListBody(() => {});
      list.push(Buffer.from(body));
      assert.throws(() => list.end(), SyntaxError);
    });
  }

  const lies = [
    { name: 'a number among the items', body: '{"items":[{},0]}' },
    { name: 'numbers instead of items', body: '{"items":[0,0]}' },
    { name: 'a list among the items', body: '{"items":[{},[{}]]}' },
    { name: 'items twice', body: '{"items":[{}],"items":[{},{}]}' },
  ];
  for (const { name, body } of lies) {
    test(`is not misled by ${name}`, () => {
      assert.equal(read(body).frame, undefined);
    });
  }
});

describe('versionOf', () => {
  const rows = [
    {
      name: 'as the API server writes it',
      object: '{"metadata":{"name":"web","uid":"u-1","resourceVersion":"7"},"spec":{}}',
      want: '"u-1" "7"',
    },
    {
      name: 'behind everything else',
      object:
        '{ "spec" : [ 1, "}" ] , "metadata" : { "labels" : { "uid" : "x" } , "n" : null, "t": true, "resourceVersion" : "7" , "uid" : "u-1" } }',
      want: '"u-1" "7"',
    },
    {
      name: 'not an owner’s uid',
      object: '{"metadata":{"ownerReferences":[{"uid":"u-0"}],"resourceVersion":"7"}}',
      want: undefined,
    },
    {
      name: 'not where there is no version',
      object: '{"metadata":{"uid":"u-1"}}',
      want: undefined,
    },
    {
      name: 'not of anything deeper',
      object: '{"spec":{"metadata":{"uid":"u"}}}',
      want: undefined,
    },
    { name: 'not in half an object', object: '{"metadata":{"uid":"u-1","resou', want: undefined },
    { name: 'not in what is no object', object: '[{"metadata":{}}]', want: undefined },
    { name: 'not in nothing', object: '', want: undefined },
  ];
  for (const { name, object, want } of rows) {
    test(`finds uid and resource version ${name}`, () => {
      assert.equal(versionOf(Buffer.from(object)), want);
    });
  }

  test('finds in any object what JSON.parse finds in it', () => {
    const metadata = fc.record({
      name: fc.string(),
      labels: fc.dictionary(fc.string(), fc.string()),
      uid: fc.stringMatching(/^[0-9a-f-]{1,36}$/),
      resourceVersion: fc.stringMatching(/^[0-9]{1,20}$/),
      rest: fc.jsonValue(),
    });
    const order = fc.shuffledSubarray(
      ['name', 'labels', 'uid', 'resourceVersion', 'rest'] as const,
      {
        minLength: 5,
      },
    );
    fc.assert(
      fc.property(fc.jsonValue(), metadata, order, fc.nat(2), (spec, given, keys, indent) => {
        const ordered = Object.fromEntries(keys.map((key) => [key, given[key]]));
        const text = JSON.stringify({ spec, metadata: ordered }, undefined, indent);
        assert.equal(versionOf(Buffer.from(text)), `"${given.uid}" "${given.resourceVersion}"`);
      }),
      { seed: 20_260_101, numRuns: 300 },
    );
  });
});
