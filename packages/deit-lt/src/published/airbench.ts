/** airbench94 under the names of this project. */
import type { Family } from './family.js';

/** Recognises it by its whitening and its last norm; the first norm shows the width. */
export const airbench: Family = (shapes) => {
  const whitening = shapes.get('whiten.weight');
  const head = shapes.get('head.weight');
  const width = shapes.get('layers.0.norm1.weight')?.[0];
  if (whitening === undefined || width === undefined || !shapes.has('layers.2.norm2.weight')) return undefined;
  return {
    kind: 'teacher',
    model: { name: 'airbench94', ...(width !== 64 && { width }) },
    inChans: whitening[1] ?? 0,
    numClasses: head?.[0] ?? 0,
    imageSize: 32,
    cifar: true,
    rename: (name) => name,
  };
};
