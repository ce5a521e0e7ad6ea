import { z } from 'zod';

/** Requests by kind; what a tick is measured by. */
export const requestKinds = [
  'HEAD',
  'GET manifest',
  'token',
  'other registry',
  'LIST workloads',
  'LIST Pods',
  'further pages',
  'GET Secret',
  'GET workload',
  'PATCH workload',
  'Event',
  'access review',
  'other API',
] as const;

export type RequestKind = (typeof requestKinds)[number];

export const countsSchema = z.record(z.enum(requestKinds), z.number());
export type Counts = z.output<typeof countsSchema>;

export function noCounts(): Record<RequestKind, number> {
  return {
    HEAD: 0,
    'GET manifest': 0,
    token: 0,
    'other registry': 0,
    'LIST workloads': 0,
    'LIST Pods': 0,
    'further pages': 0,
    'GET Secret': 0,
    'GET workload': 0,
    'PATCH workload': 0,
    Event: 0,
    'access review': 0,
    'other API': 0,
  };
}

export function countsBetween(before: Counts, after: Counts): Counts {
  const difference = noCounts();
  for (const kind of requestKinds) difference[kind] = after[kind] - before[kind];
  return difference;
}

/** Kind by kind, so that a request that fell between two looks does not show. */
export function medianCounts(all: readonly Counts[]): Counts {
  const medians = noCounts();
  for (const kind of requestKinds) {
    const sorted = all.map((counts) => counts[kind]).toSorted((one, other) => one - other);
    medians[kind] = sorted[Math.floor(sorted.length / 2)] ?? 0;
  }
  return medians;
}

export function total(counts: Counts, kinds: readonly RequestKind[] = requestKinds): number {
  return kinds.reduce((sum, kind) => sum + counts[kind], 0);
}

interface Asked {
  readonly method: string;
  readonly path: string;
}

export function registryKind({ method, path }: Asked): RequestKind {
  if (path.startsWith('/token')) return 'token';
  if (!path.includes('/manifests/')) return 'other registry';
  return method === 'HEAD' ? 'HEAD' : 'GET manifest';
}

/** @param path without its query @param continued it asks for a further page */
export function apiKind({ method, path }: Asked, continued: boolean): RequestKind {
  const [, resource = '', name] = /\/namespaces\/[^/]+\/([^/]+)(?:\/([^/]+))?$/.exec(path) ?? [];
  if (path.includes('/events.k8s.io/')) return 'Event';
  if (path.endsWith('accessreviews')) return 'access review';
  if (continued) return 'further pages';
  const isWorkload = ['deployments', 'statefulsets', 'daemonsets'].includes(resource);
  if (method === 'PATCH' && isWorkload) return 'PATCH workload';
  if (method !== 'GET') return 'other API';
  if (resource === 'secrets') return 'GET Secret';
  if (isWorkload) return name === undefined ? 'LIST workloads' : 'GET workload';
  return resource === 'pods' && name === undefined ? 'LIST Pods' : 'other API';
}
