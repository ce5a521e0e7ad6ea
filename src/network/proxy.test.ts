import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { checkProxySettings, proxyFor, ProxySettingsError } from './proxy.ts';

const https = 'http://secure.proxy:3128/';
const http = 'http://plain.proxy:3128/';

describe('proxyFor', () => {
  const rows = [
    { name: 'https goes by HTTPS_PROXY', url: 'https://ghcr.io/v2/', want: https },
    { name: 'http goes by HTTP_PROXY', url: 'http://registry.corp:5000/', want: http },
    { name: 'localhost is never proxied', url: 'https://localhost:5000/', want: undefined },
    { name: 'loopback is never proxied', url: 'http://127.1.2.3:5000/', want: undefined },
    { name: 'IPv6 loopback is never proxied', url: 'https://[::1]:5000/', want: undefined },
    {
      name: 'a star excepts all',
      url: 'https://ghcr.io/',
      noProxy: 'a.example, *',
      want: undefined,
    },
    { name: 'a host excepts itself', url: 'https://ghcr.io/', noProxy: 'ghcr.io', want: undefined },
    {
      name: 'a host excepts what is below it',
      url: 'https://eu.registry.corp/',
      noProxy: 'registry.corp',
      want: undefined,
    },
    {
      name: 'a host does not except what only ends alike',
      url: 'https://myregistry.corp/',
      noProxy: 'registry.corp',
      want: https,
    },
    {
      name: 'case and a trailing dot do not matter',
      url: 'https://Registry.Corp./',
      noProxy: 'REGISTRY.corp.',
      want: undefined,
    },
    {
      name: 'a leading dot excepts what is below',
      url: 'https://a.example.com/',
      noProxy: '.example.com',
      want: undefined,
    },
    {
      name: 'a leading dot does not except the domain itself',
      url: 'https://example.com/',
      noProxy: '.example.com',
      want: https,
    },
    {
      name: 'a leading star and dot is a leading dot',
      url: 'https://a.b.example.com/',
      noProxy: '*.example.com',
      want: undefined,
    },
    {
      name: 'a port must be the same',
      url: 'https://registry.corp:5000/',
      noProxy: 'registry.corp:5000',
      want: undefined,
    },
    {
      name: 'another port is proxied',
      url: 'https://registry.corp:5001/',
      noProxy: 'registry.corp:5000',
      want: https,
    },
    {
      name: 'the scheme brings its port',
      url: 'https://registry.corp/',
      noProxy: 'registry.corp:443',
      want: undefined,
    },
    { name: 'an address', url: 'http://10.0.0.5:5000/', noProxy: '10.0.0.5', want: undefined },
    {
      name: 'an address with a port',
      url: 'http://10.0.0.5:5000/',
      noProxy: '10.0.0.5:80',
      want: http,
    },
    { name: 'a range', url: 'http://10.20.30.40/', noProxy: '10.0.0.0/8', want: undefined },
    { name: 'outside of a range', url: 'http://11.0.0.1/', noProxy: '10.0.0.0/8', want: http },
    {
      name: 'a range does not except names',
      url: 'http://registry.corp/',
      noProxy: '0.0.0.0/0',
      want: http,
    },
    { name: 'an IPv6 range', url: 'http://[fd12::7]:5000/', noProxy: 'fd00::/8', want: undefined },
    { name: 'an IPv6 address', url: 'http://[fd12::7]/', noProxy: 'fd12:0::7', want: undefined },
    {
      name: 'an IPv6 address with a port',
      url: 'http://[fd12::7]:5000/',
      noProxy: '[fd12::7]:5000',
      want: undefined,
    },
    {
      name: 'an IPv4-mapped address counts as IPv4',
      url: 'http://[::ffff:10.0.0.1]/',
      noProxy: '10.0.0.0/8',
      want: undefined,
    },
    {
      name: 'an IPv6 address is in no IPv4 range',
      url: 'http://[fd12::7]/',
      noProxy: '10.0.0.0/8',
      want: http,
    },
    {
      name: 'an IPv4 address is in no IPv6 range',
      url: 'http://10.0.0.1/',
      noProxy: 'fd00::/8',
      want: http,
    },
    { name: 'the end of an address', url: 'http://10.0.0.1/', noProxy: '0.0.1', want: http },
    { name: 'a number is a name', url: 'http://10.0.0.1/', noProxy: '10', want: http },
    { name: 'empty entries', url: 'https://ghcr.io/', noProxy: ' , ,', want: https },
  ];
  for (const { name, url, noProxy, want } of rows) {
    test(name, () => {
      const settings = { httpsProxy: https, httpProxy: http, ...(noProxy && { noProxy }) };
      assert.equal(proxyFor(new URL(url), settings)?.href, want);
    });
  }

  test('nothing set, nothing proxied', () => {
    assert.equal(proxyFor(new URL('https://ghcr.io/'), {}), undefined);
    assert.equal(proxyFor(new URL('https://ghcr.io/'), { httpsProxy: ' ' }), undefined);
    assert.equal(proxyFor(new URL('https://ghcr.io/'), { httpProxy: http }), undefined);
  });

  test('a proxy without a scheme speaks http', () => {
    const proxy = proxyFor(new URL('https://ghcr.io/'), { httpsProxy: 'ann:p%40ss@proxy:3128' });
    assert.equal(proxy?.href, 'http://ann:p%40ss@proxy:3128/');
  });

  test('names the variable that is wrong, and never its password', () => {
    const wrong = [
      { httpsProxy: 'socks5://ann:secret@proxy:1080' },
      { httpProxy: 'http://ann:secret@:bad' },
    ];
    for (const settings of wrong) {
      assert.throws(
        () => checkProxySettings(settings),
        (error: unknown) => {
          assert.ok(error instanceof ProxySettingsError);
          assert.match(error.message, /^HTTPS?_PROXY/);
          assert.doesNotMatch(error.message, /secret/);
          return true;
        },
      );
    }
  });
});
