/** Image files that cannot be read: how they are reported, and how a split is used without them. */
import { UserError } from '../errors.js';
import type { BadFile } from './bad-file.js';
import { type Dataset, type ImageSplit, subset } from './dataset.js';
import { decodeFiles } from './decode/decode-files.js';
import type { OpenOptions, Progress } from './open-options.js';

/** Number of files that a message names. */
const named = 20;

/** The error that names the first 20 bad files and says how many there are. */
export function badFilesError(bad: readonly BadFile[], total: number): UserError {
  const lines = bad.slice(0, named).map(({ path, reason }) => `  ${path} ${reason}`);
  if (bad.length > named) lines.push(`  … and ${bad.length - named} more`);
  const count = bad.length === 1 ? '1 image' : `${bad.length} images`;
  return new UserError('DATA_BAD_FILES', `${count} of ${total} cannot be read:`, {
    lines: [...lines, 'Replace or remove them, or leave them out with --skip-bad.'],
  });
}

/** Reports bad files: throws, or with `skipBad` logs them by name. `total` is the number of checked files. */
export function settleBad(
  bad: readonly BadFile[],
  total: number,
  { skipBad = false, log, onBad }: Pick<OpenOptions, 'skipBad' | 'log' | 'onBad'>,
): void {
  for (const file of bad) onBad?.(file);
  if (bad.length === 0) return;
  if (!skipBad) throw badFilesError(bad, total);
  log?.(`left out ${bad.length} of ${total} images that cannot be read:`);
  for (const { path, reason } of bad) log?.(`  ${path} ${reason}`);
}

/** The split without the images at the indices `bad`; the same object when there are none. */
export function withoutBad(split: ImageSplit, bad: ReadonlyMap<number, BadFile>): ImageSplit {
  if (bad.size === 0) return split;
  const kept = Int32Array.from(split.labels.keys()).filter((id) => !bad.has(id));
  return subset(split, kept);
}

export interface CheckFilesOptions {
  onProgress?: ((progress: Progress) => void) | undefined;
  signal?: AbortSignal | undefined;
}

/** Decodes every image file of both splits and returns those that cannot be read, training files first. */
export async function checkFiles(dataset: Dataset, { onProgress, signal }: CheckFilesOptions = {}): Promise<BadFile[]> {
  const found: BadFile[] = [];
  for (const split of [dataset.train, dataset.test]) {
    if (split?.images.kind !== 'files') continue;
    const what = split === dataset.train ? 'checking train images' : 'checking test images';
    const { bad } = await decodeFiles(split.images.paths, { maxBytes: 0, what, onProgress, signal });
    found.push(...bad.values());
  }
  return found;
}
