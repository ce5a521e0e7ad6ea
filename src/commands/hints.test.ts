import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Neighbour, Neighbours } from '../kube/neighbours.ts';
import { configHints, hintsOf } from './hints.ts';

const place = { namespace: 'shop', selector: 'kube-autorollout/enabled=true' };
const web: Neighbour = { kind: 'Deployment', name: 'web', labelled: 'itself' };
const template: Neighbour = { kind: 'StatefulSet', name: 'db', labelled: 'template' };
const plain: Neighbour = { kind: 'DaemonSet', name: 'agent', labelled: 'no' };
const only = { kind: 'Deployment', name: 'web' } as const;
const webPod = { name: 'web-abc-1', owner: { kind: 'ReplicaSet', name: 'web-abc' } };

describe('hintsOf', () => {
  const everywhere =
    "kubectl get deployments,statefulsets,daemonsets --all-namespaces --selector 'kube-autorollout/enabled=true'";
  const onTemplate =
    'statefulset/db has the label on its Pod template, where it means nothing; the workload itself lacks kube-autorollout/enabled=true: kubectl --namespace shop label statefulset/db kube-autorollout/enabled=true';
  const rows: readonly {
    readonly name: string;
    readonly found: Partial<Neighbours>;
    readonly place?: Partial<Parameters<typeof hintsOf>[1]>;
    readonly want: readonly string[];
  }[] = [
    {
      name: 'all is well: no hint',
      found: { workloads: [web, plain], labelledPods: [webPod] },
      want: [],
    },
    {
      name: 'the label on a Pod template',
      found: { workloads: [web, template], labelledPods: [webPod] },
      want: [onTemplate],
    },
    {
      name: 'the label on a Pod template and nowhere else',
      found: {
        workloads: [template, plain],
        labelledPods: [{ name: 'db-0', owner: { kind: 'StatefulSet', name: 'db' } }],
      },
      want: [onTemplate],
    },
    {
      name: 'the label on Pods of what is no workload of ours',
      found: {
        workloads: [web],
        labelledPods: [
          { name: 'bare' },
          { name: 'import-1', owner: { kind: 'Job', name: 'import' } },
        ],
      },
      want: [
        'Pod bare has the label, which counts on Deployments, StatefulSets and DaemonSets only',
        'Pod import-1 of Job import has the label, which counts on Deployments, StatefulSets and DaemonSets only',
      ],
    },
    {
      name: 'the label on a Pod of a workload without it, set by hand',
      found: {
        workloads: [web, { ...plain, kind: 'Deployment' }],
        labelledPods: [{ name: 'agent-x-1', owner: { kind: 'ReplicaSet', name: 'agent-x' } }],
      },
      want: [
        'Pod agent-x-1 of ReplicaSet agent-x has the label, which counts on Deployments, StatefulSets and DaemonSets only',
      ],
    },
    {
      name: 'nothing labelled',
      found: { workloads: [plain, { ...web, labelled: 'no' }] },
      want: [
        'namespace shop has daemonset/agent, deployment/web; none of them has the label kube-autorollout/enabled=true: kubectl --namespace shop label daemonset/agent kube-autorollout/enabled=true',
        `if namespace shop is not the one you meant, choose another with --namespace; where labelled workloads are: ${everywhere}`,
      ],
    },
    {
      name: 'nothing there',
      found: {},
      want: [
        `namespace shop has no Deployment, StatefulSet or DaemonSet, if it exists at all; choose another with --namespace; where labelled workloads are: ${everywhere}`,
      ],
    },
    {
      name: 'nothing labelled, with a selector that is no single label',
      found: { workloads: [plain] },
      place: { selector: 'tier in (web,api)' },
      want: [
        'namespace shop has daemonset/agent; none of them fits the selector tier in (web,api)',
        "if namespace shop is not the one you meant, choose another with --namespace; where labelled workloads are: kubectl get deployments,statefulsets,daemonsets --all-namespaces --selector 'tier in (web,api)'",
      ],
    },
    {
      name: '--workload of one that is watched',
      found: { workloads: [web, template] },
      place: { only },
      want: [],
    },
    {
      name: '--workload of one that lacks the label',
      found: { workloads: [{ ...web, labelled: 'no' }, template] },
      place: { only },
      want: [
        'deployment/web exists, but lacks kube-autorollout/enabled=true: kubectl --namespace shop label deployment/web kube-autorollout/enabled=true',
      ],
    },
    {
      name: '--workload of one with the label on its Pod template',
      found: { workloads: [web, template] },
      place: { only: template },
      want: [onTemplate],
    },
    {
      name: '--workload of one that does not exist, of which there is a namesake',
      found: { workloads: [template, { ...web, kind: 'StatefulSet' }] },
      place: { only },
      want: [
        'namespace shop has no deployment/web; it has statefulset/web, statefulset/db; --namespace chooses another',
      ],
    },
    {
      name: '--workload where there is nothing at all',
      found: {},
      place: { only },
      want: [
        `namespace shop has no Deployment, StatefulSet or DaemonSet, if it exists at all; choose another with --namespace; where labelled workloads are: ${everywhere}`,
      ],
    },
  ];
  for (const { name, found, place: other, want } of rows) {
    test(name, () => {
      const neighbours = { workloads: [], labelledPods: [], ...found };
      assert.deepEqual(hintsOf(neighbours, { ...place, ...other }), want);
    });
  }

  test('a namespace with a thousand workloads does not fill the screen', () => {
    const workloads = Array.from({ length: 1000 }, (_, index) => ({
      ...template,
      name: `db-${index}`,
    }));
    const hints = hintsOf({ workloads, labelledPods: [] }, place);
    assert.equal(hints.length, 9);
    assert.equal(hints.at(-1), '… and 992 more like it');
    const [unlabelled = ''] = hintsOf(
      { workloads: workloads.map((one) => ({ ...one, labelled: 'no' })), labelledPods: [] },
      place,
    );
    assert.match(unlabelled, /db-7 and 992 more; none/);
  });
});

describe('configHints', () => {
  test("names the poller in whose Pod its own rules are in force, whatever the release's name", () => {
    const poller: Neighbour = {
      kind: 'Deployment',
      name: 'acme-kube-autorollout',
      labelled: 'no',
    };
    const [hint] = configHints({ workloads: [web, poller], labelledPods: [] }, 'shop');
    assert.match(
      hint ?? '',
      /without --config .*: kubectl --namespace shop exec -it deployment\/acme-kube-autorollout -- kube-autorollout check$/,
    );
  });

  test('says nothing where there is no poller to ask', () => {
    assert.deepEqual(configHints({ workloads: [web], labelledPods: [] }, 'shop'), []);
    assert.deepEqual(configHints(undefined, 'shop'), []);
  });
});
