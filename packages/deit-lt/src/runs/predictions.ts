/**
 * The predictions of a model for each image of a split: `predictions.safetensors` in the run folder, from which runs
 * are compared image by image. It has the labels, and for each output the five best classes of each image, best first.
 */

import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import * as torch from '@deit-lt/torch';
import { z } from 'zod';
import { type Group, groupNames } from '../data/groups.js';
import { UserError } from '../errors.js';
import type { OutputLogits } from '../evaluation/evaluate.js';
import { passMachineFault } from '../machine-fault.js';
import { requireChecksum } from './checksum.js';
import { checked, parsedJson } from './read-json.js';
import { epochNumber } from './run-schema.js';
import { saveTensors } from './save-tensors.js';

export type OutputName = keyof OutputLogits;

/** Outputs in the order of the papers: the experts, then the prediction. */
export const outputNames: readonly OutputName[] = ['cls', 'dist', 'avg'];

/**
 * The best classes of N images, `perImage` each: N · `perImage` class numbers; the first of each image is the
 * prediction.
 */
export interface BestClasses {
  readonly perImage: number;
  readonly classes: Int32Array;
}

export interface Predictions {
  readonly split: 'test' | 'validation';
  readonly checkpoint: 'best' | 'last';
  /** Epoch of the checkpoint, from 0. */
  readonly epoch: number;
  /** The name of the data set that the user gave. */
  readonly data: string;
  /** Hash of the images, as `hashOfImages` makes it. */
  readonly imagesSha256: string;
  /** The class of each image by the model's numbers. */
  readonly labels: Int32Array;
  /** The classes by those numbers, and the groups that were measured; absent in files of earlier versions. */
  readonly classes?: { readonly names: readonly string[]; readonly groups: readonly Group[] };
  readonly outputs: { readonly avg: BestClasses; readonly cls?: BestClasses; readonly dist?: BestClasses };
}

const format = 'deit-lt predictions 1';

/** Gathers what `evaluate` hands to its option `keep`. */
export class PredictionRecorder {
  readonly #batches = new Map<OutputName, Int32Array[]>();

  readonly keep = (output: OutputName, best: Int32Array): void => {
    const batches = this.#batches.get(output) ?? [];
    this.#batches.set(output, batches);
    batches.push(best);
  };

  /** Predictions for the `images` images of a whole evaluation. */
  outputs(images: number): Predictions['outputs'] {
    const all = [...this.#batches].map(([name, batches]) => {
      const classes = joined(batches);
      return [name, { perImage: classes.length / images, classes }];
    });
    return Object.fromEntries(all) as unknown as Predictions['outputs'];
  }
}

function joined(batches: readonly Int32Array[]): Int32Array {
  const all = new Int32Array(batches.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const batch of batches) {
    all.set(batch, at);
    at += batch.length;
  }
  return all;
}

/**
 * SHA-256 over class and file name of each image, in order. Folders do not count: the same images may lie elsewhere on
 * another machine.
 */
export function hashOfImages(
  nameOf: (id: number) => string,
  labels: Int32Array,
  classNames: readonly string[],
): string {
  const hash = createHash('sha256');
  let lines = ''; // many in one call: half a million calls take longer than the hash
  labels.forEach((label, id) => {
    lines += `${classNames[label]}\t${nameOf(id).replace(/^.*[\\/]/, '')}\n`;
    if (lines.length < 1 << 16) return;
    hash.update(lines);
    lines = '';
  });
  return hash.update(lines).digest('hex');
}

/** Writes `file` whole or not at all. Throws UserError RUN_FOLDER. */
export function writePredictions(file: string, predictions: Predictions): void {
  const { split, checkpoint, epoch, data, imagesSha256, labels, classes, outputs } = predictions;
  const metadata = {
    ...{ format, split, checkpoint, epoch: String(epoch), data, imagesSha256 },
    ...(classes && { classes: JSON.stringify(classes) }),
  };
  torch.tidy(() => {
    const tensors = Object.entries(outputs).map(([name, { perImage, classes }]): [string, torch.Tensor] => [
      `best.${name}`,
      torch.tensor(classes).view([labels.length, perImage]),
    ]);
    saveTensors(file, new Map([['labels', torch.tensor(labels)], ...tensors]), metadata);
  });
}

/**
 * Undefined when there is no such file. Throws UserError RUN_FOLDER when it cannot be used, also where it names a class
 * beyond the `classes` of the run.
 */
export function readPredictions(file: string, classes: number): Predictions | undefined {
  if (!existsSync(file)) return undefined;
  try {
    return torch.tidy(() => read(file, classes));
  } catch (error) {
    passMachineFault(error);
    throw new UserError(
      'RUN_FOLDER',
      `${file} cannot be used: ${(error as Error).message}. Remove it and evaluate again.`,
      {
        cause: error,
      },
    );
  }
}

/** The classes by which labels and predictions are numbered, where the file says them. */
const namedClasses = z
  .looseObject({ names: z.array(z.string()).min(1), groups: z.array(z.enum(groupNames)) })
  .refine(({ names, groups }) => names.length === groups.length, { error: 'names and groups differ in length' });

function read(file: string, classesOfRun: number): Predictions {
  using opened = torch.safetensors.open(file);
  const { metadata } = opened;
  if (metadata.format !== format) throw new Error(`its format is "${metadata.format ?? 'none'}", expected "${format}"`);
  requireChecksum(new Map(opened.names.map((name) => [name, opened.get(name)])), metadata);
  const own = metadata.classes === undefined ? undefined : checked(parsedJson(metadata.classes), namedClasses);
  const classes = own?.names.length ?? classesOfRun;
  const values = (name: string): Int32Array => {
    const { dtype } = opened.infos.get(name) ?? {};
    if (dtype !== 'int32') throw new Error(`its tensor "${name}" is ${dtype ?? 'missing'}, expected int32`);
    const found = opened.get(name).toTypedArray<'int32'>();
    const beyond = found.find((label) => label < 0 || label >= classes);
    if (beyond !== undefined) throw new Error(`"${name}" names class ${beyond}, and there are ${classes}`);
    return found;
  };
  const labels = values('labels');
  const found = outputNames.filter((name) => opened.infos.has(`best.${name}`));
  if (!found.includes('avg')) throw new Error('it has no tensor "best.avg"');
  const outputs = found.map((name) => {
    const best = values(`best.${name}`);
    if (best.length === 0 || best.length % labels.length !== 0)
      throw new Error(`"best.${name}" has ${best.length} classes for ${labels.length} images`);
    return [name, { perImage: best.length / labels.length, classes: best }];
  });
  return {
    split: metadata.split === 'validation' ? 'validation' : 'test',
    checkpoint: metadata.checkpoint === 'last' ? 'last' : 'best',
    epoch: checked(Number(metadata.epoch), epochNumber),
    data: metadata.data ?? '',
    imagesSha256: metadata.imagesSha256 ?? '',
    labels,
    ...(own && { classes: own }),
    outputs: Object.fromEntries(outputs) as unknown as Predictions['outputs'],
  };
}
