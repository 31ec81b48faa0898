/** `deit-lt predict`: the most likely classes of images, one line each. */
import { statSync } from 'node:fs';
import path from 'node:path';
import type { AnyClassifier } from '../classifier/classifier.js';
import { UserError } from '../errors.js';
import type { Ranked } from '../evaluation/ranking.js';
import { count, images } from '../format.js';
import { visible } from '../text/visible.js';
import { padded, textWidth } from '../text/width.js';
import { adaptationNotes } from './adaptation-notes.js';
import type { CommandInput } from './command-spec.js';
import { openAdaptedModel } from './open-model.js';
import type { Options } from './option-table.js';
import { findImages, openImages, type Prediction, predictFiles, type Unreadable } from './predict-files.js';
import { headerOf, type LineFormat, type LineShape, linesOf } from './predict-lines.js';
import { type EarlierRow, PredictionOutput } from './predict-output.js';
import { ReviewFile } from './review-file.js';
import { ImageSorter } from './sort-images.js';
import { weightsLines } from './weights-line.js';

/** Exit code 1 when a file could not be read. */
export async function run({ args: [model, ...places], options, context }: CommandInput): Promise<number> {
  const { top = 5, json = false } = options;
  const format = formatOf(options);
  const { resume = false } = options;
  if (options.sortInto !== undefined) requireElsewhere(options.sortInto, places);
  if (options.out !== undefined) PredictionOutput.check(options.out, resume); // before --review, whose advice is worse
  const review = options.review === undefined ? undefined : new ReviewFile(options.review, { resume });
  const earlier: EarlierRow[] = [];
  const output = outputOf(options, format, (row) => {
    review?.addEarlier(row);
    if (options.sortInto !== undefined) earlier.push(row);
  });
  const found = await findImages(places, process.stdin, (missing) => context.note(missingNote(missing)));
  const { files, skipped } = withoutDone(found, output);
  if (skipped > 0) context.note(`${options.out} has ${images(skipped)} already: ${count(files.length)} are left`);
  await using source = openImages(files);
  using classifier = await openAdaptedModel(model!, options);
  for (const note of [
    ...weightsLines(classifier, options),
    ...(classifier.notes ?? []),
    ...adaptationNotes(classifier, options.adaptation),
  ])
    context.note(note);
  const reporter = await context.reporter();
  const lines = isLineFormat(format) ? linePrinter(format, classifier, top, context.printData) : undefined;
  const { sortInto, link = false } = options;
  const { classNames } = classifier;
  const sorter = sortInto === undefined ? undefined : new ImageSorter({ folder: sortInto, link, classNames });
  await sorter?.add(earlier.map(({ file, unknown, ...top }) => ({ file, unknown, top: [top] })));
  if (files.length === 0) output?.requireShape(shapeOf(classifier, top));
  const { predictions, unreadable } = await predictFiles(files, {
    source,
    classifier,
    top,
    keep: lines === undefined,
    onBatch: async (made) => {
      await sorter?.add(made);
      if (output === undefined) lines?.print(made);
      else output.append(made, shapeOf(classifier, top, made[0]));
      review?.add(made);
    },
    onProgress: (done, total) => reporter.progress('classifying images', done, total),
    signal: context.signal,
  }).catch((error: unknown) => {
    throw output !== undefined && context.signal.aborted ? stopped(options.out!) : error;
  });
  if (output === undefined) lines?.end();
  review?.write();
  if (json) context.printJson(predictions);
  else if (format === 'table') printLines(predictions, context.print);
  report(unreadable, files.length, context.note);
  if (sorter !== undefined) context.note(`${images(sorter.count)} in folders of their classes in ${sortInto}`);
  if (review !== undefined) context.note(`written to ${review.file}, the least certain images first`);
  return unreadable.length > 0 ? 1 : 0;
}

/** The first that does not exist: all are listed at the end, with what else could not be read. */
function missingNote([first, ...more]: readonly string[]): string {
  return more.length === 0
    ? `${first} does not exist: the other images are classified`
    : `${first} and ${more.length} more do not exist: the other images are classified`;
}

const stopped = (out: string): UserError =>
  new UserError(
    'INTERRUPTED',
    `stopped before the end; ${out} has the images so far. The same command with --resume continues it.`,
  );

type Format = 'table' | LineFormat;

const isLineFormat = (format: Format): format is LineFormat => format !== 'table';

