/** Tells images of one training from those of another. */
import { createHash } from 'node:crypto';
import type { ImageSplit } from './dataset.js';

/** Lines that are hashed together: many small pieces cost more than the hash. */
const hashedTogether = 1000;

/** Returns the SHA-256 over names and labels of the images, in hexadecimal. */
export function fingerprint({ images, labels }: ImageSplit): string {
  const hash = createHash('sha256');
  for (let start = 0; start < labels.length; start += hashedTogether) {
    const part = labels.subarray(start, start + hashedTogether);
    hash.update(Array.from(part, (label, i) => `${label}\t${images.nameOf(start + i)}\n`).join(''));
  }
  return hash.digest('hex');
}
