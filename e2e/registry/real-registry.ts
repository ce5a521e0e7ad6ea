import { spawn, type ChildProcess } from 'node:child_process';
import { rmSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { request } from 'undici';
import { agentFor } from './uploads.ts';
import type { TlsIdentity } from '../../src/testing/fake-registry.ts';
import { output } from '../command.ts';

export interface RealRegistryOptions {
  /** Serves what another one holds; default: a store of its own. */
  readonly storeOf?: RealRegistry;
  /** Set, it speaks TLS, HTTP/2 included. */
  readonly tls?: TlsIdentity & { readonly authority: string };
  /** The `auth` part of its configuration; paths are of {@link RealRegistryOptions.files}. */
  readonly auth?: (folder: string) => object;
  /** Written to a folder that `auth` is told. */
  readonly files?: Readonly<Record<string, string>>;
}

/** A line of the registry's access log. */
export interface Served {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  readonly httpVersion: string;
  readonly status: number;
}

/**
 * Debian's docker-registry as a process of its own on a free port of loopback; its disposal ends it and deletes
 * what it stored. The cluster's install.sh unpacks it, and lib.sh knows where.
 *
 * @see https://distribution.github.io/distribution/about/configuration/
 */
export class RealRegistry implements AsyncDisposable {
  readonly url: URL;
  readonly #process: ChildProcess;
  readonly #folder: string;
  readonly #store: string;
  readonly #served: readonly Served[];
  readonly #authority: string | undefined;
  #markers = 0;

  private constructor(
    started: Started,
    place: { folder: string; store: string; authority: string | undefined },
  ) {
    this.#process = started.process;
    this.#served = started.served;
    this.#folder = place.folder;
    this.#store = place.store;
    this.#authority = place.authority;
    this.url = new URL(`${place.authority === undefined ? 'http' : 'https'}://${started.address}/`);
  }

  static async start(options: RealRegistryOptions = {}): Promise<RealRegistry> {
    const folder = await mkdtemp(join(tmpdir(), 'real-registry-'));
    try {
      const { storeOf } = options;
      const store = storeOf === undefined ? join(folder, 'store') : storeOf.#store;
      const files = {
        ...options.files,
        ...(options.tls && { 'tls.crt': options.tls.certificate, 'tls.key': options.tls.key }),
        // JSON is YAML, too.
        'config.yaml': JSON.stringify(configuration(folder, store, options)),
      };
      for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
      const started = await serve(join(folder, 'config.yaml'));
      return new RealRegistry(started, { folder, store, authority: options.tls?.authority });
    } catch (error) {
      await rm(folder, { recursive: true });
      throw error;
    }
  }

  /** `127.0.0.1:port`, as it stands in image references. */
  get host(): string {
    return this.url.host;
  }

  /** All requests that it has answered up to now, by its own log. */
  async served(): Promise<readonly Served[]> {
    this.#markers += 1;
    const marker = `/v2/?marker=${this.#markers}`;
    const { body } = await request(new URL(marker, this.url), {
      dispatcher: agentFor(this.#authority),
    });
    await body.dump();
    // A request is logged before its answer goes out; the pipe may only be read a little later.
    while (!this.#served.some(({ path }) => path === marker)) {
      if (this.#process.exitCode !== null) throw new Error('the registry has ended');
      await new Promise((resolve) => {
        setTimeout(resolve, 5);
      });
    }
    return this.#served.filter(({ path }) => !path.startsWith('/v2/?marker='));
  }

  /** What it has answered while `work` ran, as `HEAD 200`, in order. */
  async during(work: () => Promise<unknown>): Promise<readonly string[]> {
    const before = (await this.served()).length;
    await work();
    return (await this.served()).slice(before).map(({ method, status }) => `${method} ${status}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await end(this.#process);
    await rm(this.#folder, { recursive: true });
  }
}

function configuration(folder: string, store: string, options: RealRegistryOptions): object {
  return {
    version: '0.1',
    log: { level: 'info' },
    storage: { filesystem: { rootdirectory: store }, delete: { enabled: true } },
    http: {
      // It says in its log which port it was given.
      addr: '127.0.0.1:0',
      secret: 'of this test',
      relativeurls: true,
      ...(options.tls && {
        tls: { certificate: join(folder, 'tls.crt'), key: join(folder, 'tls.key') },
      }),
    },
    ...(options.auth && { auth: options.auth(folder) }),
  };
}

interface Started {
  readonly process: ChildProcess;
  readonly address: string;
  readonly served: readonly Served[];
}

async function serve(configFile: string): Promise<Started> {
  const child = spawn(await binary(), ['serve', configFile], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  endWithUs(child, dirname(configFile));
  const served: Served[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => {
    const [, method, path, httpVersion, status] =
      /"(\S+) (\S+) HTTP\/(\S+)" (\d{3}) /.exec(line) ?? [];
    if (method !== undefined && path !== undefined && httpVersion !== undefined) {
      served.push({ method, path, httpVersion, status: Number(status) });
    }
  });
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const log: string[] = [];
  createInterface({ input: child.stderr }).on('line', (line) => {
    log.push(line);
    const address = /msg="listening on (?<address>[^",]+)/.exec(line)?.groups?.['address'];
    if (address !== undefined) resolve(address);
  });
  child.once('error', (error) =>
    reject(new Error('docker-registry does not start', { cause: error })),
  );
  child.once('close', () => reject(new Error(`docker-registry ended: ${log.join('\n')}`)));
  return { process: child, address: await promise, served };
}

let found: Promise<string> | undefined;

/** As the cluster's scripts find it: on their PATH, which begins with what install.sh has unpacked. */
function binary(): Promise<string> {
  const scripts = join(import.meta.dirname, '../cluster');
  found ??= output('bash', ['-c', `. '${scripts}/lib.sh' && command -v docker-registry`]).then(
    (text) => text.trim(),
    (error: unknown) => {
      const remedy = 'run e2e/cluster/install.sh --control-plane-only first';
      throw new Error(`docker-registry is not there: ${remedy}`, { cause: error });
    },
  );
  return found;
}

/** A test run that is ended by a signal leaves nothing behind. */
function endWithUs(child: ChildProcess, folder: string): void {
  const kill = (): void => {
    child.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  };
  const signalled = (signal: NodeJS.Signals): void => {
    kill();
    process.kill(process.pid, signal);
  };
  process.once('exit', kill).once('SIGTERM', signalled).once('SIGINT', signalled);
  child.once('close', () => {
    process.off('exit', kill).off('SIGTERM', signalled).off('SIGINT', signalled);
  });
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const closed = new Promise((resolve) => {
    child.once('close', resolve);
  });
  child.kill();
  await closed;
}
