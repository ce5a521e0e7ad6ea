import { quote } from '../image/quote.ts';

/** A workload's own annotations (design 2.3); the last is the poller's, all others are people's. */
export const annotationKeys = {
  hold: 'kube-autorollout/hold',
  containers: 'kube-autorollout/containers',
  ignoreContainers: 'kube-autorollout/ignore-containers',
  initContainers: 'kube-autorollout/init-containers',
  ifNotPresent: 'kube-autorollout/if-not-present',
  lastRestart: 'kube-autorollout/last-restart',
} as const;

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
}

/** Reads the annotations that people write; not `last-restart`. */
export function readAnnotations(annotations: Readonly<Record<string, string>>): AnnotationsRead {
  const problems: string[] = [];
  const hold = read('hold', parseBoolean, '"true" or "false"');
  const containers = read('containers', parseNames, namesAllowed);
  const ignoreContainers = read('ignoreContainers', parseNames, namesAllowed);
  const initContainers = read('initContainers', parseBoolean, '"true" or "false"');
  const ifNotPresent = read('ifNotPresent', parseIfNotPresent, '"skip" or "restart"');

  return {
    settings: {
      hold: hold ?? false,
      ...(containers && { containers }),
      ignoreContainers: ignoreContainers ?? new Set(),
      initContainers: initContainers ?? false,
      ...(ifNotPresent && { ifNotPresent }),
    },
    problems,
  };

  function read<T>(
    name: keyof typeof annotationKeys,
    parse: (text: string) => T | undefined,
    allowed: string,
  ): T | undefined {
    const text = annotations[annotationKeys[name]];
    if (text === undefined) return undefined;
    const value = parse(text.trim());
    if (value === undefined) {
      problems.push(
        `annotation ${annotationKeys[name]} is ${quote(text, 40)}: allowed is ${allowed}`,
      );
    }
    return value;
  }
}

function parseBoolean(text: string): boolean | undefined {
  if (text === 'true') return true;
  return text === 'false' ? false : undefined;
}

const namesAllowed = 'container names, separated by commas';
const namePattern = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
/** A list longer than this is no list of containers. */
const maxNamesLength = 16 * 1024;

/** An empty list is no list: `containers: ""` could mean all or none. */
function parseNames(text: string): ReadonlySet<string> | undefined {
  if (text.length > maxNamesLength) return undefined;
  const names = text.split(',').map((name) => name.trim());
  return names.every((name) => namePattern.test(name)) ? new Set(names) : undefined;
}

function parseIfNotPresent(text: string): 'skip' | 'restart' | undefined {
  return text === 'skip' || text === 'restart' ? text : undefined;
}
