/** Whether all is well; if not, why, on one line. */
export type HealthState = { readonly ok: true } | { readonly ok: false; readonly reason: string };

export interface Health {
  /** False while a tick hangs past its deadline: only a restart of the process helps. */
  live(): HealthState;
  /** True once there is a config and the API server has answered a LIST; false after three failed ticks in a row. */
  ready(): HealthState;
  configLoaded(): void;
  /** A LIST was answered with 2xx; a successful tick says so by itself. */
  listed(): void;
  tickStarted(deadlineMs: number): void;
  /**
   * `success`: Pods and at least one kind could be listed. A tick that its deadline cut short is one or the other,
   * too: an API server that never answers fails no LIST before the deadline does.
   */
  tickEnded(result: 'success' | 'failed'): void;
}

const maxFailedTicks = 3;
// A tick that its deadline aborted lets a PATCH in flight end.
const graceMs = 5_000;

const well: HealthState = { ok: true };

/** @param options.monotonicMs a tick is late by how much time has passed, whatever the clock says (case 59) */
export function createHealth(options: { readonly monotonicMs: () => number }): Health {
  let hasConfig = false;
  let hasListed = false;
  let failedTicks = 0;
  let tick: { readonly startedMs: number; readonly deadlineMs: number } | undefined;

  return {
    live() {
      if (tick === undefined) return well;
      const runsMs = options.monotonicMs() - tick.startedMs;
      if (runsMs <= tick.deadlineMs + graceMs) return well;
      return {
        ok: false,
        reason: `a tick runs for ${seconds(runsMs)} s, its deadline was ${seconds(tick.deadlineMs)} s`,
      };
    },
    ready() {
      if (!hasConfig) return { ok: false, reason: 'the configuration is not loaded yet' };
      if (!hasListed) return { ok: false, reason: 'no LIST of the API server has succeeded yet' };
      if (failedTicks < maxFailedTicks) return well;
      return { ok: false, reason: `the last ${failedTicks} ticks failed; the log says why` };
    },
    configLoaded: () => {
      hasConfig = true;
    },
    listed: () => {
      hasListed = true;
    },
    tickStarted: (deadlineMs) => {
      tick = { startedMs: options.monotonicMs(), deadlineMs };
    },
    tickEnded(result) {
      tick = undefined;
      if (result === 'failed') {
        failedTicks++;
        return;
      }
      failedTicks = 0;
      hasListed = true;
    },
  };
}

function seconds(ms: number): number {
  return Math.round(ms / 1000);
}
