import { Secret } from '../credentials/credential.ts';
import type { Candidate } from '../credentials/credential.ts';
import { parseDockerConfig } from '../credentials/docker-config.ts';
import { warnOfPattern } from '../credentials/rules.ts';
import type { HostOptions } from '../registry/hosts.ts';
import { keyProblem, readCertificates } from './certificates.ts';
import type { RegistryRule } from './config.ts';
import type { NamedFiles } from './named-files.ts';
import type { KeyPath } from './problem.ts';
import { secretText, secretTextProblem, secretTypeOf } from './rule-schema.ts';
import type { RuleInput, SecretInput } from './rule-schema.ts';

/** Reads the files of the rules. What is wrong is noted in `files`; the rules are of no use then. */
export async function readRules(
  rules: readonly RuleInput[],
  files: NamedFiles,
): Promise<readonly RegistryRule[]> {
  const read: RegistryRule[] = [];
  for (const [index, rule] of rules.entries()) {
    const path = ['registries', index];
    const { hostnamePattern } = rule;
    // oxlint-disable-next-line no-await-in-loop -- problems come in the order of the file
    const secret = await readSecret(rule, files, [...path, 'secret']);
    // oxlint-disable-next-line no-await-in-loop
    const options = await readOptions(rule, files, path);
    const result = { hostnamePattern, secret, options };
    const warning = warnOfPattern(result);
    if (warning !== undefined) files.warn([...path, 'hostnamePattern'], warning);
    read.push(result);
  }
  return read;
}

/** A PEM file's certificates; undefined where there are none, which is noted then. */
export async function readCertificateFile(
  file: string,
  files: NamedFiles,
  key: KeyPath,
): Promise<Extract<ReturnType<typeof readCertificates>, { readonly ok: true }> | undefined> {
  const text = await files.read(file, key);
  if (text === undefined) return undefined;
  const certificates = readCertificates(text, files.now);
  if (!certificates.ok) {
    files.complain(key, certificates.problem);
    return undefined;
  }
  for (const warning of certificates.warnings) files.warn(key, warning);
  return certificates;
}

async function readSecret(
  { hostnamePattern, secret }: RuleInput,
  files: NamedFiles,
  path: KeyPath,
): Promise<RegistryRule['secret']> {
  if (secret === undefined) return { type: 'options-only' };
  warnOfUnused(secret, files, path);
  switch (secretTypeOf(secret)) {
    case 'ImagePullSecret':
      return readDockerConfig(hostnamePattern, secret.mountPath ?? '', files, [
        ...path,
        'mountPath',
      ]);
    case 'Opaque':
      return readToken(hostnamePattern, secret, files, path);
    case 'None':
    case undefined:
      return { type: 'none' };
  }
}

async function readDockerConfig(
  pattern: string,
  folder: string,
  files: NamedFiles,
  path: KeyPath,
): Promise<RegistryRule['secret']> {
  const names = ['.dockerconfigjson', '.dockercfg'];
  const file = await files.readOneOf(folder, names, path);
  if (file === undefined) return { type: 'docker-config', candidates: [] };
  const format = file.name.endsWith('.dockercfg') ? 'dockercfg' : 'dockerconfigjson';
  const { entries, problems, malformed } = parseDockerConfig(file.text, format);
  for (const problem of problems) {
    if (malformed) files.complain(path, `holds a docker config that cannot be used: ${problem}`);
    else files.warn(path, `holds a docker config with a flaw: ${problem}`);
  }
  const candidates = entries.map(({ key, credential }): Candidate => ({
    credential,
    source: { from: 'rule', pattern, entry: key },
  }));
  return { type: 'docker-config', candidates };
}

async function readToken(
  pattern: string,
  { username = '', token, tokenFile = '' }: SecretInput,
  files: NamedFiles,
  path: KeyPath,
): Promise<RegistryRule['secret']> {
  const content = token ?? (await readTokenFile(tokenFile, files, [...path, 'tokenFile']));
  const secret = new Secret(secretText(content));
  const candidate: Candidate = {
    credential:
      username === ''
        ? { type: 'registry-token', token: secret }
        : { type: 'basic', username, password: secret },
    source: { from: 'rule', pattern },
  };
  return { type: 'credential', candidate };
}

async function readTokenFile(file: string, files: NamedFiles, path: KeyPath): Promise<string> {
  const content = await files.read(file, path);
  if (content === undefined) return '';
  const problem = secretTextProblem(content);
  if (problem !== undefined) files.complain(path, problem);
  return content;
}

/** Accepted, since the predecessor accepts it; but somebody meant something by it. */
function warnOfUnused(secret: SecretInput, files: NamedFiles, path: KeyPath): void {
  const type = secretTypeOf(secret);
  const unused = {
    ImagePullSecret: ['username', 'token', 'tokenFile'],
    Opaque: ['mountPath'],
    None: ['username', 'token', 'tokenFile', 'mountPath'],
  } as const;
  for (const key of type === undefined ? [] : unused[type]) {
    if (secret[key] === undefined || secret[key] === '') continue;
    files.warnings.push({
      path: [...path, key],
      atKey: true,
      message: `is not used with type ${type}`,
    });
  }
}

async function readOptions(
  rule: RuleInput,
  files: NamedFiles,
  path: KeyPath,
): Promise<HostOptions> {
  const { endpoint, plainHttp, insecureSkipTlsVerify, maxConcurrentRequests } = rule;
  const authorities =
    rule.caCertificatePath === undefined
      ? undefined
      : await readCertificateFile(rule.caCertificatePath, files, [...path, 'caCertificatePath']);
  const clientCertificate = await readClientCertificate(rule, files, path);
  return {
    plainHttp,
    insecureSkipTlsVerify,
    ...(endpoint !== undefined && { endpoint: new URL(endpoint) }),
    ...(authorities !== undefined && { caCertificate: authorities.pem }),
    ...(clientCertificate !== undefined && { clientCertificate }),
    ...(maxConcurrentRequests !== undefined && { maxConcurrentRequests }),
  };
}

async function readClientCertificate(
  { clientCertificatePath, clientKeyPath }: RuleInput,
  files: NamedFiles,
  path: KeyPath,
): Promise<HostOptions['clientCertificate']> {
  if (clientCertificatePath === undefined || clientKeyPath === undefined) return undefined;
  const keyPath = [...path, 'clientKeyPath'];
  const certificates = await readCertificateFile(clientCertificatePath, files, [
    ...path,
    'clientCertificatePath',
  ]);
  const key = await files.read(clientKeyPath, keyPath);
  if (certificates === undefined || key === undefined) return undefined;
  const problem = keyProblem(key, certificates.first);
  if (problem !== undefined) files.complain(keyPath, problem);
  return { certificate: certificates.pem, key: new Secret(key) };
}
