/** A training in a process of its own, for resume.test.ts to kill: FOLDER, `--resume`, and KIND EPOCH BATCH to stop at. */
import { writeSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { type StepReport, silentReporter, type TrainingStart } from '../src/runs/reporter.js';
import { trainAll } from '../src/training/train.js';
import { tinyDataset, tinyRecipe } from './training-tiny.js';

const { positionals, values } = parseArgs({ allowPositionals: true, options: { resume: { type: 'boolean' } } });
const [folder, kind, epoch, batch] = positionals;
let training: string | undefined;

/** Says that the place is reached, and waits there to be killed. */
function hold(): void {
  writeSync(1, 'reached');
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 60_000);
}

await trainAll({
  dataset: tinyDataset(),
  recipe: tinyRecipe(),
  folder: folder!,
  resume: values.resume === true,
  saveEverySeconds: 0,
  reporter: {
    ...silentReporter,
    start: (start: TrainingStart) => {
      training = start.kind;
    },
    step: (report: StepReport) => {
      if (training === kind && report.epoch === Number(epoch) && report.batch === Number(batch)) hold();
    },
  },
});
