import { createServer as createHttpServer } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo, Server, Socket } from 'node:net';

import { type WorkloadKind, workloadKinds } from '../rollout/workload.ts';
import {
  type Answer,
  jsonAnswer,
  sendAnswer,
  type ServedRequest,
  type ServedResponse,
} from './fake-answer.ts';
import { FakeControllers, type RollOutOptions, type Simulation } from './fake-controllers.ts';
import { answerKube } from './fake-kube-api.ts';
import {
  type KubeApi,
  type KubeRules,
  readRequest,
  type RecordedKubeRequest,
} from './fake-kube-request.ts';
import type { TlsIdentity } from './fake-registry.ts';
import {
  type JsonObject,
  type KubeObject,
  mergePatch,
  type NewObject,
  objectAt,
} from './kube-json.ts';
import { isKind, type Kind, kindOf, KubeStore } from './kube-store.ts';

export interface FakeApiServerOptions {
  /** With it every workload has Pods and a `status`; without it a test writes them itself. */
  readonly simulate?: Simulation;
  /**
   * When a changed template rolls out: `manual` waits for `rollOut`, a number of milliseconds does it by itself.
   * Default 0: as soon as the request that changed it was answered.
   */
  readonly rollOutAfterMs?: number | 'manual';
  /** Only these are let in, as `Authorization: Bearer`; default: everybody is. */
  readonly tokens?: readonly string[];
  /** Before each answer. */
  readonly latencyMs?: number;
  /** Serves TLS. */
  readonly identity?: TlsIdentity;
  /** PEM; with `identity`: only clients with a certificate of this CA are served. */
  readonly clientCertificatesOf?: string;
  readonly now?: () => Date;
  /** Default true: an unexpected request makes the server's disposal fail. */
  readonly strict?: boolean;
}

export type { RecordedKubeRequest } from './fake-kube-request.ts';

/**
 * What to do with a request: an answer, or undefined for the usual one. `serve` does the usual thing and returns its
 * answer, for faults that come after the work was done.
 */
export type KubeScript =
  | Answer
  | ((
      request: RecordedKubeRequest,
      serve: () => Answer,
    ) => Answer | undefined | Promise<Answer | undefined>);

/**
 * A Kubernetes API server in this process, on a real socket, for tests, the demo and the benchmark.
 *
 * It knows exactly what a poller needs, and is strict: a request that the poller has no reason to send, an unknown
 * field or content type, and a scripted one-time answer that nobody asked for make its disposal fail.
 *
 * @example
 * await using api = await FakeApiServer.start({ simulate: { resolveImage: () => 'r.test/o/web@sha256:…' } });
 * api.create(deployment({ name: 'web', image: 'r.test/o/web:main' }));
 * // GET http://127.0.0.1:…/apis/apps/v1/namespaces/default/deployments lists it
 */
export class FakeApiServer {
  readonly url: URL;
  readonly requests: RecordedKubeRequest[] = [];
  /** What should not have been asked. */
  readonly problems: string[] = [];
  /** Tests rotate them. */
  readonly tokens: Set<string> | undefined;
  latencyMs: number;

  readonly #server: Server;
  readonly #store: KubeStore;
  readonly #controllers: FakeControllers | undefined;
  readonly #api: KubeApi;
  readonly #rollOutAfterMs: number | 'manual';
  readonly #strict: boolean;
  readonly #sockets = new Map<Socket, number>();
  readonly #scripts = new Map<string, KubeScript>();
  readonly #once = new Map<string, KubeScript[]>();
  readonly #rules: KubeRules = { denied: new Map(), compactedAt: 0 };
  readonly #rolling = new Map<string, NodeJS.Timeout>();
  readonly #closing = new AbortController();
  #connections = 0;

