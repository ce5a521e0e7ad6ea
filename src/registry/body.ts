import { HttpError } from './http-error.ts';

/** What the bodies under way may hold together: four of the largest, a thousand usual ones. */
const maxTogetherBytes = 32 * 1024 * 1024;

/** The largest body in TCP's smallest segments makes half as many; each one costs a callback. */
const maxPieces = 32 * 1024;

/** Blocks are not moved when more comes. Most manifests need the first one only. */
const blockBytes = { first: 4 * 1024, next: 64 * 1024 };

export interface BodyOptions {
  /** For messages. */
  readonly host: string;
  readonly maxBytes: number;
  /** Told when others need the room; what came is gone by then. */
  readonly onGivenUp: (error: HttpError) => void;
}

/**
 * The memory that bodies may take while they are read, over all hosts (case 61). When all together become too
 * large, the largest is given up: whoever sends much at many places harms himself before anybody else.
 */
export class Bodies {
  readonly #open = new Set<Body>();
  readonly #maxBytes: number;

  constructor(maxBytes = maxTogetherBytes) {
    this.#maxBytes = maxBytes;
  }

  open(options: BodyOptions): Body {
    const body = new Body(options, () => this.#makeRoom());
    this.#open.add(body);
    return body;
  }

  /** To be called when no more will come. */
  close(body: Body): void {
    this.#open.delete(body);
    body.drop();
  }

  #makeRoom(): void {
    const largestFirst = [...this.#open].toSorted((one, other) => other.capacity - one.capacity);
    let together = largestFirst.reduce((sum, { capacity }) => sum + capacity, 0);
    for (const body of largestFirst) {
      if (together <= this.#maxBytes) return;
      together -= body.capacity;
      this.#open.delete(body);
      body.giveUp();
    }
  }
}

/** One body, in few blocks: a list of pieces of one byte takes a hundred times as much as they hold. */
export class Body {
  readonly #options: BodyOptions;
  readonly #onGrown: () => void;
  #blocks: Buffer[] = [];
  #capacity = 0;
  #size = 0;
  #pieces = 0;
  #isDropped = false;

  constructor(options: BodyOptions, onGrown: () => void) {
    this.#options = options;
    this.#onGrown = onGrown;
  }

  get capacity(): number {
    return this.#capacity;
  }

  /** What came so far. */
  get bytes(): Uint8Array {
    return Buffer.concat(this.#blocks, this.#size);
  }

  /** @returns `malformed` where it is larger than it may be, or comes in crumbs */
  add(piece: Uint8Array): HttpError | undefined {
    const { host, maxBytes } = this.#options;
    if (this.#size + piece.length > maxBytes) return tooLarge(host, maxBytes);
    this.#pieces += 1;
    if (this.#pieces > maxPieces) {
      return new HttpError('malformed', `${host} sent its answer in more than ${maxPieces} pieces`);
    }
    let rest = piece;
    while (rest.length > 0 && !this.#isDropped) {
      if (this.#size === this.#capacity) this.#addBlock();
      rest = rest.subarray(this.#fill(rest));
    }
    return undefined;
  }

  /** Forgets what came; the connection may remember the body for longer. */
  drop(): void {
    this.#isDropped = true;
    this.#blocks = [];
    this.#size = 0;
  }

  giveUp(): void {
    this.drop();
    const message = `${this.#options.host} sent too much at a time in which others did, too`;
    this.#options.onGivenUp(new HttpError('malformed', message));
  }

  /** @returns how many bytes found room in the last block */
  #fill(rest: Uint8Array): number {
    const last = this.#blocks.at(-1);
    if (last === undefined) return rest.length;
    const room = this.#capacity - this.#size;
    const part = rest.subarray(0, room);
    last.set(part, last.length - room);
    this.#size += part.length;
    return part.length;
  }

  #addBlock(): void {
    const length = this.#blocks.length === 0 ? blockBytes.first : blockBytes.next;
    this.#blocks.push(Buffer.allocUnsafe(length));
    this.#capacity += length;
    this.#onGrown();
  }
}

export function tooLarge(host: string, maxBytes: number): HttpError {
  return new HttpError('malformed', `${host} sent more than the ${maxBytes} bytes that are read`);
}
