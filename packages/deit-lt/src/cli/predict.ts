/** `deit-lt predict`: the most likely classes of images, one line each. */
import { UserError } from '../errors.js';
import type { Ranked } from '../evaluation/ranking.js';
import { images } from '../format.js';
import { csvCell } from '../text/cells.js';
import { visible, visibleJson } from '../text/visible.js';
import { padded, textWidth } from '../text/width.js';
import { adaptationNotes } from './adaptation-notes.js';
import type { CommandInput } from './command-spec.js';
import { openAdaptedModel } from './open-model.js';
import { findImages, openImages, type Prediction, predictFiles, type Unreadable } from './predict-files.js';
import { weightsLines } from './weights-line.js';

/** Exit code 1 when a file could not be read. */
export async function run({ args: [model, ...places], options, context }: CommandInput): Promise<number> {
  const { top = 5, json = false, format = 'table' } = options;
  if (json && options.format !== undefined)
    throw new UserError('USAGE', `--json and --format ${format} exclude each other: leave one out.`);
  const files = await findImages(places, process.stdin);
  await using source = openImages(files);
  using classifier = await openAdaptedModel(model!, options);
  for (const note of [
    ...weightsLines(classifier, options),
    ...(classifier.notes ?? []),
    ...adaptationNotes(classifier, options.adaptation),
  ])
    context.note(note);
  const reporter = await context.reporter();
  if (format === 'csv') context.printData(csvHeader);
  const { predictions, unreadable } = await predictFiles(files, {
    source,
    classifier,
    top,
    onBatch: (made) => {
      for (const each of made) for (const line of linesAtOnce(format, each)) context.printData(line);
    },
    onProgress: (done, total) => reporter.progress('classifying images', done, total),
    signal: context.signal,
  });
  if (json) context.printJson(predictions);
  else if (format === 'table') printLines(predictions, context.print);
  report(unreadable, files.length, context.note);
  return unreadable.length > 0 ? 1 : 0;
}

const csvHeader = 'file,output,rank,class,probability';

/** JSON and CSV need not wait for the widest name: the lines of one image. */
function linesAtOnce(format: string, prediction: Prediction): string[] {
  if (format === 'json-lines') return [visibleJson(prediction)];
  if (format !== 'csv') return [];
  const { file, top, cls, dist } = prediction;
  const outputs = Object.entries({ prediction: top, cls, dist });
  const rows = outputs.flatMap(([output, ranked = []]) =>
    ranked.map(({ class: name, probability }, i) => [file, output, i + 1, name, probability]),
  );
  return [...rows, ...decisionRows(prediction)].map((row) => row.map(csvCell).join(','));
}

/** The decisions of the adaptation, with the outputs `decision` (a class, or "unknown") and `set`. */
function decisionRows({ file, top, unknown, set = [] }: Prediction): (string | number)[][] {
  const best = top[0];
  const decided =
    unknown === undefined || best === undefined
      ? []
      : [[file, 'decision', 1, unknown ? 'unknown' : best.class, best.probability]];
  return [...decided, ...set.map((name, i) => [file, 'set', i + 1, name, ''])];
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
