/** Tensors as a safetensors file of a run folder, with a checksum: checkpoints and predictions. */
import * as torch from '@deit-lt/torch';
import { checksumKey, checksumOf } from './checksum.js';
import { writeError } from './files.js';

/** Writes `file` whole or not at all. Throws UserError RUN_FOLDER when it cannot be written. */
export function saveTensors(
  file: string,
  tensors: ReadonlyMap<string, torch.Tensor>,
  metadata: Record<string, string>,
): void {
  const sealed = { ...metadata, [checksumKey]: checksumOf(tensors, metadata) };
  try {
    torch.safetensors.save(file, tensors, { metadata: sealed });
  } catch (error) {
    if (error instanceof torch.safetensors.SafetensorsError && error.code === 'IO')
      throw writeError(file, error.cause ?? error);
    throw error;
  }
}
