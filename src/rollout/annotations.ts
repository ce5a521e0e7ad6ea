/** What a workload's own annotations ask for. */
export interface Settings {
  /** Never restart; still look and report. */
  readonly hold: boolean;
  /** Only these; absent: all. */
  readonly containers?: ReadonlySet<string>;
  readonly ignoreContainers: ReadonlySet<string>;
  /** Init containers count, too. */
  readonly initContainers: boolean;
  /** Absent: as the config says. */
  readonly ifNotPresent?: 'skip' | 'restart';
}

export interface AnnotationsRead {
  /** What the good values ask for; a bad one counts as absent. */
  readonly settings: Settings;
  /** One sentence per bad value: it quotes the value and says what is allowed. Any of them holds the workload. */
  readonly problems: readonly string[];
  /** One sentence per thing that is no error but surely not meant: an unknown key. */
  readonly notes: readonly string[];
}

/** Reads the annotations that people write; not `last-restart`, which is the poller's. */
export declare function readAnnotations(
  annotations: Readonly<Record<string, string>>,
): AnnotationsRead;
