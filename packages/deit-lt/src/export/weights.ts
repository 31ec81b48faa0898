/** A model's weights for others: safetensors with timm's (or torchvision's) names, and PyTorch's own format. */
import path from 'node:path';
import * as torch from '@deit-lt/torch';
import type { Classifier } from '../classifier/classifier.js';
import { UserError } from '../errors.js';
import { VisionTransformer } from '../models/vit.js';
import { writeError, writeFileAtomic } from '../runs/files.js';
import { torchFilePieces } from '../torch-files/save.js';

export interface WeightsOptions {
  /** Side of the images: a transformer's positions are written for it. Default: as it was trained. */
  readonly imageSize?: number;
}

/** Under the names that PyTorch's packages know, in float32. Throws UserError RUN_FOLDER when it cannot be written. */
export function exportSafetensors(
  file: string,
  { model, classNames, recipe }: Classifier,
  { imageSize }: WeightsOptions = {},
): void {
  const metadata = { format: 'pt', model: recipe.model.name, classes: JSON.stringify(classNames) };
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
 * `{"model": {name: tensor}, "epoch": …, "class_names": […], "architecture": …}`, for `torch.load(file, weights_only=True)`.
 * Throws UserError RUN_FOLDER when it cannot be written.
 */
export function exportTorch(file: string, { model, classNames, epoch, recipe }: Classifier): void {
  const checkpoint = new Map<
    string,
    torch.Tensor | string | number | readonly string[] | ReadonlyMap<string, torch.Tensor>
  >([
    ['model', model.stateDict()],
    ['epoch', epoch],
    ['class_names', classNames],
    ['architecture', recipe.model.name],
  ]);
  writeFileAtomic(file, torchFilePieces(checkpoint));
}

/** `file` when it has the right ending. Throws UserError USAGE. */
export function requireEnding(file: string, ending: string): string {
  if (path.extname(file) === ending) return file;
  throw new UserError('USAGE', `--out ${file}: expected a file that ends in ${ending}.`);
}
