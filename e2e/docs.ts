import { checkOutput, demoOutput, logOutputs } from './docs/outputs.ts';
import { block, Readme } from './docs/sections.ts';
import { configTable, metricTable, reasonTable, ruleTable } from './docs/tables.ts';

/*
 * node e2e/docs.ts: writes what stands between <!-- name --> and <!-- /name --> in the README from the program
 * itself: tables from its schema, reasons and metrics, outputs from real runs.
 * node e2e/docs.ts --check: exit code 1 where something else stands there.
 */
async function sections(): Promise<Readonly<Record<string, string>>> {
  const log = await logOutputs();
  return {
    demo: block(await demoOutput()),
    check: block(await checkOutput()),
    config: configTable(),
    rules: ruleTable(),
    'workload-reasons': reasonTable('workload'),
    'container-reasons': reasonTable('container'),
    'log-pretty': block(log.pretty),
    'log-json': block(log.json, 'json'),
    metrics: await metricTable(),
  };
}

/** Times and ports are others in every run. */
function steady(text: string): string {
  return text
    .replaceAll(/127\.0\.0\.1:\d{4,5}/g, '127.0.0.1:PORT')
    .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME')
    .replaceAll(/\b\d\d:\d\d:\d\dZ/g, 'TIME')
    .replaceAll(/(durationMs"?[=:])\d+/g, '$1N');
}

const readme = await Readme.read();
const stale: string[] = [];
for (const [name, text] of Object.entries(await sections())) {
  if (steady(readme.section(name)) === steady(text)) continue;
  stale.push(name);
  readme.replace(name, text);
}
if (process.argv.includes('--check')) {
  for (const name of stale)
    console.error(`README.md: section ${name} is stale; run node e2e/docs.ts`);
  process.exitCode = stale.length === 0 ? 0 : 1;
} else {
  await readme.write();
  console.log(stale.length === 0 ? 'README.md is as it was' : `written: ${stale.join(', ')}`);
}
