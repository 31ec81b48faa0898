/**
 * The work of bench/train in this project: `node subject.js CASE PRECISION STEPS [FILE]` prints one JSON line.
 *
 * CASE is a part and KIND, teacher or student: `step-KIND` (batches are ready), `loader-KIND` (nothing but batches),
 * `loop-KIND` (both, as in a training), `check-KIND` (few steps on one batch; FILE gets weights and batch for the other
 * side), or `limit`: products of two 1024 × 1024 matrices. PRECISION is auto (what users get), float32 or bfloat16.
 */
import { performance } from 'node:perf_hooks';
import * as torch from '@deit-lt/torch';
import { drawMix, type Mix } from '#deit-lt/augment/mixup.js';
import type { Batch } from '#deit-lt/data/loader.js';
import { stream } from '#deit-lt/random/stream.js';
import type { Recipe } from '#deit-lt/recipe/schema.js';
import {
  checkRecipe,
  type Kind,
  loaderOf,
  openSetting,
  recipeOf,
  type Setting,
  type Trainer,
  trainerOf,
} from './trainer.js';

const [testCase = 'step-student', precision = 'auto', count = '3', file = ''] = process.argv.slice(2);
const steps = Number(count);
const warmUp = 2;
const [part, kind] = testCase.split('-') as [string, Kind];

interface Measured {
  /** Seconds of each step, or of each matrix product. */
  readonly times: number[];
  readonly losses?: number[];
  readonly mixes?: Mix[];
}

/** Steps on batches that lie ready: what is compared with Python. */
async function timeSteps(): Promise<Measured> {
  const setting = openSetting(recipeOf(precision));
  const trainer = trainerOf(kind, setting);
  const batches = await readAll(loaderOf(kind, setting, 4));
  const clock = new Clock();
  for (let i = 0; i < steps + warmUp; i++) {
    trainer.step(batches[i % batches.length]!, i);
    clock.tick();
  }
  return { times: clock.times };
}

async function readAll(loader: AsyncIterable<Batch>): Promise<Batch[]> {
  const batches: Batch[] = [];
  for await (const batch of loader) batches.push(batch);
  return batches;
}

/** Batches alone, or each with its step. */
async function timeLoader(trainer: (setting: Setting) => Trainer | null): Promise<Measured> {
  const setting = openSetting(recipeOf(precision));
  const training = trainer(setting);
  const clock = new Clock();
  let index = 0;
  for await (const batch of loaderOf(kind, setting, steps + warmUp)) {
    training?.step(batch, index++);
    batch.images.dispose();
    clock.tick();
  }
  return { times: clock.times };
}

/** Losses of steps on one batch, after weights and batch were written for the other side to start from. */
async function check(): Promise<Measured> {
  const setting = openSetting(checkRecipe());
  const { step, model, teacher } = trainerOf(kind, setting);
  const [batch] = (await readAll(loaderOf(kind, setting, 1))) as [Batch];
  save(batch, { model, ...(teacher && { teacher }) });
  const numbers = Array.from({ length: steps }, (_, i) => i);
  return { times: [], losses: numbers.map((i) => step(batch, i)), mixes: numbers.map((i) => mixOf(setting.recipe, i)) };
}

function save({ images, labels }: Batch, models: Record<string, Trainer['model']>): void {
  const tensors = new Map([
    ['images', images.contiguous()],
    ['labels', torch.tensor(labels, { dtype: 'int64' })],
  ]);
  for (const [name, model] of Object.entries(models))
    for (const [key, value] of model.stateDict()) tensors.set(`${name}.${key}`, value);
  torch.safetensors.save(file, tensors);
}

/** What the student's step number `index` draws. */
function mixOf({ seed, student: { imageSize, mixing } }: Recipe, index: number): Mix {
  const { mixup: mixupAlpha, cutmix: cutmixAlpha, probability, switchProbability } = mixing;
  const options = { mixupAlpha, cutmixAlpha, probability, switchProbability };
  return drawMix(imageSize, imageSize, stream(seed, 'mix', 0, index), options);
}

/** What the cores can do: seconds of a product of two 1024 × 1024 matrices. */
function timeProducts(): Measured {
  const dtype = precision === 'auto' ? torch.bestPrecision('cpu') : (precision as torch.DType);
  const a = torch.randn([1024, 1024]).to(dtype);
  const b = torch.randn([1024, 1024]).to(dtype);
  const products = 50;
  const clock = new Clock(products);
  for (let i = 0; i < steps + warmUp; i++) {
    torch.tidy(() => {
      for (let j = 0; j < products; j++) a.matmul(b).dispose();
    });
    clock.tick();
  }
  return { times: clock.times };
}

/** Seconds between ticks, divided by `parts`; the first ones, which allocate memory and choose kernels, do not count. */
class Clock {
  readonly #all: number[] = [];
  #since = performance.now();

  constructor(readonly parts = 1) {}

  tick(): void {
    const now = performance.now();
    this.#all.push((now - this.#since) / 1e3 / this.parts);
    this.#since = now;
  }

  get times(): number[] {
    return this.#all.slice(warmUp);
  }
}

const cases: Record<string, () => Measured | Promise<Measured>> = {
  step: timeSteps,
  loader: () => timeLoader(() => null),
  loop: () => timeLoader((setting) => trainerOf(kind, setting)),
  check,
  limit: timeProducts,
};
const measured = await cases[part]!();
const peakBytes = process.resourceUsage().maxRSS * 1024;
console.log(JSON.stringify({ ...measured, peakBytes, threads: torch.getNumThreads() }));
