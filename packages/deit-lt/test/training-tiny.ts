/** Trainings of a second for tests: few drawn shapes of 16 pixels, and the smallest networks of the registry. */
import * as torch from '@deit-lt/torch';
import type { Dataset } from '../src/data/dataset.js';
import { drawShapes } from '../src/data/shapes/index.js';
import { loadRecipe } from '../src/recipe/load.js';
import type { Recipe } from '../src/recipe/schema.js';
import { type EpochRecord, type Reporter, type StepReport, silentReporter } from '../src/runs/reporter.js';

torch.setNumThreads(1);

/** Ten classes of 12 images, before the long tail. */
export function tinyDataset(): Dataset {
  return drawShapes({ trainPerClass: 12, testPerClass: 3, size: 16 });
}

/** All that draws random numbers is on: augmentation, drop path, mixing; and averages, accumulation, SAM. */
const settings = [
  'precision=float32',
  'device=cpu',
  'data.imbalance=4',
  'evaluation.batchSize=4',
  ...['teacher', 'student'].flatMap((part) => [
    `${part}.imageSize=16`,
    `${part}.epochs=3`,
    `${part}.batchSize=12`,
    `${part}.drw.epoch=2`,
    `${part}.schedule.warmupEpochs=1`,
  ]),
  'teacher.model.name=resnet20',
  'teacher.sam.rho=0.1',
  'teacher.schedule.milestones=[2]',
  'teacher.schedule.factors=[0.1]',
  'student.model.name=deit',
  'student.model.patchSize=8',
  'student.model.embedDim=32',
  'student.model.numHeads=2',
  'student.model.depth=2',
  'student.model.dropPathRate=0.3',
  'student.model.dropRate=0.1',
  'student.accumulation=2',
  'student.sampler={ name: repeated-augmentation, repeats: 2 }',
  'student.optimizer.lr=0.02',
  'student.optimizer.clipGradNorm=5',
  'student.mixing.inDrw=true',
  'student.ema=0.9',
  'student.weights=ema',
];

/** The tiny recipe with `more` settings of the form `student.epochs=2`. */
export function tinyRecipe(...more: readonly string[]): Recipe {
  return loadRecipe('default', { settings: [...settings, ...more] });
}

/** A reporter that does what is given, and nothing else. */
export function reporting(does: Partial<Reporter>): Reporter {
  return { ...silentReporter, ...does };
}

/** A reporter that calls `act` at the end of batch `batch` (from 1) of `epoch` (from 0). */
export function atBatch(epoch: number, batch: number, act: () => void): Reporter {
  return reporting({
    step: (report: StepReport) => {
      if (report.epoch === epoch && report.batch === batch) act();
    },
  });
}

/** A reporter that keeps the records of all epochs. */
export function recording(): Reporter & { readonly records: EpochRecord[] } {
  const records: EpochRecord[] = [];
  return { ...silentReporter, records, epoch: (record) => void records.push(record) };
}
