import type { Observed } from './observe.ts';
import type { ContainerReport, ScreenedHoldReason } from './verdict.ts';

/** A workload about which everything is said without asking a registry: the report, but for its id. */
export type Screened = (
  | { readonly decision: 'hold'; readonly reason: ScreenedHoldReason }
  | { readonly decision: 'none'; readonly reason: 'nothing-to-watch' }
) & {
  readonly message: string;
  readonly containers: readonly ContainerReport[];
  readonly warnings: readonly string[];
};

/**
 * Settles what can be settled before any registry is asked: the first hold that applies, then `nothing-to-watch`.
 *
 * @returns undefined when the workload is to be looked up: at least one container is watched
 */
export declare function screen(observed: Observed): Screened | undefined;
