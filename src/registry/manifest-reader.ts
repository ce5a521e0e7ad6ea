import type { Digest } from '../image/digest.ts';
import { acceptedMediaTypes, type Manifest } from '../image/manifest.ts';
import {
  checkHead,
  maxManifestBytes,
  missing,
  readManifest,
  statedDigest,
  type Told,
  unexpectedStatus,
  unsupported,
} from './answer.ts';
import type { Answered, Authorizer } from './authorizer.ts';
import type { HttpResponse } from './http.ts';
import type { Identity } from './identity.ts';
import { Lru } from './lru.ts';
import type { ManifestCache } from './manifests.ts';
import type { Observe } from './observation.ts';
import type { Call, Refusal, Rests } from './proof.ts';
import { manifestUrl, type PathStyle } from './target.ts';

/** One look-up's surroundings. */
export type Place = Pick<Call, 'target' | 'wire' | 'signal'> & {
  /** After a 404, Artifactory's repository path method is tried. */
  readonly artifactoryFallback: boolean;
};

export interface ManifestReaderOptions {
  readonly authorizer: Authorizer;
  readonly cache: ManifestCache;
  readonly monotonic: () => number;
  readonly observe: Observe;
}

const accept = acceptedMediaTypes.join(', ');
/** How long a host, or a tag whose HEAD says no digest, is asked by GET at once. */
const withoutHeadMs = 60 * 60_000;
/** HEAD may be unknown (405, 501), forbidden or broken where GET works; a 404 of HEAD alone proves nothing (case 35). */
const headMayLie = new Set([400, 403, 404, 405, 501]);

/** Asks as one identity what a tag names or a digest holds: HEAD where it works, GET where it must be. */
export class ManifestReader {
  readonly #options: ManifestReaderOptions;
  /** Until when a host, or one URL, is asked by GET. */
  readonly #withoutHead = new Lru<number>({ maxEntries: 5000 });
  /** What a URL named last, where it had to be read by GET; for `If-None-Match`. */
  readonly #lastDigests = new Lru<Digest>({ maxEntries: 20_000 });
  /** Repositories that are found under Artifactory's path only. */
  readonly #artifactory = new Lru<true>({ maxEntries: 20_000 });

  constructor(options: ManifestReaderOptions) {
    this.#options = options;
  }

  /** @throws {RegistryError} where the answer would be the same for every identity */
  digestOf(tag: string, place: Place, identity: Identity): Promise<Told<Digest>> {
    return this.#inStyle(place, (style) => this.#ask(tag, style, place, identity));
  }

