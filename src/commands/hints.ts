import type { WorkloadName } from '../cli.ts';
import type { LabelledPod, Neighbour, Neighbours } from '../kube/neighbours.ts';
import type { TickReport } from '../tick.ts';
import type { Setup } from './setup.ts';

/** What a hint needs to know beside what was found. */
export interface Place {
  readonly namespace: string;
  readonly selector: string;
  readonly only?: WorkloadName;
}

/** In which a command comes last, behind a colon: whoever prints it gives it a line of its own. */
export const beforeCommand = /: (?=kubectl )/;

/** Enough to recognise a namespace by, short enough to be read. */
const maxNames = 8;

/**
 * Says why a workload that somebody expects is not there: the label stands on the Pod template, or on nothing, or
 * the namespace is another one. Empty where all is as it should be.
 */
export function hintsOf({ workloads, labelledPods }: Neighbours, place: Place): readonly string[] {
  if (place.only !== undefined) return hintsForOne(workloads, place, place.only);
  const hints = [
    ...workloads.filter(({ labelled }) => labelled === 'template').map(misplacedLabel(place)),
    ...strayPods(labelledPods, workloads),
  ];
  const shown = hints.slice(0, maxNames);
  if (hints.length > shown.length) shown.push(`… and ${hints.length - shown.length} more like it`);
  const watched = workloads.some(({ labelled }) => labelled === 'itself');
  return watched || hints.length > 0 ? shown : [...shown, ...nothingLabelled(workloads, place)];
}

function hintsForOne(
  workloads: readonly Neighbour[],
  place: Place,
  only: WorkloadName,
): readonly string[] {
  const found = workloads.find(({ kind, name }) => kind === only.kind && name === only.name);
  if (found?.labelled === 'itself') return [];
  if (found?.labelled === 'template') return [misplacedLabel(place)(found)];
  if (found !== undefined) {
    return [`${nameOf(found)} exists, but ${lacks(place)}${howToLabel(place, found)}`];
  }
  if (workloads.length === 0) return nothingLabelled(workloads, place);
  const namesakes = workloads.filter(({ name }) => name === only.name);
  const others = workloads.filter(({ name }) => name !== only.name);
  return [
    `namespace ${place.namespace} has no ${nameOf(only)}; it has ${namesOf([...namesakes, ...others])}; --namespace chooses another`,
  ];
}

function misplacedLabel(place: Place) {
  return (workload: Neighbour): string =>
    `${nameOf(workload)} has the label on its Pod template, where it means nothing; the workload itself ${lacks(place)}${howToLabel(place, workload)}`;
}

/** Pods of what cannot be watched: a Job, an operator's own kind, nobody. Those of workloads are told of by them. */
function strayPods(
  pods: readonly LabelledPod[],
  workloads: readonly Neighbour[],
): readonly string[] {
  return pods
    .filter(({ owner }) => !workloads.some((workload) => isOwner(workload, owner)))
    .map(({ name, owner }) => {
      const whose = owner === undefined ? '' : ` of ${owner.kind} ${owner.name}`;
      return `Pod ${name}${whose} has the label, which counts on Deployments, StatefulSets and DaemonSets only`;
    });
}

/** A Deployment's Pods belong to a ReplicaSet named `<deployment>-<hash>`. */
function isOwner({ kind, name, labelled }: Neighbour, owner: LabelledPod['owner']): boolean {
  if (labelled === 'no' || owner === undefined) return false;
  if (owner.kind !== 'ReplicaSet') return owner.kind === kind && owner.name === name;
  return kind === 'Deployment' && owner.name.slice(0, owner.name.lastIndexOf('-')) === name;
}

function nothingLabelled(workloads: readonly Neighbour[], place: Place): readonly string[] {
  const { namespace, selector } = place;
  const command = `kubectl get deployments,statefulsets,daemonsets --all-namespaces --selector '${selector}'`;
  const [first] = workloads;
  if (first === undefined) {
    return [
      `namespace ${namespace} has no Deployment, StatefulSet or DaemonSet, if it exists at all; choose another with --namespace; where labelled workloads are: ${command}`,
    ];
  }
  return [
    `namespace ${namespace} has ${namesOf(workloads)}; none of them ${fits(place)}${howToLabel(place, first)}`,
    `if namespace ${namespace} is not the one you meant, choose another with --namespace; where labelled workloads are: ${command}`,
  ];
}

function fits({ selector }: Place): string {
  return isOneLabel(selector) ? `has the label ${selector}` : `fits the selector ${selector}`;
}

function lacks({ selector }: Place): string {
  return isOneLabel(selector) ? `lacks ${selector}` : `does not fit the selector ${selector}`;
}

function howToLabel({ namespace, selector }: Place, workload: WorkloadName): string {
  return isOneLabel(selector)
    ? `: kubectl --namespace ${namespace} label ${nameOf(workload)} ${selector}`
    : '';
}

function isOneLabel(selector: string): boolean {
  return /^[\w./-]+=[\w.-]+$/.test(selector);
}

function nameOf({ kind, name }: WorkloadName): string {
  return `${kind.toLowerCase()}/${name}`;
}

function namesOf(workloads: readonly WorkloadName[]): string {
  const names = workloads.slice(0, maxNames).map(nameOf);
  const more = workloads.length - names.length;
  return more > 0 ? `${names.join(', ')} and ${more} more` : names.join(', ');
}

/**
 * Without a config file no rule of `registries` is in force, and the poller itself may have some: what it would make of
 * an image can be another thing then.
 *
 * @param neighbours to find the poller among them
 */
export function configHints(
  neighbours: Neighbours | undefined,
  namespace: string,
): readonly string[] {
  const poller = neighbours?.workloads.find(
    ({ kind, name }) => kind === 'Deployment' && name.includes('kube-autorollout'),
  );
  if (poller === undefined) return [];
  return [
    `some images could not be looked up, and without --config no rule of registries is in force; this is what the poller itself finds: kubectl --namespace ${namespace} exec -it ${nameOf(poller)} -- kube-autorollout check`,
  ];
}

/** Whether another config than the defaults might make something known: in its own Pod the poller has its config. */
export function lacksRules(
  { hasConfigFile, connection }: Pick<Setup, 'hasConfigFile' | 'connection'>,
  { workloads }: TickReport,
): boolean {
  if (hasConfigFile || connection.isServiceAccount) return false;
  return workloads.some(({ containers }) =>
    containers.some(({ verdict }) => verdict === 'unknown'),
  );
}
