import { createHash } from 'node:crypto';
import { Cron } from 'croner';

/** When ticks are due. A config reload replaces all three together. */
export interface Timing {
  /** 5 fields, or 6 with seconds first. */
  readonly pattern: string;
  /** IANA name. */
  readonly timeZone: string;
  /** How late each scheduled tick starts; see {@link jitterOf}. */
  readonly jitterMs: number;
}

export interface ScheduleOptions extends Timing {
  /** A first tick at once, without jitter. */
  readonly runOnStart: boolean;
  /** One pass. It must end soon after `signal` aborts, whose reason is a {@link TickAborted}. */
  readonly tick: (signal: AbortSignal) => Promise<void>;
  /** A due tick found one running and was left out. */
  readonly onSkipped: () => void;
  /** A tick threw, which is a defect; the schedule goes on. */
  readonly onError: (error: unknown) => void;
  /** A tick starts and has this long; liveness watches it. */
  readonly onStarted?: (deadlineMs: number) => void;
  /** Tests shorten it. Default: {@link tickDeadlineMs} of the timing in force. */
  readonly deadlineMs?: number;
  /** How long `stop` waits for a tick that was told to end. Default 4.5 s: a clean exit takes under 5 s (case 58). */
  readonly stopWaitMs?: number;
}

export interface Schedule {
  start(): void;
  /** Changes what is due next; a running tick, and one that waits for its jitter, go on. @throws when the pattern or time zone is invalid; nothing has changed then */
  rearm(timing: Timing): void;
  /**
   * Starts nothing more, aborts the running tick and waits for it.
   * @returns `abandoned` when the tick had not ended after `stopWaitMs`
   */
  stop(): Promise<'ended' | 'abandoned'>;
}

/** Why a tick's signal was aborted: its own deadline passed, or the program ends. */
export class TickAborted extends Error {
  override readonly name = 'TickAborted';
  readonly code: 'deadline' | 'stopped';

  constructor(code: 'deadline' | 'stopped', message: string) {
    super(message);
    this.code = code;
  }
}

const minDeadlineMs = 60_000;
// A longer setTimeout fires at once: https://nodejs.org/api/timers.html#settimeoutcallback-delay-args
const maxTimerMs = 2 ** 31 - 1;

interface Callbacks {
  readonly due: () => void;
  readonly onError: (error: unknown) => void;
}

/** Without callbacks it only computes. */
function cron(pattern: string, timeZone: string, callbacks?: Callbacks): Cron {
  const options = { timezone: timeZone, mode: '5-or-6-parts' } as const;
  return callbacks === undefined
    ? new Cron(pattern, options)
    : new Cron(pattern, { ...options, catch: callbacks.onError }, callbacks.due);
}

/**
 * The next times at which a pattern is due, jitter aside.
 *
 * In a DST gap a pattern of one fixed time (`30 2 * * *`) is due at the end of the gap, a recurring one
 * (`0,30 * * * *`) leaves the missing times out; an hour that comes twice is due twice for the latter only.
 *
 * @param from exclusive
 * @returns fewer than `count`, perhaps none, for a pattern that stops being due (`0 0 31 2 *`)
 * @throws when the pattern or time zone is invalid
 */
export function nextTimes(
  pattern: string,
  timeZone: string,
  from: Date,
  count: number,
): readonly Date[] {
  return cron(pattern, timeZone).nextRuns(count, from);
}

/**
 * How far times are apart where that is uneven: a step of 45 seconds is due at :00 and :45, not every 45 s (case 56).
 *
 * @returns seconds, each gap once, in the order in which they come; empty where all are equal. Days of 23 and 25 hours,
 *   where clocks change, count as equal.
 */
export function unevenGaps(times: readonly Date[]): readonly number[] {
  const gaps = gapsMs(times);
  const hourMs = 3_600_000;
  const tolerance = Math.min(...gaps) >= 22 * hourMs ? 2 * hourMs : 0;
  const isUneven = gaps.length > 1 && Math.max(...gaps) - Math.min(...gaps) > tolerance;
  return isUneven ? [...new Set(gaps.map((gap) => gap / 1000))] : [];
}