  private constructor(server: Server, options: FakeApiServerOptions) {
    this.#server = server;
    const now = options.now ?? (() => new Date());
    this.#store = new KubeStore(now);
    this.#controllers =
      options.simulate === undefined
        ? undefined
        : new FakeControllers(this.#store, options.simulate, now);
    this.#api = {
      store: this.#store,
      rules: this.#rules,
      changed: (object) => this.#changed(object),
      problem: (text) => this.problems.push(text),
    };
    this.#rollOutAfterMs = options.rollOutAfterMs ?? 0;
    this.#strict = options.strict ?? true;
    this.latencyMs = options.latencyMs ?? 0;
    this.tokens = options.tokens === undefined ? undefined : new Set(options.tokens);
    const scheme = options.identity === undefined ? 'http' : 'https';
    this.url = new URL(`${scheme}://127.0.0.1:${portOf(server)}/`);
    server.on(scheme === 'http' ? 'connection' : 'secureConnection', (socket: Socket) => {
      this.#connections += 1;
      this.#sockets.set(socket, this.#connections);
      socket.once('close', () => this.#sockets.delete(socket));
      socket.on('error', () => {});
    });
    server.on('request', (request: ServedRequest, response: ServedResponse) => {
      this.#serve(request, response).catch((error: unknown) => this.#trouble(error));
    });
  }

  /** Listens on a free port of 127.0.0.1. */
  static async start(options: FakeApiServerOptions = {}): Promise<FakeApiServer> {
    const { identity, clientCertificatesOf } = options;
    const server =
      identity === undefined
        ? createHttpServer()
        : createHttpsServer({
            cert: identity.certificate,
            key: identity.key,
            ...(clientCertificatesOf !== undefined && {
              ca: clientCertificatesOf,
              requestCert: true,
              rejectUnauthorized: true,
            }),
          });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(0, '127.0.0.1', resolve);
    });
    return new FakeApiServer(server, options);
  }

  /** How many connections have been accepted so far. */
  get connections(): number {
    return this.#connections;
  }

  /** A kubeconfig for this server, as a file may hold it. @param user its fields, such as `{ token: '…' }` */
  kubeconfig(
    options: {
      readonly namespace?: string;
      readonly user?: JsonObject;
      readonly cluster?: JsonObject;
    } = {},
  ): string {
    const { namespace = 'default', user = {}, cluster = {} } = options;
    return JSON.stringify({
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': 'fake',
      clusters: [{ name: 'fake', cluster: { server: this.url.origin, ...cluster } }],
      users: [{ name: 'poller', user }],
      contexts: [{ name: 'fake', context: { cluster: 'fake', user: 'poller', namespace } }],
    });
  }

  /** Stores an object; a workload has its Pods at once where controllers are simulated. */
  create(object: NewObject): KubeObject {
    const stored = this.#store.create(object);
    if (isWorkload(stored)) this.#rollOutNow(stored, {});
    return (
      this.#store.get(kindOf(stored), stored.metadata.namespace, stored.metadata.name) ?? stored
    );
  }

  /** @throws {Error} when there is none */
  get(kind: Kind, name: string, namespace = 'default'): KubeObject {
    const object = this.#store.get(kind, namespace, name);
    if (object === undefined) throw new Error(`no ${kind} "${name}" in namespace "${namespace}"`);
    return object;
  }

  list(kind: Kind, namespace = 'default'): readonly KubeObject[] {
    return this.#store.list(kind, namespace);
  }

  /** Somebody else writes: a person, GitOps, an autoscaler. Rolls out as a PATCH would. @param patch a merge patch */
  edit(kind: Kind, name: string, patch: JsonObject, namespace = 'default'): KubeObject {
    const old = this.get(kind, name, namespace);
    const changed = this.#store.update(old, {
      ...old,
      ...mergePatch(old, patch),
      metadata: { ...old.metadata, ...mergePatch(old.metadata, objectAt(patch, 'metadata')) },
    });
    this.#changed(changed);
    return changed;
  }

  /** A controller writes `status`: the version changes, nothing else. */
  writeStatus(kind: Kind, name: string, status: JsonObject, namespace = 'default'): KubeObject {
    const old = this.get(kind, name, namespace);
    return this.#store.updateStatus(old, { ...old, status: mergePatch(old['status'], status) });
  }

  /** Deletes an object, and the Pods of a workload with it. */
  delete(kind: Kind, name: string, namespace = 'default'): void {
    const object = this.get(kind, name, namespace);
    this.#store.delete(kind, namespace, name);
    if (isWorkload(object)) this.#controllers?.forget(object);
  }

  /** Lets the controllers do their work on a workload now, all of it or half. */
  rollOut(
    kind: WorkloadKind,
    name: string,
    options: RollOutOptions = {},
    namespace = 'default',
  ): KubeObject {
    return this.#rollOutNow(this.get(kind, name, namespace), options);
  }

  /** A container starts again on its node and pulls anew. */
  restartContainer(pod: string, container: string, namespace = 'default'): void {
    this.#controllers?.restartContainer(namespace, pod, container);
  }

  /** No rollout is waiting any more. */
  get settled(): boolean {
    return this.#rolling.size === 0;
  }

  /** Takes a verb from the Role: `deny('list', 'pods')`. */
  deny(verb: string, resource: string): void {
    const verbs = this.#rules.denied.get(resource) ?? new Set<string>();
    this.#rules.denied.set(resource, verbs.add(verb));
  }

  allow(verb: string, resource: string): void {
    this.#rules.denied.get(resource)?.delete(verb);
  }

  /** etcd was compacted: continue tokens that are out by now are answered with 410. */
  expireContinueTokens(): void {
    this.#rules.compactedAt = this.#store.compact();
  }

  /** Answers a path (without query) in its own way until further notice. */
  on(method: string, path: string, script: KubeScript): void {
    this.#scripts.set(`${method} ${path}`, script);
  }

  /** Answers the next request of a path in its own way; several wait in line. It must be asked for. */
  once(method: string, path: string, script: KubeScript): void {
    const key = `${method} ${path}`;
    this.#once.set(key, [...(this.#once.get(key) ?? []), script]);
  }

  /** How often something was asked, by method and path without query. */
  count(method: string, path?: string): number {
    return this.requests.filter(
      (request) => request.method === method && (path === undefined || request.path === path),
    ).length;
  }

  /** Cuts every connection; it goes on listening. */
  disconnect(): void {
    for (const socket of this.#sockets.keys()) socket.destroy();
  }

  async close(): Promise<void> {
    this.#closing.abort();
    for (const timer of this.#rolling.values()) clearTimeout(timer);
    this.#rolling.clear();
    this.disconnect();
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
    });
  }

  /** @throws {Error} naming every unexpected request and every scripted answer that was not asked for */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
    const unused = [...this.#once]
      .filter(([, scripts]) => scripts.length > 0)
      .map(([key, scripts]) => `never asked: ${key} (${scripts.length} answers left)`);
    const problems = [...this.problems, ...unused];
    if (this.#strict && problems.length > 0) {
      throw new Error(`fake API server ${this.url.host}:\n  ${problems.join('\n  ')}`);
    }
  }

  async #serve(request: ServedRequest, response: ServedResponse): Promise<void> {
    const recorded = await readRequest(request, this.#sockets.get(request.socket) ?? 0);
    this.requests.push(recorded);
    const answer = await this.#answer(recorded);
    const delayMs = this.latencyMs + (answer.delayMs ?? 0);
    await sendAnswer(request, response, { ...answer, delayMs }, this.#closing.signal);
  }

  async #answer(request: RecordedKubeRequest): Promise<Answer> {
    const key = `${request.method} ${request.path}`;
    const script = this.#once.get(key)?.shift() ?? this.#scripts.get(key);
    const serve = (): Answer => this.#usual(request);
    if (script === undefined) return serve();
    if (typeof script !== 'function') return script;
    return (await script(request, serve)) ?? serve();
  }

  #usual(request: RecordedKubeRequest): Answer {
    const token = /^Bearer (?<token>.*)$/.exec(request.headers.authorization ?? '')?.groups?.[
      'token'
    ];
    if (this.tokens !== undefined && !this.tokens.has(token ?? '')) return unauthorized;
    return answerKube(this.#api, request);
  }

  /** The template may be another now. */
  #changed(object: KubeObject): void {
    if (!isWorkload(object) || this.#rollOutAfterMs === 'manual') return;
    const { uid, name, namespace } = object.metadata;
    const { kind } = object;
    if (this.#controllers === undefined || this.#rolling.has(uid)) return;
    const timer = setTimeout(() => {
      this.#rolling.delete(uid);
      const fresh = this.#store.get(kind, namespace, name);
      if (fresh?.metadata.uid === uid) this.#rollOutNow(fresh, {});
    }, this.#rollOutAfterMs);
    this.#rolling.set(uid, timer);
  }

  #rollOutNow(workload: KubeObject, options: RollOutOptions): KubeObject {
    if (!isWorkload(workload)) return workload;
    return this.#controllers?.rollOut(workload.kind, workload, options) ?? workload;
  }

  #trouble(error: unknown): void {
    if (this.#closing.signal.aborted) return;
    this.problems.push(`the fake failed: ${String(error)}`);
  }
}

const unauthorized = jsonAnswer(
  {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message: 'Unauthorized',
    reason: 'Unauthorized',
    code: 401,
  },
  401,
);

function isWorkload(object: KubeObject): object is KubeObject & { readonly kind: WorkloadKind } {
  return isKind(object.kind) && workloadKinds.some((kind) => kind === object.kind);
}

function portOf(server: Server): number {
  const address: AddressInfo | string | null = server.address();
  if (address === null || typeof address === 'string') throw new Error('the fake is not listening');
  return address.port;
}
