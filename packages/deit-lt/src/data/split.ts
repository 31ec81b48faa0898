/** Sets aside a share of each class's training images as the test split. */
import { UserError } from '../errors.js';
import { stream } from '../random/stream.js';
import { type Dataset, subset } from './dataset.js';

/**
 * Moves `share` of each class (rounded, at least one image, never all) to the test split, chosen by `seed`. A class of
 * one image keeps it for training. The images stay in their order. Throws `UserError` USAGE when `share` is not in
 * (0, 1) or the data set has a test split already, DATA_CLASSES when no class has two images.
 */
export function splitOff(dataset: Dataset, share: number, seed = 0): Dataset {
  if (!(share > 0 && share < 1))
    throw new UserError('USAGE', `--split must be a share between 0 and 1, such as 0.1; got ${share}`);
  if (dataset.test !== undefined)
    throw new UserError('USAGE', `${dataset.name} already has test images: leave out --split`);
  const inTest = chooseTest(dataset.train.labels, dataset.classNames.length, share, seed);
  if (!inTest.includes(1))
    throw new UserError(
      'DATA_CLASSES',
      `no class of ${dataset.name} has two images, so none can be set aside as test images. Add images, or a test folder.`,
    );
  const ids = Int32Array.from(inTest.keys());
  return {
    ...dataset,
    train: subset(
      dataset.train,
      ids.filter((id) => inTest[id] === 0),
    ),
    test: subset(
      dataset.train,
      ids.filter((id) => inTest[id] === 1),
    ),
  };
}

/** 1 for each image that goes to the test split. */
function chooseTest(labels: Int32Array, numClasses: number, share: number, seed: number): Uint8Array {
  const byClass: number[][] = Array.from({ length: numClasses }, () => []);
  labels.forEach((label, id) => {
    byClass[label]!.push(id);
  });
  const inTest = new Uint8Array(labels.length);
  byClass.forEach((ids, label) => {
    const count = Math.min(Math.max(1, Math.round(ids.length * share)), ids.length - 1);
    const shuffled = stream(seed, 'split', 0, label).shuffle(ids);
    for (const id of shuffled.slice(0, Math.max(0, count))) inTest[id] = 1;
  });
  return inTest;
}
