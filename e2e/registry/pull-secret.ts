import type { Candidate } from '../../src/credentials/credential.ts';
import { parsePullSecret } from '../../src/credentials/docker-config.ts';
import { matchKeyring } from '../../src/credentials/keyring.ts';

/** One entry of a docker config. */
export interface Login {
  /** `host[:port][/path]` */
  readonly key: string;
  readonly username: string;
  readonly password: string;
}

/** What a Pod may show to a registry whose pull Secret `regcred` holds these entries, in the kubelet's order. */
export function candidatesOf(
  logins: readonly Login[],
  place: { readonly registry: string; readonly repository: string },
): readonly Candidate[] {
  const auths = Object.fromEntries(
    logins.map(({ key, username, password }) => [
      key,
      { auth: Buffer.from(`${username}:${password}`).toString('base64') },
    ]),
  );
  const config = Buffer.from(JSON.stringify({ auths })).toString('base64');
  const { secret, problems } = parsePullSecret({
    name: 'regcred',
    type: 'kubernetes.io/dockerconfigjson',
    data: { '.dockerconfigjson': config },
  });
  if (problems.length > 0) throw new Error(problems.join());
  return matchKeyring([secret], place);
}
