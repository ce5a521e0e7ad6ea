import { createHash } from 'node:crypto';
import { isIP } from 'node:net';
import {
  createSecureContext,
  getCACertificates,
  type ConnectionOptions,
  type SecureContext,
} from 'node:tls';

import type { HostOptions } from './hosts.ts';
import { Lru } from './lru.ts';

/** The part of a registry's options that TLS depends on. */
export type TlsMaterial = Pick<
  HostOptions,
  'insecureSkipTlsVerify' | 'caCertificate' | 'clientCertificate'
>;

/**
 * Whom to trust and who to be, per host (case 54).
 *
 * A registry's own CA and `tls.caCertificatePaths` are added to what Node trusts by default, which is Mozilla's list
 * with `NODE_EXTRA_CA_CERTS`, and with `--use-system-ca` the system's store (`SSL_CERT_FILE` included).
 */
export class TrustStore {
  readonly #caCertificates: readonly string[];
  /** Each takes 1.2 MB; certificates that were replaced must not pile up. */
  readonly #contexts = new Lru<SecureContext>({ maxEntries: 64 });

  /** @param caCertificates PEM texts that hold for every host */
  constructor(caCertificates: readonly string[]) {
    this.#caCertificates = caCertificates;
  }

  /** The same for the same material: nothing, sessions neither, is shared between different ones. */
  keyOf({ insecureSkipTlsVerify, caCertificate, clientCertificate }: TlsMaterial): string {
    const texts = [insecureSkipTlsVerify, caCertificate, clientCertificate?.certificate];
    return createHash('sha256').update(JSON.stringify(texts)).digest('base64');
  }

  /** What `tls.connect` needs to know besides host and port. @throws what OpenSSL says of an unusable key or PEM text */
  connectionOptions(hostname: string, material: TlsMaterial): ConnectionOptions {
    const secureContext = this.#context(material);
    return {
      // No IP address and no trailing dot, https://www.rfc-editor.org/rfc/rfc6066#section-3
      ...(isIP(hostname) === 0 ? { servername: hostname.replace(/\.$/, '') } : {}),
      ...(secureContext === undefined ? {} : { secureContext }),
      rejectUnauthorized: !material.insecureSkipTlsVerify,
    };
  }

  /** Undefined where Node's own context will do: it parses its roots only once. */
  #context(material: TlsMaterial): SecureContext | undefined {
    const { caCertificate, clientCertificate } = material;
    const added = [
      ...this.#caCertificates,
      ...(caCertificate === undefined ? [] : [caCertificate]),
    ];
    if (added.length === 0 && clientCertificate === undefined) return undefined;
    const key = this.keyOf(material);
    const known = this.#contexts.get(key);
    if (known !== undefined) return known;
    const context = createSecureContext({
      ...(added.length === 0 ? {} : { ca: [...getCACertificates('default'), ...added] }),
      ...(clientCertificate === undefined
        ? {}
        : { cert: clientCertificate.certificate, key: clientCertificate.key.reveal() }),
    });
    this.#contexts.set(key, context);
    return context;
  }
}
