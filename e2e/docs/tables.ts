import { z } from 'zod';
import { type Advice, advice } from '../../src/commands/reasons.ts';
import { configJsonSchema } from '../../src/config/schema.ts';
import { createMetrics } from '../../src/telemetry/metrics.ts';
import { decisionLevels } from '../../src/telemetry/vocabulary.ts';

/** Tables of the README that are made from what the program itself says. */

interface Key {
  readonly path: string;
  readonly description: string;
}

const nodeSchema = z.object({
  description: z.string().optional(),
  properties: z.record(z.string(), z.unknown()).optional(),
  items: z.unknown().optional(),
});

/** Every key of the config file, those of the rules apart. */
export function configTable(): string {
  return keyTable(
    keysOf(configJsonSchema()).filter(({ path }) => !path.startsWith('registries[].')),
  );
}

/** The keys of a rule of `registries[]`. */
export function ruleTable(): string {
  const rules = keysOf(configJsonSchema()).filter(({ path }) => path.startsWith('registries[].'));
  return keyTable(rules.map((key) => ({ ...key, path: key.path.replace('registries[].', '') })));
}

/** The reasons of decisions on workloads, in the order of the program; those of containers are the others. */
export function reasonTable(whose: 'workload' | 'container'): string {
  const ofWorkloads = new Set(
    Object.values(decisionLevels).flatMap((levels) => Object.keys(levels)),
  );
  const rows = Object.entries(advice)
    .filter(([reason]) => ofWorkloads.has(reason) === (whose === 'workload'))
    .map(([reason, said]) => {
      const { means, todo = 'nothing' }: Advice = said;
      return [`\`${reason}\``, means, todo];
    });
  return table([`reason of a ${whose}`, 'what it means', 'what to do'], rows);
}

/** All metrics of the program's own, with their labels. */
export async function metricTable(): Promise<string> {
  const metrics = createMetrics({ version: '1', processMetrics: false });
  // Those with labels that the network fills have no series before something happened.
  metrics.requestEnded({ registry: 'r', method: 'HEAD', status: 200, durationMs: 1 });
  metrics.throttled('r');
  metrics.credentialRejected('r');
  metrics.tokenRequested('r', 'ok');
  metrics.rateLimitRemaining('r', 1);
  const rendered = await metrics.render();
  const rows = [...rendered.matchAll(/^# HELP (?<name>\S+) (?<help>.*)$/gm)].map(({ groups }) => {
    const { name = '', help = '' } = groups ?? {};
    const [, series = ''] = new RegExp(`^${name}(?:_count)?\\{(.*)\\}`, 'm').exec(rendered) ?? [];
    const labels = [...series.matchAll(/(\w+)="/g)].map(([, label = '']) => `\`${label}\``);
    return [`\`${name}\``, labels.join(', '), help];
  });
  return table(['metric', 'labels', 'meaning'], rows);
}

/** Every key below a schema that says something, deepest first where a map says nothing of its own. */
function keysOf(schema: unknown, path = ''): readonly Key[] {
  const { description = '', properties, items } = nodeSchema.parse(schema);
  const isMap = properties !== undefined;
  const own = path === '' || isMap ? [] : [{ path, description }];
  const below = Object.entries(properties ?? {}).flatMap(([key, value]) =>
    keysOf(value, path === '' ? key : `${path}.${key}`),
  );
  const inItems = items === undefined ? [] : keysOf(items, `${path}[]`);
  // A list of texts is one key.
  return [...own, ...below, ...inItems.filter((key) => key.path.includes('[].'))];
}

function keyTable(keys: readonly Key[]): string {
  const rows = keys.map(({ path, description }) => {
    const [, meaning = description, standard = ''] =
      /^(.*?)\s*(?:Default: (.*?)\.|(?:Required)\.)$/s.exec(description) ?? [];
    const isRequired = description.endsWith('Required.');
    return [`\`${path}\``, isRequired ? 'required' : code(standard), meaning];
  });
  return table(['key', 'default', 'meaning'], rows);
}

/** A word is a value, more than one is a sentence about it. */
function code(text: string): string {
  if (text === '' || /^none\b/.test(text)) return text;
  const [, quoted, rest = ''] = /^"([^"]+)"(.*)$/.exec(text) ?? [];
  if (quoted !== undefined) return `\`${quoted}\`${rest}`;
  return /^\S+$/.test(text) ? `\`${text}\`` : text;
}

function table(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  return [row(headings), `|${headings.map(() => '---|').join('')}`, ...rows.map(row)].join('\n');
}

function row(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll('|', String.raw`\|`)).join(' | ')} |`;
}
