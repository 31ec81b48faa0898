/**
 * The work of bench/train in this project: `node subject.js CASE PRECISION STEPS [FILE]` prints one JSON line.
 *
 * CASE is a part and KIND, teacher, student, paco or glmc: `step-KIND` (batches are ready), `loader-KIND` (nothing but batches),
 * `loop-KIND` (both, as in a training), `check-KIND` (few steps on one batch; FILE gets weights and batch for the other
 * side), or `limit`: products of two 1024 × 1024 matrices. PRECISION is auto (what users get), float32 or bfloat16.
 */
import { performance } from 'node:perf_hooks';
import * as torch from '@deit-lt/torch';
import { drawMix, type Mix } from '#deit-lt/augment/mixup.js';
import type { Batch } from '#deit-lt/data/loader.js';
import { stream } from '#deit-lt/random/stream.js';
import type { Recipe } from '#deit-lt/recipe/schema.js';
import { glmcOptions } from '#deit-lt/tasks/glmc-options.js';
import { drawGlmcMixes } from '#deit-lt/tasks/glmc-task.js';
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
  const setting = openSetting(recipeOf(kind, precision));
  const trainer = trainerOf(kind, setting);
  const batches = await readAll(loaderOf(kind, setting, 4));
  const clock = new Clock();
  for (let i = 0; i < steps + warmUp; i++) {
    trainer.step(batches[i % batches.length]!, i, batches[(i + 1) % batches.length]);
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
  const setting = openSetting(recipeOf(kind, precision));
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
  const setting = openSetting(checkRecipe(kind));
  const { step, model, companion, teacher } = trainerOf(kind, setting);
  const [batch, partners] = (await readAll(loaderOf(kind, setting, 2))) as [Batch, Batch];
  const models = { model, ...(companion && { companion }), ...(teacher && { teacher }) };
  save({ batch, partners }, models);
  const numbers = Array.from({ length: steps }, (_, i) => i);
  const losses = numbers.map((i) => step(batch, i, partners));
  return { times: [], losses, mixes: numbers.flatMap((i) => mixesOf(setting.recipe, i)) };
}

function save(batches: Record<string, Batch>, models: Record<string, torch.nn.AnyModule>): void {
  const tensors = new Map<string, torch.Tensor>();
  for (const [name, { images, more, labels }] of Object.entries(batches)) {
    tensors.set(`${name}.images`, images.contiguous());
    if (more[0] !== undefined) tensors.set(`${name}.view`, more[0].contiguous());
    tensors.set(`${name}.labels`, torch.tensor(labels, { dtype: 'int64' }));
  }
  for (const [name, model] of Object.entries(models))
    for (const [key, value] of model.stateDict()) tensors.set(`${name}.${key}`, value.contiguous());
  torch.safetensors.save(file, tensors);
}

/** What step number `index` draws: the student one mix of the batch with itself, GLMC two with another batch. */
function mixesOf({ seed, student, teacher }: Recipe, index: number): Mix[] {
  const random = stream(seed, 'mix', 0, index);
  const { name: _, ...own } = teacher.loss;
  if (kind === 'glmc') return [...drawGlmcMixes({ side: teacher.imageSize, random, recipe: glmcOptions.parse(own) })];
  const { imageSize, mixing } = student;
  const { mixup: mixupAlpha, cutmix: cutmixAlpha, probability, switchProbability } = mixing;
  return [drawMix(imageSize, imageSize, random, { mixupAlpha, cutmixAlpha, probability, switchProbability })];
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
