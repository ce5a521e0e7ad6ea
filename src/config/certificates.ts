import { createPrivateKey, X509Certificate } from 'node:crypto';

import { quote } from '../image/quote.ts';

/** Problem and warnings are the rest of a sentence that begins with the file. */
export type Certificates =
  | {
      readonly ok: true;
      /** The certificates only, as PEM. */
      readonly pem: string;
      readonly first: X509Certificate;
      readonly warnings: readonly string[];
    }
  | { readonly ok: false; readonly problem: string };

const begin = '-----BEGIN CERTIFICATE-----';
const end = '-----END CERTIFICATE-----';

/** Reads a PEM file of at least one certificate; what else is in it, keys or comments, is left out. */
export function readCertificates(text: string, now: Date): Certificates {
  const blocks = blocksOf(text);
  const certificates: X509Certificate[] = [];
  for (const [index, block] of blocks.entries()) {
    try {
      certificates.push(new X509Certificate(block));
    } catch {
      return { ok: false, problem: `holds a certificate that cannot be read, number ${index + 1}` };
    }
  }
  const [first] = certificates;
  if (first === undefined) {
    return { ok: false, problem: `holds no certificate in PEM, which begins with ${begin}` };
  }
  const warnings = certificates.flatMap((certificate) => validityWarning(certificate, now) ?? []);
  return { ok: true, pem: `${blocks.join('\n')}\n`, first, warnings };
}

/**
 * Tells what is wrong with the key of a certificate.
 * @returns undefined when it is the one; otherwise the rest of a sentence that begins with the file
 */
export function keyProblem(key: string, certificate: X509Certificate): string | undefined {
  if (/-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: 4,ENCRYPTED/m.test(key)) {
    return 'is encrypted; a key without a passphrase is needed';
  }
  try {
    return certificate.checkPrivateKey(createPrivateKey(key))
      ? undefined
      : 'is not the key of the certificate in clientCertificatePath';
  } catch {
    // Not the error itself: OpenSSL's texts help nobody, and it had a key in its hands.
    return 'holds no private key in PEM';
  }
}

/** By hand: a lazy pattern over a file of a thousand beginnings takes very long. */
function blocksOf(text: string): readonly string[] {
  const blocks: string[] = [];
  for (let position = 0; ;) {
    const start = text.indexOf(begin, position);
    const stop = start < 0 ? -1 : text.indexOf(end, start);
    if (start < 0) return blocks;
    position = stop < 0 ? text.length : stop + end.length;
    blocks.push(text.slice(start, position));
  }
}

function validityWarning(certificate: X509Certificate, now: Date): string | undefined {
  const from = new Date(certificate.validFrom);
  const to = new Date(certificate.validTo);
  const name = quote(certificate.subject?.replaceAll('\n', ', ') ?? '', 60);
  if (to < now) return `holds ${name}, which expired at ${to.toISOString()}`;
  if (from > now) return `holds ${name}, which is not valid before ${from.toISOString()}`;
  return undefined;
}
