import { z } from 'zod';

import { defaultHostOptions } from '../../src/registry/hosts.ts';
import { createHttp, type Http } from '../../src/registry/http.ts';

/*
 * The floor: the same HEADs with the same client and concurrency, and nothing else, in a process of its own.
 */

const messageSchema = z.object({ images: z.array(z.string()), certificate: z.string() });

let opened: Http | undefined;

const accept = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
].join(', ');

/** @returns how long one round took; the connections are kept for the next */
async function flood(message: unknown): Promise<number> {
  const { images, certificate } = messageSchema.parse(message);
  const network = (opened ??= createHttp({
    caCertificates: [certificate],
    proxy: {},
    userAgent: 'kube-autorollout/bench',
    observe: () => {},
  }));
  const start = performance.now();
  await Promise.all(images.map((image) => head(network, image)));
  return performance.now() - start;
}

async function head(http: Http, image: string): Promise<void> {
  const [, host, repository, tag] = /^([^/]+)\/(.+):([^:]+)$/.exec(image) ?? [];
  await http.send(
    {
      method: 'HEAD',
      url: new URL(`https://${host}/v2/${repository}/manifests/${tag}`),
      headers: { accept },
      host: defaultHostOptions,
      maxBodyBytes: 64 * 1024,
    },
    { signal: AbortSignal.timeout(60_000) },
  );
}

process.on('message', (message) => {
  flood(message).then(
    (duration) => process.send?.({ duration }),
    (error: unknown) => process.send?.({ error: String(error) }),
  );
});
process.on('disconnect', () => process.exit());
