import type { Registry } from '../tick.ts';
import { Authorizer } from './authorizer.ts';
import type { Http } from './http.ts';
import { type RegistryLimits, type RegistrySettings, TickLookUps } from './look-ups.ts';
import { ManifestReader } from './manifest-reader.ts';
import { ManifestCache } from './manifests.ts';
import type { Observe } from './observation.ts';
import { Resting } from './resting.ts';
import { Schemes } from './schemes.ts';
import { Throttle } from './throttle.ts';
import { Tokens } from './token.ts';
import { Wire } from './wire.ts';

export type { MatchedRule, RegistryLimits, RegistrySettings } from './look-ups.ts';
export type { RegistryObservation } from './observation.ts';

export interface RegistryOptions {
  readonly http: Http;
  /** Asked once at the beginning of each tick, so that a changed config takes effect with the next one. */
  readonly settings: () => RegistrySettings;
  readonly observe: Observe;
  /** The wall clock, for dates in `Retry-After` only. */
  readonly now: () => Date;
  /** Milliseconds that never jump; all durations are measured by it. */
  readonly monotonic: () => number;
  /** From 0 up to 1. */
  readonly random: () => number;
  /** Random bytes of this process, so that the hash by which secrets are told apart is worth nothing elsewhere. */
  readonly fingerprintKey: Uint8Array;
  readonly limits?: Partial<RegistryLimits>;
}

const defaultLimits: RegistryLimits = { lookUpMs: 30_000, inFlight: 64 };

/**
 * Opens the registries to ticks.
 *
 * Tokens, learned challenges, resting credentials, quotas and manifests outlive a tick, and a change of
 * the config; which questions were asked and which hosts are dead is forgotten with it.
 *
 * @returns the port of `tick.ts`; its answers are values, nothing is thrown
 */
export function createRegistry(options: RegistryOptions): Registry {
  const { http, monotonic, now, observe, random, fingerprintKey } = options;
  const limits = { ...defaultLimits, ...options.limits };
  const resting = new Resting(monotonic);
  const tokens = new Tokens({ resting, monotonic, observe });
  const authorizer = new Authorizer({ schemes: new Schemes(), tokens, resting, observe });
  const cache = new ManifestCache();
  const reader = new ManifestReader({ authorizer, cache, monotonic, observe });
  const throttle = new Throttle(monotonic, random);
  let tick = 0;
  return {
    begin: (signal) => {
      tick += 1;
      const wire = new Wire({ http, throttle, tick, signal, now, observe });
      const settings = options.settings();
      return new TickLookUps({ settings, limits, fingerprintKey, reader, cache, wire });
    },
  };
}
