import type { Candidate } from '../credentials/credential.ts';
import type { Digest } from '../image/digest.ts';
import type { Latest, ManifestRead, Repository } from '../image/lookup.ts';
import type { Manifest } from '../image/manifest.ts';
import type { TagReference } from '../image/reference.ts';
import type { LookUps } from '../tick.ts';
import type { Told } from './answer.ts';
import { attemptsOf, deniedOf, isPullSecretRefused, type Outcome, tryInOrder } from './attempts.ts';
import {
  describeDenied,
  describeError,
  describeMissing,
  describeTooMany,
  describeWarnings,
} from './describe.ts';
import { printable } from './error.ts';
import { Gate } from './gate.ts';
import type { HostOptions } from './hosts.ts';
import { type Identity, planIdentities } from './identity.ts';
import type { ManifestReader, Place } from './manifest-reader.ts';
import type { ManifestCache } from './manifests.ts';
import { type Target, targetOf } from './target.ts';
import { withDeadline } from './waiting.ts';
import type { Wire } from './wire.ts';

/** What the first config rule that matches says of a repository. */
export interface MatchedRule {
  /** In the order in which they are to be tried; empty for `None` and for a rule that only sets options. */
  readonly candidates: readonly Candidate[];
  readonly options: HostOptions;
  /** `hostnamePattern`, by which messages name the rule. */
  readonly pattern: string;
}

/** What may change from one tick to the next; read when a tick begins. */
export interface RegistrySettings {
  /** @returns undefined where no rule matches */
  readonly ruleFor: (repository: Repository) => MatchedRule | undefined;
  /** `featureFlags.enableJfrogArtifactoryFallback` */
  readonly jfrogFallback: boolean;
}

export interface RegistryLimits {
  /** For one look-up with all its steps, from when its turn has come. Default 30 s. */
  readonly lookUpMs: number;
  /** Look-ups at once. Default 64. */
  readonly inFlight: number;
}

export interface TickLookUpsOptions {
  readonly settings: RegistrySettings;
  readonly limits: RegistryLimits;
  readonly fingerprintKey: Uint8Array;
  readonly reader: ManifestReader;
  readonly cache: ManifestCache;
  readonly wire: Wire;
}

/** As many as one HTTP/2 connection takes; until a host has answered once in a tick, a sixteenth of all. */
const perAnsweringHost = 32;

/** Where to ask, and as whom. */
interface Question {
  readonly target: Target;
  readonly identities: readonly Identity[];
  /** Entries of pull Secrets that match; more than are tried where there are more. */
  readonly matching: number;
  /** The rule whose endpoint is asked instead of the image's registry. */
  readonly endpointOf: string | undefined;
}

/** One tick's look-ups: every question is asked once, whoever has it. */
export class TickLookUps implements LookUps {
  readonly #options: TickLookUpsOptions;
  readonly #gate: Gate;
  readonly #digests = new Map<string, Promise<Outcome<Digest>>>();
  readonly #manifests = new Map<string, Promise<Outcome<Manifest>>>();

  constructor(options: TickLookUpsOptions) {
    this.#options = options;
    this.#gate = new Gate(options.limits.inFlight, options.wire.signal);
  }