/** Throws UserError USAGE for options that do not go together. */
function formatOf({
  json = false,
  format,
  wide = false,
  out,
  resume = false,
  link = false,
  sortInto,
  review,
}: Options): Format {
  const refuse = (message: string): never => {
    throw new UserError('USAGE', message);
  };
  if (json && format !== undefined) refuse(`--json and --format ${format} exclude each other: leave one out.`);
  if (wide && (json || (format !== undefined && format !== 'csv')))
    refuse(`--wide is CSV: leave out ${json ? '--json' : `--format ${format}`}.`);
  if (out !== undefined && !wide && format !== 'csv' && format !== 'json-lines')
    refuse('--out needs lines that can be continued: give --wide, --format csv or --format json-lines.');
  if (out !== undefined && review !== undefined && path.resolve(out) === path.resolve(review))
    refuse(`--out and --review are the same file, ${out}: name two.`);
  if (resume && out === undefined) refuse('--resume needs the file that it continues: --out FILE');
  if (link && sortInto === undefined) refuse('--link needs --sort-into FOLDER.');
  return wide ? 'wide' : ((format ?? 'table') as Format);
}

/** Copies in a folder that is classified would be images of it the next time, and a class of a data set. */
function requireElsewhere(folder: string, places: readonly string[]): void {
  const around = places.find(
    (place) => isIn(folder, place) && statSync(place, { throwIfNoEntry: false })?.isDirectory(),
  );
  if (around !== undefined)
    throw new UserError(
      'USAGE',
      `--sort-into ${folder} is in ${around}, whose images are classified: the copies would be among them the next time. Name a folder elsewhere.`,
    );
}

function isIn(folder: string, place: string): boolean {
  const [first] = path.relative(path.resolve(place), path.resolve(folder)).split(path.sep);
  return first !== '..' && !path.isAbsolute(first!);
}

function outputOf(
  { out, resume = false, review, sortInto }: Options,
  format: Format,
  onEarlier: (row: EarlierRow) => void,
): PredictionOutput | undefined {
  if (out === undefined || !isLineFormat(format)) return undefined;
  for (const [option, value] of Object.entries({ '--review': review, '--sort-into': sortInto }))
    if (value !== undefined && resume && format === 'csv')
      throw new UserError('USAGE', `${option} and --resume together need --wide or --format json-lines.`);
  return PredictionOutput.open(out, { format, resume, onEarlier });
}

function withoutDone(
  files: readonly string[],
  output: PredictionOutput | undefined,
): { files: readonly string[]; skipped: number } {
  if (output === undefined || output.done.size === 0) return { files, skipped: 0 };
  const left = files.filter((file) => !output.done.has(file));
  return { files: left, skipped: files.length - left.length };
}

/** The columns of a model's predictions, of which `made` is one; by the kind of the model where there is none. */
function shapeOf({ kind, classNames, adaptation }: AnyClassifier, top: number, made?: Prediction): LineShape {
  return {
    ranks: Math.min(top, classNames.length),
    experts: made === undefined ? kind === 'student' : made.cls !== undefined,
    unknown: adaptation?.unknown != null,
    set: adaptation?.conformal != null,
  };
}

interface LinePrinter {
  /** Prints the lines of images, the first time below their header. */
  print(predictions: readonly Prediction[]): void;
  /** Prints the header where there was no image. */
  end(): void;
}

function linePrinter(
  format: LineFormat,
  classifier: AnyClassifier,
  top: number,
  print: (line: string) => void,
): LinePrinter {
  let begun = false;
  const begin = (shape: LineShape): void => {
    const header = headerOf(format, shape);
    if (!begun && header !== undefined) print(header);
    begun = true;
  };
  return {
    print: (predictions) => {
      const shape = shapeOf(classifier, top, predictions[0]);
      begin(shape);
      for (const each of predictions) for (const line of linesOf(format, each, shape)) print(line);
    },
    end: () => begin(shapeOf(classifier, top)),
  };
}

function printLines(predictions: readonly Prediction[], print: (line: string) => void): void {
  const files = predictions.map(({ file }) => visible(file));
  const width = files.reduce((most, file) => Math.max(most, textWidth(file)), 0);
  predictions.forEach((prediction, i) => {
    print(
      `${padded(files[i]!, width)}  ${decision(prediction)}${prediction.top.map(ranked).join('  ')}${inSet(prediction)}${disagreement(prediction)}`,
    );
  });
}

const ranked = ({ class: name, probability }: Ranked): string => `${visible(name)} ${(100 * probability).toFixed(1)} %`;

const decision = ({ unknown }: Prediction): string => (unknown === true ? 'unknown: ' : '');

/** The conformal set, where there is one. */
const inSet = ({ set }: Prediction): string => (set === undefined ? '' : visible(`  {${set.join(', ')}}`));

/** The two experts of a student, where they do not agree. */
function disagreement({ cls, dist }: Prediction): string {
  const [a, b] = [cls?.[0], dist?.[0]];
  return a === undefined || b === undefined || a.class === b.class
    ? ''
    : visible(`  (CLS ${a.class}, DIST ${b.class})`);
}

function report(unreadable: readonly Unreadable[], total: number, note: (line: string) => void): void {
  if (unreadable.length === 0) return;
  note(`${unreadable.length} of ${images(total)} could not be read:`);
  for (const { file, reason } of unreadable) note(`  ${file}: ${reason}`);
}
