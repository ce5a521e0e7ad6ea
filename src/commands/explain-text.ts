import { printable } from '../image/quote.ts';
import type { ExplainDocument, ImageDocument, PodDocument } from './explain-document.ts';
import { beforeCommand } from './hints.ts';
import { hang, paint, type Paper } from './paper.ts';

/**
 * The document for people, in the order in which a tick goes: Pods, credentials, requests, comparison, decision.
 * A section about which there is nothing to say is left out.
 */
export function explainText(document: ExplainDocument, paper: Paper): string {
  const { workload, namespace, problems, hints } = document;
  const notes = [
    ...problems.map((problem) => `problem: ${problem}`),
    ...hints.flatMap((hint) => `hint: ${hint}`.replace(beforeCommand, ':\n  ').split('\n')),
  ];
  if (workload === null) return page(paper, notes);
  const { decision, reason, message } = workload;
  return [
    page(paper, [
      `${workload.kind.toLowerCase()}/${workload.name} in namespace ${namespace}`,
      ...notes,
    ]),
    ...section(paper, 'Rollout', rolloutLines(document)),
    ...section(paper, 'Pods, newest first', document.pods.flatMap(podLines)),
    ...section(paper, "Pull Secrets, in the kubelet's order", document.pullSecrets),
    ...document.images.flatMap((image) =>
      section(
        paper,
        `Credentials for ${image.image} (${image.containers.join(', ')}), as they were tried`,
        imageLines(image),
      ),
    ),
    ...section(paper, 'Requests', requestLines(document)),
    ...section(paper, 'Manifests that were compared', manifestLines(document)),
    ...section(paper, 'Containers', containerLines(workload)),
    ...section(paper, 'Restarted before', restartLines(document)),
    ...section(paper, `Decision: ${decision} (${reason})`, [message]),
    ...section(paper, 'What would change it', document.next),
  ].join('\n\n');
}

function section(paper: Paper, title: string, lines: readonly string[]): readonly string[] {
  const said = lines.filter((line) => line.trim() !== '');
  if (said.length === 0) return [];
  const heading = paint(paper, 'bold', printable(title));
  return [
    [
      heading,
      page(
        paper,
        said.map((line) => `  ${line}`),
      ),
    ].join('\n'),
  ];
}

/** Each line wrapped below its own indentation. */
function page(paper: Paper, lines: readonly string[]): string {
  return lines
    .flatMap((line) => {
      const [indentation = ''] = /^ */.exec(line) ?? [];
      const text = printable(line.slice(indentation.length));
      return text.startsWith('kubectl ')
        ? [`${indentation}${text}`]
        : hang(indentation, text, paper);
    })
    .join('\n');
}

function rolloutLines({ progress }: ExplainDocument): readonly string[] {
  if (progress === null) return [];
  return [[progress.state, progress.message].filter((text) => text !== undefined).join(': ')];
}

function podLines({
  name,
  phase,
  ready,
  counted,
  why,
  containers,
}: PodDocument): readonly string[] {
  const state = ready ? 'ready' : `${phase}, not ready`;
  return [
    `${name}: ${counted ? 'counts' : `does not count, for ${why}`} (${state})`,
    ...containers.map(
      (container) => `  ${container.name} runs ${container.imageID || 'nothing yet'}`,
    ),
  ];
}

const outcomes = {
  accepted: 'accepted',
  refused: 'refused',
  resting: 'not sent again: it was refused before',
  failed: 'no answer',
} as const;

function imageLines({ candidates, attempts, latest, message }: ImageDocument): readonly string[] {
  const unused = candidates.filter((one) => !attempts.some(({ source }) => source === one));
  const tried = attempts.map(({ source, outcome, status }, index) => {
    const code = status === undefined ? '' : ` (${status})`;
    return `${index + 1}. ${source}: ${outcomes[outcome]}${code}`;
  });
  return [
    ...tried,
    ...unused.map((source) => `not tried: ${source}`),
    ...(message === '' ? [] : [message]),
    ...(latest === null ? [] : [`The tag names ${latest}.`]),
  ];
}

function requestLines({ requests }: ExplainDocument): readonly string[] {
  return requests.map(({ method, url, status, durationMs }) => {
    const code = status === undefined ? 'no answer' : String(status);
    return `${method} ${url}: ${code}, ${Math.round(durationMs)} ms`;
  });
}

function manifestLines({ manifests }: ExplainDocument): readonly string[] {
  return manifests.flatMap(({ manifest, contents }) => [manifest, `  ${contents}`]);
}

function containerLines({
  containers,
}: NonNullable<ExplainDocument['workload']>): readonly string[] {
  return containers.map(({ name, verdict, reason, message }) =>
    [`${name}: ${verdict} (${reason})`, message].filter((text) => text !== '').join(': '),
  );
}

function restartLines({ lastRestart }: ExplainDocument): readonly string[] {
  return lastRestart.flatMap(({ container, reference, seen }) =>
    seen.map(({ digest, time, attempts }) => {
      const times = attempts === 1 ? 'once' : `${attempts} times`;
      return `${container}, ${reference}: ${times} for ${digest}, last at ${time}`;
    }),
  );
}
