/** The batches of an epoch: which images, in which order, how many batches. */
import * as torch from '@deit-lt/torch';
import { type PairedBatch, pairedBatches } from '../data/samplers/paired-batches.js';
import { createSampler } from '../data/samplers/registry.js';
import type { Share } from '../data/samplers/sampler-orders.js';
import { UserError } from '../errors.js';
import { stream } from '../random/stream.js';
import { partName } from '../recipe/training-kind.js';
import { learningModules, type Task } from '../tasks/task.js';
import { checkShares } from './check-sampler.js';
import type { StepOptions } from './loop-options.js';
import { ownShards } from './processes.js';

/**
 * Returns the number of batches of an epoch. The last one is left out when it is not full and the recipe drops it, or
 * when it is a single image of which batch norm has no statistics. Throws UserError RECIPE when none is left, and PLUGIN for a
 * sampler that does not fit the shards.
 */
export function countBatches(options: StepOptions, epoch: number): number {
  const { sampler, shards } = options.recipe;
  checkShares(sampler.name, shards, (share) => idsOf(options, epoch, share));
  const images = idsOf(options, epoch, { rank: 0, world: options.recipe.shards }).length; // all shards have as many
  const batches = batchesOf(options, images);
  if (batches === 0) throw nothingToLearn(options, images);
  return batches;
}

/** A batch of each shard of this process. */
export interface ShardBatches extends Disposable {
  readonly shards: readonly { readonly shard: number; readonly batch: PairedBatch }[];
  /** Images of all shards of all processes. */
  readonly images: number;
}

interface BatchesOptions {
  readonly epoch: number;
  readonly startBatch: number;
  readonly batches: number;
}

/**
 * Returns the batches of `epoch` from batch `startBatch` on, of `batches` in all, with the shards of this process side by side.
 * Throws UserError PLUGIN for a sampler whose epochs differ in length.
 */
export async function* batchesFrom(
  options: StepOptions,
  epochOptions: BatchesOptions,
): AsyncGenerator<ShardBatches, void, void> {
  const own = ownShards(options.recipe.shards, options.processes);
  const loaders = own.map((shard) => batchesOfShard(options, shard, epochOptions)[Symbol.asyncIterator]());
  try {
    for (;;) {
      const batches = await nextOfEach(loaders);
      if (batches === undefined) return;
      const shards = batches.map((batch, i) => ({ shard: own[i]!, batch }));
      const dispose = (): void => {
        for (const batch of batches) batch[Symbol.dispose]();
      };
      yield { shards, images: batches[0]!.labels.length * options.recipe.shards, [Symbol.dispose]: dispose };
    }
  } finally {
    for (const loader of loaders) await loader.return?.();
  }
}

/** The next batch of each shard; undefined at the end of the epoch, which all reach together. */
async function nextOfEach(loaders: readonly AsyncIterator<PairedBatch>[]): Promise<PairedBatch[] | undefined> {
  const batches: PairedBatch[] = [];
  try {
    for (const loader of loaders) {
      const { value, done } = await loader.next();
      if (done !== true) batches.push(value);
    }
    if (batches.length !== 0 && batches.length !== loaders.length)
      throw new Error('internal: shards have different numbers of batches');
    return batches.length === 0 ? undefined : batches;
  } catch (error) {
    for (const batch of batches) batch[Symbol.dispose]();
    throw error;
  }
}

function batchesOfShard(
  options: StepOptions,
  shard: number,
  { epoch, startBatch, batches }: BatchesOptions,
): AsyncIterable<PairedBatch> {
  const { data, pipelines, recipe, seed, placement } = options;
  const share = { rank: shard, world: recipe.shards };
  const ids = idsOf(options, epoch, share);
  if (batchesOf(options, ids.length) !== batches) throw unequalEpochs(options, ids.length);
  const loading = {
    source: data.train.source,
    labels: data.train.labels,
    pipeline: pipelines.train,
    ids,
    batchSize: recipe.batchSize,
    dropLast: batches * recipe.batchSize < ids.length,
    startBatch,
    seed,
    epoch,
    device: placement.device,
    ...share,
  };
  return pairedBatches(loading, partnersOf(options, epoch, share));
}

function batchesOf({ task, recipe: { batchSize, dropLast } }: StepOptions, images: number): number {
  if (dropLast) return Math.floor(images / batchSize);
  const batches = Math.ceil(images / batchSize);
  const isAlone = batches > 1 && batchSize > 1 && images % batchSize === 1;
  return isAlone && hasBatchNorm(task) ? batches - 1 : batches;
}

function hasBatchNorm(task: Task): boolean {
  return learningModules(task).some((module) => module.modules().some((inner) => inner instanceof torch.nn.BatchNorm));
}

function nothingToLearn({ recipe, task, data }: StepOptions, images: number): UserError {
  const section = partName(task.kind);
  if (images > 0)
    return new UserError(
      'RECIPE',
      `${section}.dropLast: an epoch${recipe.shards === 1 ? '' : ' of one shard'} has ${images} images, fewer than ${section}.batchSize ${recipe.batchSize}, so no batch is left; set a smaller ${section}.batchSize, or ${section}.dropLast=false.`,
    );
  return new UserError(
    'RECIPE',
    `${section}.sampler: "${recipe.sampler.name}" leaves none of the ${data.train.labels.length} training images; use "shuffle" or "repeated-augmentation".`,
  );
}

/** The steps of a training are counted before it begins; only a sampler of a plugin can differ. */
function unequalEpochs({ recipe: { sampler } }: StepOptions, images: number): UserError {
  return new UserError(
    'PLUGIN',
    `the sampler "${sampler.name}" cannot be used: it must return as many images in every epoch, and returned ${images}.`,
  );
}

/**
 * Returns the images that come beside those of `idsOf`, or null. The seed differs: with the same draws an image would
 * always have the same partner.
 */
function partnersOf({ task, data, seed }: StepOptions, epoch: number, share: Required<Share>): Int32Array | null {
  const options = { seed: stream(seed, 'partners').uint32(), epoch, ...share };
  return task.partners?.(data.train.labels, data.classNames.length, options) ?? null;
}

/** Returns the images of a shard in an epoch, in their order. */
function idsOf({ recipe, data, seed }: StepOptions, epoch: number, share: Required<Share>): Int32Array {
  const { name, ...options } = recipe.sampler;
  return createSampler(name, options)(data.train.labels, data.classNames.length, { seed, epoch, ...share });
}
