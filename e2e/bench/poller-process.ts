import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { z } from 'zod';

import { type Resources, resourcesOf } from './resources.ts';

export interface PollerProcessOptions {
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

const tickSchema = z.object({
  msg: z.literal('tick ended'),
  result: z.string(),
  durationMs: z.number(),
  workloads: z.number(),
  restart: z.number(),
  none: z.number(),
});
export type LoggedTick = z.output<typeof tickSchema>;

/** A poller that logs JSON, as a process of its own. */
export class PollerProcess implements AsyncDisposable {
  readonly startedAt = Date.now();
  readonly #process: ChildProcess;
  readonly #lines: string[] = [];

  readonly #ticks: LoggedTick[] = [];
  #heard = Promise.withResolvers<void>();
  #ended = false;

  constructor({ command, args, env }: PollerProcessOptions) {
    this.#process = spawn(command, args, {
      env: { PATH: process.env['PATH'], ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [this.#process.stdout, this.#process.stderr]) {
      if (stream === null) continue;
      createInterface({ input: stream }).on('line', (line) => this.#hear(line));
    }
    this.#process.on('error', (error) => this.#hear(String(error)));
    this.#process.on('exit', () => {
      this.#ended = true;
      this.#heard.resolve();
    });
  }

  get pid(): number {
    return this.#process.pid ?? 0;
  }

  get resources(): Resources {
    return resourcesOf(this.#process.pid ?? 0);
  }

  /** The next tick that ends. @throws {Error} with its last words when the process ends before */
  async tick(): Promise<LoggedTick> {
    for (;;) {
      const tick = this.#ticks.shift();
      if (tick !== undefined) return tick;
      if (this.#ended) throw new Error(`the poller has ended:\n${this.lastWords}`);
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      await this.#heard.promise;
      this.#heard = Promise.withResolvers();
    }
  }

  get lastWords(): string {
    return this.#lines.slice(-10).join('\n');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#ended) return;
    const exit = once(this.#process, 'exit');
    this.#process.kill();
    await exit;
  }

  #hear(line: string): void {
    this.#lines.push(line);

    if (this.#lines.length > 100) this.#lines.shift();
    if (line.includes('"tick ended"')) this.#ticks.push(tickSchema.parse(JSON.parse(line)));
    this.#heard.resolve();
  }
}
