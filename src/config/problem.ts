/** Where in the config file something stands, and what is wrong with it. */
export interface ConfigProblem {
  /** As given on the command line. */
  readonly file: string;
  /** From 1; 0 where the file as a whole is meant. */
  readonly line: number;
  readonly column: number;
  /** `registries.1.secret.token`; empty where it is no key's. */
  readonly path: string;
  /** For people; it quotes the file as written, never what a variable or a Secret holds. */
  readonly message: string;
}

/** Keys and list places (from 0) from the top of the file. */
export type KeyPath = readonly (string | number)[];

/** A problem before the file's name and its lines are known: at a node, at a key of a map, or at an offset. */
export interface Finding {
  readonly path: KeyPath;
  readonly message: string;
  /** Mark the key itself, not its value. */
  readonly atKey?: boolean;
  /** Characters from the start of the file, where that is more exact than the path. */
  readonly offset?: number;
}

/** `config.yaml:6:15 registries.1.passwrod: unknown key …` */
export function formatProblem({ file, line, column, path, message }: ConfigProblem): string {
  const place = line === 0 ? file : `${file}:${line}:${column}`;
  return path === '' ? `${place}: ${message}` : `${place} ${path}: ${message}`;
}
