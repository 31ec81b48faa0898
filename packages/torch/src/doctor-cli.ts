#!/usr/bin/env node
/** `deit-torch-doctor [--json]`: prints what the engine found on this machine. */
import { parseArgs } from 'node:util';
import { diagnose, formatDiagnosis } from './doctor.js';

const usage =
  'Usage: deit-torch-doctor [--json]\n\nPrints the versions, paths, processor features, BLAS and CUDA devices that @deit-lt/torch found.';

function main(): number {
  let options: { json?: boolean | undefined; help?: boolean | undefined };
  try {
    options = parseArgs({ options: { json: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } } }).values;
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : error}\n\n${usage}`);
    return 2;
  }
  if (options.help) {
    console.log(usage);
    return 0;
  }
  try {
    const diagnosis = diagnose();
    console.log(options.json ? JSON.stringify(diagnosis, null, 2) : formatDiagnosis(diagnosis));
    return 0;
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    return 1;
  }
}

process.exitCode = main();
