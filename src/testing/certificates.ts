// oxlint-disable-next-line import/no-unassigned-import -- @peculiar/x509 demands this polyfill before itself
import 'reflect-metadata';

import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
} from '@peculiar/x509';
import { isIP } from 'node:net';

import type { TlsIdentity } from './fake-registry.ts';

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const hourMs = 60 * 60 * 1000;

export interface TestAuthority {
  /** PEM. */
  readonly certificate: string;
  /**
   * Issues a certificate for host names and IP addresses that may serve and be a client's.
   * @param options.expired its time ended an hour ago
   */
  issue(names: readonly string[], options?: { readonly expired?: boolean }): Promise<TlsIdentity>;
}

/**
 * Makes a certificate authority that nobody else trusts.
 * For tests only: no bundle imports this file, so that no certificate library is in it.
 */
export async function createAuthority(name = 'Test CA'): Promise<TestAuthority> {
  const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const authority = await X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: `CN=${name}`,
    ...validity(false),
    signingAlgorithm: algorithm,
    keys,
    extensions: [
      new BasicConstraintsExtension(true, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
    ],
  });
  return {
    certificate: authority.toString('pem'),
    async issue(names, { expired = false } = {}) {
      const own = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
      const certificate = await X509CertificateGenerator.create({
        serialNumber: serialNumber(),
        subject: `CN=${names[0] ?? 'nobody'}`,
        issuer: authority.subject,
        ...validity(expired),
        signingAlgorithm: algorithm,
        publicKey: own.publicKey,
        signingKey: keys.privateKey,
        extensions: [
          new SubjectAlternativeNameExtension(
            names.map((value) => ({ type: isIP(value) === 0 ? 'dns' : 'ip', value })),
          ),
          new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth, ExtendedKeyUsage.clientAuth]),
        ],
      });
      const key = await crypto.subtle.exportKey('pkcs8', own.privateKey);
      return {
        certificate: certificate.toString('pem'),
        key: PemConverter.encode(key, 'PRIVATE KEY'),
      };
    },
  };
}

function validity(expired: boolean): { readonly notBefore: Date; readonly notAfter: Date } {
  const now = Date.now();
  return {
    notBefore: new Date(now - 24 * hourMs),
    notAfter: new Date(now + (expired ? -hourMs : 24 * hourMs)),
  };
}

function serialNumber(): string {
  // A leading 0 keeps the DER integer positive, https://www.rfc-editor.org/rfc/rfc5280#section-4.1.2.2
  return `0${crypto.randomUUID().replaceAll('-', '').slice(1)}`;
}
