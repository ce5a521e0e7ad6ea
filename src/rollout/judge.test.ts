import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  child,
  failed,
  image,
  index,
  indexOf,
  notFound,
  type Question,
  settle,
  unsupported,
} from './judge-shelf.ts';
import { judge, pullable } from './judge.ts';

interface Row extends Question {
  readonly name: string;
  /** Verdict and reason. */
  readonly want: string;
  /** What was read, in order, rounds parted by `|`. */
  readonly reads?: string;
}

const amd = 'linux/amd64';
const arm = 'linux/arm64';

const single: readonly Row[] = [
  {
    name: 'case 2: the same digest is equal and needs no read',
    running: ['d'],
    shelf: {},
    want: 'same equal',
    reads: '',
  },
  {
    name: 'case 16: any stale Pod makes the container stale',
    running: ['d', 'r'],
    shelf: { d: image('c1'), r: image('c2') },
    want: 'changed digest-changed',
  },
  {
    name: 'case 16: all Pods equal by different ways is the same, the farthest-fetched way is told',
    running: ['d', 'a', 'r'],
    shelf: { d: index({ [amd]: 'a' }), r: index({ [amd]: 'b' }), a: image('c'), b: image('c') },
    want: 'same config-equal',
  },
  {
    name: 'case 16: a stale Pod decides beside one that could not be judged',
    running: ['x', 'r'],
    shelf: { d: image('c1'), x: failed('unreachable'), r: image('c2') },
    want: 'changed digest-changed',
  },
  {
    name: 'case 16: a Pod that could not be judged is not outvoted by an equal one',
    running: ['d', 'r'],
    shelf: { d: image('c1'), r: failed('unreachable') },
    want: 'unknown unreachable',
  },
  {
    name: 'two image manifests with different configs: changed',
    running: ['r'],
    shelf: { d: image('c1'), r: image('c2') },
    want: 'changed digest-changed',
    reads: 'd | r',
  },
  {
    name: 'case 5: two image manifests with one config: the same',
    running: ['r'],
    shelf: { d: image('c'), r: image('c') },
    want: 'same config-equal',
  },
  {
    name: 'case 1: an imageID that nobody understands is unknown, not changed',
    running: ['garbage!'],
    shelf: { d: image('c') },
    want: 'unknown malformed',
    reads: '',
  },
];

