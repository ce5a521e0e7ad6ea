import { styleText } from 'node:util';
import type { LogDestination } from './log.ts';

type Style = Parameters<typeof styleText>[0];

const levelStyles: Readonly<Record<string, Style>> = {
  trace: 'gray',
  debug: 'gray',
  info: 'green',
  warn: 'yellow',
  error: 'red',
};

/**
 * Turns JSON log lines into lines for people:
 * `12:00:00Z WARN  restart held: restarted once for this digest … kind=Deployment workload=web`.
 */
export function prettyDestination(
  destination: LogDestination,
  options: { readonly colour: boolean },
): LogDestination {
  const paint = (style: Style, text: string): string =>
    options.colour ? styleText(style, text, { validateStream: false }) : text;

  return {
    write(line) {
      const entry: unknown = JSON.parse(line);
      if (isRecord(entry)) destination.write(`${prettyLine(entry, paint)}\n`);
    },
  };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function prettyLine(
  { level, time, msg, message, ...fields }: Record<string, unknown>,
  paint: (style: Style, text: string) => string,
): string {
  const name = textOf(level);
  const sentence = paint('bold', typeof msg === 'string' ? msg : '');
  const said = typeof message === 'string' && message !== '' ? `: ${message}` : '';
  const rest = Object.entries(fields).map(
    ([field, value]) => `${paint('cyan', `${field}=`)}${textOf(value)}`,
  );
  return [
    paint('gray', `${textOf(time).slice(11, 19)}Z`),
    paint(levelStyles[name] ?? 'reset', name.toUpperCase().padEnd(5)),
    `${sentence}${said}`,
    ...rest,
  ].join(' ');
}

/** Bare where it reads well, quoted where it would run into its neighbours. */
function textOf(value: unknown): string {
  if (typeof value === 'string') return /^[^\s"=]+$/.test(value) ? value : JSON.stringify(value);
  if (Array.isArray(value) && value.every((item) => typeof item !== 'object' || item === null)) {
    return value.map(textOf).join(',');
  }
  return JSON.stringify(value);
}
