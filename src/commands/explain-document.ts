import { describeSource, type Candidate } from '../credentials/credential.ts';
import type { Digest } from '../image/digest.ts';
import type { Attempt, Latest, ManifestRead, Repository } from '../image/lookup.ts';
import { formatReference, type ImageReference } from '../image/reference.ts';
import type { HttpObservation } from '../registry/http.ts';
import type { Observed } from '../rollout/observe.ts';
import type { PodIndex } from '../rollout/pod-index.ts';
import type { PodFacts } from '../rollout/workload.ts';
import type { TickReport, TickTrace } from '../tick.ts';
import { workloadDocument, type WorkloadDocument } from './check-document.ts';

/** The whole way to one workload's decision; what `explain --output json` prints. No secret is in it. */
export interface ExplainDocument {
  readonly version: 1;
  readonly namespace: string;
  /** RFC 3339, UTC. */
  readonly time: string;
  readonly problems: readonly string[];
  /** Null where it is not watched. */
  readonly workload: WorkloadDocument | null;
  readonly progress: { readonly state: string; readonly message?: string } | null;
  readonly pods: readonly {
    readonly name: string;
    readonly phase: string;
    readonly ready: boolean;
    readonly terminating: boolean;
    readonly containers: readonly { readonly name: string; readonly imageID: string }[];
  }[];
  /** In the order in which the kubelet reads them. */
  readonly pullSecrets: readonly string[];
  /** Of the loop guard, by container: for which digests it was restarted. */
  readonly lastRestart: readonly {
    readonly container: string;
    readonly reference: string;
    readonly seen: readonly {
      readonly digest: string;
      readonly time: string;
      readonly attempts: number;
    }[];
  }[];
  readonly images: readonly ImageDocument[];
  readonly manifests: readonly {
    readonly manifest: string;
    readonly status: ManifestRead['status'];
    readonly contents: string;
  }[];
  /** In the order in which they ended. */
  readonly requests: readonly HttpObservation[];
}

interface ImageDocument {
  readonly image: string;
  /** Entries of pull Secrets that match, in the order in which they are tried; names only. */
  readonly candidates: readonly string[];
  readonly attempts: readonly Attempt[];
  readonly latest: string | null;
  readonly message: string;
}

/** Hears a tick and keeps what it heard of one workload. */
export class Explainer implements TickTrace {
  #observed: Observed | undefined;
  #pods: readonly PodFacts[] = [];
  readonly #candidates = new Map<string, readonly string[]>();
  readonly #latests = new Map<string, Latest>();
  readonly #manifests = new Map<string, ManifestRead>();
  readonly #requests: HttpObservation[] = [];

  observed(observed: Observed, pods: PodIndex): void {
    const { uid, name, kind } = observed.workload.id;
    this.#observed = observed;
    this.#pods =
      pods.byOwner.get(uid) ??
      (kind === 'Deployment' ? pods.byDeployment.get(name) : undefined) ??
      [];
  }

  candidates(reference: ImageReference, candidates: readonly Candidate[]): void {
    const sources = candidates.map(({ source }) => describeSource(source));
    this.#candidates.set(formatReference(reference), sources);
  }

  latest(reference: ImageReference, latest: Latest): void {
    this.#latests.set(formatReference(reference), latest);
  }

  manifest({ registry, repository }: Repository, digest: Digest, read: ManifestRead): void {
    this.#manifests.set(`${registry}/${repository}@${digest}`, read);
  }

  request(observation: HttpObservation): void {
    this.#requests.push(observation);
  }

  document(report: TickReport, namespace: string): ExplainDocument {
    const [workload] = report.workloads;
    const observed = this.#observed;
    return {
      version: 1,
      namespace,
      time: report.startedAt.toISOString(),
      problems: report.problems,
      workload: workload === undefined ? null : workloadDocument(workload),
      progress: observed?.progress ?? null,
      pods: this.#pods.map(({ name, phase, ready, terminating, containers }) => ({
        name,
        phase,
        ready,
        terminating,
        containers: containers.map((container) => ({
          name: container.name,
          imageID: container.imageId,
        })),
      })),
      pullSecrets: observed?.pullSecrets ?? [],
      lastRestart: observed === undefined ? [] : recordOf(observed),
      images: [...this.#latests].map(([image, latest]) => ({
        image,
        candidates: this.#candidates.get(image) ?? [],
        attempts: latest.attempts,
        latest: latest.status === 'found' ? latest.digest : null,
        message: latest.status === 'found' ? latest.warnings.join('; ') : latest.message,
      })),
      manifests: [...this.#manifests].map(([manifest, read]) => ({
        manifest,
        status: read.status,
        contents: contentsOf(read),
      })),
      requests: this.#requests,
    };
  }
}

function recordOf({ lastRestart }: Observed): ExplainDocument['lastRestart'] {
  if (lastRestart.status !== 'read') return [];
  return [...lastRestart.record].map(([container, { reference, seen }]) => ({
    container,
    reference,
    seen: seen.map(({ digest, time, attempts }) => ({
      digest,
      time: time.toISOString(),
      attempts,
    })),
  }));
}

function contentsOf(read: ManifestRead): string {
  if (read.status === 'not-found') return 'the registry does not have it';
  if (read.status === 'failed') return `${read.reason}: ${read.message}`;
  const { manifest } = read;
  switch (manifest.type) {
    case 'index': {
      const images = manifest.children.filter(({ attestation }) => !attestation);
      const attestations = manifest.children.length - images.length;
      return `index of ${images.length} images and ${attestations} attestations`;
    }
    case 'image':
      return `image with config ${manifest.config}`;
    case 'unsupported':
      return `unsupported ${manifest.mediaType}`;
  }
}
