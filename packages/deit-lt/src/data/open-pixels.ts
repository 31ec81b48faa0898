/** The pixel source for images in memory or in files. */
import type { Images } from './dataset.js';
import { type CopiesOptions, FileSource } from './file-source.js';
import { MemorySource } from './memory-source.js';
import type { PixelSource } from './pixel-source.js';

/** `copies`: keeps copies of large files, for a training. */
export function openPixels(images: Images, copies?: CopiesOptions): PixelSource {
  return images.kind === 'memory' ? new MemorySource(images) : new FileSource(images, { ...(copies && { copies }) });
}
