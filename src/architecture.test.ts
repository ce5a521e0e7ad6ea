import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { dirname, join, normalize } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';

/**
 * Who may import whom. A module is a folder of `src`, or a file at its top.
 * `src`: folders (all of it) or single files, `types:` before those of which only types may be taken.
 */
interface Allowance {
  readonly src: readonly string[];
  readonly npm: readonly string[];
  /** `node:` modules with effects; those without (crypto, util, url, …) are open to all. */
  readonly node: readonly string[];
}

const everything = ['*'];
const table: Readonly<Record<string, Allowance>> = {
  image: { src: [], npm: ['zod'], node: [] },
  network: { src: [], npm: ['ipaddr.js'], node: [] },
  credentials: { src: ['image'], npm: ['zod', 'minimatch'], node: [] },
  rollout: { src: ['image'], npm: [], node: [] },
  config: {
    src: ['image', 'credentials', 'registry/hosts.ts'],
    npm: ['yaml', 'zod', 'croner'],
    node: ['fs', 'fs/promises'],
  },
  registry: {
    src: ['image', 'credentials', 'network', 'types:tick.ts'],
    npm: ['undici', 'zod', 'ipaddr.js'],
    node: ['dns', 'net', 'tls'],
  },
  kube: {
    src: ['image', 'credentials', 'network', 'rollout/workload.ts', 'types:tick.ts'],
    npm: ['@kubernetes/client-node', 'undici', 'zod'],
    node: ['fs', 'fs/promises'],
  },
  telemetry: {
    src: ['image', 'types:rollout', 'types:tick.ts'],
    npm: ['pino', 'prom-client'],
    node: ['http'],
  },
  'schedule.ts': { src: [], npm: ['croner'], node: [] },
  'tick.ts': { src: ['look-up.ts', 'image', 'credentials', 'rollout'], npm: [], node: [] },
  'look-up.ts': { src: ['types:tick.ts', 'image', 'credentials', 'rollout'], npm: [], node: [] },
  'cli.ts': { src: everything, npm: ['commander'], node: [] },
  commands: { src: everything, npm: ['cli-table3'], node: ['fs', 'fs/promises'] },
  'main.ts': { src: everything, npm: everything, node: everything },
  testing: { src: everything, npm: everything, node: everything },
};

const effects = new Set([
  'child_process',
  'cluster',
  'dgram',
  'dns',
  'dns/promises',
  'fs',
  'fs/promises',
  'http',
  'http2',
  'https',
  'inspector',
  'module',
  'net',
  'os',
  'process',
  'readline',
  'repl',
  'tls',
  'tty',
  'v8',
  'vm',
  'worker_threads',
]);

const root = dirname(fileURLToPath(import.meta.url));
const sources = globSync('**/*.ts', { cwd: root })
  .filter((file) => !file.endsWith('.test.ts'))
  .toSorted();

interface Import {
  readonly specifier: string;
  readonly typeOnly: boolean;
}