const indexes: readonly Row[] = [
  {
    name: "case 4: R among D's children is the same, R is never read",
    running: ['a'],
    shelf: { d: index({ [amd]: 'a', [arm]: 'b' }) },
    want: 'same platform-equal',
    reads: 'd',
  },
  {
    name: 'case 9: a child is equal whatever the platform is said to be',
    running: ['b'],
    platforms: [amd],
    shelf: { d: index({ [amd]: 'a', [arm]: 'b' }) },
    want: 'same platform-equal',
  },
  {
    name: 'case 4: R is an index of D, the only image',
    running: ['r'],
    shelf: { d: image('c'), r: index({ [amd]: 'd' }) },
    want: 'same platform-equal',
  },
  {
    name: "case 5: two indexes with the platform's child in common",
    running: ['r'],
    platforms: [amd],
    shelf: { d: index({ [amd]: 'a', [arm]: 'b2' }), r: index({ [amd]: 'a', [arm]: 'b1' }) },
    want: 'same platform-equal',
    reads: 'd | r',
  },
  {
    name: "case 2: the platform's children differ, their config does not",
    running: ['r'],
    platforms: [amd],
    shelf: {
      d: index({ [amd]: 'a2', [arm]: 'b2' }),
      r: index({ [amd]: 'a1', [arm]: 'b1' }),
      a1: image('c'),
      a2: image('c'),
    },
    want: 'same config-equal',
    reads: 'd | r | a2 a1',
  },
  {
    name: "case 5: the platform's children and configs differ",
    running: ['r'],
    platforms: [amd],
    shelf: {
      d: index({ [amd]: 'a2' }),
      r: index({ [amd]: 'a1' }),
      a1: image('c1'),
      a2: image('c2'),
    },
    want: 'changed digest-changed',
  },
  {
    name: 'case 5: R is no longer there: changed',
    running: ['r'],
    shelf: { d: index({ [amd]: 'a' }), r: notFound },
    want: 'changed digest-changed',
  },
  {
    name: "case 5: R's child is no longer there: changed",
    running: ['r'],
    platforms: [amd],
    shelf: { d: index({ [amd]: 'a2' }), r: index({ [amd]: 'a1' }), a1: notFound, a2: image('c') },
    want: 'changed digest-changed',
  },
  {
    name: 'case 5: R could not be read: unknown with its reason',
    running: ['r'],
    shelf: { d: index({ [amd]: 'a' }), r: failed('unauthorized') },
    want: 'unknown unauthorized',
  },
  {
    name: 'D could not be read: unknown with its reason, R is not asked for',
    running: ['r'],
    shelf: { d: failed('rate-limited') },
    want: 'unknown rate-limited',
    reads: 'd',
  },
  {
    name: 'case 31: D is not there',
    running: ['r'],
    shelf: { d: notFound },
    want: 'unknown tag-not-found',
  },
  {
    name: 'case 37: D is schema 1',
    running: ['r'],
    shelf: { d: unsupported },
    want: 'unknown unsupported-manifest',
  },
  {
    name: 'case 37: R was schema 1, D is not: changed',
    running: ['r'],
    shelf: { d: image('c'), r: unsupported },
    want: 'changed digest-changed',
  },
  {
    name: "D's child could not be read: unknown, not changed",
    running: ['r'],
    platforms: [amd],
    shelf: {
      d: index({ [amd]: 'a2' }),
      r: index({ [amd]: 'a1' }),
      a1: image('c'),
      a2: failed('timed-out'),
    },
    want: 'unknown timed-out',
  },
  {
    name: "D's child is listed, but not there",
    running: ['r'],
    platforms: [amd],
    shelf: { d: index({ [amd]: 'a2' }), r: index({ [amd]: 'a1' }), a1: image('c'), a2: notFound },
    want: 'unknown platform-missing',
  },
];

const elsewhere: readonly Row[] = [
  {
    name: "case 3: R is another repository's on the same host: looked up there after the 404",
    running: ['r.io/other/app@r'],
    shelf: { d: index({ [amd]: 'a' }), r: notFound, 'other/app@r': index({ [amd]: 'a' }) },
    want: 'same platform-equal',
    reads: 'd | r | other/app@r',
  },
  {
    name: 'case 3: its children are read where it was found',
    running: ['r.io/other/app@r'],
    platforms: [amd],
    shelf: {
      d: index({ [amd]: 'a2' }),
      r: notFound,
      'other/app@r': index({ [amd]: 'a1' }),
      a2: image('c'),
      'other/app@a1': image('c'),
    },
    want: 'same config-equal',
  },
  {
    name: "case 3: R is found in the template's repository: the other one is not asked",
    running: ['r.io/other/app@r'],
    shelf: { d: image('c'), r: image('c') },
    want: 'same config-equal',
    reads: 'd | r',
  },
  {
    name: 'case 3: not found there either: changed',
    running: ['r.io/other/app@r'],
    shelf: { d: image('c'), r: notFound, 'other/app@r': notFound },
    want: 'changed digest-changed',
  },
  {
    name: 'case 3: refused there: unknown',
    running: ['r.io/other/app@r'],
    shelf: { d: image('c'), r: notFound, 'other/app@r': failed('unauthorized') },
    want: 'unknown unauthorized',
  },
  {
    name: 'case 3: another host is not asked: changed',
    running: ['q.io/other/app@r'],
    shelf: { d: image('c'), r: notFound },
    want: 'changed digest-changed',
    reads: 'd | r',
  },
];

