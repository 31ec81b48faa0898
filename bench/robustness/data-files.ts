/**
 * Damages lists, annotations, archives and caches by seed, and reads them: each is read or refused with a clear error. A crash,
 * a hang, a stack trace, an `internal:` error, or data that do not go together is a failure, and the exit code is 1.
 *
 *   npm run robustness:data -- [--files 1000] [--seed 0] [--parser NAME]
 *
 * Files are in the temporary folder, and nothing is sent anywhere.
 */
import { parsers } from '#deit-lt-test/helpers/mutated-data.js';
import { parseOptions } from '../options.js';
import { runCampaign } from './subject-processes.js';

const { values } = parseOptions({
  options: {
    files: { type: 'string', default: '1000' },
    seed: { type: 'string', default: '0' },
    parser: { type: 'string' },
  },
});

await runCampaign({
  file: import.meta.filename,
  subjects: parsers,
  option: 'parser',
  only: values.parser,
  first: Number(values.seed),
  count: Number(values.files),
});
