import type { Digest } from '../image/digest.ts';
import type { Latest } from '../image/lookup.ts';
import { reportOf, skippedReport } from './container-report.ts';
import type { Judged, Pullability } from './judge.ts';
import type { ObservedContainer } from './observe.ts';
import type { ContainerReport } from './verdict.ts';

/** What was found out about one container. */
export interface Finding {
  /** Of its tag; absent for a pinned reference, which has none. */
  readonly latest?: Latest;
  /** Of a watched container whose `running` is not empty, once `latest` was found. */
  readonly judged?: Judged;
  /** The same of what runs below the partition; needed only where `judged` is not `changed`. */
  readonly judgedBelowPartition?: Judged;
  /** Whether a new Pod could pull it: of `mustPull` and of what is `changed`; needed only before a restart. */
  readonly pullable?: Exclude<Pullability, { readonly status: 'needs' }>;
}

export type Findings = ReadonlyMap<ObservedContainer, Finding>;

/** What the tag names now, where that was found out. */
export function latestDigest({ latest }: Finding): Digest | undefined {
  return latest?.status === 'found' ? latest.digest : undefined;
}

/** What a restart would replace runs something else than the tag names; what is below a partition does not count. */
export function isEvidence({ judged }: Finding): boolean {
  return judged?.verdict.verdict === 'changed';
}

/** A container and its finding as one verdict: changed, else unknown, else same. */
export function findingReport(container: ObservedContainer, finding: Finding): ContainerReport {
  const digest = latestDigest(finding) ?? null;
  if (!container.watched) return skippedReport(container, digest);
  const { verdict, message } = verdictOf(finding);
  return reportOf(container, verdict, message, digest);
}

function verdictOf(finding: Finding): Pick<Judged, 'verdict' | 'message'> {
  const { latest, judged, judgedBelowPartition: below } = finding;
  if (latest?.status === 'failed') {
    return { verdict: { verdict: 'unknown', reason: latest.reason }, message: latest.message };
  }
  if (judged?.verdict.verdict === 'changed') return judged;
  if (below?.verdict.verdict === 'changed') {
    return { ...below, message: `below the partition only: ${below.message}` };
  }
  if (judged?.verdict.verdict === 'unknown') return judged;
  return below?.verdict.verdict === 'unknown' ? below : (judged ?? below ?? notAsked);
}

const notAsked = {
  verdict: { verdict: 'unknown', reason: 'timed-out' },
  message: 'the tick ended before it was looked up',
} as const;
