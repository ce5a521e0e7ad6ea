import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { type AccessSource, KubeConfigError } from './access.ts';

export const serviceAccountFolder = '/var/run/secrets/kubernetes.io/serviceaccount';

export interface InClusterOptions {
  /** `KUBERNETES_SERVICE_HOST` and `KUBERNETES_SERVICE_PORT`. */
  readonly serviceHost: string | undefined;
  readonly servicePort: string | undefined;
  readonly folder: string;
}

/**
 * The service account that the kubelet mounts into a Pod.
 *
 * Read here and not by client-node, whose import alone costs a Pod some 50 MB of memory. The files are read
 * anew each time: the kubelet replaces the token long before it expires.
 * @see https://kubernetes.io/docs/tasks/run-application/access-api-from-pod/
 *
 * @returns undefined outside of a Pod
 */
export async function inCluster(options: InClusterOptions): Promise<AccessSource | undefined> {
  const { serviceHost, servicePort, folder } = options;
  if (serviceHost === undefined || serviceHost === '') return undefined;
  const token = await readIfThere(join(folder, 'token'));
  if (token === undefined) return undefined;
  const host = serviceHost.includes(':') ? `[${serviceHost}]` : serviceHost;
  const server = URL.parse(`https://${host}:${servicePort ?? '443'}`);
  if (server === null) {
    throw new KubeConfigError(
      'KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT do not name an address; the kubelet sets them',
    );
  }
  const namespace = (await readIfThere(join(folder, 'namespace')))?.trim();
  return {
    server,
    isServiceAccount: true,
    namespace: namespace === '' ? undefined : namespace,
    async access() {
      const [ca, fresh] = await Promise.all([
        readFile(join(folder, 'ca.crt'), 'utf8'),
        readFile(join(folder, 'token'), 'utf8'),
      ]);
      return { headers: { authorization: `Bearer ${fresh.trim()}` }, tls: { ca } };
    },
    async reload() {},
  };
}

async function readIfThere(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    const missing = error instanceof Error && 'code' in error && error.code === 'ENOENT';
    if (missing) return undefined;
    throw new KubeConfigError(`${file} cannot be read`, { cause: error });
  }
}