function importsOf(file: string): readonly Import[] {
  const text = readFileSync(join(root, file), 'utf8');
  const statements = text.matchAll(
    /^\s*(?:import|export)\s+(?<type>type\s+)?(?:[^'";]*?\sfrom\s+)?['"](?<specifier>[^'"]+)['"]/gm,
  );
  const dynamic = text.matchAll(/\bimport\(\s*['"](?<specifier>[^'"]+)['"]\s*\)/g);
  return [...statements, ...dynamic].map(({ groups }) => ({
    specifier: groups?.['specifier'] ?? '',
    typeOnly: groups?.['type'] !== undefined,
  }));
}

function moduleOf(file: string): string {
  return file.includes('/') ? file.slice(0, file.indexOf('/')) : file;
}

function packageOf(specifier: string): string {
  return specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');
}

/** The import as a violation, or undefined where the table allows it. */
function violation(file: string, { specifier, typeOnly }: Import): string | undefined {
  const module = moduleOf(file);
  const allowed = table[module];
  if (allowed === undefined) return `${file}: "${module}" has no row in the table`;

  if (specifier.startsWith('.')) {
    const target = normalize(join(dirname(file), specifier));
    if (target === '../package.json' && module === 'main.ts') return undefined;
    const home = moduleOf(target);
    const open = [home, target];
    const names = typeOnly ? open.flatMap((name) => [name, `types:${name}`]) : open;
    if (home === module || allowed.src === everything) return undefined;
    return names.some((name) => allowed.src.includes(name)) ? undefined : `${file} → ${target}`;
  }
  const name = specifier.replace(/^node:/, '');
  if (builtinModules.includes(name) || specifier.startsWith('node:')) {
    if (!specifier.startsWith('node:')) return `${file} → ${specifier} without "node:"`;
    if (!effects.has(name) || allowed.node === everything) return undefined;
    return allowed.node.includes(name) ? undefined : `${file} → ${specifier}`;
  }
  if (allowed.npm === everything || allowed.npm.includes(packageOf(specifier))) return undefined;
  return `${file} → ${specifier}`;
}

describe('architecture', () => {
  test('the sources are found', () => {
    assert.ok(sources.includes('tick.ts'));
    assert.ok(sources.length > 20);
  });

  test('every import is in the table of who may import whom', () => {
    const violations = sources.flatMap((file) =>
      importsOf(file).map((found) => violation(file, found)),
    );
    assert.deepEqual(
      violations.filter((found) => found !== undefined),
      [],
    );
  });

  test('the table would find each kind of forbidden import', () => {
    const forbidden: readonly [string, Import][] = [
      ['kube/cluster.ts', { specifier: '../registry/http.ts', typeOnly: false }],
      ['registry/client.ts', { specifier: '../kube/client.ts', typeOnly: true }],
      ['registry/client.ts', { specifier: '../tick.ts', typeOnly: false }],
      ['kube/cluster.ts', { specifier: '../rollout/decide.ts', typeOnly: false }],
      ['rollout/decide.ts', { specifier: 'zod', typeOnly: false }],
      ['rollout/decide.ts', { specifier: 'node:fs', typeOnly: false }],
      ['image/digest.ts', { specifier: 'fs', typeOnly: false }],
      ['tick.ts', { specifier: './kube/cluster.ts', typeOnly: true }],
      ['stray/file.ts', { specifier: 'node:crypto', typeOnly: false }],
    ];
    for (const [file, found] of forbidden) {
      assert.notEqual(violation(file, found), undefined, `${file} → ${found.specifier}`);
    }
  });

  test('only main.ts reads process', () => {
    const readers = sources.filter((file) =>
      /\bprocess\.|from 'node:process'/.test(
        withoutComments(readFileSync(join(root, file), 'utf8')),
      ),
    );
    assert.deepEqual(readers, ['main.ts']);
  });

  test('a secret is revealed in two files only, those that put it on the wire', () => {
    const revealing = sources.filter((file) =>
      /\.reveal\(\)/.test(withoutComments(readFileSync(join(root, file), 'utf8'))),
    );
    assert.deepEqual(revealing, ['registry/authorization.ts', 'registry/tls.ts']);
  });

  test('zod comes as a namespace: its object z brings all of it into the bundle, forty languages too', () => {
    const whole = sources.filter((file) =>
      /import \{[^}]*\bz\b[^}]*\} from 'zod'/.test(readFileSync(join(root, file), 'utf8')),
    );
    assert.deepEqual(whole, []);
  });

  test('no folder is named after nothing', () => {
    const vague = sources.filter((file) =>
      /(^|\/)(utils?|common|helpers?|types|misc)(\/|\.ts$)/.test(file),
    );
    assert.deepEqual(vague, []);
  });
});

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|\s)\/\/.*$/gm, '$1');
}
