import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import * as z from 'zod';
import { parseImageId } from './image-id.ts';

const hex = 'b'.repeat(64);
const digest = `sha256:${hex}`;

const fixtures = z
  .array(z.object({ runtime: z.string(), imageId: z.string(), want: z.unknown() }))
  .parse(
    JSON.parse(
      readFileSync(new URL('../../fixtures/imageids/imageids.json', import.meta.url), 'utf8'),
    ),
  );

describe('case 1: imageID as runtimes report it', () => {
  for (const { runtime, imageId, want } of fixtures) {
    test(`${runtime}: ${imageId}`, () => assert.deepEqual(parseImageId(imageId), want));
  }
});

describe('parseImageId', () => {
  const rows: readonly {
    readonly name: string;
    readonly text: string;
    readonly want: ReturnType<typeof parseImageId>;
  }[] = [
    { name: 'case 11: empty is not pulled yet', text: '', want: undefined },
    {
      name: 'case 1: sha512 is a digest too',
      text: `r.io/a@sha512:${'c'.repeat(128)}`,
      want: {
        type: 'manifest',
        digest: `sha512:${'c'.repeat(128)}`,
        repository: { registry: 'r.io', repository: 'a' },
      },
    },
    {
      name: 'case 1: a raw image ID of CRI-O is a config digest',
      text: hex,
      want: { type: 'config', digest: `sha256:${hex}` },
    },
    {
      name: 'case 1: a tag beside the digest is left out',
      text: `host:5000/team/web:1@${digest}`,
      want: {
        type: 'manifest',
        digest: `sha256:${hex}`,
        repository: { registry: 'host:5000', repository: 'team/web' },
      },
    },
    {
      name: 'case 3: the repository is normalised as a reference is',
      text: `index.docker.io/nginx@${digest}`,
      want: {
        type: 'manifest',
        digest: `sha256:${hex}`,
        repository: { registry: 'docker.io', repository: 'library/nginx' },
      },
    },
    {
      name: 'case 3: a repository that is none leaves the digest',
      text: `<none>@${digest}`,
      want: { type: 'manifest', digest: `sha256:${hex}` },
    },
    ...[
      'nginx:1',
      'sha256:abc',
      `a@sha256:${hex.toUpperCase()}`,
      `sha1:${hex}`,
      'docker://',
      '@',
    ].map((text) => ({
      name: `case 1: ${text} is unreadable, which is not the same as not there`,
      text,
      want: { type: 'unreadable' as const, text },
    })),
  ];
  for (const { name, text, want } of rows) {
    test(name, () => assert.deepEqual(parseImageId(text), want));
  }
});
