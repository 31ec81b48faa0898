/** Sources of data that plugins register. They come before those that are built in. */
import { UserError } from '../errors.js';
import { countRegistration } from '../registry.js';
import type { Dataset, ImageSplit, Images } from './dataset.js';
import type { OpenContext, SourceEntry } from './open-options.js';

const entries: SourceEntry[] = [];

/** The sources that were registered, in their order. */
export function registeredSources(): readonly SourceEntry[] {
  return entries;
}

/** Adds a source. Throws `UserError` (PLUGIN) for an entry that lacks something, and for a name or word of `taken`. */
export function addSource(entry: SourceEntry, taken: readonly string[]): void {
  const { name, summary, names = [], open } = (entry ?? {}) as Partial<SourceEntry>;
  const wrong = (why: string): UserError => new UserError('PLUGIN', `a source cannot be registered: ${why}.`);
  if (typeof name !== 'string' || !/^[\w-]+$/.test(name))
    throw wrong('name must be a text of letters, digits, _ and -');
  if (typeof summary !== 'string' || summary === '')
    throw wrong(`summary of "${name}" must be a line that says what --data may be`);
  if (!Array.isArray(names) || !names.every((word) => typeof word === 'string'))
    throw wrong(`names of "${name}" must be a list of words`);
  if (typeof open !== 'function') throw wrong(`open of "${name}" must be a function`);
  const clash = names.find((word) => taken.includes(word));
  if (clash !== undefined) throw wrong(`there is a data set "${clash}" already`);
  if (entries.some((other) => other.name === name)) throw wrong(`there is a source "${name}" already`);
  entries.push(entry);
  countRegistration();
}

/** The data set of the first registered source that knows `spec`. Throws `UserError` (PLUGIN) when it is not a data set. */
export async function openRegistered(
  spec: string,
  context: OpenContext,
): Promise<{ readonly dataset: Dataset; readonly source: SourceEntry } | undefined> {
  for (const source of entries) {
    const dataset = await source.open(spec, context);
    if (dataset === undefined) continue;
    requireDataset(dataset, source.name);
    return { dataset, source };
  }
  return undefined;
}

function requireDataset(dataset: Dataset, source: string): void {
  const wrong = (why: string): UserError => new UserError('PLUGIN', `the source "${source}" cannot be used: ${why}.`);
  const { name, classNames, train, test } = Object(dataset) as Partial<Dataset>;
  if (typeof name !== 'string') throw wrong('open must return { name, classNames, train, test } with a name');
  if (!Array.isArray(classNames) || !classNames.every((one) => typeof one === 'string'))
    throw wrong('classNames must be a list of texts');
  for (const [split, images] of Object.entries({ train, ...(test !== undefined && { test }) })) {
    const why = wrongSplit(images, classNames.length);
    if (why !== undefined) throw wrong(`${split} must be { images, labels }: ${why}`);
  }
}

/** Returns what is wrong with a split; undefined if nothing is. */
function wrongSplit(split: ImageSplit | undefined, classes: number): string | undefined {
  const { images, labels } = Object(split) as Partial<ImageSplit>;
  if (!(labels instanceof Int32Array)) return 'labels must be an Int32Array';
  const bad = labels.findIndex((label) => label < 0 || label >= classes);
  if (bad !== -1) return `labels[${bad}] is ${labels[bad]}, and there are ${classes} classes`;
  return wrongImages(images, labels.length);
}

function wrongImages(images: Images | undefined, labels: number): string | undefined {
  if (images?.kind !== 'memory' && images?.kind !== 'files') return 'images must be of the kind memory or files';
  if (images.length !== labels) return `${images.length} images have ${labels} labels`;
  if (typeof images.nameOf !== 'function') return 'images.nameOf must be a function';
  if (images.kind === 'files')
    return images.paths?.length === labels ? undefined : `images.paths must have ${labels} paths`;
  const { pixels, width, height } = images;
  const bytes = labels * width * height * 3;
  if (!(pixels instanceof Uint8Array)) return 'images.pixels must be a Uint8Array';
  return pixels.length === bytes ? undefined : `images.pixels has ${pixels.length} bytes in place of ${bytes}`;
}
