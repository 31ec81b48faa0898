/** The pixel source for images in memory or in files. */
import type { Images } from './dataset.js';
import { FileSource } from './file-source.js';
import { MemorySource } from './memory-source.js';
import type { PixelSource } from './pixel-source.js';

export function openPixels(images: Images): PixelSource {
  return images.kind === 'memory' ? new MemorySource(images) : new FileSource(images);
}
