/** An account at a registry, `host[:port]`. */
export interface Account {
  readonly host: string;
  readonly username: string;
  readonly password: string;
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
