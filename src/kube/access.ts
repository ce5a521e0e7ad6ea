/** The kubeconfig, or what stands for it, cannot be used; the message says what is wrong and what to do. */
export class KubeConfigError extends Error {
  override readonly name = 'KubeConfigError';
}

/** What is needed to reach the API server and to be let in, as it is now. Never printed. */
export interface Access {
  readonly headers: Readonly<Record<string, string>>;
  readonly tls: {
    readonly ca?: string;
    readonly cert?: string;
    readonly key?: string;
    readonly servername?: string;
    readonly rejectUnauthorized?: boolean;
  };
}

/** Where access comes from: the service account of a Pod, or a kubeconfig. */
export interface AccessSource {
  readonly server: URL;
  /** A Pod's own, not a kubeconfig. */
  readonly isServiceAccount?: boolean;
  /** Where the namespace is not said otherwise. */
  readonly namespace: string | undefined;
  /** The kubeconfig's `proxy-url`: it wins over `HTTPS_PROXY` and `NO_PROXY`. */
  readonly proxyUrl?: string | undefined;
  /** Asked every few seconds: tokens rotate, certificates are renewed. @throws {Error} for people, without secrets */
  access(): Promise<Access>;
  /** The API server said 401: forget what is kept of the credentials. */
  reload(): Promise<void>;
}

/** A server that lets everybody in. */
export function anonymous(server: URL, namespace?: string): AccessSource {
  return {
    server,
    namespace,
    access: async () => ({ headers: {}, tls: {} }),
    async reload() {},
  };
}
