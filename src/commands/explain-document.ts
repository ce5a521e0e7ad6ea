import type { Attempt, ManifestRead } from '../image/lookup.ts';
import type { HttpObservation } from '../registry/http.ts';
import type { WorkloadDocument } from './check-document.ts';

/** The whole way to one workload's decision; what `explain --output json` prints. No secret is in it. */
export interface ExplainDocument {
  readonly version: 1;
  readonly namespace: string;
  /** RFC 3339, UTC. */
  readonly time: string;
  readonly problems: readonly string[];
  /** Where it is not watched: why that may be. */
  readonly hints: readonly string[];
  /** Null where it is not watched. */
  readonly workload: WorkloadDocument | null;
  readonly progress: { readonly state: string; readonly message?: string } | null;
  /** Newest first. */
  readonly pods: readonly PodDocument[];
  /** In the order in which the kubelet reads them. */
  readonly pullSecrets: readonly string[];
  readonly images: readonly ImageDocument[];
  /** In the order in which they ended. */
  readonly requests: readonly HttpObservation[];
  readonly manifests: readonly {
    readonly manifest: string;
    readonly status: ManifestRead['status'];
    readonly contents: string;
  }[];
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
  /** What would change the decision. */
  readonly next: readonly string[];
}

export interface PodDocument {
  readonly name: string;
  readonly phase: string;
  readonly ready: boolean;
  readonly terminating: boolean;
  /** Whether what it runs is evidence. */
  readonly counted: boolean;
  /** Why it is not; empty where it is. */
  readonly why: string;
  readonly containers: readonly { readonly name: string; readonly imageID: string }[];
}

/** An image that a registry was asked for. */
export interface ImageDocument {
  /** Normalised. */
  readonly image: string;
  /** Which containers name it. */
  readonly containers: readonly string[];
  /** Entries of pull Secrets that match, in the kubelet's order; names only. */
  readonly candidates: readonly string[];
  /** Who was tried, in order, until one was accepted. */
  readonly attempts: readonly Attempt[];
  readonly latest: string | null;
  readonly message: string;
}
