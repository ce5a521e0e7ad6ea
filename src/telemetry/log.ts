import { destination as pinoDestination, pino } from 'pino';
import { printableFields, type Fields } from './fields.ts';
import { prettyDestination } from './pretty.ts';
import { clip, maxTextLength } from './text.ts';

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error';

/** Writes one line: a fixed sentence, and what differs from line to line as fields. */
export type Write = (fields: Fields, sentence: string) => void;

export type Log = Readonly<Record<LogLevel, Write>>;

/** Takes whole lines, each with its line break. */
export interface LogDestination {
  write(line: string): void;
}

export interface LogOptions {
  /** The lowest level that is written. */
  readonly level: LogLevel;
  /** `json` for machines, `pretty` for people. */
  readonly format: 'json' | 'pretty';
  /** Of `pretty`: on a terminal and without `NO_COLOR`. Default: none. */
  readonly colour?: boolean;
  readonly destination: LogDestination;
  readonly now: () => Date;
}

/** Writes to a file descriptor, at once: a line is out when the call returns, so that no exit can lose it. */
export function descriptorDestination(descriptor: number): LogDestination {
  return pinoDestination({ dest: descriptor, sync: true });
}

/**
 * The one log. Nothing reaches its destination but text that is printable, of limited length and free of secrets,
 * whoever wrote the field.
 *
 * No pino transport is used: they are worker threads that load files, which a bundle has not.
 * @see https://github.com/pinojs/pino/blob/v10.4.0/docs/bundling.md
 */
export function createLog(options: LogOptions): Log {
  const destination =
    options.format === 'pretty'
      ? prettyDestination(options.destination, { colour: options.colour ?? false })
      : options.destination;
  const logger = pino(
    {
      level: options.level,
      base: null,
      timestamp: () => `,"time":"${options.now().toISOString()}"`,
      formatters: { level: (level) => ({ level }) },
      // Fields are printable before they get here; pino's own way with errors would print all their properties.
      serializers: { err: (value: unknown) => value },
    },
    destination,
  );

  const writer =
    (level: LogLevel): Write =>
    (fields, sentence) => {
      if (logger.isLevelEnabled(level)) {
        logger[level](printableFields(fields), clip(sentence, maxTextLength));
      }
    };
  return {
    trace: writer('trace'),
    debug: writer('debug'),
    info: writer('info'),
    warn: writer('warn'),
    error: writer('error'),
  };
}
