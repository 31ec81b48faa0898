/** Run folders without a training: what a report and the studio read, with figures that are known. */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { byClass } from '../../src/by-class.js';
import type { Group } from '../../src/data/groups.js';
import { figuresOf, talliesOf } from '../../src/evaluation/class-figures.js';
import { writePredictions } from '../../src/runs/predictions.js';
import { type FinalEvaluation, type RunConfig, RunFolder } from '../../src/runs/run-folder.js';
import { tinyRecipe } from '../training-tiny.js';

export interface MadeRun {
  readonly kind: RunConfig['kind'];
  readonly classes: number;
  readonly evaluated?: boolean;
  /** Of the recipe, beside two epochs. */
  readonly settings?: readonly string[];
}

/** A run of nobody in `folder`: class c has 1000 / (c + 1) training images, and every third image is taken for the class before. */
export function makeRun(folder: string, { kind, classes, evaluated = true, settings = [] }: MadeRun): string {
  const run = new RunFolder(folder);
  const third = classes / 3;
  const classNames = Array.from({ length: classes }, (_, c) => (c === 0 ? 'cats & <dogs>' : `class ${c}`));
  const groups = classNames.map((_, c): Group => (c < third ? 'head' : c < 2 * third ? 'mid' : 'tail'));
  const trainCounts = classNames.map((_, c) => Math.max(1, Math.round(1000 / (c + 1))));
  const data = { name: 'made', classNames, trainCounts, groups, fingerprint: '0' };
  const recipe = tinyRecipe('student.epochs=2', 'teacher.epochs=2', ...settings);
  const [command, environment] = [['deit-lt', 'train', '--data', 'my images'], { node: 'v20' }];
  const started = '2026-01-01T00:00:00.000Z';
  const rest = { teacher: null, teacherSha256: null, command, environment, started };
  run.begin({ format: 'deit-lt run 1', kind, recipe, data, ...rest }, false);
  const labels = Int32Array.from({ length: 3 * classes }, (_, i) => Math.floor(i / 3));
  const answers = (shift: number): Int32Array =>
    labels.map((label, i) => (i % 3 < shift && label > 0 ? label - 1 : label));
  const figures = (predicted: Int32Array): FinalEvaluation['avg'] => ({
    ...figuresOf(talliesOf({ labels, classNames }, predicted), byClass(classNames, groups)),
    top5: 100,
  });
  const of = { avg: answers(1), ...(kind === 'student' && { cls: answers(1), dist: answers(2) }) };
  const evaluation = Object.fromEntries(Object.entries(of).map(([output, predicted]) => [output, figures(predicted)]));
  const both = {
    ...(evaluation as { avg: FinalEvaluation['avg'] }),
    ...(kind === 'student' && { expertCosine: 0.25 }),
  };
  for (const epoch of [0, 1])
    run.appendMetrics({
      ...{ epoch, lr: 0.1, loss: 2 - epoch, parts: {}, seconds: 10, imagesPerSecond: 30, drw: false },
      ...(evaluated && { evaluation: both, evaluatedOn: 'test' as const }),
    });
  if (!evaluated) return run.folder;
  run.writeEvaluation({ split: 'test', checkpoint: 'best', epoch: 1, ...both });
  const outputs = Object.fromEntries(
    Object.entries(of).map(([output, best]) => [output, { perImage: 1, classes: best }]),
  );
  writePredictions(run.predictionsFile, {
    ...{ split: 'test', checkpoint: 'best', epoch: 1, data: 'made', imagesSha256: 'a', labels },
    outputs: outputs as { avg: { perImage: number; classes: Int32Array } },
  });
  return run.folder;
}

const picture = `data:image/png;base64,${'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=='}`;

/** An analysis of the student, with as much as the report shows. */
export function addAnalysis(run: string): void {
  const groups = <T>(value: T) => ({ all: value, head: value, mid: value, tail: value });
  const counts = { images: 10, agree: 5, bothRight: 4, clsAlone: 3, distAlone: 2, bothWrong: 1 };
  const bin = { images: 10, confidence: 0.9, accuracy: 0.6 };
  const output = {
    accuracy: { images: 30, balanced: 50, overall: 60, head: 50, mid: 50, tail: 50, perClass: [] },
    calibration: groups({ ece: 0.3, overconfidence: 0.3, bins: [bin] }),
    countCorrelation: 0.9,
  };
  const summary = { images: 10, entropy: 1.25, confidence: 0.5, right: 0.75, asWhenClean: 0.5 };
  const teacherAccuracy = { balanced: 70, overall: 75, head: 80, mid: 70, tail: null };
  const shown = { image: 3, name: 'cat.png', picture, label: 2, guesses: { avg: { class: 1, probability: 0.625 } } };
  const rank = { block: 0, images: 10, entropyRank: 2.5 };
  const analysis = {
    format: 'deit-lt analysis 2',
    kind: 'student',
    checkpoint: { file: 'checkpoints/best.safetensors', epoch: 1, sha256: '0' },
    data: { name: 'made', split: 'test', images: 30, imagesSha256: 'a' },
    outputs: { avg: output, cls: output, dist: output },
    experts: groups(counts),
    cosineDistance: groups(0.75),
    ranks: (['head', 'tail'] as const).flatMap((group) => [
      { ...rank, token: 'cls', group, rank: 5 },
      { ...rank, token: 'dist', group, rank: 3 },
    ]),
    attention: { patchSize: 8, grid: [2, 2], raw: [[5, 7]], renormalised: [[6, 8]] },
    teacher: {
      run: 'teacher',
      images: 10,
      accuracy: { clean: teacherAccuracy, augmented: teacherAccuracy },
      clean: groups(summary),
      augmented: groups(summary),
    },
    gallery: [{ ...shown, maps: { cls: [0.1, 0.2, 0.3, 0.4], dist: [0.4, 0.3, 0.2, 0.1] } }],
    confused: [{ class: 2, images: 3, accuracy: 1 / 3, takenFor: [{ class: 1, images: 2 }], examples: [shown] }],
    notes: ['the light was bad'],
  };
  writeFileSync(path.join(run, 'analysis.json'), JSON.stringify(analysis));
}
