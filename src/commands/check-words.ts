import type { WorkloadReport } from '../rollout/verdict.ts';

/** Long enough to recognise a sentence by; a message may be cut behind it. */
const recognisable = 60;

/** Of these the first sentence of the message repeats the reason; notes may follow. */
const selfEvident: ReadonlySet<WorkloadReport['reason']> = new Set([
  'up-to-date',
  'nothing-to-watch',
]);

/** What a workload says beyond what its containers say themselves: its message, then its warnings. */
export function wordsOf(workload: WorkloadReport): readonly string[] {
  const { reason, message, warnings, containers } = workload;
  const said = containers.map((container) => container.message).filter((text) => text !== '');
  const own = selfEvident.has(reason) && said.length > 0 ? afterFirst(message) : message;
  return [own, ...warnings]
    .map((text) => said.reduce(withoutSaid, text))
    .filter((text) => text !== '');
}

function afterFirst(message: string): string {
  return message.split('; ').slice(1).join('; ');
}

/** "app could not be judged: …; a note" without the container's own words and what leads up to them. */
function withoutSaid(text: string, said: string): string {
  const start = text.indexOf(said.slice(0, recognisable));
  return start < 0 ? text : text.slice(start + said.length).replace(/^; /, '');
}
