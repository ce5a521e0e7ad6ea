import { styleText } from 'node:util';
import type { ContainerReport, Decision } from '../rollout/verdict.ts';
import { levelOf } from '../telemetry/vocabulary.ts';
import { hasColour, variable, type Environment } from './environment.ts';

/** Where an answer is printed. */
export interface Paper {
  /** Characters in a line; absent when it is no terminal: then nothing is wrapped. */
  readonly columns?: number;
  readonly color: boolean;
}

type Style = Parameters<typeof styleText>[0];

const usualColumns = 80;

/** Stdout as it is; where it is no terminal, `COLUMNS` may say how wide whatever reads it is. */
export function paperOf(environment: Environment): Paper {
  const { stdout } = environment;
  const columns = stdout.isTerminal
    ? // A terminal that does not say how wide it is says 0.
      stdout.columns || usualColumns
    : Number(variable(environment, 'COLUMNS') ?? Number.NaN);
  return {
    color: hasColour(stdout, environment),
    ...(Number.isInteger(columns) && columns > 0 && { columns }),
  };
}

export function paint({ color }: Paper, style: Style, text: string): string {
  return color && text !== '' ? styleText(style, text, { validateStream: false }) : text;
}

/** Red is what stays until somebody does something. */
export function decisionStyle(decision: Decision): Style {
  return levelOf(decision) === 'warn' ? 'red' : decisionStyles[decision.decision];
}

const decisionStyles = {
  restart: 'yellow',
  none: 'green',
  hold: 'cyan',
  failed: 'cyan',
} as const satisfies Record<Decision['decision'], Style>;

export const verdictStyles = {
  same: 'green',
  changed: 'yellow',
  unknown: 'red',
  skipped: 'gray',
} as const satisfies Record<ContainerReport['verdict'], Style>;

/**
 * Breaks text into lines of at most so many characters, between words where it can; an image reference or a URL that
 * is too long for a line is broken after a `/` or `@`.
 *
 * @param columns undefined: one line
 */
export function wrap(text: string, columns: number | undefined): readonly string[] {
  if (columns === undefined || text.length <= columns) return [text];
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ').flatMap((part) => pieces(part, columns))) {
    const joined = line === '' ? word.text : `${line}${word.glue}${word.text}`;
    if (joined.length <= columns) {
      line = joined;
      continue;
    }
    lines.push(line);
    line = word.text;
  }
  return [...lines, line];
}

/** The same below a heading: the first line follows it, the others stand under the first. */
export function hang(
  heading: string,
  text: string,
  { columns, width = heading.length }: { readonly columns?: number; readonly width?: number },
): readonly string[] {
  const lines = wrap(text, columns === undefined ? undefined : Math.max(columns - width, 20));
  return lines.map((line, index) => `${index === 0 ? heading : ' '.repeat(width)}${line}`);
}

interface Piece {
  readonly text: string;
  /** Between it and what stands before it. */
  readonly glue: '' | ' ';
}

function pieces(word: string, columns: number): readonly Piece[] {
  if (word.length <= columns) return [{ text: word, glue: ' ' }];
  const parts = word.match(/[^/@]+[/@]*|[/@]+/g) ?? [word];
  return parts
    .flatMap((part) => part.match(new RegExp(`.{1,${Math.max(columns, 1)}}`, 'gu')) ?? [])
    .map((text, index) => ({ text, glue: index === 0 ? ' ' : '' }));
}
