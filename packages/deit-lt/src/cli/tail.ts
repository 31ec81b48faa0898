/** The long tail of `--imbalance`, for commands that show data before a recipe makes it. */
import type { Dataset } from '../data/dataset.js';
import { makeLongTail } from '../data/long-tail.js';
import type { Options } from './option-table.js';

/** Returns `dataset` with the long tail of `--imbalance`. */
export function withTail(dataset: Dataset, { imbalance, imbalanceType }: Options): Dataset {
  if (imbalance === undefined) return dataset;
  return makeLongTail(dataset, { ratio: imbalance, ...(imbalanceType && { type: imbalanceType }) });
}
