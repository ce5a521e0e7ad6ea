import type { WorkloadReport } from '../rollout/verdict.ts';

/** Long enough to recognise a sentence by; a message may be cut behind it. */
const recognisable = 60;

/** What a workload says beyond what its containers say themselves: its message, then its warnings. */
export function wordsOf({ message, warnings, containers }: WorkloadReport): readonly string[] {
  const said = containers.map((container) => container.message).filter((text) => text !== '');
  return [message, ...warnings]
    .map((text) => said.reduce(withoutSaid, text))
    .filter((text) => text !== '');
}

/** "app could not be judged: …; a note" without the container's own words and what leads up to them. */
function withoutSaid(text: string, said: string): string {
  const start = text.indexOf(said.slice(0, recognisable));
  return start < 0 ? text : text.slice(start + said.length).replace(/^; /, '');
}
