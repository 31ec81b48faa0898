/** Classes in another order: from the largest to the smallest, as published for ImageNet-LT and iNaturalist-2018. */
import { classCounts, type Dataset, type ImageSplit } from './dataset.js';
import { classesBySize } from './groups.js';

/**
 * `dataset` with class 0 the one with the most training images; labels and names go along. Equal classes stay in label
 * order, where the published code leaves it to an unstable sort. The same object when the order is right.
 */
export function largestClassFirst(dataset: Dataset): Dataset {
  const { classNames, train, test } = dataset;
  const order = classesBySize(classCounts(train.labels, classNames.length));
  if (order.every((label, rank) => label === rank)) return dataset;
  const rankOf = new Int32Array(order.length);
  order.forEach((label, rank) => {
    rankOf[label] = rank;
  });
  const renumbered = ({ images, labels }: ImageSplit): ImageSplit => ({
    images,
    labels: labels.map((label) => rankOf[label]!),
  });
  return {
    ...dataset,
    classNames: order.map((label) => classNames[label]!),
    train: renumbered(train),
    ...(test && { test: renumbered(test) }),
  };
}
