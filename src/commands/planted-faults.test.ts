import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createAuthority } from '../testing/certificates.ts';
import { CliWorld } from '../testing/cli-world.ts';
import { errorAnswer } from '../testing/fake-answer.ts';
import { fakeImage } from '../testing/fake-images.ts';
import { FakeRegistry } from '../testing/fake-registry.ts';
import type { JsonObject } from '../testing/kube-json.ts';
import { deployment, pullSecret, type WorkloadOptions } from '../testing/kube-objects.ts';
import { adviceFor, misplaced, rowOf, symptoms, withAdvice } from '../testing/planted-faults.ts';

/* Each of these makes people say "nothing happens": one command has to name it, and what to do. */

describe('a fault that somebody planted is found with one command', () => {
  test('check: everything about images, credentials and workloads', async () => {
    const authority = await createAuthority();
    const identity = await authority.issue(['127.0.0.1']);
    await using tls = await FakeRegistry.start({ tls: 'h1', identity });
    await using limited = await FakeRegistry.start();
    await using world = await CliWorld.start({
      registry: { auth: { type: 'bearer', users: { robot: { password: 'right' } } } },
    });
    const { api, namespace, registry } = world;
    limited.on('HEAD', '/v2/o/limited/manifests/main', errorAnswer(429, 'TOOMANYREQUESTS'));
    limited.on('GET', '/v2/o/limited/manifests/main', errorAnswer(429, 'TOOMANYREQUESTS'));
    const auths = { [registry.host]: { username: 'robot', password: 'expired' } };
    api.create(pullSecret({ name: 'regcred', namespace, auths }));
    await world.folder.write(
      'config.yaml',
      `registries:
  - { hostnamePattern: "${tls.host}" }
  - { hostnamePattern: "127.0.0.1:*", plainHttp: true }
`,
    );
    const plant = (name: string, image: string, options: Partial<WorkloadOptions> = {}): void => {
      world.running.set(image, `${image.replace(/@.*|:[^:/]+$/, '')}@${fakeImage(name).digest}`);
      api.create(deployment({ name, namespace, image, ...options }));
    };
    const container = (name: string, policy: string): JsonObject => {
      const image = `${registry.host}/o/${name}:main`;
      world.running.set(image, `${registry.host}/o/${name}@${fakeImage(name).digest}`);
      return { name: 'app', image, imagePullPolicy: policy };
    };
    const template = { metadata: { labels: { 'kube-autorollout/enabled': 'true' } } };

    plant('expired', `${registry.host}/o/expired:main`, { pullSecrets: ['regcred'] });
    plant('misplaced', `${registry.host}/o/x:main`, { labels: {}, spec: { template } });
    plant('cached', '', { containers: [container('cached', 'IfNotPresent')] });
    plant('pinned', `${registry.host}/o/pinned@${fakeImage('pinned').digest}`);
    plant('down', '127.0.0.1:1/o/down:main');
    plant('untrusted', `${tls.host}/o/untrusted:main`);
    plant('limited', `${limited.host}/o/limited:main`);
    plant('paused', `${registry.host}/o/paused:main`);
    api.edit('Deployment', 'paused', { spec: { paused: true } }, namespace);

    const { stdout, stderr } = await world.run(['check']);
    for (const [name, words] of Object.entries(symptoms)) {
      assert.match(rowOf(stdout, name), words, stdout + stderr);
    }
    assert.match(stdout, misplaced);
    for (const reason of withAdvice) assert.match(stdout, adviceFor(reason));
  });

  test('check: the wrong namespace', async () => {
    await using world = await CliWorld.start();
    const { stdout } = await world.run(['check', '--namespace', 'shopp']);
    assert.match(stdout, /namespace shopp has no Deployment.*choose another with --namespace/);
  });

  test('run --once: a verb that the Role lacks, as the rule to add', async () => {
    await using world = await CliWorld.start();
    const { api, namespace } = world;
    world.push('o/web:main');
    api.create(deployment({ name: 'web', namespace, image: world.image('o/web:main') }));
    world.pushAgain('o/web:main');
    api.deny('patch', 'deployments');
    const { exitCode, stdout } = await world.run(['run', '--once', '--log-format', 'pretty']);
    assert.equal(exitCode, 1);
    assert.match(
      stdout,
      /WARN {2}workload could not be restarted: patch deployments\.apps "web": .*the Role lacks the rule \{apiGroups: \["apps"\], resources: \["deployments"\], verbs: \["patch"\]\}/,
    );
  });

  test('validate: a typo in a key of the config', async () => {
    await using world = await CliWorld.start({ config: 'webserver:\n  prot: 8080\n' });
    const { exitCode, stdout } = await world.run(['validate']);
    assert.equal(exitCode, 2);
    assert.match(stdout, /config\.yaml:2:3 webserver\.prot: .*did you mean port/);
  });

  test('validate: a cron pattern that fires unevenly, with the times that show it', async () => {
    await using world = await CliWorld.start({ config: 'cronSchedule: "*/45 * * * * *"\n' });
    const { exitCode, stdout } = await world.run(['validate']);
    assert.equal(exitCode, 0);
    assert.match(
      stdout,
      /warning: cronSchedule "\*\/45 \* \* \* \* \*" fires unevenly: the next times are (?:45 s, 15 s|15 s, 45 s) apart/,
    );
    assert.equal((stdout.match(/^ {2}\d{4}-\d\d-\d\dT\d\d:\d\d:(?:00|45)Z$/gm) ?? []).length, 5);
  });

  test('case 61: a config that steers the terminal steers nothing', async () => {
    const key = String.raw`"\e[31mkey"`;
    await using world = await CliWorld.start({ config: `${key}: 1\n` });
    for (const command of ['validate', 'check']) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      const { exitCode, stdout, stderr } = await world.run([command]);
      assert.equal(exitCode, 2);
      assert.match(stdout + stderr, /unknown key/);
      assert.doesNotMatch(stdout + stderr, /(?!\n)[\p{C}\p{Zl}\p{Zp}]/u);
    }
  });
});
