/**
 * Annotations as iNaturalist publishes them, in COCO's form: `train2018.json` with `val2018.json` beside it. `images` have
 * `id` and `file_name`, `annotations` the `category_id` of an `image_id`, `categories` their `id` and `name`. Labels are
 * the categories in the order of their ids, which are those of the published list files, too.
 */
import path from 'node:path';
import { UserError } from '../../errors.js';
import type { Dataset, ImageSplit } from '../dataset.js';
import { type PackedPaths, PathsBuilder } from '../file-paths.js';
import { fileSplit } from '../file-split.js';
import { type ListedObject, objectsIn } from '../json-objects.js';
import type { OpenContext, SourceKind } from '../open-options.js';
import { allOfList } from './all-of-list.js';
import { requireName, requirePath } from './require-names.js';
import { requireSomeFile } from './require-some-file.js';
import { requireTrained } from './require-trained.js';
import { findSplitFiles, type SplitFiles } from './split-files.js';

export const annotations: SourceKind = {
  summary:
    'annotations in the format of iNaturalist: train2018.json (with val2018.json beside it), or train2018.json,val2018.json',
  namesSplits: true,
  async open(spec, context) {
    const files = findSplitFiles(spec, { ...context, extensions: ['.json'], testNames: ['val', 'validation'] });
    return files && readAnnotations(spec, files, context);
  },
};

/** Whole numbers in iNaturalist's files; texts in some others. */
type Id = number | string;

function readAnnotations(spec: string, { train, test }: SplitFiles, context: OpenContext): Dataset {
  const { root, evaluation } = context;
  const places = { root: root ?? path.dirname(train) };
  const trainImages = readImages(train, places);
  const categories = categoriesOf(train, trainImages);
  const labels = new Map(categories.map(({ id }, label) => [id, label]));
  const classNames = namesOf(categories);
  const trainSplit = labelled(train, trainImages, labels);
  if (!evaluation) requireTrained(train, trainSplit.labels, classNames);
  const dataset = { name: spec, classNames, train: trainSplit };
  if (test === undefined) return allOfList(train, dataset, context);
  return { ...dataset, test: labelled(test, readImages(test, places), labels) };
}

interface Category {
  readonly id: Id;
  readonly name: string;
}

interface Listed {
  readonly paths: PackedPaths;
  /** The place of each image by its id. */
  readonly places: ReadonlyMap<Id, number>;
  readonly categories: readonly Category[];
}

function readImages(file: string, { root }: { root: string }): Listed {
  const builder = new PathsBuilder();
  const places = new Map<Id, number>();
  const categories: Category[] = [];
  for (const entry of objectsIn(file, ['images', 'categories'])) {
    const id = field(file, entry, 'id');
    if (entry.list === 'categories') categories.push({ id, name: nameOf(file, entry, id) });
    else {
      places.set(id, builder.length);
      builder.add(path.resolve(root, fileName(file, entry)));
    }
  }
  const paths = builder.finish();
  if (paths.length === 0)
    throw new UserError(
      'DATA_LAYOUT',
      `${file} contains no images; expected {"images": [{"id": …, "file_name": …}, …], …}`,
    );
  requireSomeFile(file, root, paths);
  return { paths, places, categories };
}

function categoriesOf(file: string, { categories }: Listed): Category[] {
  if (categories.length === 0)
    throw new UserError(
      'DATA_LAYOUT',
      `${file} has no categories; expected {…, "categories": [{"id": …, "name": …}, …]}`,
    );
  const ids = new Set(categories.map(({ id }) => id));
  const twice = categories.find(({ id }) => !ids.delete(id));
  if (twice !== undefined) throw new UserError('DATA_CLASSES', `${file}: two categories have the id ${twice.id}`);
  return [...categories].sort((a, b) => (a.id < b.id ? -1 : 1));
}

/** Names that several categories have get the id behind them. */
function namesOf(categories: readonly Category[]): string[] {
  const times = new Map<string, number>();
  for (const { name } of categories) times.set(name, (times.get(name) ?? 0) + 1);
  return categories.map(({ id, name }) => (times.get(name) === 1 ? name : `${name} (${id})`));
}

function labelled(file: string, { paths, places }: Listed, labelOf: ReadonlyMap<Id, number>): ImageSplit {
  const labels = new Int32Array(paths.length).fill(-1);
  for (const entry of objectsIn(file, ['annotations'])) {
    const place = places.get(field(file, entry, 'image_id'));
    if (place === undefined) continue; // of an image that was taken out of the list
    const category = field(file, entry, 'category_id');
    const label = labelOf.get(category);
    if (label === undefined)
      throw new UserError(
        'DATA_CLASSES',
        `${file}: category ${category} of ${paths.get(place)} is not a category of the training set`,
      );
    if (labels[place] !== -1 && labels[place] !== label)
      throw new UserError(
        'DATA_CLASSES',
        `${file}: ${paths.get(place)} has several categories; expected one for each image`,
      );
    labels[place] = label;
  }
  const without = labels.indexOf(-1);
  if (without >= 0)
    throw new UserError('DATA_LAYOUT', `${file}: ${paths.get(without)} has no annotation; expected one for each image`);
  return fileSplit(paths, labels);
}

function fileName(file: string, entry: ListedObject): string {
  return requirePath(String(field(file, entry, 'file_name')), file);
}

function nameOf(file: string, entry: ListedObject, id: Id): string {
  const name = entry.object.name === undefined || entry.object.name === null ? id : field(file, entry, 'name');
  return requireName(String(name), file);
}

function field(file: string, { list, object }: ListedObject, name: string): Id {
  const value = object[name];
  if (typeof value === 'number' || typeof value === 'string') return value;
  throw new UserError(
    'DATA_LAYOUT',
    `${file}: an entry of "${list}" has no ${name}: ${JSON.stringify(object).slice(0, 100)}`,
  );
}
