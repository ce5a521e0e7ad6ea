import { type ChildProcess, fork } from 'node:child_process';
import { join } from 'node:path';
import { z } from 'zod';

const failureSchema = z.object({ error: z.string() });

/** A script of this folder in a process of its own, which answers messages one by one. */
export class Child implements Disposable {
  readonly #process: ChildProcess;

  /** @param script its name, like `world.ts` */
  constructor(script: string) {
    this.#process = fork(join(import.meta.dirname, script), { stdio: 'inherit' });
  }

  get pid(): number {
    return this.#process.pid ?? 0;
  }

  /** @throws {Error} what went wrong there, or that it has ended */
  async ask<T>(message: object, answerSchema: z.ZodType<T>): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const onExit = (code: number | null): void =>
      reject(new Error(`the process ended with exit code ${code}`));
    this.#process.once('message', resolve);
    this.#process.once('exit', onExit);
    try {
      this.#process.send(message);
      const answer = await promise;
      const failure = failureSchema.safeParse(answer);
      if (failure.success) throw new Error(failure.data.error);
      return answerSchema.parse(answer);
    } finally {
      this.#process.off('message', resolve);
      this.#process.off('exit', onExit);
    }
  }

  [Symbol.dispose](): void {
    this.#process.kill();
  }
}
