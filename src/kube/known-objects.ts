/**
 * What the last list made of its objects, for as long as they are the version that they were.
 *
 * A resource version changes with every write, so that an object of the same uid and version is the same object.
 * @see https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-versions
 */
export class KnownObjects<T> {
  #values: ReadonlyMap<string, T> = new Map();
  readonly #doubted = new Set<string>();

  /** @param version as `versionOf` finds it */
  get(version: string): T | undefined {
    return this.#doubted.has(version) ? undefined : this.#values.get(version);
  }

  /** A list was read to its end: what it did not have is gone. */
  replace(values: ReadonlyMap<string, T>): void {
    this.#values = values;
    this.#doubted.clear();
  }

  /** Has an object read anew by the next list: a newer API server may tell more of the very same version. */
  doubt(uid: string, resourceVersion: string): void {
    this.#doubted.add(`${JSON.stringify(uid)} ${JSON.stringify(resourceVersion)}`);
  }
}
