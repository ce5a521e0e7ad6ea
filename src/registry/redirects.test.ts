import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { HttpError } from './http-error.ts';
import { nextHop } from './redirects.ts';

const headers = { accept: '*/*', Authorization: 'Basic c2VjcmV0', cookie: 'a=b' };
const hop = { url: new URL('https://registry.example:5000/v2/o/web/manifests/main'), headers };

function redirect(
  location: string | undefined,
  status = 307,
  method: 'HEAD' | 'GET' | 'POST' = 'HEAD',
) {
  return nextHop(method, hop, { status, location });
}

describe('nextHop (case 39)', () => {
  for (const status of [301, 302, 303, 307, 308]) {
    test(`case 39: follows ${status}`, () => {
      assert.equal(
        redirect('https://cdn.example/blob', status)?.url.href,
        'https://cdn.example/blob',
      );
    });
  }
  test('case 39: keeps credentials within scheme, host and port', () => {
    assert.deepEqual(redirect('/elsewhere'), {
      url: new URL('https://registry.example:5000/elsewhere'),
      headers,
    });
  });
  const foreign = [
    'https://registry.example/',
    'https://registry.example:5001/',
    'https://cdn.example:5000/',
    'https://registry.example.evil.example:5000/',
    '//cdn.example/',
  ];
  for (const location of foreign) {
    test(`case 39: sends no credentials to ${location}`, () => {
      assert.deepEqual(redirect(location)?.headers, { accept: '*/*' });
    });
  }
  test('case 39: does not give them back on the way home', () => {
    const away = redirect('https://cdn.example/');
    assert.ok(away !== undefined);
    const home = nextHop('HEAD', away, { status: 307, location: hop.url.href });
    assert.deepEqual(home?.headers, { accept: '*/*' });
  });
  test('case 39: shows what is for another origin to that origin only', () => {
    const elsewhere = { origin: 'https://cdn.example', authorization: 'Bearer anonymous' };
    const answer = { status: 307, location: 'https://cdn.example/blob' };
    const there = nextHop('HEAD', hop, answer, elsewhere);
    assert.deepEqual(there?.headers, { accept: '*/*', authorization: 'Bearer anonymous' });
    for (const location of [
      'https://cdn.example:444/',
      'http://cdn.example/',
      'https://a.cdn.example/',
    ]) {
      const other = nextHop(
        'HEAD',
        { ...hop, url: new URL('http://r.example/') },
        { status: 307, location },
        elsewhere,
      );
      assert.deepEqual(other?.headers, { accept: '*/*' });
    }
    const home = nextHop('HEAD', there ?? hop, { status: 307, location: hop.url.href }, elsewhere);
    assert.deepEqual(home?.headers, { accept: '*/*' });
    const within = nextHop('HEAD', hop, { status: 307, location: '/elsewhere' }, elsewhere);
    assert.deepEqual(within?.headers, headers);
  });
  test('case 39: drops user, password and fragment of a Location', () => {
    assert.equal(redirect('https://a:b@cdn.example/x#y')?.url.href, 'https://cdn.example/x');
  });
  test('case 39: refuses to leave https, and all that is not HTTP', () => {
    for (const location of ['http://registry.example:5000/', 'ftp://cdn.example/', 'data:,x']) {
      assert.throws(
        () => redirect(location),
        (error: unknown) => error instanceof HttpError && error.code === 'refused',
      );
    }
  });
  test('a Location that is no URL is malformed', () => {
    assert.throws(
      () => redirect('https://:x\u001b[2J/'),
      (error: unknown) =>
        error instanceof HttpError &&
        error.code === 'malformed' &&
        !error.message.includes('\u001b'),
    );
  });
  test('case 39: never follows with a POST', () =>
    assert.equal(redirect('/x', 307, 'POST'), undefined));
  test('takes 300, 304 and a redirect to nowhere as answers', () => {
    assert.equal(redirect('/x', 300), undefined);
    assert.equal(redirect('/x', 304), undefined);
    assert.equal(redirect(undefined), undefined);
  });
});
