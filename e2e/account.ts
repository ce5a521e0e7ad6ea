import { environment } from './cluster.ts';

/** An account at a registry, `host[:port]`. */
export interface Account {
  readonly host: string;
  readonly username: string;
  readonly password: string;
}

/** The one account of the registry with a password. */
export function privateAccount(): Account {
  return {
    host: environment('AUTH_REGISTRY'),
    username: environment('AUTH_REGISTRY_USER'),
    password: environment('AUTH_REGISTRY_PASSWORD'),
  };
}

/** The content of a docker config file. */
export function dockerConfig(account: Account): string {
  return JSON.stringify({ auths: authsOf(account) });
}

/** A pull Secret of one of the two types that the kubelet reads. */
export function pullSecret(
  name: string,
  account: Account,
  type: 'dockerconfigjson' | 'dockercfg' = 'dockerconfigjson',
): object {
  const text =
    type === 'dockerconfigjson' ? dockerConfig(account) : JSON.stringify(authsOf(account));
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name },
    type: `kubernetes.io/${type}`,
    stringData: { [`.${type}`]: text },
  };
}

function authsOf({ host, username, password }: Account): object {
  return { [host]: { username, password, auth: btoa(`${username}:${password}`) } };
}
