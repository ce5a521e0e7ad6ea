import * as z from 'zod';

import { parsePullSecret } from '../credentials/docker-config.ts';
import { quote } from '../image/quote.ts';
import type { PullSecretRead } from '../tick.ts';
import type { KubeClient } from './client.ts';
import { failedRead } from './error.ts';
import { text, textMap } from './field.ts';

const secretSchema = z.object({ type: text, data: textMap });

/** @see https://kubernetes.io/docs/concepts/overview/working-with-objects/names/#dns-subdomain-names */
const subdomain = /^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/;
/** A Secret holds 1 MiB at most, and base64 makes 1.4 of it. */
const maxSecretBytes = 4 * 1024 * 1024;

/**
 * Reads a pull Secret. Whatever goes wrong is a problem for the workloads that name it, and none of its content
 * is ever part of a message.
 */
export async function readPullSecret(
  client: KubeClient,
  { namespace, name }: { readonly namespace: string; readonly name: string },
  signal: AbortSignal,
): Promise<PullSecretRead> {
  const nothing = (problem: string): PullSecretRead => ({
    secret: { name, entries: [] },
    problems: [`Secret ${quote(name, 253)} ${problem}`],
  });
  // The API server checks names of Secrets, but not those in `imagePullSecrets`: ".." would be another path.
  if (!subdomain.test(name)) return nothing('cannot exist: that is no valid name');
  let document: unknown;
  try {
    document = await client.send(
      {
        action: { verb: 'get', group: '', resource: 'secrets', name },
        path: `/api/v1/namespaces/${encodeURIComponent(namespace)}/secrets/${encodeURIComponent(name)}`,
        maxBodyBytes: maxSecretBytes,
        deadlineMs: 10_000,
      },
      signal,
    );
  } catch (error) {
    const { reason, message } = failedRead(error);
    return nothing(reason === 'gone' ? 'does not exist' : `could not be read: ${message}`);
  }
  const secret = secretSchema.safeParse(document);
  if (!secret.success) return nothing('could not be read: the answer is no Secret');
  return parsePullSecret({ name, type: secret.data.type, data: secret.data.data });
}
