import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { delimiter, join, resolve as absolute } from 'node:path';
import { namespaceLabel, outputFolder } from './cluster.ts';
import { output, run } from './command.ts';

/*
 * npm run e2e [-- FILE...]: first e2e/registry/ on a real registry, then the scenarios on a real cluster, which is
 * installed, brought up and taken down here. E2E_USE_EXISTING=1 takes the cluster of KUBECONFIG instead, without
 * e2e/registry/ unless it is asked for; REGISTRY then names a plain-http registry that its nodes pull from and
 * this machine may push to, under that one name. E2E_IMAGE names an image of the
 * poller that is there already, so that none is built. E2E_UPDATE_FIXTURES=1 keeps the imageIDs that were seen.
 */
const root = join(import.meta.dirname, '..');
const scripts = join(root, 'e2e/cluster');
const registryTests = join(root, 'e2e/registry');
const home = process.env['CLUSTER_HOME'] ?? join(homedir(), '.cache/kube-e2e');
const existing = process.env['E2E_USE_EXISTING'] === '1';

process.env['PATH'] = [join(home, 'bin'), process.env['PATH']].join(delimiter);

/** Runs a command on this terminal; its exit code, or 1 when a signal ended it. A SIGTERM to us ends it, too. */
function show(command: string, args: readonly string[]): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: root, stdio: 'inherit' });
    const end = (): boolean => child.kill();
    process.once('SIGTERM', end);
    child.on('error', (error) => reject(new Error(`${command} does not start`, { cause: error })));
    child.on('close', (exitCode) => {
      process.off('SIGTERM', end);
      resolve(exitCode ?? 1);
    });
  });
}

async function mustShow(command: string, ...args: readonly string[]): Promise<void> {
  const exitCode = await show(command, args);
  if (exitCode !== 0) throw new Error(`${command} ${args.join(' ')}: exit code ${exitCode}`);
}

/** Takes over what up.sh writes: lines like `export REGISTRY=10.245.0.1:5000`. */
async function useEnvironment(file: string): Promise<void> {
  for (const [, name = '', value] of (await readFile(file, 'utf8')).matchAll(
    /^export (\w+)=(.*)$/gm,
  )) {
    process.env[name] = value;
  }
}

/** Nothing of ours runs yet when this throws. */
async function prepare(): Promise<void> {
  if (existing) {
    for (const name of ['KUBECONFIG', 'REGISTRY']) {
      if (!process.env[name]) throw new Error(`E2E_USE_EXISTING=1 needs ${name}`);
    }
    return;
  }
  if (existsSync(join(home, 'run'))) {
    throw new Error(
      'a cluster is up already: take it down with e2e/cluster/down.sh, or use it with ' +
        `. ${join(home, 'run/env')} && E2E_USE_EXISTING=1 npm run e2e`,
    );
  }
  await mustShow(join(scripts, 'install.sh'));
}

async function up(): Promise<void> {
  if (existing) return;
  await mustShow(join(scripts, 'up.sh'));
  await useEnvironment(join(home, 'run/env'));
}

async function buildImage(): Promise<void> {
  if (process.env['E2E_IMAGE']) return;
  const image = `${process.env['REGISTRY']}/kube-autorollout:e2e`;
  await mustShow(join(root, 'e2e/image/build-image.sh'), image);
  process.env['E2E_IMAGE'] = image;
}

/** Keeps what explains a failure: objects and Pods' logs of the scenarios' namespaces, the cluster's own logs. */
async function exportState(): Promise<void> {
  await mkdir(outputFolder, { recursive: true });
  const listed = await run('kubectl', ['get', 'namespaces', '-l', namespaceLabel, '-o', 'name']);
  for (const namespace of listed.stdout.split('\n').filter((line) => line !== '')) {
    const name = namespace.replace('namespace/', '');
    const kinds = 'deployments,statefulsets,daemonsets,replicasets,pods,events,configmaps';
    const objects = await run('kubectl', ['-n', name, 'get', kinds, '-o', 'yaml']);
    await writeFile(join(outputFolder, `${name}.objects.yaml`), objects.stdout + objects.stderr);
    const pods = await run('kubectl', ['-n', name, 'get', 'pods', '-o', 'name']);
    for (const pod of pods.stdout.split('\n').filter((line) => line !== '')) {
      const logs = await run('kubectl', ['-n', name, 'logs', pod, '--all-containers']);
      await writeFile(
        join(outputFolder, `${name}.${pod.replace('pod/', '')}.log`),
        logs.stdout + logs.stderr,
      );
    }
  }
  if (!existing && existsSync(join(home, 'run/log'))) {
    await cp(join(home, 'run/log'), join(outputFolder, 'cluster'), { recursive: true });
  }
  console.error(`objects and logs are in ${outputFolder}`);
}

async function down(): Promise<void> {
  if (existing) {
    await output('kubectl', ['delete', 'namespaces', '-l', namespaceLabel, '--wait=false']);
  } else if (existsSync(join(home, 'run'))) {
    await mustShow(join(scripts, 'down.sh'));
  }
}

/** These need a registry's program and no cluster. */
function isRegistryTest(file: string): boolean {
  return absolute(file).startsWith(`${registryTests}/`);
}

async function runTests(files: readonly string[]): Promise<number> {
  if (files.length === 0) return 0;
  return show(process.execPath, ['--test', '--test-concurrency=1', ...files]);
}

async function main(files: readonly string[]): Promise<number> {
  await rm(outputFolder, { recursive: true, force: true });
  await mustShow(process.execPath, join(root, 'e2e/build.ts'));
  const all = files.length === 0;
  const registryFiles =
    all && !existing ? [`${registryTests}/*.test.ts`] : files.filter(isRegistryTest);
  const scenarios = all
    ? [join(root, 'e2e/scenarios/*.test.ts')]
    : files.filter((file) => !isRegistryTest(file));
  await prepare();
  let exitCode = await runTests(registryFiles);
  if (exitCode !== 0 || scenarios.length === 0) return exitCode;
  exitCode = 1;
  try {
    await up();
    await buildImage();
    exitCode = await runTests(scenarios);
  } finally {
    try {
      if (exitCode !== 0) await exportState();
    } finally {
      await down();
    }
  }
  return exitCode;
}

// Ctrl-C reaches the test runner by itself: it ends, and the cluster is taken down after it.
process.on('SIGINT', () => {});
process.on('SIGTERM', () => {});
process.exitCode = await main(process.argv.slice(2));
