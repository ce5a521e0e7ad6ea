import { configJsonSchema } from '../config/schema.ts';
import type { Environment } from './environment.ts';

/** Prints the config's JSON Schema, for editors and for the chart. */
export function schema({ stdout }: Environment): 0 {
  stdout.write(`${JSON.stringify(configJsonSchema(), undefined, 2)}\n`);
  return 0;
}
