import { z } from 'zod';

import { type WorkloadKind, workloadKinds } from '../../src/rollout/workload.ts';
import { createAuthority } from '../../src/testing/certificates.ts';
import type { Answer } from '../../src/testing/fake-answer.ts';
import { FakeApiServer, type RecordedKubeRequest } from '../../src/testing/fake-apiserver.ts';
import { FakeRegistry } from '../../src/testing/fake-registry.ts';
import { type JsonObject, type KubeObject, listAt, textAt } from '../../src/testing/kube-json.ts';
import { pullSecret, workload } from '../../src/testing/kube-objects.ts';
import { seededRandom, type Random } from '../../src/testing/model/random.ts';
import { SoakFaults } from './soak-faults.ts';
import { SoakImage } from './soak-images.ts';

/*
 * The world of the soak: an API server, registries, and what happens to them, in a process of its own, so that what
 * grows in the other process is the poller. It knows the truth and judges every PATCH by it.
 */

const messageSchema = z.discriminatedUnion('do', [
  z.object({ do: z.literal('start'), seed: z.number() }),
  /** Something happens before the next tick. */
  z.object({ do: z.literal('disturb') }),
  /** A tick ended. */
  z.object({ do: z.literal('look') }),
  /** Everything is put right; what is wrong after some more ticks stays wrong. */
  z.object({ do: z.literal('heal') }),
]);

const namespace = 'default';
const imagesPerRegistry = 6;
const lastRestartSchema = z.object({
  containers: z.object({ app: z.object({ seen: z.array(z.object({ digest: z.string() })) }) }),
});

interface Place {
  readonly kind: WorkloadKind;
  readonly name: string;
  readonly image: SoakImage;
}

class SoakWorld {
  readonly #random: Random;
  readonly #api: FakeApiServer;
  readonly #faults: SoakFaults;
  readonly #registries: readonly FakeRegistry[];
  readonly #account: { password: string };
  readonly #images: readonly SoakImage[];
  readonly #places: readonly Place[] = [];
  /** By workload: the digests that it was restarted for. */
  readonly #restartedFor = new Map<string, Set<string>>();
  readonly #violations: string[] = [];
  /** Ticks until the new password reaches the Secret. */
  #secretIsOldFor = 0;
  #oldTokenFor = 0;
  #token = 'token-0';
  #trustsAllFrom = 0;
  #tick = 0;
  #restarts = 0;
  #pushes = 0;

  private constructor(parts: {
    readonly random: Random;
    readonly api: FakeApiServer;
    readonly registries: readonly FakeRegistry[];
    readonly account: { password: string };
    readonly images: readonly SoakImage[];
  }) {
    this.#random = parts.random;
    this.#api = parts.api;
    this.#registries = parts.registries;
    this.#account = parts.account;
    this.#images = parts.images;
    this.#faults = new SoakFaults(parts.api, parts.random);
    this.#places = this.#populate();
    this.#listen();
  }

  static async start(
    seed: number,
  ): Promise<{ readonly world: SoakWorld; readonly access: JsonObject }> {
    const [one, other] = [await createAuthority('Soak CA 1'), await createAuthority('Soak CA 2')];
    const identity = await one.issue(['127.0.0.1']);
    const account = { password: 'password-0' };
    const common = { strict: false };
    const registries = [
      await FakeRegistry.start(common),
      await FakeRegistry.start({
        ...common,
        tls: 'h2',
        identity,
        auth: { type: 'bearer', public: true, expiresInSeconds: 60 },
      }),
      // Its CA is not always trusted.
      await FakeRegistry.start({
        ...common,
        tls: 'h1',
        identity: await other.issue(['127.0.0.1']),
      }),
      await FakeRegistry.start({
        ...common,
        auth: { type: 'bearer', users: { robot: account }, expiresInSeconds: 60 },
      }),
    ] as const;
    const images = registries.flatMap((registry, at) =>
      Array.from(
        { length: imagesPerRegistry },
        (_, index) => new SoakImage(registry, `r${at}/app-${index}`),
      ),
    );
    const api = await FakeApiServer.start({
      identity,
      tokens: ['token-0'],
      strict: false,
      simulate: {
        resolveImage: (text) => images.find(({ reference }) => reference === text)?.imageId,
      },
    });
    const random = seededRandom(seed);
    const world = new SoakWorld({ random, api, registries, account, images });
    const access = {
      server: api.url.href,
      trusted: [one.certificate],
      rotated: other.certificate,
      plain: [registries[0].host, registries[3].host],
    };
    return { world, access };
  }

