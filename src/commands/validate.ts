import type { CommonFlags } from '../cli.ts';
import { formatProblem } from '../config/load.ts';
import { printable } from '../image/quote.ts';
import type { Environment } from './environment.ts';
import { scheduleTimes } from './schedule-times.ts';
import { configLoader } from './setup.ts';

/** Reads the config and prints every problem, or its warnings and when the schedule is due next. */
export async function validate(environment: Environment, flags: CommonFlags): Promise<0 | 2> {
  const { stdout } = environment;
  const loaded = await configLoader(environment, flags)();
  if (!loaded.ok) {
    for (const problem of loaded.problems) stdout.write(`${printable(formatProblem(problem))}\n`);
    return 2;
  }
  for (const warning of loaded.warnings) stdout.write(`warning: ${printable(warning)}\n`);
  const { cronSchedule, timeZone } = loaded.config;
  const { next, uneven } = scheduleTimes(loaded.config, new Date());
  if (uneven !== undefined) {
    stdout.write(`warning: cronSchedule "${cronSchedule}" fires unevenly: ${uneven}\n`);
  }
  stdout.write(`The configuration is valid. Next times of "${cronSchedule}" (${timeZone}):\n`);
  for (const time of next) stdout.write(`  ${time}\n`);
  return 0;
}
