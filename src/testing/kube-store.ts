import { isDeepStrictEqual } from 'node:util';

import {
  type JsonObject,
  type KubeObject,
  type Metadata,
  type NewObject,
  objectAt,
  textAt,
} from './kube-json.ts';

/** How the API names what it stores. */
export const resources = {
  Deployment: { group: 'apps', resource: 'deployments' },
  StatefulSet: { group: 'apps', resource: 'statefulsets' },
  DaemonSet: { group: 'apps', resource: 'daemonsets' },
  ReplicaSet: { group: 'apps', resource: 'replicasets' },
  Pod: { group: '', resource: 'pods' },
  Secret: { group: '', resource: 'secrets' },
  Event: { group: 'events.k8s.io', resource: 'events' },
} as const;
export type Kind = keyof typeof resources;

export function isKind(text: string): text is Kind {
  return Object.hasOwn(resources, text);
}

/** The objects of one kind in one namespace, listed by name. */
interface Collection {
  readonly objects: Map<string, KubeObject>;
  /** Undefined after an object came or went. */
  sorted: readonly string[] | undefined;
}

/** What etcd is to an API server: objects with versions and nothing else. */
export class KubeStore {
  readonly #collections = new Map<string, Collection>();
  readonly #now: () => Date;
  #version = 1000;
  #created = 0;

  constructor(now: () => Date) {
    this.#now = now;
  }

  /** Of the latest write. */
  get resourceVersion(): string {
    return String(this.#version);
  }

  /** Forgets old versions. @returns the oldest that is still known */
  compact(): number {
    this.#next();
    return this.#version;
  }

  get(kind: Kind, namespace: string, name: string): KubeObject | undefined {
    return this.#collection(kind, namespace).objects.get(name);
  }

  /** By name. */
  list(kind: Kind, namespace: string): readonly KubeObject[] {
    const collection = this.#collection(kind, namespace);
    return this.names(kind, namespace).flatMap((name) => collection.objects.get(name) ?? []);
  }

  names(kind: Kind, namespace: string): readonly string[] {
    const collection = this.#collection(kind, namespace);
    return (collection.sorted ??= [...collection.objects.keys()].toSorted());
  }

  /** @throws {Error} when there is one of this name */
  create(object: NewObject): KubeObject {
    const kind = kindOf(object);
    const { name, namespace } = object.metadata;
    const collection = this.#collection(kind, namespace);
    if (collection.objects.has(name)) throw new Error(`${kind} "${name}" already exists`);
    const hasSpec = object['spec'] !== undefined && kind !== 'Pod';
    const stored: KubeObject = {
      ...object,
      metadata: {
        creationTimestamp: rfc3339(this.#now()),
        ...(hasSpec && { generation: 1 }),
        ...object.metadata,
        ...(kind === 'DaemonSet' && counted(object.metadata, 1)),
        uid: this.#uid(),
        resourceVersion: this.#next(),
      },
    };
    collection.objects.set(name, stored);
    collection.sorted = undefined;
    return stored;
  }

  /**
   * Stores a new state of an object. As in a real server, a changed `spec` counts up `generation`, for Deployments
   * changed annotations, too, and what changes nothing keeps the version.
   */
  update(old: KubeObject, changed: KubeObject): KubeObject {
    const { generation } = old.metadata;
    const counts =
      generation !== undefined &&
      (!isDeepStrictEqual(old['spec'], changed['spec']) ||
        (old.kind === 'Deployment' &&
          !isDeepStrictEqual(old.metadata['annotations'], changed.metadata['annotations'])));
    const metadata: Metadata = {
      ...changed.metadata,
      ...(counts && { generation: generation + 1 }),
      ...(old.kind === 'DaemonSet' && counted(changed.metadata, templateGeneration(old, changed))),
    };
    return this.updateStatus(old, { ...changed, metadata });
  }

  /** As controllers write: `generation` stays, also where they touch annotations. */
  updateStatus(old: KubeObject, changed: KubeObject): KubeObject {
    if (isDeepStrictEqual(old, changed)) return old;
    const metadata: Metadata = { ...changed.metadata, resourceVersion: this.#next() };
    const stored: KubeObject = { ...changed, metadata };
    this.#collection(kindOf(old), metadata.namespace).objects.set(metadata.name, stored);
    return stored;
  }

  delete(kind: Kind, namespace: string, name: string): void {
    const collection = this.#collection(kind, namespace);
    if (!collection.objects.delete(name)) return;
    this.#next();
    collection.sorted = undefined;
  }

  #collection(kind: Kind, namespace: string): Collection {
    const key = `${namespace}/${kind}`;
    const known = this.#collections.get(key);
    if (known !== undefined) return known;
    const collection: Collection = { objects: new Map(), sorted: undefined };
    this.#collections.set(key, collection);
    return collection;
  }

  #next(): string {
    this.#version += 1;
    return String(this.#version);
  }

  /** Unique, and the same in every run. */
  #uid(): string {
    this.#created += 1;
    return `00000000-0000-4000-8000-${this.#created.toString(16).padStart(12, '0')}`;
  }
}

/** The API server counts the changes of a DaemonSet's template, and lets nobody else. */
export const templateGenerationKey = 'deprecated.daemonset.template.generation';

function counted({ annotations }: JsonObject, generation: number): JsonObject {
  const others = objectAt({ annotations }, 'annotations');
  return { annotations: { ...others, [templateGenerationKey]: String(generation) } };
}

function templateGeneration(old: KubeObject, changed: KubeObject): number {
  const before = Number(textAt(old, 'metadata', 'annotations', templateGenerationKey));
  const isSame = isDeepStrictEqual(
    objectAt(old, 'spec', 'template'),
    objectAt(changed, 'spec', 'template'),
  );
  return isSame ? before : before + 1;
}

export function kindOf(object: { readonly kind: string }): Kind {
  if (isKind(object.kind)) return object.kind;
  throw new Error(`the fake does not store objects of kind "${object.kind}"`);
}

/** Whole seconds, as Go writes `metav1.Time`. */
export function rfc3339(time: Date): string {
  return time.toISOString().replace(/\.\d+Z$/, 'Z');
}
