import { type Digest, isDigest } from './digest.ts';
import type { Repository } from './lookup.ts';
import { parseReference } from './reference.ts';

/** What a container runs, as far as its `imageID` says. */
export type RunningImage =
  | {
      /** Of an index or of one platform's manifest: which of them depends on the runtime (case 4). */
      readonly type: 'manifest';
      readonly digest: Digest;
      /** Normalised. May be another's: it names the first repository the node pulled it from (case 3). */
      readonly repository?: Repository;
    }
  /** A bare image ID: the digest of the image config (case 6). */
  | { readonly type: 'config'; readonly digest: Digest }
  /** Something is there that no runtime we know says; absent is what has not been pulled yet. */
  | { readonly type: 'unreadable'; readonly text: string };

/**
 * Reads `status.containerStatuses[].imageID` of every runtime (case 1).
 *
 * With an `@` it is the digest of an index or manifest; without, that of an image config.
 * A repository that is no reference (`<none>@sha256:…` of Docker) is left out, its digest stays.
 *
 * @param text `repo@sha256:…`, `docker-pullable://repo@sha256:…`, `docker://sha256:…`, `sha256:…`, 64 hex digits
 * @returns undefined when empty: nothing was pulled yet (case 11). Anything else is `unreadable`, never undefined.
 * @see https://github.com/kubernetes/kubernetes/issues/95968
 */
export function parseImageId(text: string): RunningImage | undefined {
  if (text === '') return undefined;

  const id = text.replace(/^[a-z][a-z0-9+.-]*:\/\//, '');
  const at = id.lastIndexOf('@');
  const digest = readDigest(id.slice(at + 1));
  if (digest === undefined) return { type: 'unreadable', text };
  if (at < 0) return { type: 'config', digest };

  const repository = readRepository(id.slice(0, at));
  return { type: 'manifest', digest, ...(repository && { repository }) };
}

/** A digest, or the bare hex of one as CRI-O reports it. */
function readDigest(text: string): Digest | undefined {
  const digest = text.includes(':') ? text : `sha256:${text}`;
  return isDigest(digest) ? digest : undefined;
}

function readRepository(name: string): Repository | undefined {
  try {
    const { registry, repository } = parseReference(name);
    return { registry, repository };
  } catch {
    return undefined;
  }
}