const configs: readonly Row[] = [
  {
    name: "case 6: a bare ID is the config of D's only image",
    running: ['config:c'],
    shelf: { d: image('c') },
    want: 'same config-equal',
    reads: 'd',
  },
  {
    name: 'case 6: a bare ID is not: changed',
    running: ['config:c1'],
    shelf: { d: image('c2') },
    want: 'changed digest-changed',
  },
  {
    name: "case 9: a config is looked for among all of D's children, the likely one first",
    running: ['config:c2'],
    platforms: [amd],
    shelf: { d: index({ [arm]: 'b', [amd]: 'a' }), a: image('c1'), b: image('c2') },
    want: 'same config-equal',
    reads: 'd | a | b',
  },
  {
    name: 'case 6: the likely child has it: the others are not opened',
    running: ['config:c1'],
    platforms: [amd],
    shelf: { d: index({ [arm]: 'b', [amd]: 'a' }), a: image('c1') },
    want: 'same config-equal',
    reads: 'd | a',
  },
  {
    name: "case 6: the platform's child differs, another one cannot be read: changed",
    running: ['config:c'],
    platforms: [amd],
    shelf: { d: index({ [arm]: 'b', [amd]: 'a' }), a: image('c1'), b: notFound },
    want: 'changed digest-changed',
  },
  {
    name: 'case 6: the platform is unknown and a child cannot be read: unknown',
    running: ['config:c'],
    shelf: { d: index({ [arm]: 'b', [amd]: 'a' }), a: image('c1'), b: failed('registry-error') },
    want: 'unknown registry-error',
  },
  {
    name: 'case 5: a single manifest was retagged as an index with the same config',
    running: ['r'],
    shelf: { d: index({ [arm]: 'b', [amd]: 'a' }), r: image('c1'), a: image('c1'), b: image('c2') },
    want: 'same config-equal',
  },
];

const contents: readonly Row[] = [
  {
    name: 'case 7: attestations are not compared',
    running: ['r'],
    shelf: {
      d: index({ [amd]: 'a', attestation: 'x2' }),
      r: index({ [amd]: 'a', attestation: 'x1' }),
    },
    want: 'same platform-equal',
    reads: 'd | r',
  },
  {
    name: 'case 7: an index with one real child equals that child',
    running: ['a'],
    shelf: { d: index({ [amd]: 'a', attestation: 'x' }) },
    want: 'same platform-equal',
  },
  {
    name: 'case 7: an index of attestations only has nothing to run',
    running: ['r'],
    shelf: { d: index({ attestation: 'x' }), r: image('c') },
    want: 'unknown platform-missing',
  },
  {
    name: 'case 9: platform unknown, the sets are equal',
    running: ['r'],
    shelf: {
      d: index({ [amd]: 'a', [arm]: 'b', attestation: 'x2' }),
      r: index({ [arm]: 'b', [amd]: 'a', attestation: 'x1' }),
    },
    want: 'same contents-equal',
    reads: 'd | r',
  },
  {
    name: 'case 9: platform unknown, all configs are equal',
    running: ['r'],
    shelf: {
      d: index({ [amd]: 'a2', [arm]: 'b2' }),
      r: index({ [amd]: 'a1', [arm]: 'b1' }),
      a1: image('ca'),
      a2: image('ca'),
      b1: image('cb'),
      b2: image('cb'),
    },
    want: 'same contents-equal',
    reads: 'd | r | a2 a1 | b2 b1',
  },
  {
    name: 'case 9: platform unknown, some children are equal: changed',
    running: ['r'],
    shelf: {
      d: index({ [amd]: 'a2', 'linux/riscv64': 'z' }),
      r: index({ [amd]: 'a1', 'linux/riscv64': 'z' }),
      a1: image('c1'),
      a2: image('c2'),
    },
    want: 'changed digest-changed',
  },
  {
    name: 'case 9: platform unknown, a platform more: changed',
    running: ['r'],
    shelf: {
      d: index({ [amd]: 'a', [arm]: 'b', 'linux/riscv64': 'z' }),
      r: index({ [amd]: 'a', [arm]: 'b' }),
    },
    want: 'changed digest-changed',
    reads: 'd | r',
  },
  {
    name: 'case 9: platform unknown, but R holds one image only, which D still holds',
    running: ['r'],
    shelf: { d: index({ [amd]: 'a', 'linux/riscv64': 'z' }), r: index({ [amd]: 'a' }) },
    want: 'same platform-equal',
  },
  {
    name: 'case 9: a node that made do with 32-bit arm would now pull arm64: changed',
    running: ['r'],
    shelf: { d: index({ 'linux/arm/v7': 'a', [arm]: 'b' }), r: index({ 'linux/arm/v7': 'a' }) },
    want: 'changed digest-changed',
  },
  {
    name: 'case 9: of two children for one platform a node takes the first',
    running: ['r'],
    shelf: {
      d: indexOf([child('a2', amd), child('a1', amd), child('b', arm)]),
      r: indexOf([child('a1', amd), child('a2', amd), child('b', arm)]),
    },
    want: 'changed digest-changed',
  },
];