  /** @throws {RegistryError} where the answer would be the same for every identity */
  manifestOf(digest: Digest, place: Place, identity: Identity): Promise<Told<Manifest>> {
    return this.#inStyle<Manifest>(place, async (style) => {
      const url = manifestUrl(place.target, digest, style);
      const answer = await this.#send('GET', url, place, identity);
      if (answer.type !== 'answered') return answer;
      const { response } = answer;
      if (response.status !== 200) return this.#notRead(answer, url, place, identity);
      const { manifest } = readManifest(response, place.target, digest);
      this.#options.cache.keep(digest, manifest, response.body.length);
      return { type: 'found', value: manifest };
    });
  }

  /** Tries the path that worked last, and Artifactory's own after the other one's 404 (compat.md). */
  async #inStyle<T>(
    { target, artifactoryFallback }: Place,
    ask: (style: PathStyle) => Promise<Told<T>>,
  ): Promise<Told<T>> {
    const key = `${target.base.href}${target.repository}`;
    const remembered = artifactoryFallback && this.#artifactory.get(key) === true;
    const told = await ask(remembered ? 'artifactory' : 'standard');
    if (told.type !== 'missing') return told;
    if (remembered) {
      // The next look-up begins anew, in case the repository has moved.
      this.#artifactory.delete(key);
      return told;
    }
    const hasKey = target.repository.includes('/');
    if (!artifactoryFallback || !told.isArtifactory || !hasKey) return told;
    const other = await ask('artifactory');
    if (other.type === 'found') this.#artifactory.set(key, true);
    return other.type === 'missing' ? told : other;
  }

  async #ask(
    tag: string,
    style: PathStyle,
    place: Place,
    identity: Identity,
  ): Promise<Told<Digest>> {
    const { target } = place;
    const url = manifestUrl(target, tag, style);
    if (this.#isWithoutHead(url.origin) || this.#isWithoutHead(url.href)) {
      return this.#get(url, place, identity);
    }
    const answer = await this.#send('HEAD', url, place, identity);
    if (answer.type !== 'answered') return answer;
    const { response } = answer;
    if (response.status === 200) {
      checkHead(response, target);
      const digest = statedDigest(response);
      if (digest !== undefined) return { type: 'found', value: digest };
      const told = await this.#get(url, place, identity);
      if (told.type === 'found') this.#rememberWithoutHead(url.href);
      return told;
    }
    if (!headMayLie.has(response.status) || this.#isLastWord(response, place)) {
      return this.#notRead(answer, url, place, identity);
    }
    const told = await this.#get(url, place, identity);
    if (told.type === 'found') {
      // Of look-ups that found out together, the first one says it.
      if (!this.#isWithoutHead(url.origin)) {
        this.#options.observe({ type: 'no-head', registry: target.base.host });
      }
      this.#rememberWithoutHead(url.origin);
    }
    return told;
  }

  /** Docker Hub's HEAD works and its GET counts (case 53); Artifactory has a better second question. */
  #isLastWord(response: HttpResponse, { target, artifactoryFallback }: Place): boolean {
    if (target.isDockerHub) return true;
    const told = response.status === 404 ? missing(response) : undefined;
    return artifactoryFallback && told?.type === 'missing' && told.isArtifactory;
  }

  async #get(url: URL, place: Place, identity: Identity): Promise<Told<Digest>> {
    const { target } = place;
    const key = `${url.href} ${identity.key}`;
    const last = this.#lastDigests.get(key);
    const condition = last === undefined ? {} : { 'if-none-match': `"${last}"` };
    const answer = await this.#send('GET', url, place, identity, condition);
    if (answer.type !== 'answered') return answer;
    const { response } = answer;
    if (response.status === 304 && last !== undefined) return { type: 'found', value: last };
    if (response.status !== 200) return this.#notRead(answer, url, place, identity);
    const { digest, manifest } = readManifest(response, target);
    if (manifest.type === 'unsupported') {
      throw unsupported(target.registry, manifest.mediaType, response.status);
    }
    this.#lastDigests.set(key, digest);
    this.#options.cache.keep(digest, manifest, response.body.length);
    return { type: 'found', value: digest };
  }

  #send(
    method: 'HEAD' | 'GET',
    url: URL,
    place: Place,
    identity: Identity,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Answered | Refusal | Rests> {
    return this.#options.authorizer.send(this.#call(method, url, place, headers), identity);
  }

  /** Any status but 200, when it is the last word. */
  #notRead(answer: Answered, url: URL, place: Place, identity: Identity): Told<never> {
    const { response } = answer;
    if (response.status === 404) return missing(response);
    if (response.status !== 403) throw unexpectedStatus(response, place.target);
    return this.#options.authorizer.forbidden(this.#call('GET', url, place), identity, answer);
  }

  #call(
    method: 'HEAD' | 'GET',
    url: URL,
    { target, wire, signal }: Place,
    headers: Readonly<Record<string, string>> = {},
  ): Call {
    const request = {
      method,
      url,
      headers: { accept, ...headers },
      maxBodyBytes: maxManifestBytes,
    };
    return { target, request, wire, signal };
  }

  #isWithoutHead(key: string): boolean {
    return this.#options.monotonic() < (this.#withoutHead.get(key) ?? -Infinity);
  }

  #rememberWithoutHead(key: string): void {
    this.#withoutHead.set(key, this.#options.monotonic() + withoutHeadMs);
  }
}
