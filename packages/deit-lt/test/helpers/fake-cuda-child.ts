/**
 * A child of fake-cuda.test.ts, started with packages/torch/test/fake-cuda/preload.mjs: trains on a device "cuda:0" that
 * counts. `node fake-cuda-child.js FOLDER JOB` trains JOB into FOLDER/JOB and prints one JSON line: `Report`.
 */

import { mkdirSync } from 'node:fs';
import path from 'node:path';
import * as torch from '@deit-lt/torch';
import sharp from 'sharp';
import type { Dataset, ImageSplit } from '../../src/data/dataset.js';
import { openDataset } from '../../src/data/open.js';
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
  readonly graphCaptures: number;
  readonly graphReplays: number;
}

export interface Report {
  readonly device: string;
  /** Medians over the steps that are neither the first nor the last of an epoch, of what a step and its batch cost. */
  readonly step: Cost;
  /** The same over the batches of an evaluation but the first. */
  readonly evaluation: Cost;
  /** Figures of the training that do not depend on time. */
  readonly losses: readonly number[];
  /** Graphs that were captured, and their replays in the steps of the training. */
  readonly captures: number;
  readonly replays: number;
  readonly notes: readonly string[];
  /** Calls of convolutions of several channels on the device, by the layout of their weights. */
  readonly convolutions: { readonly channelsLast: number; readonly others: number };
}

export interface Cost extends Pick<Counts, 'toDevice' | 'toDeviceBytes' | 'kernels'> {
  /** Reads of a value and copies to the host: each waits for the device. */
  readonly waits: number;
  /** Number of steps, and of those that waited. */
  readonly steps: number;
  readonly waitingSteps: number;
}

interface Job {
  readonly train: (options: TrainOptions & { teacher: string }) => Promise<unknown>;
  readonly recipe: string;
  readonly settings?: readonly string[];
  /** The images are files of several sizes. Default: in memory. */
  readonly files?: boolean;
  /** Stops on one device, and resumes on another, or the same. */
  readonly resumed?: readonly ['cpu' | 'cuda', 'cpu' | 'cuda'];
  /** Stops after this batch of the first epoch. Default: after the epoch. */
  readonly stopAfter?: number;
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
  files: { train: trainTeacher, recipe: 'cifar10-lt-cpu', settings: ['evaluation.batchSize=8'], files: true },
  vit: { train: trainVit, recipe: 'cifar10-lt-100-vit' },
  deit3: { train: trainVit, recipe: 'cifar10-lt-100-deit3' },
  'ldam, captured': { train: trainTeacher, recipe: 'cifar10-lt-cpu', settings: ['cudaGraphs=true'] },
  'student, captured': { train: trainStudent, recipe: 'cifar10-lt-cpu', settings: ['cudaGraphs=true'] },
  'multi-crop, captured': {
    train: trainStudent,
    recipe: 'cifar10-lt-cpu',
    settings: ['student.multiCrop={ global: 1, local: 1, localSize: 8, localScale: [0.1, 0.2] }', 'cudaGraphs=true'],
  },
  'deit3, captured': { train: trainVit, recipe: 'cifar10-lt-100-deit3', settings: ['cudaGraphs=true'] },
  'shards, captured': {
    train: trainTeacher,
    recipe: 'cifar10-lt-cpu',
    settings: ['teacher.shards=2', 'teacher.batchSize=32', 'cudaGraphs=true'],
  },
  shards: { train: trainTeacher, recipe: 'cifar10-lt-cpu', settings: ['teacher.shards=2', 'teacher.batchSize=32'] },
  'paco, captured': { train: trainTeacher, recipe: 'cifar10-lt-cpu-paco', settings: ['cudaGraphs=auto'] },
  'cpu-then-cuda': { train: trainTeacher, recipe: 'cifar10-lt-cpu', resumed: ['cpu', 'cuda'] },
  'cuda-then-cpu': { train: trainTeacher, recipe: 'cifar10-lt-cpu', resumed: ['cuda', 'cpu'] },
  'cuda-then-cuda': { train: trainTeacher, recipe: 'cifar10-lt-cpu', resumed: ['cuda', 'cuda'], stopAfter: 7 },
} as const satisfies Readonly<Record<string, Job>>;

export type JobName = keyof typeof jobs;

const fake = (globalThis as { fakeCuda?: { takeCounts(): Counts } }).fakeCuda;

const convolutions = { channelsLast: 0, others: 0 };

