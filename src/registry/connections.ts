import type { Socket } from 'node:net';
import { Client } from 'undici';

import { dial, type DialOptions, type Dialled, type Route } from './dial.ts';
import { HttpError } from './http-error.ts';
import { Lanes } from './lanes.ts';
import { waitFor } from './waiting.ts';

/** Requests at once where nothing else is configured; see performance, "Politeness". */
const lanesOf = { h1: 8, h2: 32 };

/** Node's own limit is 16 KiB, which some CDNs' security headers come near to. */
const maxHeaderBytes = 32 * 1024;

/** Idle connections end well before the next tick, and before most servers end them. */
const keepAliveMs = 10_000;

/** A server that promises to keep connections for longer is not held to it. */
const maxKeepAliveMs = 30_000;

/** One connection: undici's client over a socket that stands already. */
export interface Connection {
  readonly client: Client;
  readonly socket: Socket;
  readonly protocol: 'h1' | 'h2';
  readonly address: string | undefined;
  /** Requests in flight. */
  running: number;
  /** Requests that ended with an answer: a later failure may only mean that the server had let go of it. */
  served: number;
}

/** The connection had ended before the request went out; a new one will do. */
export class ConnectionGone extends Error {}

/**
 * The connections of one route, and the lanes that its requests go by.
 *
 * While it is unknown which protocol the server speaks, one connection is made and everybody waits for it:
 * HTTP/2 needs no second one. HTTP/1.1 gets one per request in flight, which the lanes limit.
 */
export class Connections {
  readonly route: Route;
  readonly lanes: Lanes;
  readonly #maxConcurrentRequests: number | undefined;
  readonly #options: Omit<DialOptions, 'session' | 'onSession' | 'signal'>;
  readonly #open = new Set<Connection>();
  readonly #closing = new AbortController();
  #session: Buffer | undefined;
  #protocol: 'h1' | 'h2' | undefined;
  #dialling = 0;
  #first: Promise<void> | undefined;

  constructor(
    route: Route,
    maxConcurrentRequests: number | undefined,
    options: Omit<DialOptions, 'session' | 'onSession' | 'signal'>,
  ) {
    this.route = route;
    this.#maxConcurrentRequests = maxConcurrentRequests;
    this.#options = options;
    this.lanes = new Lanes(maxConcurrentRequests ?? lanesOf.h1);
  }

  /** Nothing is open, under way or asked for. */
  get isIdle(): boolean {
    return this.#open.size === 0 && this.#dialling === 0 && this.lanes.isIdle;
  }

  /**
   * A connection with room for one more request, a new one if need be. Give it back with {@link release}.
   * @throws {HttpError} as {@link dial} does; also for those that wait in the lanes, when not even one connection could be had
   */
  async acquire(signal: AbortSignal): Promise<Connection> {
    for (;;) {
      signal.throwIfAborted();
      const free = this.#free();
      if (free !== undefined) {
        free.running += 1;
        return free;
      }
      if (this.#protocol === 'h1') {
        await waitFor(this.#dial(), signal);
      } else {
        this.#first ??= this.#dial().finally(() => (this.#first = undefined));
        await waitFor(this.#first, signal);
      }
    }
  }

  release(connection: Connection): void {
    connection.running -= 1;
  }

  /**
   * Takes no further request on a connection on which one has failed; those in flight may end.
   * HTTP/2 survives a stream that was given up, but a deadline may mean that the peer fell silent for good.
   */
  discard(connection: Connection, error: unknown): void {
    const survives = error instanceof HttpError && error.code !== 'timed-out';
    if (connection.protocol === 'h2' && survives) return;
    this.#retire(connection);
  }

  /** One idle connection turned out to be dead: the others are as old. */
  discardIdle(): void {
    for (const connection of this.#open) {
      if (connection.running === 0) this.#retire(connection);
    }
  }

  async close(reason: HttpError): Promise<void> {
    this.#closing.abort(reason);
    this.lanes.failWaiting(reason);
    await Promise.all(
      [...this.#open].map(async ({ client, socket }) => {
        await client.destroy(reason);
        socket.destroy();
      }),
    );
    this.#open.clear();
  }

  /** What is in flight may end. Undici closes a socket that it has used; one that it never got is ours to close. */
  #retire(connection: Connection): void {
    this.#open.delete(connection);
    const { client, socket } = connection;
    client
      .close()
      .catch(ignore)
      .finally(() => socket.destroy());
  }

  #free(): Connection | undefined {
    for (const connection of this.#open) {
      // Undici ends a socket at once, but says so only later.
      if (connection.socket.destroyed) this.#open.delete(connection);
      else if (connection.protocol === 'h2' || connection.running === 0) return connection;
    }
    return undefined;
  }

  async #dial(): Promise<void> {
    this.#dialling += 1;
    try {
      const dialled = await dial(this.route, {
        ...this.#options,
        signal: this.#closing.signal,
        session: this.#session,
        onSession: (session) => (this.#session = session),
      });
      this.#protocol = dialled.protocol;
      this.lanes.setMaximum(this.#maxConcurrentRequests ?? lanesOf[dialled.protocol]);
      this.#add(dialled);
    } catch (error) {
      if (this.#open.size === 0 && error instanceof Error) this.lanes.failWaiting(error);
      throw error;
    } finally {
      this.#dialling -= 1;
    }
  }

  #add({ socket, protocol, address }: Dialled): void {
    let used = false;
    const client = new Client(this.route.origin.origin, {
      connect: (_options, callback) => {
        // Undici would connect anew by itself; that is decided here, where addresses are checked.
        const answer: Parameters<typeof callback> = used
          ? [new ConnectionGone('the connection has ended'), null]
          : [null, socket];
        used = true;
        // Called back at once, undici does not go on to write.
        queueMicrotask(() => callback(...answer));
      },
      maxHeaderSize: maxHeaderBytes,
      // The deadlines are in exchange.ts: undici's body timeout starts anew with every byte.
      headersTimeout: 0,
      bodyTimeout: 0,
      keepAliveTimeout: keepAliveMs,
      keepAliveMaxTimeout: maxKeepAliveMs,
    });
    const connection: Connection = { client, socket, protocol, address, running: 0, served: 0 };
    this.#open.add(connection);
    client.on('disconnect', () => this.#open.delete(connection));
    // Should it end before its first request, undici does not know of it yet.
    socket.once('close', () => this.#open.delete(connection));
  }
}

function ignore(): void {}
