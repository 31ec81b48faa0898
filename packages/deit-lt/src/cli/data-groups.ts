/** Head, mid and tail for a model that does not say on how many images of each class it was trained. */
import { classCounts, type Dataset } from '../data/dataset.js';
import { type Group, groupsOf } from '../data/groups.js';

/** The paper's for CIFAR, whose long tails are made from balanced images; else by the images of `dataset`. */
export function groupsOfData({ name, train, classNames }: Dataset): readonly Group[] {
  const kind = name === 'cifar10' || name === 'cifar100' ? (`${name}-lt` as const) : 'auto';
  return groupsOf(classCounts(train.labels, classNames.length), { kind }).of;
}
