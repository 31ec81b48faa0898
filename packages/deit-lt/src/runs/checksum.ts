/**
 * A checksum of what a safetensors file of a run says, kept in its metadata: a flipped bit of a weight is otherwise
 * just another weight.
 */
import { crc32 } from 'node:zlib';
import * as torch from '@deit-lt/torch';

/** The key in the metadata. */
export const checksumKey = 'checksum';

/** Elements that are copied at once, from whichever device they are on. */
const piece = 1 << 16;

/**
 * CRC-32 over all metadata but the checksum itself, and over name, dtype, shape and values of each tensor; `crc32:` and
 * 8 hexadecimal digits.
 */
export function checksumOf(
  tensors: ReadonlyMap<string, torch.Tensor>,
  metadata: Readonly<Record<string, string>>,
): string {
  const words = Object.entries(metadata).filter(([key]) => key !== checksumKey);
  let sum = crc32(JSON.stringify(words.sort(byName)));
  torch.noGrad(() => {
    for (const [name, tensor] of [...tensors].sort(byName)) {
      sum = crc32(JSON.stringify([name, tensor.dtype, tensor.shape]), sum);
      if (tensor.numel() > 0) sum = withValues(sum, tensor);
    }
  });
  return `crc32:${sum.toString(16).padStart(8, '0')}`;
}

const byName = ([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number => (a < b ? -1 : 1);

function withValues(sum: number, tensor: torch.Tensor): number {
  return torch.tidy(() => {
    const flat = tensor.detach().contiguous().view([-1]);
    for (let from = 0; from < flat.numel(); from += piece)
      sum = torch.tidy(() => {
        const { buffer, byteOffset, byteLength } = flat
          .narrow(0, from, Math.min(piece, flat.numel() - from))
          .toTypedArray();
        return crc32(new Uint8Array(buffer, byteOffset, byteLength), sum);
      });
    return sum;
  });
}

/** Returns whether the content is what was saved. True for files of earlier versions, which have no checksum. */
export function fitsChecksum(
  tensors: ReadonlyMap<string, torch.Tensor>,
  metadata: Readonly<Record<string, string>>,
): boolean {
  const expected = metadata[checksumKey];
  return expected === undefined || checksumOf(tensors, metadata) === expected;
}

/** Throws Error, for the middle of a sentence, when the content is not what was saved. */
export function requireChecksum(
  tensors: ReadonlyMap<string, torch.Tensor>,
  metadata: Readonly<Record<string, string>>,
): void {
  if (!fitsChecksum(tensors, metadata))
    throw new Error(
      'its checksum differs: it was damaged or changed after it was written (for a change that was meant, remove "checksum" from its metadata)',
    );
}
