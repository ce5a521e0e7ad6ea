import type { Repository } from '../image/lookup.ts';
import { printable, RegistryError } from './error.ts';
import { defaultHostOptions, type HostOptions } from './hosts.ts';

/** Docker Hub's name in references, and the host that serves it (case 48). */
const dockerHub = { name: 'docker.io', host: 'registry-1.docker.io' } as const;

/** Where a repository is asked for. */
export interface Target {
  /** For people: as it stands in the reference, or the endpoint's host where a rule names one. */
  readonly registry: string;
  readonly repository: string;
  /** With a trailing slash. */
  readonly base: URL;
  readonly host: HostOptions;
  /** HEAD is known to work and GET counts against the quota (case 53). */
  readonly isDockerHub: boolean;
}

/**
 * Finds where to ask for a repository: its registry over https, unless the rule that matches says otherwise.
 *
 * @throws {RegistryError} `malformed` where the registry is no host name
 */
export function targetOf(
  { registry, repository }: Repository,
  options: HostOptions = defaultHostOptions,
): Target {
  const { endpoint } = options;
  if (endpoint !== undefined) {
    const base = new URL(endpoint);
    if (!base.pathname.endsWith('/')) base.pathname += '/';
    // The endpoint's scheme decides; `plainHttp` is not needed.
    const host = { ...options, plainHttp: base.protocol === 'http:' };
    return { registry: base.host, repository, base, host, isDockerHub: false };
  }
  const isDockerHub = registry === dockerHub.name;
  const wireHost = isDockerHub ? dockerHub.host : registry;
  const text = `${options.plainHttp ? 'http' : 'https'}://${wireHost}/`;
  const base = URL.canParse(text) ? new URL(text) : undefined;
  // A user, a path or a query hidden in the host would send the request elsewhere.
  if (base === undefined || base.href !== `${base.protocol}//${base.host}/`) {
    throw new RegistryError('malformed', `${printable(registry)} is not a registry host`);
  }
  return { registry, repository, base, host: options, isDockerHub };
}

/**
 * `artifactory` is the repository path method: the first path part is the repository key.
 * @see https://jfrog.com/help/r/jfrog-artifactory-documentation/the-repository-path-method-for-docker
 */
export type PathStyle = 'standard' | 'artifactory';

/**
 * The URL of a manifest.
 *
 * @param name tag or digest
 * @throws {RegistryError} `malformed` where repository or name would lead to another path, as `..` does
 */
export function manifestUrl({ base, repository }: Target, name: string, style: PathStyle): URL {
  const [key = '', ...rest] = repository.split('/');
  const path =
    style === 'standard'
      ? `v2/${repository}/manifests/${name}`
      : `artifactory/api/docker/${key}/v2/${rest.join('/')}/manifests/${name}`;
  const url = new URL(path, base);
  if (url.href !== `${base.href}${path}`) {
    throw new RegistryError('malformed', `${printable(repository)} is not a repository name`);
  }
  return url;
}
