import { anonymous, type Connection, openConnection } from '../kube/connection.ts';
import type { KubeObservation } from '../kube/client.ts';
import { createCluster, type KubeCluster } from '../kube/cluster.ts';
import type { FakeApiServer } from './fake-apiserver.ts';

/** The real adapter, connected to a fake API server. */
export interface TestCluster extends AsyncDisposable {
  readonly connection: Connection;
  readonly cluster: KubeCluster;
  readonly observed: readonly KubeObservation[];
}

export function connectToFake(
  api: Pick<FakeApiServer, 'url'>,
  options: { readonly pageSize?: number; readonly connectMs?: number } = {},
): TestCluster {
  const { pageSize, connectMs } = options;
  const observed: KubeObservation[] = [];
  const connection = openConnection(anonymous(api.url), {
    proxy: {},
    userAgent: 'kube-autorollout/test',
    observe: (observation) => observed.push(observation),
    ...(connectMs !== undefined && { connectMs }),
  });
  const cluster = createCluster({
    connection,
    namespace: 'default',
    selector: () => 'kube-autorollout/enabled=true',
    fieldManager: () => 'kube-autorollout',
    ...(pageSize !== undefined && { pageSize }),
  });
  return {
    connection,
    cluster,
    observed,
    [Symbol.asyncDispose]: () => connection.close(),
  };
}
