import type { ImageReference } from '../image/reference.ts';
import { sameCredential } from './credential.ts';
import type { Candidate } from './credential.ts';
import type { PullSecret } from './docker-config.ts';
import { matchLabel } from './label-glob.ts';

/** More than anybody rotates; each costs a request where the ones before it are refused (case 61). */
export const maxTried = 20;

type Place = Pick<ImageReference, 'registry' | 'repository'>;

/**
 * Chooses the entries of a Pod's pull Secrets that the kubelet would try for an image, in its order (cases 46, 47).
 *
 * All Secrets are one keyring. A key matches when its host matches label by label, its port is the same, and its
 * path is a plain prefix of the repository (`/team` is one of `team2/app`, too). Keys in reverse string order, so
 * that longer ones come first; equal keys in the order of the Secrets.
 *
 * @param secrets   in the order of the Pod's `imagePullSecrets`
 * @param reference normalised; tag and digest do not matter
 * @returns each credential once; of more than {@link maxTried} one more, by which it shows; empty when none matches
 * @see https://github.com/kubernetes/kubernetes/blob/v1.34.0/pkg/credentialprovider/keyring.go
 */
export function matchKeyring(
  secrets: readonly PullSecret[],
  reference: Place,
): readonly Candidate[] {
  return choose(secrets.flatMap(keyedEntries), reference, maxTried + 1);
}

/** The same choice, {@link maxTried} at most, among the entries of a mounted docker config, whose sources name their keys. */
export function matchCandidates(
  candidates: readonly Candidate[],
  reference: Place,
): readonly Candidate[] {
  const keyed = candidates.map((candidate) => ({
    key: parseKey(candidate.source.entry ?? ''),
    candidate,
  }));
  return choose(keyed, reference, maxTried);
}

interface Keyed {
  readonly key: Key;
  readonly candidate: Candidate;
}

/** A key of `auths`, read as the kubelet reads it. */
interface Key {
  /** Without scheme, user, and `/v1` or `/v2`: what is sorted by. */
  readonly text: string;
  readonly host: string;
  readonly labels: readonly string[];
  readonly port: string;
  readonly path: string;
}

// A Secret's keys are read once, not for every image.
const keyedByEntries = new WeakMap<PullSecret['entries'], readonly Keyed[]>();

function keyedEntries({ name, entries }: PullSecret): readonly Keyed[] {
  const known = keyedByEntries.get(entries);
  if (known !== undefined) return known;
  const keyed = entries.map(({ key, credential }) => ({
    key: parseKey(key),
    candidate: { credential, source: { from: 'pull-secret', secret: name, entry: key } as const },
  }));
  keyedByEntries.set(entries, keyed);
  return keyed;
}

function choose(keyed: readonly Keyed[], reference: Place, atMost: number): readonly Candidate[] {
  const matching = matchingOf(keyed, reference).toSorted((one, other) =>
    one.key.text === other.key.text ? 0 : one.key.text < other.key.text ? 1 : -1,
  );
  const chosen: Candidate[] = [];
  for (const { candidate } of matching) {
    if (chosen.length === atMost) break;
    if (chosen.some(({ credential }) => sameCredential(credential, candidate.credential))) continue;
    chosen.push(candidate);
  }
  return chosen;
}

function matchingOf(keyed: readonly Keyed[], reference: Place): readonly Keyed[] {
  const target = parseKey(`${reference.registry}/${reference.repository}`);
  const matching = keyed.filter(({ key }) => keyMatches(key, target));
  if (matching.length > 0 || reference.registry !== 'docker.io') return matching;

  // The kubelet's "default registry": what `docker login` writes, https://index.docker.io/v1/, when nothing else matched.
  const login = keyed.filter(({ key }) => key.text === 'index.docker.io');
  if (login.length > 0) return login;
  // Last, Docker Hub's other names. The kubelet uses them for references that are written with them (case 48).
  return keyed.filter(
    ({ key }) => dockerHubAliases.has(key.host) && target.path.startsWith(key.path),
  );
}

const dockerHubAliases: ReadonlySet<string> = new Set(['index.docker.io', 'registry-1.docker.io']);

function keyMatches(key: Key, target: Key): boolean {
  return (
    key.labels.length === target.labels.length &&
    key.port === target.port &&
    target.path.startsWith(key.path) &&
    key.labels.every((label, index) => matchLabel(label, target.labels[index] ?? ''))
  );
}

/** Like Go's `url.Parse`, as far as it matters: what that refuses becomes a key that matches nothing. */
function parseKey(key: string): Key {
  const address = /^[^?#]*/.exec(key.replace(/^https?:\/\//, ''))?.[0] ?? '';
  const slash = address.indexOf('/');
  const authority = slash < 0 ? address : address.slice(0, slash);
  const host = authority.slice(authority.lastIndexOf('@') + 1);
  const path = apiPathCut(slash < 0 ? '' : address.slice(slash));
  const { name, port } = splitPort(host);
  const malformed = host.startsWith('[') && !/^\[[^\]]*\](?::[0-9]*)?$/.test(host);
  return { text: host + path, host, labels: malformed ? [] : name.split('.'), port, path };
}

/** Docker's clients put the API's version into the key: `https://index.docker.io/v1/`. */
function apiPathCut(path: string): string {
  const cut = /^\/v[12]\//.test(path) ? path.slice(3) : path;
  return cut === '/' ? '' : cut;
}

/** Like Go's `net.SplitHostPort`: brackets go where a port follows, and a host with more colons has no port. */
function splitPort(host: string): { readonly name: string; readonly port: string } {
  const { name, inner, port } =
    /^(?:\[(?<inner>[^\]]*)\]|(?<name>[^:]*)):(?<port>[^:]*)$/.exec(host)?.groups ?? {};
  return { name: inner ?? name ?? host, port: port ?? '' };
}
