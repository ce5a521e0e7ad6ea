import type { Digest } from '../image/digest.ts';
import type { RunningImage } from '../image/image-id.ts';
import { message } from './message.ts';
import type { ObservedContainer, SkippedContainer } from './observe.ts';
import type { ContainerReport, Verdict } from './verdict.ts';

/** A container with its verdict, as everything that tells of it shows it. */
export function reportOf(
  container: ObservedContainer,
  verdict: Verdict,
  words: string,
  latest: Digest | null = null,
): ContainerReport {
  return {
    ...verdict,
    name: container.spec.name,
    image: container.spec.image,
    running: digestsOf([...container.running, ...container.belowPartition]),
    latest,
    message: message(words),
  };
}

/** A container that is not watched, with its own reason. */
export function skippedReport(
  container: SkippedContainer,
  latest: Digest | null = null,
): ContainerReport {
  const verdict = { verdict: 'skipped', reason: container.reason } as const;
  return reportOf(container, verdict, container.message, latest);
}

/** Distinct, in the given order; what no runtime we know says has none. */
export function digestsOf(images: readonly RunningImage[]): readonly Digest[] {
  return [
    ...new Set(images.flatMap((image) => (image.type === 'unreadable' ? [] : [image.digest]))),
  ];
}
