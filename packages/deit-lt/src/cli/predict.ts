/** `deit-lt predict`: the most likely classes of images, one line each. */
import { images } from '../format.js';
import type { CommandInput } from './context.js';
import { openModel } from './open-model.js';
import { findImages, type Prediction, predictFiles, type Ranked, type Unreadable } from './predict-files.js';
import { textWidth } from './table.js';

/** Exit code 1 when a file could not be read. */
export async function run({ args: [model, ...places], options, context }: CommandInput): Promise<number> {
  const { top = 5, json = false } = options;
  const files = await findImages(places);
  using classifier = await openModel(model!, options);
  const reporter = await context.reporter();
  const { predictions, unreadable } = await predictFiles(files, {
    classifier,
    top,
    onProgress: (done, total) => reporter.progress('looking at images', done, total),
    signal: context.signal,
  });
  if (json) context.printJson(predictions);
  else printLines(predictions, context.print);
  report(unreadable, files.length, context.note);
  return unreadable.length > 0 ? 1 : 0;
}

function printLines(predictions: readonly Prediction[], print: (line: string) => void): void {
  const width = Math.max(0, ...predictions.map(({ file }) => textWidth(file)));
  for (const prediction of predictions) {
    const { file, top } = prediction;
    print(`${file}${' '.repeat(width - textWidth(file))}  ${top.map(ranked).join('  ')}${disagreement(prediction)}`);
  }
}

const ranked = ({ class: name, probability }: Ranked): string => `${name} ${(100 * probability).toFixed(1)} %`;

/** The two experts of a student, where they do not agree. */
function disagreement({ cls, dist }: Prediction): string {
  const [a, b] = [cls?.[0], dist?.[0]];
  return a === undefined || b === undefined || a.class === b.class ? '' : `  (CLS ${a.class}, DIST ${b.class})`;
}

function report(unreadable: readonly Unreadable[], total: number, note: (line: string) => void): void {
  if (unreadable.length === 0) return;
  note(`${unreadable.length} of ${images(total)} could not be read:`);
  for (const { file, reason } of unreadable) note(`  ${file}: ${reason}`);
}
