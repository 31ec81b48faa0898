/** Head, mid and tail for a model, also for one that does not say on how many images of each class it was trained. */
import { type ByClass, byClass, ClassMap } from '../by-class.js';
import { classCounts, type Dataset } from '../data/dataset.js';
import { type Group, groupsOf } from '../data/groups.js';
import { compareClassNames } from './class-names.js';
import type { AnyClassifier } from './classifier.js';

/**
 * Returns the group of each class of the model, in its order: as it was trained, else by the data that it is measured on.
 * `order` is the model's class of each class of the data; classes of `dataset` in another order are found by their names.
 */
export function modelGroups(
  { trainCounts, groups }: Pick<AnyClassifier, 'trainCounts' | 'groups'>,
  dataset: Dataset,
  order: ClassMap,
): ByClass<Group> {
  // A model whose classes are numbers has, by the map, the names of the data.
  if (trainCounts.some((count) => count > 0)) return byClass(order.to, groups);
  const [given, { from }] = [dataset.classNames, order];
  const renumbered = new ClassMap(given, from, compareClassNames(from, given, dataset.name));
  return order.values(renumbered.values(groupsOfData(dataset)));
}

/** The paper's for CIFAR, whose long tails are made from balanced images; else by the images of `dataset`. */
export function groupsOfData({ name, train, classNames }: Dataset): ByClass<Group> {
  const kind = name === 'cifar10' || name === 'cifar100' ? (`${name}-lt` as const) : 'auto';
  return byClass(classNames, groupsOf(classCounts(train.labels, classNames.length), { kind }).of);
}
