import { createServer, type Server, type Socket } from 'node:net';

/** A TCP server that does not keep to HTTP. */
export class RawServer {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(serve: (socket: Socket) => void) {
    this.#server = createServer((socket) => {
      this.#sockets.add(socket);
      socket.on('error', () => {});
      serve(socket);
    });
  }

  /** Listens on a free port of 127.0.0.1. */
  static async start(serve: (socket: Socket) => void): Promise<RawServer> {
    const raw = new RawServer(serve);
    await new Promise<void>((resolve) => {
      raw.#server.listen(0, '127.0.0.1', resolve);
    });
    return raw;
  }

  /** With the scheme http. */
  get url(): string {
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('not listening');
    return `http://127.0.0.1:${address.port}/`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
    });
  }
}
