/** The options of a benchmark's command line. */
import { type ParseArgsConfig, parseArgs } from 'node:util';

/** Parses the words of the command line as `parseArgs`; a mistake is one line on the standard error, and exit code 2. */
export function parseOptions<C extends ParseArgsConfig>(config: C): ReturnType<typeof parseArgs<C>> {
  try {
    return parseArgs(config);
  } catch (error) {
    const known = Object.keys(config.options ?? {}).map((name) => `--${name}`);
    console.error(`${(error as Error).message.split('. ')[0]}; the options are ${known.join(', ')}`);
    process.exit(2);
  }
}
