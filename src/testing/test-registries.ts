import { type Candidate, type Credential, Secret } from '../credentials/credential.ts';
import type { Digest } from '../image/digest.ts';
import type { Latest, ManifestRead } from '../image/lookup.ts';
import {
  createRegistry,
  type RegistryObservation,
  type RegistryOptions,
} from '../registry/client.ts';
import { defaultHostOptions, type HostOptions } from '../registry/hosts.ts';
import type { MatchedRule } from '../registry/look-ups.ts';
import type { HttpOptions } from '../registry/http.ts';
import type { LookUps, Registry } from '../tick.ts';
import { testHttp } from './test-http.ts';

export interface TestRegistriesOptions {
  /** For every registry; default: `plainHttp`, as the fakes speak it. */
  readonly host?: Partial<HostOptions>;
  /** Of the rule that matches everything; default none. */
  readonly ruleCandidates?: readonly Candidate[];
  /** Instead of the two above. */
  readonly ruleFor?: (place: { readonly registry: string }) => MatchedRule | undefined;
  readonly jfrogFallback?: boolean;
  readonly http?: Partial<HttpOptions>;
  readonly limits?: RegistryOptions['limits'];
}

/** The registry adapter of a test: over real sockets, with a clock that only the test moves. */
export class TestRegistries implements AsyncDisposable {
  readonly registry: Registry;
  readonly observations: RegistryObservation[] = [];
  /** What the next tick reads. */
  options: TestRegistriesOptions;
  /** Milliseconds; both clocks. */
  clock = 0;
  readonly #http: ReturnType<typeof testHttp>;

  constructor(options: TestRegistriesOptions = {}) {
    this.options = options;
    this.#http = testHttp(options.http);
    this.registry = createRegistry({
      http: this.#http.http,
      settings: () => ({
        ruleFor: (place) => (this.options.ruleFor ?? this.#everything)(place),
        jfrogFallback: this.options.jfrogFallback ?? false,
      }),
      observe: (observation) => this.observations.push(observation),
      now: () => new Date(this.clock),
      monotonic: () => this.clock,
      random: () => 0,
      fingerprintKey: Buffer.from('key of this test'),
      ...(options.limits !== undefined && { limits: options.limits }),
    });
  }

  readonly #everything = (): MatchedRule => ({
    candidates: this.options.ruleCandidates ?? [],
    options: { ...defaultHostOptions, plainHttp: true, ...this.options.host },
    pattern: '*',
  });

  /** Starts a tick; without a signal one that nothing ends. */
  begin(signal: AbortSignal = new AbortController().signal): LookUps {
    return this.registry.begin(signal);
  }

  /** Looks one tag up in a tick of its own. @param image `host/repository:tag` */
  latest(image: string, candidates: readonly Candidate[] = []): Promise<Latest> {
    return latestIn(this.begin(), image, candidates);
  }

  /** Reads one manifest in a tick of its own. @param repository `host/repository` */
  manifest(
    repository: string,
    digest: Digest,
    candidates: readonly Candidate[] = [],
  ): Promise<ManifestRead> {
    return this.begin().manifest(placeOf(repository), digest, candidates);
  }

  /** How often something was observed. */
  count(type: RegistryObservation['type']): number {
    return this.observations.filter((observation) => observation.type === type).length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#http[Symbol.asyncDispose]();
  }
}

/** @param image `host/repository:tag` */
export function latestIn(
  lookUps: LookUps,
  image: string,
  candidates: readonly Candidate[] = [],
): Promise<Latest> {
  const colon = image.lastIndexOf(':');
  const place = placeOf(image.slice(0, colon));
  return lookUps.latest({ ...place, tag: image.slice(colon + 1) }, candidates);
}

function placeOf(text: string): { readonly registry: string; readonly repository: string } {
  const slash = text.indexOf('/');
  return { registry: text.slice(0, slash), repository: text.slice(slash + 1) };
}

/** An entry of a pull Secret. */
export function entry(
  credential: Credential,
  secret = 'regcred',
  key = 'r.example.com',
): Candidate {
  return { credential, source: { from: 'pull-secret', secret, entry: key } };
}

/** What a rule of the config brings. */
export function ruleSecret(credential: Credential, pattern = '*.example.com'): Candidate {
  return { credential, source: { from: 'rule', pattern } };
}

export function login(username: string, password: string): Credential {
  return { type: 'basic', username, password: new Secret(password) };
}

export function identityToken(token: string, username = ''): Credential {
  return { type: 'identity-token', username, token: new Secret(token) };
}

export function registryToken(token: string): Credential {
  return { type: 'registry-token', token: new Secret(token) };
}
