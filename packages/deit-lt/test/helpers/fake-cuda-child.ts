/**
 * A child of fake-cuda.test.ts, started with packages/torch/test/fake-cuda/preload.mjs: trains on a device "cuda:0" that
 * counts. `node fake-cuda-child.js FOLDER JOB` trains JOB into FOLDER/JOB and prints one JSON line: `Report`.
 */
import path from 'node:path';
import { drawShapes } from '../../src/data/shapes/index.js';
import { UserError } from '../../src/errors.js';
import { loadRecipe } from '../../src/recipe/load.js';
import type { Reporter } from '../../src/runs/reporter.js';
import { type TrainOptions, trainStudent, trainTeacher, trainVit } from '../../src/training/train.js';

/** Since the last call; see fake_cuda.cc. */
export interface Counts {
  readonly toDevice: number;
  readonly toDeviceBytes: number;
  readonly toHost: number;
  readonly toHostBytes: number;
  readonly reads: number;
  readonly kernels: number;
  readonly kernelsByName: Readonly<Record<string, number>>;
}

export interface Report {
  readonly device: string;
  /** Medians over the steps that are neither the first nor the last of an epoch, of what a step and its batch cost. */
  readonly step: Pick<Counts, 'toDevice' | 'toDeviceBytes' | 'toHost' | 'reads' | 'kernels'>;
  /** Figures of the training that do not depend on time. */
  readonly losses: readonly number[];
}

interface Job {
  readonly train: (options: TrainOptions & { teacher: string }) => Promise<unknown>;
  readonly recipe: string;
  readonly settings?: readonly string[];
  /** Stops after the first epoch on one device, and resumes on another. */
  readonly resumedFrom?: 'cpu' | 'cuda';
}

/** The kinds of trainings; the students' teacher is `ldam`. */
export const jobs = {
  ldam: { train: trainTeacher, recipe: 'cifar10-lt-cpu' },
  paco: { train: trainTeacher, recipe: 'cifar10-lt-cpu-paco' },
  glmc: { train: trainTeacher, recipe: 'cifar10-lt-cpu-glmc' },
  student: { train: trainStudent, recipe: 'cifar10-lt-cpu' },
  'multi-crop': {
    train: trainStudent,
    recipe: 'cifar10-lt-cpu',
    settings: ['student.multiCrop={ global: 1, local: 1, localSize: 8, localScale: [0.1, 0.2] }'],
  },
  transmix: {
    train: trainStudent,
    recipe: 'cifar10-lt-cpu',
    settings: [
      'student.mixing.transMix=true', // in every batch, to the end
      'student.mixing.probability=1',
      'student.mixing.switchProbability=1',
      'student.drw.epoch=null',
    ],
  },
  vit: { train: trainVit, recipe: 'cifar10-lt-100-vit' },
  deit3: { train: trainVit, recipe: 'cifar10-lt-100-deit3' },
  'cpu-then-cuda': { train: trainTeacher, recipe: 'cifar10-lt-cpu', resumedFrom: 'cpu' },
  'cuda-then-cpu': { train: trainTeacher, recipe: 'cifar10-lt-cpu', resumedFrom: 'cuda' },
} as const satisfies Readonly<Record<string, Job>>;

export type JobName = keyof typeof jobs;

const fake = (globalThis as { fakeCuda?: { takeCounts(): Counts } }).fakeCuda;

async function run(folder: string, name: JobName): Promise<Report> {
  const job: Job = jobs[name];
  const steps: Counts[] = [];
  const losses: number[] = [];
  let device = '';
  const reporter: Reporter = {
    note() {},
    progress() {},
    start: (training) => {
      device = training.device;
    },
    step: ({ batch, batches }) => {
      const counts = fake!.takeCounts();
      if (batch > 2 && batch < batches) steps.push(counts); // the first one follows an evaluation, the last loads nothing
    },
    epoch: ({ loss }) => losses.push(loss),
    end() {},
  };
  const options = (place: string, more: Partial<TrainOptions> = {}): TrainOptions & { teacher: string } => ({
    dataset: drawShapes(), // as `--data shapes`, for the commands of the test
    recipe: loadRecipe(job.recipe, {
      budget: 'small',
      settings: ['data.imbalance=10', `device=${place}`, 'precision=float32', ...(job.settings ?? [])],
    }),
    folder: path.join(folder, name),
    teacher: path.join(folder, 'ldam'),
    reporter,
    ...more,
  });
  const { resumedFrom } = job;
  if (resumedFrom === undefined) await job.train(options('cuda'));
  else {
    const stop = new AbortController();
    const stopping: Reporter = {
      ...reporter,
      epoch: ({ loss }) => {
        losses.push(loss);
        stop.abort();
      },
    };
    await job.train(options(resumedFrom, { reporter: stopping, signal: stop.signal })).catch((error: unknown) => {
      if (!(error instanceof UserError && error.code === 'INTERRUPTED')) throw error;
    });
    await job.train(options(resumedFrom === 'cpu' ? 'cuda' : 'cpu', { resume: true }));
  }
  const median = (pick: (counts: Counts) => number): number =>
    steps.map(pick).sort((a, b) => a - b)[steps.length >> 1]!;
  return {
    device,
    step: {
      toDevice: median(({ toDevice }) => toDevice),
      toDeviceBytes: median(({ toDeviceBytes }) => toDeviceBytes),
      toHost: median(({ toHost }) => toHost),
      reads: median(({ reads }) => reads),
      kernels: median(({ kernels }) => kernels),
    },
    losses,
  };
}

const [, program, folder = '', name] = process.argv;
if (program === import.meta.filename) console.log(JSON.stringify(await run(folder, name as JobName)));
