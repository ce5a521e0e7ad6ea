import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { formatPlatform } from '../image/platform.ts';
import { type NodeDemands, type NodeExpression, platformsOf } from './platforms.ts';

const arch = 'kubernetes.io/arch';
const os = 'kubernetes.io/os';
const isIn = (key: string, ...values: readonly string[]): NodeExpression => ({
  key,
  operator: 'In',
  values,
});

function names(count: number): readonly string[] {
  return Array.from({ length: count }, (_, index) => `x${index}`);
}

describe('platformsOf (case 9)', () => {
  const rows: readonly (readonly [string, Partial<NodeDemands>, readonly string[]])[] = [
    ['nothing is said', {}, []],
    ['nodeSelector', { nodeSelector: { [arch]: 'arm64' } }, ['linux/arm64']],
    [
      'nodeSelector with os',
      { nodeSelector: { [arch]: 'amd64', [os]: 'windows' } },
      ['windows/amd64'],
    ],
    [
      'the deprecated labels',
      { nodeSelector: { 'beta.kubernetes.io/arch': 'arm64' } },
      ['linux/arm64'],
    ],
    ['only the os', { nodeSelector: { [os]: 'linux' } }, []],
    ['os of the Pod', { nodeSelector: { [arch]: 'amd64' }, os: 'windows' }, ['windows/amd64']],
    [
      'affinity allows two',
      { terms: [[isIn(arch, 'amd64', 'arm64')]] },
      ['linux/amd64', 'linux/arm64'],
    ],
    [
      'terms are alternatives',
      { terms: [[isIn(arch, 'amd64')], [isIn(arch, 'arm64'), isIn(os, 'linux')]] },
      ['linux/amd64', 'linux/arm64'],
    ],
    ['a term that leaves it open', { terms: [[isIn(arch, 'amd64')], [isIn('zone', 'a')]] }, []],
    [
      'expressions of one term all hold',
      { terms: [[isIn(arch, 'amd64', 'arm64'), isIn(arch, 'arm64', 's390x')]] },
      ['linux/arm64'],
    ],
    [
      'selector and affinity both hold',
      { nodeSelector: { [arch]: 'arm64' }, terms: [[isIn(arch, 'amd64', 'arm64')]] },
      ['linux/arm64'],
    ],
    [
      'a contradiction runs nowhere',
      { nodeSelector: { [arch]: 's390x' }, terms: [[isIn(arch, 'amd64')]] },
      [],
    ],
    [
      'case 61: a hundred combinations are all there are',
      { terms: [[isIn(arch, ...names(10)), isIn(os, ...names(10))]] },
      names(10).flatMap((system) => names(10).map((machine) => `${system}/${machine}`)),
    ],
    [
      'case 61: more combinations than any index has say nothing',
      { terms: [[isIn(arch, ...names(101)), isIn(os, 'linux')]] },
      [],
    ],
    [
      'case 61: not even counted out',
      { terms: [[isIn(arch, ...names(30_000)), isIn(os, ...names(30_000))]] },
      [],
    ],
    [
      'case 61: more of them in many terms do not either',
      { terms: names(101).map((machine) => [isIn(arch, machine)]) },
      [],
    ],
    [
      'NotIn leaves it open',
      { terms: [[{ key: arch, operator: 'NotIn', values: ['arm64'] }]] },
      [],
    ],
  ];
  for (const [name, demands, want] of rows) {
    test(name, () => {
      const found = platformsOf({ nodeSelector: {}, terms: [], os: '', ...demands });
      assert.deepEqual(found.map(formatPlatform), want);
    });
  }
});
