import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';

import type { Credential } from '../credentials/credential.ts';
import { seededRandom, type Random } from '../testing/model/random.ts';
import {
  entry,
  identityToken,
  latestIn,
  login,
  registryToken,
  ruleSecret,
} from '../testing/test-registries.ts';
import { createRegistry } from './client.ts';
import { defaultHostOptions } from './hosts.ts';
import { HttpError, type Http, type HttpRequest, type HttpResponse } from './http.ts';

const host = 'r.example.com';
const realms = ['auth.example.com', host, 'old.example.com'] as const;
/** Where redirects lead. */
const elsewhere = 'other.example.net';
const digest = `sha256:${'a'.repeat(64)}`;

const credentials: readonly Credential[] = [
  login('ann', 'secret-1'),
  login('ann', 'secret-2'),
  identityToken('secret-3'),
  identityToken('secret-4', 'acr'),
  registryToken('secret-5'),
];
const secrets = /secret-\d/;

/** Three entries, each asked as a GET, a HEAD and a token of it, and nobody; far more is a circle. */
const fewRequests = 60;

function challengesOf(random: Random): readonly string[] {
  const bearer = `Bearer realm="https://${random.pick(realms)}/token"`;
  return random.pick([
    [],
    ['Negotiate'],
    ['Basic realm="r"'],
    [bearer],
    [`${bearer},error="insufficient_scope"`],
    [`${bearer},service="s",scope="aws"`, 'Basic realm="r"'],
    ['Bearer realm="http://auth.example.com/token"', 'Basic realm="r"'],
    [`Bearer realm="https://${elsewhere}/token"`],
  ]);
}

function answerTo(request: HttpRequest, random: Random): HttpResponse {
  const answer = (
    status: number,
    headers: Readonly<Record<string, readonly string[]>> = {},
    { body = '', url = request.url } = {},
  ): HttpResponse => ({
    status,
    header: (name) => headers[name] ?? [],
    body: Buffer.from(body),
    url,
  });
  const asks = { 'www-authenticate': challengesOf(random) };
  const elsewhereUrl = new URL(`https://${elsewhere}${request.url.pathname}`);
  if (random.chance(0.05)) throw new HttpError('unreachable', 'no', { connectFailure: true });
  if (request.url.pathname === '/token') {
    if (random.chance(0.5)) return answer(200, {}, { body: '{"token":"t","expires_in":300}' });
    const body = random.pick(['', 'no JSON', '{"error":"invalid_grant"}']);
    return answer(random.pick([200, 400, 401, 403, 404, 405, 429, 500]), {}, { body });
  }
  if (random.chance(0.3)) return answer(200, { 'docker-content-digest': [digest] });
  if (random.chance(0.4)) return answer(401, asks);
  if (random.chance(0.2)) return answer(random.pick([401, 403]), asks, { url: elsewhereUrl });
  return answer(random.pick([200, 400, 403, 404, 405, 429, 501, 503]));
}

test('case 61: whatever is answered, a look-up ends after a few requests, and no secret goes elsewhere', async () => {
  for (let seed = 1; seed <= 400; seed += 1) {
    const random = seededRandom(seed);
    let clock = 0;
    let requests = 0;
    const http: Http = {
      async send(request, { signal }) {
        requests += 1;
        // A turn of the event loop, as the network takes it.
        await nextTurn();
        signal.throwIfAborted();
        const { url, headers, body = '' } = request;
        const basic = /^Basic (?<pair>.*)$/.exec(headers['authorization'] ?? '')?.groups?.['pair'];
        const shown = `${headers['authorization']} ${atob(basic ?? '')} ${body}`;
        const mayHear = url.host !== elsewhere || request.namedBy?.url.host === host;
        assert.ok(mayHear || !secrets.test(shown), `seed ${seed}: a secret went to ${url.host}`);
        return answerTo(request, random);
      },
      async close() {},
    };
    const rule = credentials.filter(() => random.chance(0.2)).slice(0, 1);
    const registry = createRegistry({
      http,
      settings: () => ({
        ruleFor: () => ({
          candidates: rule.map((credential) => ruleSecret(credential)),
          options: defaultHostOptions,
          pattern: '*',
        }),
        jfrogFallback: false,
      }),
      observe: () => {},
      now: () => new Date(clock),
      monotonic: () => clock,
      random: () => 0,
      fingerprintKey: Buffer.from('key of this test'),
    });
    for (let tick = 0; tick < 8; tick += 1) {
      const before = requests;
      const lookUps = registry.begin(new AbortController().signal);
      const pod = credentials.filter(() => random.chance(0.3)).map((one) => entry(one));
      const names = ['web', 'api'].filter(() => random.chance(0.7));
      // oxlint-disable-next-line no-await-in-loop -- one tick after the other
      const answers = await Promise.all(
        names.map((name) => latestIn(lookUps, `${host}/o/${name}:main`, pod)),
      );
      for (const answer of answers) {
        const message = answer.status === 'failed' ? answer.message : '';
        assert.doesNotMatch(message, /unexpectedly|secret-/, `seed ${seed}`);
      }
      const count = requests - before;
      assert.ok(count <= names.length * fewRequests, `seed ${seed}: ${count} requests`);
      clock += random.pick([1000, 60_000, 6 * 60_000, 60 * 60_000]);
    }
  }
});
