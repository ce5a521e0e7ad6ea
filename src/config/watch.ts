import type { Loaded, WatchedFile } from './load.ts';
import type { ConfigProblem } from './problem.ts';

export type LoadedConfig = Extract<Loaded, { readonly ok: true }>;

export interface WatchOptions {
  /** Reads the config and its files anew; it never rejects. */
  readonly load: () => Promise<Loaded>;
  /** What is in force now. */
  readonly current: LoadedConfig;
  /** Milliseconds from the end of one look to the next. Default: 10 s. */
  readonly intervalMs?: number;
  /** A file has changed and all is valid. @param names of the files that changed, as the config writes them */
  readonly onChange: (loaded: LoadedConfig, names: readonly string[]) => void;
  /** What there is now is invalid; once for each content. What is in force stays so. */
  readonly onInvalid: (problems: readonly ConfigProblem[]) => void;
  /** What was invalid is what is in force again: the file is back, or a change was taken back. */
  readonly onRestored?: () => void;
}

export interface ConfigWatch {
  /** Looks now; the timer calls it, tests do. */
  poll(): Promise<void>;
  stop(): void;
}

/**
 * Looks again and again whether the config or a file that it names has changed.
 *
 * By content, since a mounted Secret changes by a symbolic link that is swapped somewhere above the file: `fs.watch`
 * sees nothing of that.
 * @see https://kubernetes.io/docs/tasks/configure-pod-container/configure-pod-configmap/#mounted-configmaps-are-updated-automatically
 */
export function watchConfig(options: WatchOptions): ConfigWatch {
  const { load, intervalMs = 10_000, onChange, onInvalid, onRestored } = options;
  let inForce = options.current.files;
  let lastSeen = inForce;
  let stopped = false;
  let timer: NodeJS.Timeout | undefined;

  async function poll(): Promise<void> {
    const loaded = await load();
    if (stopped || changedNames(lastSeen, loaded.files).length === 0) return;
    lastSeen = loaded.files;
    if (!loaded.ok) {
      onInvalid(loaded.problems);
      return;
    }
    const names = changedNames(inForce, loaded.files);
    inForce = loaded.files;
    if (names.length > 0) onChange(loaded, names);
    else onRestored?.();
  }

  function arm(): void {
    timer = setTimeout(() => {
      void poll().finally(() => {
        if (!stopped) arm();
      });
    }, intervalMs);
    timer.unref();
  }

  arm();
  return {
    poll,
    stop() {
      stopped = true;
      clearTimeout(timer);
    },
  };
}

/** Files of both times whose content differs, came or went, by name. */
function changedNames(
  before: readonly WatchedFile[],
  after: readonly WatchedFile[],
): readonly string[] {
  const old = new Map(before.map(({ name, fingerprint }) => [name, fingerprint]));
  const changed = after.filter(
    // A file that is named only now has not changed; the one that names it has.
    ({ name, fingerprint }) => old.has(name) && old.get(name) !== fingerprint,
  );
  return [...new Set(changed.map(({ name }) => name))];
}