const platforms: readonly Row[] = [
  {
    name: 'case 9: arm64 and arm64/v8 are one platform',
    running: ['r'],
    shelf: {
      d: index({ 'linux/arm64/v8': 'b', [amd]: 'a' }),
      r: index({ [arm]: 'b', [amd]: 'a' }),
    },
    want: 'same contents-equal',
  },
  {
    name: 'case 9: arm/v7 falls back to arm/v6',
    running: ['r'],
    platforms: ['linux/arm/v7'],
    shelf: {
      d: index({ 'linux/arm/v6': 'a', [amd]: 'x2' }),
      r: index({ 'linux/arm/v6': 'a', [amd]: 'x1' }),
    },
    want: 'same platform-equal',
  },
  {
    name: 'case 9: each of several known platforms must be equal',
    running: ['r'],
    platforms: [amd, arm],
    shelf: {
      d: index({ [amd]: 'a', [arm]: 'b2' }),
      r: index({ [amd]: 'a', [arm]: 'b1' }),
      b1: image('c1'),
      b2: image('c2'),
    },
    want: 'changed digest-changed',
  },
  {
    name: 'case 9: one of several platforms cannot be read: unknown, though another differs',
    running: ['r'],
    platforms: [amd, arm],
    shelf: {
      d: index({ [amd]: 'a2', [arm]: 'b2' }),
      r: index({ [amd]: 'a1', [arm]: 'b1' }),
      a1: image('c1'),
      a2: image('c2'),
      b1: image('c3'),
      b2: failed('unreachable'),
    },
    want: 'unknown unreachable',
  },
  {
    name: 'case 9: a platform that R was not made for cannot be what runs',
    running: ['r'],
    platforms: [amd, arm],
    shelf: {
      d: index({ [amd]: 'a', 'linux/riscv64': 'z2' }),
      r: index({ [amd]: 'a', 'linux/riscv64': 'z1' }),
    },
    want: 'same platform-equal',
  },
  {
    name: 'case 31: D has no child for the known platform',
    running: ['r'],
    platforms: [amd],
    shelf: { d: index({ [arm]: 'b' }) },
    want: 'unknown platform-missing',
    reads: 'd',
  },
  {
    name: 'case 31: D has lost the only platform that R was made for',
    running: ['r'],
    shelf: { d: index({ [arm]: 'b', 'linux/riscv64': 'z' }), r: index({ [amd]: 'a' }) },
    want: 'unknown platform-missing',
  },
  {
    name: "case 9: Windows' monthly revision of another build does not hide a change of ours",
    running: ['r'],
    platforms: ['windows/amd64'],
    shelf: {
      d: index({ 'windows(10.0.17763.2)/amd64': 'w1', 'windows(10.0.20348.2)/amd64': 'w2' }),
      r: index({ 'windows(10.0.17763.1)/amd64': 'w1', 'windows(10.0.20348.1)/amd64': 'w3' }),
      w2: image('c2'),
      w3: image('c3'),
    },
    want: 'changed digest-changed',
  },
  {
    name: "case 9: Windows' build unknown: an older build's image has changed, the newest one's has not",
    running: ['r'],
    platforms: ['windows/amd64'],
    shelf: {
      d: index({ 'windows(10.0.17763.2)/amd64': 'w4', 'windows(10.0.20348.2)/amd64': 'w2' }),
      r: index({ 'windows(10.0.17763.1)/amd64': 'w1', 'windows(10.0.20348.1)/amd64': 'w2' }),
      w1: image('c1'),
      w4: image('c4'),
    },
    want: 'changed digest-changed',
  },
  {
    name: "case 9: what an index holds for Linux is nothing to Windows' nodes",
    running: ['r'],
    platforms: ['windows/amd64'],
    shelf: {
      d: index({ 'windows(10.0.17763.2)/amd64': 'w1', [amd]: 'l2' }),
      r: index({ 'windows(10.0.17763.1)/amd64': 'w1', [amd]: 'l1' }),
      l1: image('c1'),
      l2: image('c2'),
    },
    want: 'same platform-equal',
  },
  {
    name: "case 9: Windows' build known, its image equal under a newer revision",
    running: ['r'],
    platforms: ['windows(10.0.20348.2113)/amd64'],
    shelf: {
      d: index({ 'windows(10.0.17763.2)/amd64': 'w4', 'windows(10.0.20348.2)/amd64': 'w2' }),
      r: index({ 'windows(10.0.17763.1)/amd64': 'w1', 'windows(10.0.20348.1)/amd64': 'w2' }),
    },
    want: 'same platform-equal',
  },
  {
    name: 'two children that state no platform cannot be told apart: all must be equal',
    running: ['r'],
    platforms: [amd],
    shelf: {
      d: indexOf([child('a'), child('b2')]),
      r: indexOf([child('a'), child('b1')]),
    },
    want: 'changed digest-changed',
  },
  {
    name: 'nor can they where only one side has two of them',
    running: ['r'],
    platforms: [arm],
    shelf: {
      d: indexOf([child('a'), child('b')]),
      r: indexOf([child('a'), child('x', amd)]),
    },
    want: 'changed digest-changed',
  },
  {
    name: 'case 4: the only image of R, whatever it is for, is one of those that D holds',
    running: ['r'],
    shelf: { d: index({ [amd]: 'a', [arm]: 'b' }), r: indexOf([child('a')]) },
    want: 'same platform-equal',
    reads: 'd | r',
  },
];

