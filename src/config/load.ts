import { parsePlatform } from '../image/platform.ts';
import { checkDocument } from './check.ts';
import type { Config } from './config.ts';
import { ConfigDocument } from './document.ts';
import type { EnvironmentVariables } from './expand.ts';
import { Files, readRegularFile } from './files.ts';
import type { ReadFile, WatchedFile } from './files.ts';
import { NamedFiles } from './named-files.ts';
import { formatProblem } from './problem.ts';
import type { ConfigProblem, Finding, KeyPath } from './problem.ts';
import { readCertificateFile, readRules } from './registry-rules.ts';
import type { ConfigInput } from './schema.ts';

export { formatProblem } from './problem.ts';
export type { ConfigProblem } from './problem.ts';
export type { WatchedFile } from './files.ts';

export interface LoadOptions {
  readonly environment: EnvironmentVariables;
  /** Default: the file system, regular files of at most 2 MiB. */
  readonly readFile?: ReadFile;
  /** For certificates that have expired. Default: now. */
  readonly now?: () => Date;
}

export type Loaded =
  | {
      readonly ok: true;
      readonly config: Config;
      /** For people, with file, line and column. */
      readonly warnings: readonly string[];
      /** The config file and every file that it names. */
      readonly files: readonly WatchedFile[];
    }
  | {
      readonly ok: false;
      /** All of them, in the order of the file. */
      readonly problems: readonly ConfigProblem[];
      readonly files: readonly WatchedFile[];
    };

/**
 * Reads the config file and every file that it names.
 *
 * Relative paths start at the working directory. Problems quote the file as written, never what a variable, a
 * token or a Secret holds. It throws nothing: what is wrong is a value.
 *
 * @param path undefined: the defaults
 */
export async function loadConfig(
  path: string | undefined,
  { environment, readFile = readRegularFile, now = () => new Date() }: LoadOptions,
): Promise<Loaded> {
  const files = new Files(readFile);
  const file = path ?? 'defaults';
  let text = '';
  if (path !== undefined) {
    const read = await files.read(path, path);
    if (!read.ok) {
      const message = `the config file ${read.message}`;
      const problem = { file, line: 0, column: 0, path: '', message };
      return { ok: false, problems: [problem], files: files.watched };
    }
    text = read.text;
    if (text.trim() === '') return { ok: false, problems: [emptyFile(file)], files: files.watched };
  }
  const document = new ConfigDocument(text, environment);
  const located = (findings: readonly Finding[]): readonly ConfigProblem[] =>
    findings.map((finding) => locate(finding, file, document)).toSorted(byPlace);
  if (document.value === undefined) {
    return { ok: false, problems: located(document.findings), files: files.watched };
  }
  const checked = checkDocument(document);
  const named = new NamedFiles(files, document, now());
  const config = checked.input === undefined ? undefined : await build(checked.input, named);
  const more = [...checked.findings, ...named.problems].filter(isNews(document.findings));
  const problems = located([...document.findings, ...more]);
  if (config === undefined || problems.length > 0) {
    return { ok: false, problems, files: files.watched };
  }
  const warnings = located(named.warnings).map(formatProblem);
  return { ok: true, config, warnings, files: files.watched };
}

/** Nothing in it is no wish for the defaults: a file that is being written looks like that, and a template gone wrong. */
function emptyFile(file: string): ConfigProblem {
  const message = 'the config file is empty; write {} for the defaults, or name no file';
  return { file, line: 1, column: 1, path: '', message };
}

/** What is wrong with a value whose variable is not set comes of that, which is said already. */
function isNews(findings: readonly Finding[]): (finding: Finding) => boolean {
  const known = new Set(findings.map(({ path }) => path.join('.')));
  return ({ path }) => path.length === 0 || !known.has(path.join('.'));
}

async function build(input: ConfigInput, files: NamedFiles): Promise<Config> {
  const caCertificates: string[] = [];
  const place: KeyPath = ['tls', 'caCertificatePaths'];
  for (const [index, path] of input.tls.caCertificatePaths.entries()) {
    // oxlint-disable-next-line no-await-in-loop -- problems come in the order of the file
    const certificates = await readCertificateFile(path, files, [...place, index]);
    if (certificates !== undefined) caCertificates.push(certificates.pem);
  }
  return {
    ...input,
    registries: await readRules(input.registries, files),
    tls: { caCertificates },
    platforms: input.platforms.map(parsePlatform),
  };
}

function locate(finding: Finding, file: string, document: ConfigDocument): ConfigProblem {
  const { path, message } = finding;
  return { file, ...document.placeOf(finding), path: path.join('.'), message };
}

function byPlace(one: ConfigProblem, other: ConfigProblem): number {
  return one.line - other.line || one.column - other.column;
}
