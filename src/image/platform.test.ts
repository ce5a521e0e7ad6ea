import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  chooseOffer,
  formatPlatform,
  InvalidPlatformError,
  parsePlatform,
  platformMatches,
} from './platform.ts';

describe('parsePlatform', () => {
  const good: readonly (readonly [string, string])[] = [
    ['linux/amd64', 'linux/amd64'],
    ['linux/amd64/v1', 'linux/amd64'],
    ['linux/amd64/v3', 'linux/amd64/v3'],
    ['Linux/x86_64', 'linux/amd64'],
    ['linux/arm64/v8', 'linux/arm64'],
    ['linux/aarch64', 'linux/arm64'],
    ['linux/arm64/v8.2', 'linux/arm64/v8.2'],
    ['linux/arm', 'linux/arm/v7'],
    ['linux/arm/6', 'linux/arm/v6'],
    ['linux/armhf', 'linux/arm/v7'],
    ['windows(10.0.20348.2113)/amd64', 'windows(10.0.20348.2113)/amd64'],
  ];
  for (const [text, want] of good) {
    test(`${text} is ${want}`, () => assert.equal(formatPlatform(parsePlatform(text)), want));
  }

  const bad = [
    '',
    'amd64',
    'linux',
    'linux/',
    'linux/amd46',
    'linuks/amd64',
    'linux/amd64/v2/x',
    'linux amd64',
    '*/*',
  ];
  for (const text of bad) {
    test(`"${text}" is refused and quoted`, () => {
      assert.throws(
        () => parsePlatform(text),
        (error) => error instanceof InvalidPlatformError && error.message.includes(`"${text}"`),
      );
    });
  }
});

describe('case 9: a node runs what containerd lets it run', () => {
  const rows: readonly (readonly [node: string, image: string, runs: boolean])[] = [
    ['linux/amd64', 'linux/amd64', true],
    ['linux/amd64', 'linux/amd64/v1', true],
    ['linux/amd64', 'linux/amd64/v2', false],
    ['linux/amd64/v3', 'linux/amd64/v2', true],
    ['linux/amd64/v3', 'linux/amd64', true],
    ['linux/amd64/v2', 'linux/amd64/v3', false],
    ['linux/amd64', 'linux/386', true],
    ['linux/386', 'linux/amd64', false],
    ['linux/amd64', 'linux/arm64', false],
    ['linux/amd64', 'windows/amd64', false],
    ['linux/arm64', 'linux/arm64/v8', true],
    ['linux/arm64/v8', 'linux/arm64', true],
    ['linux/arm64', 'linux/arm64/v9', false],
    ['linux/arm64/v9', 'linux/arm64', true],
    ['linux/arm64/v9', 'linux/arm64/v8.5', true],
    ['linux/arm64/v9', 'linux/arm64/v8.6', false],
    ['linux/arm64/v9.2', 'linux/arm64/v9.1', true],
    ['linux/arm64/v8.2', 'linux/arm64/v8.1', true],
    ['linux/arm64/v8.2', 'linux/arm64/v8.3', false],
    ['linux/arm64', 'linux/arm/v7', true],
    ['linux/arm', 'linux/arm/v7', true],
    ['linux/arm/v7', 'linux/arm/v6', true],
    ['linux/arm/v7', 'linux/arm/v5', true],
    ['linux/arm/v6', 'linux/arm/v7', false],
    ['linux/riscv64', 'linux/riscv64', true],
    ['windows/amd64', 'windows(10.0.17763.1)/amd64', true],
    ['windows(10.0.17763.9)/amd64', 'windows(10.0.17763.1)/amd64', true],
    ['windows(10.0.17763.9)/amd64', 'windows(10.0.20348.1)/amd64', false],
    ['windows(10.0.26100.1)/amd64', 'windows(10.0.20348.1)/amd64', true],
    ['windows(10.0.26100.1)/amd64', 'windows(10.0.17763.1)/amd64', false],
    ['windows(10.0.20348.1)/amd64', 'windows/amd64', true],
  ];
  for (const [node, image, runs] of rows) {
    test(`${node} ${runs ? 'runs' : 'does not run'} ${image}`, () => {
      assert.equal(platformMatches(parsePlatform(node), parsePlatform(image)), runs);
    });
  }
});

describe('case 9: of several images a node pulls the nearest', () => {
  const rows: readonly (readonly [node: string, offers: readonly string[], chosen: number])[] = [
    ['linux/amd64', ['linux/386', 'linux/amd64'], 1],
    ['linux/amd64/v3', ['linux/amd64', 'linux/amd64/v2', 'linux/arm64'], 1],
    ['linux/arm/v7', ['linux/arm/v5', 'linux/arm/v6'], 1],
    ['linux/arm64', ['linux/arm/v7', 'linux/arm64/v8'], 1],
    ['linux/amd64', ['linux/amd64', 'linux/amd64'], 0],
    ['linux/amd64', ['', 'linux/amd64'], 1],
    ['linux/amd64', ['linux/arm64', ''], 1],
    ['linux/amd64', ['linux/arm64'], -1],
    [
      'windows(10.0.26100.1)/amd64',
      ['windows(10.0.20348.9)/amd64', 'windows(10.0.20348.10)/amd64'],
      1,
    ],
  ];
  for (const [node, texts, chosen] of rows) {
    test(`${node} of ${texts.map((text) => text || 'unstated').join(', ')}`, () => {
      const offers = texts.map((text) => (text === '' ? {} : { platform: parsePlatform(text) }));
      assert.equal(chooseOffer(parsePlatform(node), offers), offers[chosen]);
    });
  }
});

test('case 61: any text in a variant is compared, not counted to', () => {
  const node = parsePlatform('linux/amd64');
  for (const variant of ['v999999999', 'v-1', 'v1e9', '\u001b[2J', 'v8.99999']) {
    for (const architecture of ['amd64', 'arm', 'arm64']) {
      const odd = { os: 'linux', architecture, variant };
      assert.equal(platformMatches(node, odd), false);
      assert.equal(platformMatches(odd, odd), true);
    }
  }
});
