import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

import type { BenchWorld } from './bench-world.ts';

export interface Command {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/**
 * Runs a command with a service account where the kubelet would mount one, so that the poller is measured as it runs
 * in a Pod: a kubeconfig needs a library that costs 50 MB. The folder is seen by that process only, in a mount
 * namespace of its own.
 *
 * @returns undefined where the system does not let its users have such namespaces
 */
export function asInAPod(world: BenchWorld, command: Command): Command | undefined {
  if (!mayUnshare()) return undefined;
  const script = `mount -t tmpfs none /run
folder=/run/secrets/kubernetes.io/serviceaccount
mkdir -p $folder
cp ${JSON.stringify(join(world.folder, 'ca.pem'))} $folder/ca.crt
printf bench-token > $folder/token
printf ${world.namespace} > $folder/namespace
exec "$@"`;
  return {
    command: 'unshare',
    args: [
      '--map-root-user',
      '--mount',
      'sh',
      '-ec',
      script,
      'sh',
      command.command,
      ...command.args,
    ],
    env: {
      ...command.env,
      KUBERNETES_SERVICE_HOST: world.server.hostname,
      KUBERNETES_SERVICE_PORT: world.server.port,
    },
  };
}

let possible: boolean | undefined;

function mayUnshare(): boolean {
  try {
    possible ??= Boolean(
      execFileSync(
        'unshare',
        ['--map-root-user', '--mount', 'sh', '-ec', 'mount -t tmpfs none /run; echo yes'],
        {
          stdio: ['ignore', 'pipe', 'ignore'],
        },
      ).length,
    );
  } catch {
    possible = false;
  }
  return possible;
}
