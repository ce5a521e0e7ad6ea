import type { ExplainDocument } from './explain-document.ts';

/** The document for people, in the order in which a tick goes: Pods, credentials, requests, comparison, decision. */
export function explainText(document: ExplainDocument): string {
  const { workload } = document;
  const problems = document.problems.map((problem) => `problem: ${problem}`);
  if (workload === null) return problems.join('\n');
  return [
    `${workload.kind}/${workload.name} in ${document.namespace}`,
    ...problems,
    ...section('Rollout', rolloutLines(document)),
    ...section('Pods', podLines(document)),
    ...section('Pull Secrets', document.pullSecrets),
    ...section('Restarts so far', restartLines(document)),
    ...section('Images', imageLines(document)),
    ...section(
      'Manifests',
      document.manifests.map(({ manifest, contents }) => `${manifest}: ${contents}`),
    ),
    ...section('Requests', requestLines(document)),
    ...section(
      'Containers',
      workload.containers.map(
        ({ name, verdict, reason, message }) => `${name}: ${verdict} (${reason}) ${message}`,
      ),
    ),
    '',
    `Decision: ${workload.decision} (${workload.reason})`,
    `  ${workload.message}`,
  ].join('\n');
}

function section(title: string, lines: readonly string[]): readonly string[] {
  return ['', `${title}:`, ...(lines.length === 0 ? ['none'] : lines).map((line) => `  ${line}`)];
}

function rolloutLines({ progress }: ExplainDocument): readonly string[] {
  if (progress === null) return [];
  return [[progress.state, progress.message].filter((text) => text !== undefined).join(': ')];
}

function podLines({ pods }: ExplainDocument): readonly string[] {
  return pods.flatMap(({ name, phase, ready, terminating, containers }) => [
    `${name}: ${phase}, ${ready ? 'ready' : 'not ready'}${terminating ? ', terminating' : ''}`,
    ...containers.map(
      (container) => `  ${container.name} runs ${container.imageID || 'nothing yet'}`,
    ),
  ]);
}

function restartLines({ lastRestart }: ExplainDocument): readonly string[] {
  return lastRestart.flatMap(({ container, reference, seen }) =>
    seen.map(
      ({ digest, time, attempts }) =>
        `${container}: ${reference} at ${digest}, ${time}, attempts: ${attempts}`,
    ),
  );
}

function imageLines({ images }: ExplainDocument): readonly string[] {
  return images.flatMap(({ image, candidates, attempts, latest, message }) => [
    `${image}: ${latest ?? 'not known'}${message === '' ? '' : ` (${message})`}`,
    ...candidates.map((candidate) => `  matches ${candidate}`),
    ...attempts.map(
      ({ source, outcome, status }) =>
        `  tried ${source}: ${outcome}${status === undefined ? '' : ` (${status})`}`,
    ),
  ]);
}

function requestLines({ requests }: ExplainDocument): readonly string[] {
  return requests.map(
    ({ method, url, status, durationMs }) =>
      `${method} ${url}: ${status ?? 'no answer'}, ${Math.round(durationMs)} ms`,
  );
}