  async latest(reference: TagReference, candidates: readonly Candidate[]): Promise<Latest> {
    const { tag, registry } = reference;
    const question = this.#question(reference, candidates);
    if ('error' in question) return { ...this.#failed(registry, question.error), attempts: [] };
    const { target, identities, matching } = question;
    const outcome = await once(this.#digests, keyOf(question, tag), () =>
      this.#ask(question, (place, identity) => this.#options.reader.digestOf(tag, place, identity)),
    );
    const attempts = attemptsOf(identities, outcome);
    const denied = deniedOf(identities, outcome);
    switch (outcome.type) {
      case 'found':
        return {
          status: 'found',
          digest: outcome.value,
          attempts,
          pullSecretRefused: isPullSecretRefused(identities, outcome),
          warnings: [
            ...describeWarnings(target, denied, identities[outcome.by]),
            ...describeTooMany(matching),
          ],
        };
      case 'missing':
        return { ...unknown(question, 'tag-not-found', describeMissing(target, tag)), attempts };
      case 'denied':
        return {
          ...unknown(question, 'unauthorized', describeDenied(target, denied, matching)),
          attempts,
        };
      case 'failed':
        return { ...withRule(question, this.#failed(target.registry, outcome.error)), attempts };
    }
  }

  async manifest(
    repository: Repository,
    digest: Digest,
    candidates: readonly Candidate[],
  ): Promise<ManifestRead> {
    const kept = this.#options.cache.get(digest);
    if (kept !== undefined) return { status: 'found', manifest: kept };
    const question = this.#question(repository, candidates);
    if ('error' in question) return this.#failed(repository.registry, question.error);
    const { target, identities, matching } = question;
    const outcome = await once(this.#manifests, keyOf(question, digest), () =>
      this.#ask(question, (place, identity) =>
        this.#options.reader.manifestOf(digest, place, identity),
      ),
    );
    switch (outcome.type) {
      case 'found':
        return { status: 'found', manifest: outcome.value };
      case 'missing':
        return { status: 'not-found' };
      case 'denied':
        return unknown(
          question,
          'unauthorized',
          describeDenied(target, deniedOf(identities, outcome), matching),
        );
      case 'failed':
        return withRule(question, this.#failed(target.registry, outcome.error));
    }
  }

  /** Waits for its turn, then asks under the look-up's deadline. Throws nothing. */
  async #ask<T>(
    { target, identities }: Question,
    ask: (place: Place, identity: Identity) => Promise<Told<T>>,
  ): Promise<Outcome<T>> {
    const { wire, limits, settings } = this.#options;
    const { host } = target.base;
    // Who waits for the only request that a rule allows at once has not had its turn yet.
    const most = target.host.maxConcurrentRequests ?? perAnsweringHost;
    const atOnce = (): number =>
      wire.hasAnswered(host) ? most : Math.min(most, Math.ceil(limits.inFlight / 16));
    try {
      const leave = await this.#gate.enter(host, atOnce);
      return await withDeadline(wire.signal, limits.lookUpMs, (signal) => {
        const place = { target, wire, signal, artifactoryFallback: settings.jfrogFallback };
        return tryInOrder(identities, (identity) => ask(place, identity));
      }).finally(leave);
    } catch (error) {
      return { type: 'failed', error, steps: [] };
    }
  }

  #question(
    repository: Repository,
    candidates: readonly Candidate[],
  ): Question | { readonly error: unknown } {
    const { settings, fingerprintKey } = this.#options;
    try {
      const rule = settings.ruleFor(repository);
      const target = targetOf(repository, rule?.options);
      // A node mirror is not the registry that the pull Secret is for.
      const pullSecrets = rule?.options.endpoint === undefined ? candidates : [];
      const identities = planIdentities(pullSecrets, rule?.candidates ?? [], fingerprintKey);
      const endpointOf = rule?.options.endpoint && rule.pattern;
      return { target, identities, matching: pullSecrets.length, endpointOf };
    } catch (error) {
      return { error };
    }
  }

  #failed(registry: string, error: unknown): Unknown {
    const { wire, limits } = this.#options;
    const { lookUpMs } = limits;
    return {
      status: 'failed',
      ...describeError(error, { registry, signal: wire.signal, lookUpMs }),
    };
  }
}

type Unknown = Omit<Extract<Latest, { status: 'failed' }>, 'attempts'>;

function unknown(question: Question, reason: Unknown['reason'], message: string): Unknown {
  return withRule(question, { status: 'failed', reason, message, cutOff: false });
}

/** Who reads the image's name does not know why another host was asked. */
function withRule({ target, endpointOf }: Question, found: Unknown): Unknown {
  if (endpointOf === undefined) return found;
  const why = `${target.base.host} is the endpoint of rule "${printable(endpointOf)}"`;
  return { ...found, message: `${found.message}; ${why}` };
}

function once<T>(answers: Map<string, Promise<T>>, key: string, ask: () => Promise<T>): Promise<T> {
  const known = answers.get(key);
  if (known !== undefined) return known;
  const answer = ask();
  answers.set(key, answer);
  return answer;
}

/** The same question has one answer per tick. Host options follow from the repository, names of Secrets do not matter. */
function keyOf({ target, identities }: Question, name: string): string {
  const whom = identities.map(({ key, exchangeable }) => (exchangeable ? `${key}+` : key));
  return JSON.stringify([target.base.href, target.repository, name, whom]);
}