function gapsMs(times: readonly Date[]): readonly number[] {
  return times.slice(1).map((time, index) => time.getTime() - (times[index]?.getTime() ?? 0));
}

/** How long a tick may take: the shortest gap between the next times, but never under 60 s. */
export function tickDeadlineMs(pattern: string, timeZone: string, from: Date): number {
  const gaps = gapsMs(nextTimes(pattern, timeZone, from, 10));
  return Math.min(Math.max(minDeadlineMs, Math.min(...gaps)), maxTimerMs);
}

/**
 * How late a namespace's scheduled ticks start, so that many installations do not strike a registry together.
 *
 * @param jitterSeconds 0 switches it off
 * @returns whole milliseconds below `jitterSeconds`, always the same for a namespace
 */
export function jitterOf(namespace: string, jitterSeconds: number): number {
  const range = Math.floor(jitterSeconds * 1000);
  if (range <= 0) return 0;
  return createHash('sha256').update(namespace).digest().readUInt32BE(0) % range;
}

/**
 * Runs ticks when they are due, never two at once. Durations are timers', so monotonic; a clock that jumps
 * moves what is due next by half a minute at most, since croner looks again that often (case 59).
 */
export function createSchedule(options: ScheduleOptions): Schedule {
  let timing: Timing = options;
  let job: Cron | undefined;
  let running: { readonly ended: Promise<void>; readonly controller: AbortController } | undefined;
  let stopped = false;
  const waiting = new Set<NodeJS.Timeout>();

  function arm(next: Timing): void {
    const armed = cron(next.pattern, next.timeZone, { due, onError: options.onError });
    job?.stop();
    job = armed;
    timing = next;
  }

  function due(): void {
    if (timing.jitterMs === 0) {
      begin();
      return;
    }
    const timer = setTimeout(() => {
      waiting.delete(timer);
      begin();
    }, timing.jitterMs);
    waiting.add(timer);
  }

  function begin(): void {
    if (stopped) return;
    if (running !== undefined) {
      options.onSkipped();
      return;
    }
    const controller = new AbortController();
    // Not at once: a stop that comes from within the tick has to find it running.
    const ended = Promise.resolve()
      .then(() => run(controller))
      .finally(() => (running = undefined));
    running = { ended, controller };
  }

  async function run(controller: AbortController): Promise<void> {
    if (controller.signal.aborted) return;
    const deadlineMs =
      options.deadlineMs ?? tickDeadlineMs(timing.pattern, timing.timeZone, new Date());
    const deadline = setTimeout(() => {
      controller.abort(
        new TickAborted('deadline', `the tick took longer than ${deadlineMs / 1000} s`),
      );
    }, deadlineMs);
    // A tick that was told to end and does not must not keep the process alive.
    controller.signal.addEventListener('abort', () => clearTimeout(deadline));
    try {
      options.onStarted?.(deadlineMs);
      await options.tick(controller.signal);
    } catch (error) {
      options.onError(error);
    } finally {
      clearTimeout(deadline);
    }
  }

  return {
    start() {
      arm(timing);
      if (options.runOnStart) begin();
    },

    rearm(next) {
      const unchanged =
        next.pattern === timing.pattern &&
        next.timeZone === timing.timeZone &&
        next.jitterMs === timing.jitterMs;
      if (!stopped && !unchanged) arm(next);
    },

    async stop() {
      stopped = true;
      job?.stop();
      for (const timer of waiting) clearTimeout(timer);
      waiting.clear();
      if (running === undefined) return 'ended';

      running.controller.abort(new TickAborted('stopped', 'kube-autorollout is stopping'));
      const limit = Promise.withResolvers<'abandoned'>();
      const timer = setTimeout(() => limit.resolve('abandoned'), options.stopWaitMs ?? 4_500);
      const result = await Promise.race([
        running.ended.then(() => 'ended' as const),
        limit.promise,
      ]);
      clearTimeout(timer);
      return result;
    },
  };
}
