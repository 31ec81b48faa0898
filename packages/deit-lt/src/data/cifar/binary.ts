/**
 * CIFAR's binary version: records of one label byte (CIFAR-10) or two (CIFAR-100: coarse, then fine) and 3072 bytes of
 * pixels, and a text file with the class names.
 */
import { UserError } from '../../errors.js';
import type { CifarBatch } from './batch.js';
import { type CifarLayout, imageBytes } from './layouts.js';

/** Throws `UserError` DATA_LAYOUT when the file is not a whole number of records. */
export function readBinaryBatch(bytes: Uint8Array, file: string, { dataset }: CifarLayout): CifarBatch {
  const labelBytes = dataset === 'cifar100' ? 2 : 1;
  const stride = labelBytes + imageBytes;
  if (bytes.length === 0 || bytes.length % stride !== 0)
    throw new UserError(
      'DATA_LAYOUT',
      `${file} has ${bytes.length} bytes, expected a multiple of ${stride}; it is truncated, or not a ${dataset} file`,
    );
  const labels = Int32Array.from({ length: bytes.length / stride }, (_, i) => bytes[i * stride + labelBytes - 1]!);
  return { file, labels, bytes, start: labelBytes, stride };
}

/** One class name a line. */
export function readBinaryNames(bytes: Uint8Array): string[] {
  const lines = Buffer.from(bytes).toString('utf8').split('\n');
  return lines.map((line) => line.trim()).filter((line) => line !== '');
}
