import { build } from 'esbuild';
import { chmod, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
const outfile = join(root, 'dist/main.mjs');

/**
 * Bundles the program and its libraries into one file: a fifth of the start-up time and half of the
 * memory of the same program from node_modules, and nothing to install in the image.
 */
await rm(join(root, 'dist'), { recursive: true, force: true });
await build({
  entryPoints: [join(root, 'src/main.ts')],
  outfile,
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'node24',
  // CommonJS libraries among the bundled ones call require() for Node's own modules.
  banner: {
    js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
  },
  // Names stay, so that stack traces and class names in logs do.
  minifyWhitespace: true,
  minifySyntax: true,
  keepNames: true,
  sourcemap: true,
  sourcesContent: false,
  legalComments: 'linked',
  logLevel: 'warning',
});
await chmod(outfile, 0o755);
console.log(`dist/main.mjs: ${((await stat(outfile)).size / 1e6).toFixed(1)} MB`);