const nested: readonly Row[] = [
  {
    name: 'case 8: a child of a nested index is a child',
    running: ['a'],
    shelf: { d: index({ 'index:linux': 'n', [arm]: 'b' }), n: index({ [amd]: 'a' }) },
    want: 'same platform-equal',
    reads: 'd | n',
  },
  {
    name: 'case 8: three levels down',
    running: ['a'],
    shelf: {
      d: index({ 'index:1': 'n1' }),
      n1: index({ 'index:2': 'n2' }),
      n2: index({ 'index:3': 'n3' }),
      n3: index({ [amd]: 'a' }),
    },
    want: 'same platform-equal',
  },
  {
    name: 'case 8: a child that states no platform has that of the index around it',
    running: ['r'],
    platforms: [amd],
    shelf: {
      d: index({ 'index:linux/arm64': 'n1', 'index:linux/amd64': 'n2' }),
      n1: indexOf([child('b')]),
      n2: indexOf([child('a')]),
      r: index({ [arm]: 'b1', [amd]: 'a' }),
    },
    want: 'same platform-equal',
    reads: 'd | n1 n2 | r',
  },
  {
    name: 'case 8: deeper is unsupported',
    running: ['a'],
    shelf: {
      d: index({ 'index:1': 'n1' }),
      n1: index({ 'index:2': 'n2' }),
      n2: index({ 'index:3': 'n3' }),
      n3: index({ 'index:4': 'n4' }),
      n4: index({ [amd]: 'a' }),
    },
    want: 'unknown unsupported-manifest',
  },
  {
    name: 'case 8: an index that contains itself is malformed',
    running: ['r'],
    shelf: { d: index({ 'index:self': 'd', [amd]: 'a' }), r: image('c') },
    want: 'unknown malformed',
    reads: 'd',
  },
  {
    name: 'case 8: two indexes that contain each other are malformed',
    running: ['r'],
    shelf: { d: index({ 'index:n': 'n' }), n: index({ 'index:d': 'd' }), r: image('c') },
    want: 'unknown malformed',
  },
  {
    name: 'case 8: an equal child counts, whatever else is wrong with the index',
    running: ['a'],
    shelf: { d: index({ 'index:self': 'd', [amd]: 'a' }) },
    want: 'same platform-equal',
  },
  {
    name: 'case 8: a nested index that cannot be read is unknown, not the same',
    running: ['r'],
    shelf: {
      d: index({ 'index:n': 'n', [amd]: 'a' }),
      r: index({ [amd]: 'a' }),
      n: failed('unreachable'),
    },
    want: 'unknown unreachable',
  },
  {
    name: 'case 8: a nested index that is not there',
    running: ['r'],
    shelf: { d: index({ 'index:n': 'n', [amd]: 'a' }), r: index({ [amd]: 'a' }), n: notFound },
    want: 'unknown platform-missing',
  },
  {
    name: "case 8: R's nested index is not there: changed, as R itself",
    running: ['r'],
    shelf: { d: index({ [amd]: 'a' }), r: index({ 'index:n': 'n' }), n: notFound },
    want: 'changed digest-changed',
  },
  {
    name: 'case 8: an image listed as an index is malformed',
    running: ['r'],
    shelf: { d: index({ 'index:n': 'n' }), n: image('c'), r: image('c') },
    want: 'unknown malformed',
  },
];

