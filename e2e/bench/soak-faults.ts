import type { Random } from '../../src/testing/model/random.ts';
import { errorAnswer, jsonAnswer, type Answer } from '../../src/testing/fake-answer.ts';
import type { FakeApiServer, RecordedKubeRequest } from '../../src/testing/fake-apiserver.ts';
import type { SoakImage } from './soak-images.ts';

/** What of the API server goes wrong, for some requests. */
interface ApiFault {
  readonly name: string;
  readonly method: string;
  /** Part of the path. */
  readonly path: string;
  readonly answer: (request: RecordedKubeRequest, serve: () => Answer) => Answer | undefined;
  left: number;
}

const tooMany = (): Answer => ({
  ...status(429, 'TooManyRequests'),
  headers: { 'retry-after': '0' },
});
const paths = ['/deployments', '/statefulsets', '/daemonsets', '/pods', '/secrets/'] as const;

/** Faults that last for a few requests or ticks, and end when they are told to. */
export class SoakFaults {
  readonly #api: FakeApiServer;
  readonly #random: Random;
  #active: ApiFault[] = [];

  constructor(api: FakeApiServer, random: Random) {
    this.#api = api;
    this.#random = random;
  }

  /** For every request of the API server. @returns undefined where nothing goes wrong */
  answer(request: RecordedKubeRequest, serve: () => Answer): Answer | undefined {
    const fault = this.#active.find(
      ({ method, path, left }) =>
        left > 0 && method === request.method && request.path.includes(path),
    );
    if (fault === undefined) return undefined;
    fault.left -= 1;
    return fault.answer(request, serve);
  }

  /** @returns what, for the log */
  disturbApi(): string {
    const random = this.#random;
    const fault = random.pick<() => ApiFault>([
      () => this.#reading('500', () => status(500, 'InternalError')),
      () => this.#reading('429', tooMany),
      () => this.#reading('reset', () => ({ fault: 'reset' })),
      () => this.#reading('HTML', () => ({ status: 502, body: '<html>bad gateway</html>' })),
      () => this.#reading('cut', (_request, serve) => ({ ...serve(), fault: 'truncate' })),
      () => this.#reading('hangs', () => ({ fault: 'hang' })),
      () => this.#reading('403', () => status(403, 'Forbidden')),
      () => this.#patching('409', () => status(409, 'Conflict')),
      () => this.#patching('500', () => status(500, 'InternalError')),
      () =>
        this.#patching('done, but never said', (_request, serve) => {
          serve();
          return { fault: 'reset' };
        }),
      () =>
        this.#patching('somebody was quicker', (request) => {
          this.#touch(request);
          return undefined;
        }),
    ])();
    this.#active.push(fault);
    return `API server: ${fault.method} ${fault.path} ${fault.name}`;
  }

  disturbRegistry(image: SoakImage): string {
    const { registry, path } = image;
    const answers = {
      '500': errorAnswer(500, 'UNKNOWN'),
      '503': errorAnswer(503, 'UNAVAILABLE'),
      '429': errorAnswer(429, 'TOOMANYREQUESTS', { 'retry-after': '1' }),
      'no digest': { status: 200, headers: { 'content-type': 'text/html' } },
      reset: { fault: 'reset' },
      late: { delayMs: 300, ...errorAnswer(504, 'UNKNOWN') },
      hangs: { fault: 'hang' },
    } as const satisfies Record<string, Answer>;
    const names = ['500', '503', '429', 'no digest', 'reset', 'late', 'hangs'] as const;
    const name = this.#random.pick(names);
    registry.once('HEAD', path, answers[name]);
    return `registry: ${path} ${name}`;
  }

  /** @returns whether something goes wrong still that a tick would wait for */
  get hangs(): boolean {
    return this.#active.some(({ name, left }) => name === 'hangs' && left > 0);
  }

  end(): void {
    this.#active = [];
  }

  #reading(name: string, answer: ApiFault['answer']): ApiFault {
    const path = this.#random.pick(paths);
    return { name, method: 'GET', path, answer, left: 1 + this.#random.below(4) };
  }

  #patching(name: string, answer: ApiFault['answer']): ApiFault {
    return { name, method: 'PATCH', path: '/', answer, left: 1 + this.#random.below(4) };
  }

  /** A controller writes status between our GET and our PATCH. */
  #touch({ path }: RecordedKubeRequest): void {
    const name = path.slice(path.lastIndexOf('/') + 1);
    for (const kind of ['Deployment', 'StatefulSet', 'DaemonSet'] as const) {
      if (this.#api.list(kind).some(({ metadata }) => metadata.name === name)) {
        this.#api.writeStatus(kind, name, {
          conditions: [{ type: `T${this.#random.below(1e6)}` }],
        });
      }
    }
  }
}

function status(code: number, reason: string): Answer {
  const document = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure' };
  return jsonAnswer({ ...document, message: 'injected', reason, code }, code);
}