  /** Lets one to four things happen. @returns what the poller's side has to know */
  disturb(): JsonObject {
    this.#tick += 1;
    const happened = [...this.#pass()];
    for (let count = this.#random.below(4); count >= 0; count -= 1) happened.push(this.#happen());
    return { happened, token: this.#token, trustsAll: this.#tick >= this.#trustsAllFrom };
  }

  look(): JsonObject {
    // Neither are the fakes' records of use here, nor Events; they would only grow.
    this.#api.requests.length = 0;
    for (const registry of this.#registries) registry.requests.length = 0;
    for (const { metadata } of this.#api.list('Event')) this.#api.delete('Event', metadata.name);
    const running = new Set(this.#api.list('Pod').map((pod) => digestOf(pod)));
    for (const image of this.#images) image.prune(running);
    return {
      restarts: this.#restarts,
      pushes: this.#pushes,
      violations: [...this.#violations],
      stale: this.#places
        .filter((place) => this.#isStale(place))
        .map(({ kind, name }) => `${kind} ${name}`),
    };
  }

  heal(): JsonObject {
    this.#faults.end();
    for (const registry of this.#registries) registry.latencyMs = 0;
    this.#rotatePassword();
    this.#writeSecret();
    for (const { kind, name } of this.#places) this.#hold(kind, name, false);
    this.#trustsAllFrom = 0;
    return { happened: ['everything is put right'], token: this.#token, trustsAll: true };
  }

  /** What was begun some ticks ago goes on. */
  *#pass(): Generator<string> {
    if (this.#random.chance(0.5)) this.#faults.end();
    if (this.#secretIsOldFor > 0) {
      this.#secretIsOldFor -= 1;
      if (this.#secretIsOldFor === 0) {
        this.#writeSecret();
        yield 'the pull Secret has the new password';
      }
    }
    if (this.#oldTokenFor > 0) {
      this.#oldTokenFor -= 1;
      if (this.#oldTokenFor === 0) {
        for (const token of this.#api.tokens ?? []) {
          if (token !== this.#token) this.#api.tokens?.delete(token);
        }
        yield 'old service account tokens are refused';
      }
    }
  }

  #happen(): string {
    const random = this.#random;
    const image = this.#anyImage();
    const [place = this.#places[0]] = this.#places.slice(random.below(this.#places.length));
    const choice = random.below(100);
    if (choice < 30) {
      image.push();
      this.#pushes += 1;
      return `pushed ${image.reference}`;
    }
    if (choice < 38) {
      image.attestAnew();
      return `attested ${image.reference} anew`;
    }
    if (choice < 60) return this.#faults.disturbRegistry(image);
    if (choice < 78) return this.#faults.disturbApi();
    if (choice < 82) {
      image.registry.disconnect();
      return `registry ${image.registry.host} cut its connections`;
    }
    if (choice < 84) {
      this.#api.disconnect();
      return 'API server cut its connections';
    }
    if (choice < 86) {
      image.registry.issuer?.revokeAll();
      return `registry ${image.registry.host} forgot its tokens`;
    }
    if (choice < 89) {
      this.#rotatePassword();
      this.#secretIsOldFor = 1 + random.below(3);
      return 'the private registry has a new password';
    }
    if (choice < 91) {
      this.#token = `token-${this.#tick}`;
      this.#api.tokens?.add(this.#token);
      this.#oldTokenFor = 1 + random.below(3);
      return 'a new service account token';
    }
    if (choice < 94) {
      this.#trustsAllFrom = this.#tick + 1 + random.below(3);
      return 'one CA is not trusted for a while';
    }
    if (place === undefined) return 'nothing';
    if (choice < 97) {
      const held = random.chance(0.5);
      this.#hold(place.kind, place.name, held);
      return `${place.name} is ${held ? '' : 'not '}on hold`;
    }
    const [pod] = this.#podsOf(place);
    if (pod !== undefined) this.#api.restartContainer(pod.metadata.name, 'app');
    return `a container of ${place.name} started again`;
  }

  #populate(): readonly Place[] {
    this.#writeSecret();
    return this.#images.flatMap((image, index) =>
      ['one', 'two'].map((half) => {
        const kind = workloadKinds[(index + half.length) % workloadKinds.length] ?? 'Deployment';
        const name = `app-${index}-${half}`;
        const isPrivate = image.registry === this.#registries.at(-1);
        this.#api.create(
          workload(kind, {
            name,
            image: image.reference,
            replicas: 1 + (index % 3),
            ...(isPrivate && { pullSecrets: ['regcred'] }),
          }),
        );
        return { kind, name, image };
      }),
    );
  }

  #listen(): void {
    const answer = (request: RecordedKubeRequest, serve: () => Answer): Answer | undefined =>
      this.#faults.answer(request, serve);
    const resources = {
      Deployment: 'deployments',
      StatefulSet: 'statefulsets',
      DaemonSet: 'daemonsets',
    };
    const apps = `/apis/apps/v1/namespaces/${namespace}`;
    for (const resource of Object.values(resources))
      this.#api.on('GET', `${apps}/${resource}`, answer);
    this.#api.on('GET', `/api/v1/namespaces/${namespace}/pods`, answer);
    this.#api.on('GET', `/api/v1/namespaces/${namespace}/secrets/regcred`, answer);
    for (const place of this.#places) {
      const path = `${apps}/${resources[place.kind]}/${place.name}`;
      this.#api.on('GET', path, answer);
      this.#api.on('PATCH', path, (request, serve) => {
        const judged = (): Answer => {
          const stale = this.#isStale(place);
          const served = serve();
          if ((served.status ?? 200) === 200) this.#judge(place, request, stale);
          return served;
        };
        return answer(request, judged) ?? judged();
      });
    }
  }

  /** A PATCH was carried out. */
  #judge({ kind, name, image }: Place, { document }: RecordedKubeRequest, stale: boolean): void {
    this.#restarts += 1;
    const text = textAt(document, 'metadata', 'annotations', 'kube-autorollout/last-restart');
    const [newest] = lastRestartSchema.parse(JSON.parse(text)).containers.app.seen;
    const digest = newest?.digest ?? '';
    const known = this.#restartedFor.get(name) ?? new Set<string>();
    this.#restartedFor.set(name, known);
    const what = `tick ${this.#tick}: ${kind} ${name} was restarted for ${digest}`;
    if (digest !== image.digest) this.#violations.push(`${what}, which is not what its tag names`);
    if (known.has(digest)) this.#violations.push(`${what} again`);
    if (!stale) this.#violations.push(`${what}, which all its Pods run`);
    known.add(digest);
  }

  #isStale(place: Place): boolean {
    return this.#podsOf(place).some((pod) => !place.image.isCurrent(digestOf(pod)));
  }

  #podsOf({ name }: Place): readonly KubeObject[] {
    return this.#api.list('Pod').filter((pod) => textAt(pod, 'metadata', 'labels', 'app') === name);
  }

  #anyImage(): SoakImage {
    const [image] = this.#images.slice(this.#random.below(this.#images.length));
    if (image === undefined) throw new Error('there are no images');
    return image;
  }

  #hold(kind: WorkloadKind, name: string, held: boolean): void {
    const value = held ? 'true' : null;
    this.#api.edit(kind, name, { metadata: { annotations: { 'kube-autorollout/hold': value } } });
  }

  #rotatePassword(): void {
    this.#account.password = `password-${this.#tick}`;
    this.#registries.at(-1)?.issuer?.revokeAll();
  }

  #writeSecret(): void {
    const host = this.#registries.at(-1)?.host ?? '';
    const auths = { [host]: { username: 'robot', password: this.#account.password } };
    const written = pullSecret({ name: 'regcred', namespace, auths });
    const exists = this.#api.list('Secret').length > 0;
    if (exists) this.#api.edit('Secret', 'regcred', { data: written['data'] ?? null });
    else this.#api.create(written);
  }
}

function digestOf(pod: KubeObject): string {
  const [status] = listAt(pod, 'status', 'containerStatuses');
  const imageId = textAt(status, 'imageID');
  return imageId.slice(imageId.indexOf('@') + 1);
}

let world: SoakWorld | undefined;

async function obey(text: unknown): Promise<JsonObject> {
  const message = messageSchema.parse(text);
  if (message.do === 'start') {
    const started = await SoakWorld.start(message.seed);
    world = started.world;
    return started.access;
  }
  if (world === undefined) throw new Error('the world has not begun yet');
  if (message.do === 'disturb') return world.disturb();
  return message.do === 'heal' ? world.heal() : world.look();
}

process.on('message', (message) => {
  obey(message).then(
    (document) => process.send?.(document),
    (error: unknown) =>
      process.send?.({ error: String(error instanceof Error ? error.stack : error) }),
  );
});
process.on('disconnect', () => process.exit());
