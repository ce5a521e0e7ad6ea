import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { z } from 'zod';
import { waitFor } from './cluster.ts';
import { output } from './command.ts';
import type { Namespace } from './namespace.ts';

/** One thing that a Role allows. */
export interface Grant {
  readonly verb: string;
  /** `''` is the core group. */
  readonly group: string;
  readonly resource: string;
}

/** `list pods`, `patch deployments.apps`. */
export function grantName({ verb, group, resource }: Grant): string {
  return `${verb} ${resource}${group === '' ? '' : `.${group}`}`;
}

/** The rule that allows it, as it stands in a Role, and in the poller's messages. */
export function ruleFor({ verb, group, resource }: Grant): string {
  return `{apiGroups: ["${group}"], resources: ["${resource}"], verbs: ["${verb}"]}`;
}

/** What a request needs. */
export function grantFor(method: string, path: string): Grant {
  const parts = /^\/api(?:s\/([^/]+))?\/[^/]+\/namespaces\/[^/]+\/([^/?]+)(\/[^?]+)?/.exec(path);
  const [, group = '', resource = '', name] = parts ?? [];
  const reads = name === undefined ? 'list' : 'get';
  const verbs = new Map([
    ['POST', 'create'],
    ['PATCH', 'patch'],
    ['GET', reads],
  ]);
  return { verb: verbs.get(method) ?? method, group, resource };
}

const rulesSchema = z.array(
  z.object({
    apiGroups: z.array(z.string()),
    resources: z.array(z.string()),
    verbs: z.array(z.string()),
  }),
);

/** Everything that the `rules` of a Role allow, one by one. */
export function grantsOf(rules: unknown): readonly Grant[] {
  return rulesSchema
    .parse(rules)
    .flatMap(({ apiGroups, resources, verbs }) =>
      apiGroups.flatMap((group) =>
        resources.flatMap((resource) => verbs.map((verb) => ({ verb, group, resource }))),
      ),
    );
}

/** Where the API server is that KUBECONFIG names, and its authority where that is not one that the system knows. */
export async function apiServer(): Promise<{ readonly to: URL; readonly ca?: string }> {
  const view = ['config', 'view', '--raw', '--minify', '--flatten', '-o', 'json'];
  const { clusters } = kubeconfigSchema.parse(JSON.parse(await output('kubectl', view)));
  const [{ cluster }] = clusters;
  const authority = cluster['certificate-authority-data'];
  return {
    to: new URL(cluster.server),
    ...(authority !== undefined && { ca: Buffer.from(authority, 'base64').toString() }),
  };
}

const kubeconfigSchema = z.object({
  clusters: z.tuple([
    z.object({
      cluster: z.object({
        server: z.string(),
        'certificate-authority-data': z.string().optional(),
      }),
    }),
  ]),
});

/**
 * Makes a ServiceAccount for each name, which may do what its grants say in this namespace and nothing else.
 *
 * @param server through which the kubeconfigs lead, a {@link Relay} maybe
 * @returns a kubeconfig file by name
 */
export async function makeServiceAccounts(
  t: TestContext,
  namespace: Namespace,
  grants: Readonly<Record<string, readonly Grant[]>>,
  server: string,
): Promise<ReadonlyMap<string, string>> {
  const folder = await mkdtemp(join(tmpdir(), 'kube-autorollout-e2e-'));
  t.after(() => rm(folder, { recursive: true }));
  const accounts = Object.entries(grants);
  await namespace.apply(accounts.flatMap(([name, allowed]) => objectsOf(namespace, name, allowed)));
  const files = await Promise.all(
    accounts.map(async ([name, allowed]) => {
      const token = (await namespace.kubectl('create', 'token', name)).trim();
      const file = join(folder, name);
      await writeFile(file, kubeconfig(namespace, server, token));
      await waitFor(`${name} to be allowed what its Role says`, () =>
        isAllowed(namespace, name, allowed),
      );
      return [name, file] as const;
    }),
  );
  return new Map(files);
}

/** The API server learns of Roles and of bindings a moment after they were written. */
async function isAllowed(
  namespace: Namespace,
  name: string,
  [first]: readonly Grant[],
): Promise<boolean> {
  if (first === undefined) return true;
  const [verb = '', resource = ''] = grantName(first).split(' ');
  const as = `system:serviceaccount:${namespace.name}:${name}`;
  return namespace.kubectl('auth', 'can-i', verb, resource, '--as', as).then(
    () => true,
    () => false,
  );
}

function objectsOf(
  { name: namespace }: Namespace,
  name: string,
  grants: readonly Grant[],
): readonly object[] {
  const rules = grants.map(({ verb, group, resource }) => ({
    apiGroups: [group],
    resources: [resource],
    verbs: [verb],
  }));
  const rbac = 'rbac.authorization.k8s.io';
  return [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name } },
    { apiVersion: `${rbac}/v1`, kind: 'Role', metadata: { name }, rules },
    {
      apiVersion: `${rbac}/v1`,
      kind: 'RoleBinding',
      metadata: { name },
      subjects: [{ kind: 'ServiceAccount', name, namespace }],
      roleRef: { apiGroup: rbac, kind: 'Role', name },
    },
  ];
}

function kubeconfig({ name: namespace }: Namespace, server: string, token: string): string {
  const name = 'e2e';
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': name,
    clusters: [{ name, cluster: { server } }],
    users: [{ name, user: { token } }],
    contexts: [{ name, context: { cluster: name, user: name, namespace } }],
  });
}
