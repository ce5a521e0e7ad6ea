import { describeSource, type Candidate } from '../credentials/credential.ts';
import { shortDigest, type Digest } from '../image/digest.ts';
import type { Latest, ManifestRead, Repository } from '../image/lookup.ts';
import { formatPlatform } from '../image/platform.ts';
import { formatReference, type ImageReference } from '../image/reference.ts';
import type { HttpObservation } from '../registry/http.ts';
import type { Observed } from '../rollout/observe.ts';
import type { PodIndex } from '../rollout/pod-index.ts';
import type { PodFacts } from '../rollout/workload.ts';
import type { TickReport } from '../tick.ts';
import { workloadDocument } from './check-document.ts';
import type { ExplainDocument, PodDocument } from './explain-document.ts';
import { nextSteps } from './next-steps.ts';
import type { PollerTrace } from './poller.ts';

/** Hears a tick and keeps what it heard of one workload. */
export class Explainer implements PollerTrace {
  #observed: Observed | undefined;
  #pods: readonly PodFacts[] = [];
  readonly #candidates = new Map<string, readonly string[]>();
  readonly #latests = new Map<string, Latest>();
  readonly #manifests = new Map<string, ManifestRead>();
  readonly #requests: HttpObservation[] = [];

  observed(observed: Observed, pods: PodIndex): void {
    const { uid, name, kind } = observed.workload.id;
    this.#observed = observed;
    const owned = kind === 'Deployment' ? pods.byDeployment.get(name) : pods.byOwner.get(uid);
    this.#pods = (owned ?? []).toSorted(
      (one, other) => other.createdAt.getTime() - one.createdAt.getTime(),
    );
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

  document(report: TickReport, namespace: string, hints: readonly string[]): ExplainDocument {
    const [workload] = report.workloads;
    const observed = this.#observed;
    return {
      version: 1,
      namespace,
      time: report.startedAt.toISOString(),
      problems: report.problems,
      hints,
      workload: workload === undefined ? null : workloadDocument(workload),
      progress: observed?.progress ?? null,
      pods: observed === undefined ? [] : this.#pods.map((pod) => podDocument(pod, observed)),
      pullSecrets: observed?.pullSecrets ?? [],
      images: [...this.#latests].map(([image, latest]) => ({
        image,
        containers: observed === undefined ? [] : containersOf(observed, image),
        candidates: this.#candidates.get(image) ?? [],
        attempts: latest.attempts,
        latest: latest.status === 'found' ? latest.digest : null,
        message: latest.status === 'found' ? latest.warnings.join('; ') : latest.message,
      })),
      requests: this.#requests,
      manifests: [...this.#manifests].map(([manifest, read]) => ({
        manifest,
        status: read.status,
        contents: contentsOf(read),
      })),
      lastRestart: observed === undefined ? [] : recordOf(observed),
      next: workload === undefined ? [] : nextSteps(workload),
    };
  }
}

function podDocument(
  { name, phase, ready, terminating, containers }: PodFacts,
  observed: Observed,
): PodDocument {
  const counted = observed.counted.includes(name);
  const ended = phase === 'Succeeded' || phase === 'Failed';
  return {
    name,
    phase,
    ready,
    terminating,
    counted,
    why: counted
      ? ''
      : terminating
        ? 'it is being deleted'
        : ended
          ? `it has ended (${phase})`
          : observed.belowPartition.includes(name)
            ? 'it is below the partition, so a restart would not replace it'
            : 'it is of an older revision',
    containers: containers.map((container) => ({
      name: container.name,
      imageID: container.imageId,
    })),
  };
}

function containersOf({ containers }: Observed, image: string): readonly string[] {
  return containers
    .filter(({ reference }) => reference !== undefined && formatReference(reference) === image)
    .map(({ spec }) => spec.name);
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
      const named = images.map(({ platform, digest }) =>
        [...(platform === undefined ? [] : [formatPlatform(platform)]), shortDigest(digest)].join(
          ' ',
        ),
      );
      return `an index: ${[...named, ...(attestations === 0 ? [] : [`attestations: ${attestations}`])].join(', ')}`;
    }
    case 'image':
      return `an image with the config ${manifest.config}`;
    case 'unsupported':
      return `an unsupported ${manifest.mediaType}`;
  }
}
