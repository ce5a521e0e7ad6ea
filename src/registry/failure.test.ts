import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { connectError, exchangeError, truncatedError } from './failure.ts';
import { HttpError } from './http-error.ts';

const registry = { host: 'registry.example:5000', isRegistry: true };
const elsewhere = { host: 'cdn.example', isRegistry: false };

function failed(code: string, message = 'something failed'): Error {
  return Object.assign(new Error(message), { code });
}

describe('connectError', () => {
  const rows = [
    {
      name: 'case 54: unknown CA',
      cause: failed('SELF_SIGNED_CERT_IN_CHAIN'),
      want: /^TLS of registry\.example:5000: .*set caCertificatePath in its rule of registries, or tls\.caCertificatePaths$/,
    },
    {
      name: 'case 54: expired',
      cause: failed('CERT_HAS_EXPIRED', 'certificate has expired'),
      want: /"certificate has expired" \(CERT_HAS_EXPIRED\).*insecureSkipTlsVerify in its rule/,
    },
    {
      name: 'case 54: plain HTTP behind https',
      cause: failed('ERR_SSL_WRONG_VERSION_NUMBER'),
      want: /does not speak TLS \(ERR_SSL_WRONG_VERSION_NUMBER\): set plainHttp in its rule/,
    },
    {
      name: 'case 54: a client certificate is demanded',
      cause: failed('ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED'),
      want: /refused us .*: set clientCertificatePath and clientKeyPath in its rule/,
    },
    {
      name: 'an unusable key',
      cause: failed('ERR_OSSL_PEM_NO_START_LINE', 'no start line'),
      want: /^TLS of registry\.example:5000: "no start line"/,
    },
    { name: 'DNS', cause: failed('EAI_AGAIN'), want: /could not be resolved \(EAI_AGAIN\)/ },
    { name: 'refused', cause: failed('ECONNREFUSED'), want: /failed \(ECONNREFUSED\)$/ },
    {
      name: 'several addresses, all refused',
      cause: new AggregateError([failed('ECONNREFUSED'), failed('ENETUNREACH')]),
      want: /failed \(ECONNREFUSED\)$/,
    },
    { name: 'no error at all', cause: 'surprise', want: /failed \(for an unknown reason\)$/ },
  ];
  for (const { name, cause, want } of rows) {
    test(name, () => {
      const error = connectError(cause, registry);
      assert.equal(error.code, 'unreachable');
      assert.equal(error.connectFailure, true);
      assert.match(error.message, want);
      assert.ok(error.message.length <= 200, error.message);
      assert.equal(error.cause, cause);
    });
  }

  test('a time-out of the system is a time-out', () => {
    const error = connectError(failed('ETIMEDOUT'), registry);
    assert.equal(error.code, 'timed-out');
    assert.equal(error.connectFailure, true);
  });

  test('elsewhere no key of the registry helps, so none is named', () => {
    for (const code of [
      'DEPTH_ZERO_SELF_SIGNED_CERT',
      'CERT_HAS_EXPIRED',
      'ERR_SSL_WRONG_VERSION_NUMBER',
    ]) {
      const { message } = connectError(failed(code), elsewhere);
      assert.doesNotMatch(message, /rule|insecure|plainHttp|caCertificatePath\b/);
    }
  });

  test('text of the other side is escaped and cut', () => {
    const { message } = connectError(new Error(`\u001b[2J${'x'.repeat(500)}`), registry);
    assert.ok(!message.includes('\u001b'));
    assert.ok(message.length <= 200);
  });
});

describe('exchangeError', () => {
  const rows = [
    { name: 'a connection that ended', cause: failed('UND_ERR_SOCKET'), code: 'unreachable' },
    { name: 'a reset', cause: failed('ECONNRESET'), code: 'unreachable' },
    {
      name: 'case 61: too many headers',
      cause: failed('UND_ERR_HEADERS_OVERFLOW'),
      code: 'malformed',
    },
    {
      name: 'case 61: too many headers over HTTP/2',
      cause: Object.assign(failed('ERR_HTTP2_STREAM_ERROR'), { http2ErrorCode: 11 }),
      code: 'malformed',
    },
    {
      name: 'a stream that the server gave up',
      cause: Object.assign(failed('ERR_HTTP2_STREAM_ERROR'), { http2ErrorCode: 2 }),
      code: 'unreachable',
    },
  ];
  for (const { name, cause, code } of rows) {
    test(name, () => {
      const error = exchangeError(cause, registry);
      assert.equal(error.code, code);
      assert.equal(error.connectFailure, false);
    });
  }

  test('an HttpError stays what it is', () => {
    const error = new HttpError('timed-out', 'late');
    assert.equal(exchangeError(error, registry), error);
    assert.equal(truncatedError(error, registry), error);
    assert.equal(connectError(error, registry), error);
  });
});
