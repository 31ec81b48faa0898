/**
 * Damages run folders by seed (each file of them, with bytes, JSON values, metadata, other files in their place) and uses them:
 * `eval`, `predict`, `report`, `compare`, `--resume` and the studio. Each must end with a clear error or with the result of the
 * undamaged run. Event streams are `metrics.jsonl` alone, also while the studio follows it. Exits with 1 on a finding.
 *
 *   npm run robustness:runs -- [--files 500] [--seed 0] [--subject 'run folders' | 'event streams']
 *
 * Files are in the temporary folder; requests go to this machine only.
 */
import { runSubjects } from '#deit-lt-test/helpers/mutated-runs.js';
import { parseOptions } from '../options.js';
import { runCampaign } from './subject-processes.js';

const { values } = parseOptions({
  options: {
    files: { type: 'string', default: '500' },
    seed: { type: 'string', default: '0' },
    subject: { type: 'string' },
  },
});

await runCampaign({
  file: import.meta.filename,
  subjects: runSubjects,
  option: 'subject',
  only: values.subject,
  first: Number(values.seed),
  count: Number(values.files),
});