/** Counts the calls of convolutions by the layout of their weights. */
function watchConvolutions(): void {
  const { forward } = torch.nn.Conv2d.prototype;
  torch.nn.Conv2d.prototype.forward = function (images) {
    const { weight } = this;
    const isAmbiguous = weight.size(1) === 1 || weight.size(2) * weight.size(3) === 1;
    if (weight.device !== 'cpu' && !isAmbiguous)
      convolutions[weight.isContiguous({ memoryFormat: 'channels_last' }) ? 'channelsLast' : 'others']++;
    return forward.call(this, images);
  };
}

async function run(folder: string, name: JobName): Promise<Report> {
  const job: Job = jobs[name];
  const [steps, evaluations]: [Counts[], Counts[]] = [[], []];
  const losses: number[] = [];
  const notes: string[] = [];
  let [captures, replays] = [0, 0];
  let device = '';
  const reporter: Reporter = {
    note: (text) => notes.push(text),
    progress: (what) => {
      if (what === 'evaluating') evaluations.push(fake!.takeCounts());
    },
    start: (training) => {
      device = training.device;
    },
    step: ({ batch, batches }) => {
      const counts = fake!.takeCounts();
      captures += counts.graphCaptures;
      replays += counts.graphReplays;
      if (batch > 2 && batch < batches) steps.push(counts); // the first one follows an evaluation, the last loads nothing
    },
    epoch: ({ loss }) => losses.push(loss),
    end() {},
  };
  const dataset = job.files ? await inFiles(path.join(folder, 'data')) : drawShapes({ testPerClass: 100 });
  const options = (place: string, more: Partial<TrainOptions> = {}): TrainOptions & { teacher: string } => ({
    dataset,
    saveEverySeconds: 1e6, // no checkpoint within an epoch: it would wait
    recipe: loadRecipe(job.recipe, {
      budget: 'small',
      settings: ['data.imbalance=10', `device=${place}`, 'precision=float32', ...(job.settings ?? [])],
    }),
    folder: path.join(folder, name.replace(', ', '-')),
    teacher: path.join(folder, 'ldam'),
    reporter,
    ...more,
  });
  const { resumed, stopAfter } = job;
  if (resumed === undefined) await job.train(options('cuda'));
  else {
    const stop = new AbortController();
    const stopping: Reporter = {
      ...reporter,
      epoch: ({ loss }) => {
        losses.push(loss);
        stop.abort();
      },
      step: ({ batch }) => {
        if (batch === stopAfter) stop.abort();
      },
    };
    await job.train(options(resumed[0], { reporter: stopping, signal: stop.signal })).catch((error: unknown) => {
      if (!(error instanceof UserError && error.code === 'INTERRUPTED')) throw error;
    });
    await job.train(options(resumed[1], { resume: true }));
  }
  return {
    device,
    step: costOf(steps),
    evaluation: costOf(evaluations.slice(1)),
    losses,
    captures,
    replays,
    notes,
    convolutions,
  };
}

/** Shapes as files of two sizes, so that they are decoded when they are needed. */
async function inFiles(folder: string): Promise<Dataset> {
  const { classNames, train, test } = drawShapes({ trainPerClass: 40, testPerClass: 16 });
  const write = async (name: string, { images, labels }: ImageSplit): Promise<void> => {
    if (images.kind !== 'memory') throw new Error('internal: shapes are in memory');
    const { width, height, pixels } = images;
    for (const [i, label] of labels.entries()) {
      const raw = pixels.subarray(3 * width * height * i, 3 * width * height * (i + 1));
      const place = path.join(folder, name, classNames[label]!);
      mkdirSync(place, { recursive: true });
      await sharp(raw, { raw: { width, height, channels: 3 } })
        .resize(i % 2 === 0 ? 32 : 40)
        .toFile(path.join(place, `${i}.png`));
    }
  };
  await write('train', train);
  await write('test', test!);
  return openDataset(folder);
}

function costOf(counts: readonly Counts[]): Cost {
  const median = (pick: (counts: Counts) => number): number =>
    counts.map(pick).sort((a, b) => a - b)[counts.length >> 1]!;
  const waitsOf = ({ reads, toHost }: Counts): number => reads + toHost;
  return {
    toDevice: median(({ toDevice }) => toDevice),
    toDeviceBytes: median(({ toDeviceBytes }) => toDeviceBytes),
    kernels: median(({ kernels }) => kernels),
    waits: median(waitsOf),
    steps: counts.length,
    waitingSteps: counts.filter((each) => waitsOf(each) > 0).length,
  };
}

const [, program, folder = '', name] = process.argv;
if (program === import.meta.filename) {
  watchConvolutions();
  console.log(JSON.stringify(await run(folder, name as JobName)));
}
