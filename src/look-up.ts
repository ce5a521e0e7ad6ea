import { matchKeyring } from './credentials/keyring.ts';
import type { PullSecret } from './credentials/docker-config.ts';
import type { Candidate } from './credentials/credential.ts';
import { isDigest, type Digest } from './image/digest.ts';
import type { Latest, ManifestRead, Repository } from './image/lookup.ts';
import { isTagReference, type ImageReference } from './image/reference.ts';
import { wouldRestart, type DecideOptions, type Finding } from './rollout/decide.ts';
import {
  judge,
  maxRounds,
  pullable,
  type Judged,
  type JudgeInput,
  type NeededRead,
  type Needs,
} from './rollout/judge.ts';
import type { Observed, ObservedContainer } from './rollout/observe.ts';
import type { LookUps } from './tick.ts';

/** Hears what was asked and answered for one workload; `explain` tells it on. */
export interface Trace {
  candidates(reference: ImageReference, candidates: readonly Candidate[]): void;
  latest(reference: ImageReference, latest: Latest): void;
  manifest(repository: Repository, digest: Digest, read: ManifestRead): void;
}

export interface LookedUp {
  readonly findings: ReadonlyMap<ObservedContainer, Finding>;
  /** The manifests that were read on the way, by digest. */
  readonly manifests: ReadonlyMap<Digest, ManifestRead>;
  /** The tick's deadline ended a look-up. */
  readonly cutOff: boolean;
}

/**
 * Asks registries all that the decision on one workload depends on: the latest digest of each watched container,
 * manifests only where it differs from what runs, and, where a restart is in sight, whether a new Pod could pull.
 *
 * @param secrets the Pod's pull Secrets in the kubelet's order
 */
export async function lookUp(
  observed: Observed,
  secrets: readonly PullSecret[],
  lookUps: LookUps,
  options: DecideOptions,
  trace?: Trace,
): Promise<LookedUp> {
  const manifests = new Map<string, { readonly digest: Digest; readonly read: ManifestRead }>();
  const findings = new Map<ObservedContainer, Finding>();
  const latests = new Map<ObservedContainer, Latest>();

  const watched = observed.containers.filter((container) => container.watched);
  await Promise.all(
    watched.map(async (container) => {
      findings.set(container, await findingOf(container, container.reference));
    }),
  );
  if (wouldRestart(observed, findings, options)) {
    await Promise.all(observed.containers.map(addPullable));
  }
  return {
    findings,
    manifests: new Map([...manifests.values()].map(({ digest, read }) => [digest, read])),
    cutOff:
      [...latests.values()].some((latest) => latest.status === 'failed' && latest.cutOff) ||
      [...manifests.values()].some(({ read }) => read.status === 'failed' && read.cutOff),
  };

  async function findingOf(
    container: ObservedContainer,
    reference: ImageReference,
  ): Promise<Finding> {
    const latest = await latestOf(container, reference);
    if (latest?.status !== 'found') return latest === undefined ? {} : { latest };
    const compare = async (running: ObservedContainer['running']): Promise<Judged | undefined> =>
      running.length === 0 ? undefined : settle(judge, inputFor(reference, latest.digest, running));
    const judged = await compare(container.running);
    const judgedBelowPartition =
      judged?.verdict.verdict === 'changed' ? undefined : await compare(container.belowPartition);
    return {
      latest,
      ...(judged && { judged }),
      ...(judgedBelowPartition && { judgedBelowPartition }),
    };
  }

  /** What a new Pod must pull is asked for, and whether it could run what is there. */
  async function addPullable(container: ObservedContainer): Promise<void> {
    const finding = findings.get(container) ?? {};
    const changed = finding.judged?.verdict.verdict === 'changed';
    const reference =
      container.mustPull ?? (changed && container.watched ? container.reference : undefined);
    if (reference === undefined) return;
    const latest = finding.latest ?? (await latestOf(container, reference));
    const digest =
      latest === undefined
        ? pinnedDigest(reference)
        : latest.status === 'found'
          ? latest.digest
          : undefined;
    findings.set(container, {
      ...finding,
      ...(latest && { latest }),
      ...(digest !== undefined && {
        pullable: await settle(pullable, {
          ...inputFor(reference, digest, container.running),
          isPinned: latest === undefined,
        }),
      }),
    });
  }

  async function latestOf(
    container: ObservedContainer,
    reference: ImageReference,
  ): Promise<Latest | undefined> {
    if (!isTagReference(reference)) return undefined;
    const candidates = candidatesFor(reference);
    trace?.candidates(reference, candidates);
    const latest = await lookUps.latest(reference, candidates);
    latests.set(container, latest);
    trace?.latest(reference, latest);
    return latest;
  }

  function candidatesFor({ registry, repository }: Repository): readonly Candidate[] {
    return matchKeyring(secrets, { registry, repository });
  }

  function inputFor(
    { registry, repository }: Repository,
    latest: Digest,
    running: ObservedContainer['running'],
  ): JudgeInput {
    return {
      running,
      repository: { registry, repository },
      latest,
      platforms: observed.platforms,
      read: (from, digest) => manifests.get(keyOf({ repository: from, digest }))?.read,
    };
  }

  /** Asks a pure question again and again, reading what it lacks, until it is answered. */
  async function settle<Answer extends { readonly status: string }>(
    ask: (input: JudgeInput) => Answer | Needs,
    input: JudgeInput,
  ): Promise<Answer> {
    for (let round = 0; round < maxRounds; round += 1) {
      const answer = ask(input);
      if (!isNeeds(answer)) return answer;
      // oxlint-disable-next-line no-await-in-loop -- each round depends on the one before
      await Promise.all(answer.reads.map(readManifest));
    }
    throw new Error(`the comparison of ${input.latest} did not end`);
  }

  async function readManifest(wanted: NeededRead): Promise<void> {
    const { repository, digest } = wanted;
    const read = await lookUps.manifest(repository, digest, candidatesFor(repository));
    manifests.set(keyOf(wanted), { digest, read });
    trace?.manifest(repository, digest, read);
  }
}

/** A digest of an algorithm that nobody registered cannot be asked for. */
function pinnedDigest({ digest }: ImageReference): Digest | undefined {
  return digest !== undefined && isDigest(digest) ? digest : undefined;
}

function isNeeds(answer: { readonly status: string }): answer is Needs {
  return answer.status === 'needs';
}

function keyOf({ repository: { registry, repository }, digest }: NeededRead): string {
  return `${registry}/${repository}@${digest}`;
}
