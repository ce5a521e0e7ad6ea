import type { Secret } from '../credentials/credential.ts';

/** How to reach a registry, from the first config rule that matches; all absent is the normal case. */
export interface HostOptions {
  /** Ask this URL instead of the image's host, with this rule's secret only: node mirrors, `localhost:5001` of kind. */
  readonly endpoint?: URL;
  readonly plainHttp: boolean;
  readonly insecureSkipTlsVerify: boolean;
  /** PEM text, added to the system's roots and to `tls.caCertificatePaths`. */
  readonly caCertificate?: string;
  readonly clientCertificate?: { readonly certificate: string; readonly key: Secret };
  /** Overrides the 8 (HTTP/1.1) and 32 (HTTP/2) requests at once. */
  readonly maxConcurrentRequests?: number;
}

export const defaultHostOptions: HostOptions = { plainHttp: false, insecureSkipTlsVerify: false };

/** Tells a realm that may not be asked: one without TLS, though the registry that names it has it (case 41). */
export function lacksTls(realm: URL, namedBy: URL, { plainHttp }: HostOptions): boolean {
  return realm.protocol === 'http:' && namedBy.protocol === 'https:' && !plainHttp;
}
