import { build, type Plugin } from 'esbuild';
import { chmod, glob, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { licencesOf } from './licences.ts';

const root = join(import.meta.dirname, '..');
const outdir = join(root, 'dist');

/**
 * Bundles the program and its libraries: a third of the start-up time and half of the memory of the same program
 * from node_modules, and nothing to install in the image. What only some commands need becomes a chunk of its own,
 * above all the kubeconfig's library, two thirds of everything, which a Pod never loads.
 */
/**
 * `import` of node:http reads all that it exports, `WebSocket` among it, for which Node loads its own copy of undici:
 * 810 kB of source that nobody runs. `require` reads nothing.
 */
const requireHttp: Plugin = {
  name: 'require node:http',
  setup(bundler) {
    bundler.onResolve({ filter: /^node:http$/ }, ({ kind, path }) =>
      kind === 'import-statement' ? { path, namespace: 'require' } : { path, external: true },
    );
    bundler.onLoad({ filter: /.*/, namespace: 'require' }, () => ({
      contents: "module.exports = require('node:http');",
    }));
  },
};

await rm(outdir, { recursive: true, force: true });
const { metafile } = await build({
  entryPoints: [join(root, 'src/main.ts')],
  outdir,
  outExtension: { '.js': '.mjs' },
  chunkNames: 'chunks/[name]-[hash]',
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node24',
  // CommonJS libraries among the bundled ones call require() for Node's own modules.
  banner: {
    js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
  },
  // Names stay as they are, so that stack traces can be read; keepNames would wrap every closure each time it is made.
  minifyWhitespace: true,
  minifySyntax: true,
  sourcemap: true,
  sourcesContent: false,
  legalComments: 'none',
  plugins: [requireHttp],
  metafile: true,
  absWorkingDir: root,
  logLevel: 'warning',
});
await writeFile(
  join(outdir, 'THIRD-PARTY-LICENCES.txt'),
  await licencesOf(root, Object.keys(metafile.inputs)),
);
await chmod(join(outdir, 'main.mjs'), 0o755);

let bytes = 0;
for await (const file of glob(join(outdir, '**/*.mjs'))) bytes += (await stat(file)).size;
console.log(`dist/main.mjs and its chunks: ${(bytes / 1e6).toFixed(1)} MB`);
