import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { literalAddress, reachOf } from './addresses.ts';

describe('reachOf (case 41)', () => {
  const rows = {
    forbidden: [
      '169.254.169.254',
      '169.254.0.1',
      'fe80::1',
      'fe80::1%eth0',
      'febf::1',
      'fd00:ec2::254',
      'fd00:0ec2:0:0:0:0:0:254',
      'fd20:ce::254',
      '100.100.100.200',
      '192.0.0.192',
      '168.63.129.16',
      '::ffff:168.63.129.16',
      '::ffff:169.254.169.254',
      '::ffff:a9fe:a9fe',
      '::169.254.169.254',
      '64:ff9b::a9fe:a9fe',
      '2002:a9fe:a9fe::1',
      'not an address',
    ],
    private: [
      '10.0.0.1',
      '172.16.0.1',
      '192.168.1.1',
      '127.0.0.1',
      '127.9.9.9',
      '0.0.0.0',
      '100.64.0.1',
      '192.0.2.1',
      '224.0.0.1',
      '255.255.255.255',
      '::1',
      '::',
      'fd12::7',
      'fc00::1',
      'ff02::1',
      '2001:db8::1',
      '::ffff:10.0.0.1',
      '64:ff9b::a00:1',
      '2002:0a00:0001::1',
    ],
    public: ['8.8.8.8', '140.82.121.34', '2606:4700::6810:1', '::ffff:8.8.8.8', '64:ff9b::808:808'],
  };
  for (const [want, addresses] of Object.entries(rows)) {
    for (const address of addresses) {
      test(`case 41: ${address} is ${want}`, () => assert.equal(reachOf(address), want));
    }
  }
});

describe('literalAddress', () => {
  const rows = [
    { url: 'http://2852039166/', want: '169.254.169.254' },
    { url: 'http://0xa9.0xfe.0xa9.0xfe/', want: '169.254.169.254' },
    { url: 'http://0251.0376.0251.0376/', want: '169.254.169.254' },
    { url: 'http://169.254.43518/', want: '169.254.169.254' },
    { url: 'http://169.254.169.254./', want: '169.254.169.254' },
    { url: 'http://[::ffff:169.254.169.254]/', want: '::ffff:a9fe:a9fe' },
    { url: 'http://[fe80::1]:5000/', want: 'fe80::1' },
    { url: 'https://ghcr.io/', want: undefined },
    { url: 'https://169.254.169.254.nip.io/', want: undefined },
  ];
  for (const { url, want } of rows) {
    test(`case 41: ${url} is ${want ?? 'a name'}`, () =>
      assert.equal(literalAddress(new URL(url)), want));
  }
});
