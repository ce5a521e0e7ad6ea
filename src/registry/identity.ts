import { type Candidate, type Credential, describeSource } from '../credentials/credential.ts';
import { maxTried } from '../credentials/keyring.ts';
import { printable } from './error.ts';

/** Who asks: a credential with its name and its hash, or nobody. */
export interface Identity {
  /** Keyed hash of all that is secret in it; empty for anonymous. */
  readonly key: string;
  /** For people: `entry "ghcr.io" of Secret "regcred"`, `anonymous`. */
  readonly source: string;
  /** Absent for anonymous. */
  readonly credential?: Credential;
  /** The kubelet would try it, too. */
  readonly fromPullSecret: boolean;
  /** A token of a rule that the registry does not take may be exchanged at its realm, as kube-autorollout 0.5 does. */
  readonly exchangeable: boolean;
}

export const anonymous: Identity = {
  key: '',
  source: 'anonymous',
  fromPullSecret: false,
  exchangeable: false,
};

/**
 * Puts all that may be tried in its order (design 2.4): the Pod's pull Secrets, the rule, nobody.
 *
 * @param pullSecrets    in the kubelet's order
 * @param rule           of the first config rule that matches; empty where it has no credential
 * @param fingerprintKey of this process
 */
export function planIdentities(
  pullSecrets: readonly Candidate[],
  rule: readonly Candidate[],
  fingerprintKey: Uint8Array,
): readonly Identity[] {
  const candidates = [...pullSecrets.slice(0, maxTried), ...rule];
  return [...candidates.map((candidate) => identityOf(candidate, fingerprintKey)), anonymous];
}

function identityOf({ credential, source }: Candidate, fingerprintKey: Uint8Array): Identity {
  return {
    key: fingerprintOf(credential, fingerprintKey),
    source: printable(describeSource(source)),
    credential,
    fromPullSecret: source.from === 'pull-secret',
    exchangeable:
      credential.type === 'registry-token' && source.from === 'rule' && source.entry === undefined,
  };
}

function fingerprintOf(credential: Credential, key: Uint8Array): string {
  switch (credential.type) {
    case 'basic':
      return credential.password.fingerprint(key, `basic ${credential.username}`);
    case 'identity-token':
      return credential.token.fingerprint(key, `identity-token ${credential.username}`);
    case 'registry-token':
      return credential.token.fingerprint(key, 'registry-token');
  }
}
