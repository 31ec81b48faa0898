/** A list without a second one for test images, when it is evaluated: all of it. */
import type { Dataset } from '../dataset.js';
import { allAsTest } from '../file-split.js';
import type { OpenContext } from '../open-options.js';

/** `dataset`, or all its images as test images when it has none, and these are to be evaluated. Logs which. */
export function allOfList(list: string, dataset: Dataset, { takesAll, log }: OpenContext): Dataset {
  if (!takesAll || dataset.test !== undefined) return dataset;
  log(`all ${dataset.train.labels.length} images of ${list} are used`);
  return allAsTest(dataset);
}
