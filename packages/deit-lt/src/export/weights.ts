/** A model's weights for others: safetensors with timm's (or torchvision's) names, and PyTorch's own format. */
import path from 'node:path';
import * as torch from '@deit-lt/torch';
import { z } from 'zod';
import type { Classifier } from '../classifier/classifier.js';
import { logitScale } from '../classifier/logit-scale.js';
import { toMetadata, toTorch } from '../description/formats.js';
import { describeModel, type ModelDescription } from '../description/model-description.js';
import { UserError } from '../errors.js';
import { VisionTransformer } from '../models/vit.js';
import { writeError, writeFileAtomic } from '../runs/files.js';
import { type Savable, torchFilePieces } from '../torch-files/save.js';
import { exporterEntry } from './exporter-entry.js';

export interface WeightsOptions {
  /** Side of the images: a transformer's positions are written for it. Default: as it was trained. */
  readonly imageSize?: number;
}

export interface DescriptionOptions extends WeightsOptions {
  /** Whether the logits in the file are adapted. Default false: the file has the weights alone. */
  readonly adapted?: boolean;
}

/** Under the names that PyTorch's packages know, in float32. Throws UserError RUN_FOLDER when it cannot be written. */
export function exportSafetensors(file: string, classifier: Classifier, { imageSize }: WeightsOptions = {}): void {
  const { model, classNames, recipe } = classifier;
  const description = toMetadata(descriptionOf(classifier, { imageSize }));
  const metadata = { format: 'pt', model: recipe.model.name, classes: JSON.stringify(classNames), ...description };
  try {
    torch.tidy(() => {
      const tensors = model.stateDict();
      if (imageSize !== undefined && model instanceof VisionTransformer)
        tensors.set('pos_embed', model.positionsFor(imageSize, imageSize).detach());
      torch.safetensors.save(file, tensors, { metadata });
    });
  } catch (error) {
    if (error instanceof torch.safetensors.SafetensorsError && error.code === 'IO')
      throw writeError(file, error.cause ?? error);
    throw error;
  }
}

/**
 * Returns the description of a model for the file. A transformer whose position embeddings are written for
 * `imageSize` only takes such images; other networks are unchanged.
 */
export function descriptionOf(
  classifier: Classifier,
  { imageSize, adapted = false }: DescriptionOptions = {},
): ModelDescription {
  const { recipe, model, adaptation, ...rest } = classifier;
  const resized = imageSize !== undefined && model instanceof VisionTransformer;
  const sized = resized ? { ...recipe, imageSize, evalSize: null } : recipe;
  return describeModel({
    ...{ ...rest, model, recipe: sized, logitScale: logitScale(classifier) },
    ...(adapted && adaptation && { adaptation }),
  });
}

/**
 * `{"model": {name: tensor}, "epoch": …, "class_names": […], "architecture": …, "deit_lt": …}`, for
 * `torch.load(file, weights_only=True)`. Throws UserError RUN_FOLDER when it cannot be written.
 */
export function exportTorch(file: string, classifier: Classifier): void {
  const { model, classNames, epoch, recipe } = classifier;
  const checkpoint = new Map<string, Savable>([
    ['model', model.stateDict()],
    ['epoch', epoch],
    ['class_names', classNames],
    ['architecture', recipe.model.name],
    toTorch(descriptionOf(classifier)),
  ]);
  writeFileAtomic(file, torchFilePieces(checkpoint));
}

/** `file` when it has the right ending. Throws UserError USAGE. */
export function requireEnding(file: string, ending: string): string {
  if (path.extname(file) === ending) return file;
  throw new UserError('USAGE', `${file}: expected a file that ends in ${ending}.`);
}

/** The registry's entry of `exportSafetensors`. */
export const safetensorsEntry = exporterEntry({
  name: 'safetensors',
  ending: '.safetensors',
  options: z.object({}),
  create: () => (model, file) => {
    exportSafetensors(file, model);
  },
});

/** The registry's entry of `exportTorch`. */
export const torchEntry = exporterEntry({
  name: 'torch',
  ending: '.pth',
  options: z.object({}),
  create: () => (model, file) => {
    exportTorch(file, model);
  },
});