for (const [title, rows] of Object.entries({
  'one image': single,
  indexes,
  'the repository of imageID': elsewhere,
  configs,
  'contents of indexes': contents,
  platforms,
  'nested indexes': nested,
})) {
  describe(`judge: ${title}`, () => {
    for (const row of rows) {
      test(row.name, () => {
        const { answer, reads } = settle(judge, row);
        assert.equal(answer.status, 'judged');
        if (answer.status !== 'judged') return;
        assert.equal(`${answer.verdict.verdict} ${answer.verdict.reason}`, row.want);
        assert.ok(answer.message.length > 10 && answer.message.length <= 200, answer.message);
        if (row.reads !== undefined) assert.equal(reads, row.reads);
      });
    }
  });
}

describe('pullable', () => {
  const rows: readonly Row[] = [
    {
      name: 'case 31: what runs already can be pulled, unread',
      running: ['d', 'd'],
      shelf: {},
      want: 'pullable',
      reads: '',
    },
    {
      name: 'case 31: what one of two Pods runs already, the other one may not be able to',
      running: ['d', 'r'],
      shelf: { d: index({ [amd]: 'a2' }), r: index({ [amd]: 'a1', [arm]: 'b1' }) },
      want: 'failed platform-missing',
    },
    {
      name: 'case 31: a known platform that one of two Pods was made for is needed',
      running: ['q', 'r'],
      platforms: [amd, arm],
      shelf: {
        d: index({ [amd]: 'a2' }),
        q: index({ [amd]: 'a1' }),
        r: index({ [amd]: 'a1', [arm]: 'b1' }),
      },
      want: 'failed platform-missing',
    },
    {
      name: 'case 31: a child for the known platform',
      running: ['r'],
      platforms: [amd],
      shelf: { d: index({ [amd]: 'a', [arm]: 'b' }) },
      want: 'pullable',
      reads: 'd',
    },
    {
      name: 'case 31: no child for the known platform',
      running: ['r'],
      platforms: [amd],
      shelf: { d: index({ [arm]: 'b' }) },
      want: 'failed platform-missing',
      reads: 'd',
    },
    {
      name: 'case 31: platform unknown, the index lacks one that R was made for',
      running: ['r'],
      shelf: { d: index({ [amd]: 'a2' }), r: index({ [amd]: 'a1', [arm]: 'b1' }) },
      want: 'failed platform-missing',
    },
    {
      name: 'case 31: platform unknown, the index has all that R was made for',
      running: ['r'],
      shelf: { d: index({ [amd]: 'a2', [arm]: 'b2' }), r: index({ [amd]: 'a1', [arm]: 'b1' }) },
      want: 'pullable',
    },
    {
      name: 'case 31: platform unknown, R does not tell: any image will do',
      running: ['config:c', 'r'],
      shelf: { d: index({ [amd]: 'a' }), r: notFound },
      want: 'pullable',
    },
    {
      name: 'case 31: a known platform that R was not made for is not needed',
      running: ['r'],
      platforms: [amd, arm],
      shelf: { d: index({ [amd]: 'a2' }), r: index({ [amd]: 'a1' }) },
      want: 'pullable',
    },
    {
      name: 'case 31: a known platform that R was made for is needed',
      running: ['r'],
      platforms: [amd, arm],
      shelf: { d: index({ [amd]: 'a2' }), r: index({ [amd]: 'a1', [arm]: 'b1' }) },
      want: 'failed platform-missing',
    },
    {
      name: 'case 31: where R does not tell, every known platform is needed',
      running: ['config:c'],
      platforms: [amd, arm],
      shelf: { d: index({ [amd]: 'a2' }) },
      want: 'failed platform-missing',
    },
    {
      name: 'case 31: nothing runs it yet: any image will do',
      running: [],
      shelf: { d: index({ [amd]: 'a' }) },
      want: 'pullable',
    },
    {
      name: 'case 31: nothing runs it yet: every known platform is needed',
      running: [],
      platforms: [amd, arm],
      shelf: { d: index({ [amd]: 'a' }) },
      want: 'failed platform-missing',
    },
    {
      name: 'case 31: a single manifest does not state its platform',
      running: ['r'],
      platforms: [amd],
      shelf: { d: image('c') },
      want: 'pullable',
    },
    {
      name: 'case 37: schema 1 cannot be run',
      running: ['r'],
      shelf: { d: unsupported },
      want: 'failed unsupported-manifest',
    },
    {
      name: 'case 31: not there',
      running: ['r'],
      shelf: { d: notFound },
      want: 'failed tag-not-found',
    },
    {
      name: 'case 31: not readable, in the words of the registry',
      running: ['r'],
      shelf: { d: failed('rate-limited') },
      want: 'failed rate-limited',
    },
    {
      name: 'case 7: only attestations',
      running: ['r'],
      shelf: { d: index({ attestation: 'x' }) },
      want: 'failed platform-missing',
    },
    {
      name: 'case 8: an index that contains itself',
      running: ['r'],
      shelf: { d: index({ 'index:self': 'd' }) },
      want: 'failed malformed',
    },
  ];
  for (const row of rows) {
    test(row.name, () => {
      const { answer, reads } = settle(pullable, row);
      const got = answer.status === 'failed' ? `failed ${answer.reason}` : answer.status;
      assert.equal(got, row.want);
      if (answer.status === 'failed') assert.ok(answer.message.length <= 200, answer.message);
      if (row.reads !== undefined) assert.equal(reads, row.reads);
    });
  }
});

test('case 61: an index of thousands of indexes is given up, not read', () => {
  const many = Object.fromEntries(Array.from({ length: 40 }, (_, at) => [`index:${at}`, `n${at}`]));
  const { answer, reads } = settle(judge, {
    running: ['r'],
    shelf: { d: index(many) },
    platforms: [],
  });
  assert.deepEqual(answer.status === 'judged' && answer.verdict, {
    verdict: 'unknown',
    reason: 'unsupported-manifest',
  });
  assert.equal(reads, 'd');
});
