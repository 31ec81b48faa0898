/** Predictions as lines for programs: JSON lines, CSV with a row for each rank, and CSV with one row for each image. */
import type { Ranked } from '../evaluation/ranking.js';
import { csvCell } from '../text/cells.js';
import { visibleJson } from '../text/visible.js';
import type { Prediction } from './predict-files.js';

export const lineFormats = ['json-lines', 'csv', 'wide'] as const;
export type LineFormat = (typeof lineFormats)[number];

/** The columns that the answers of a model have beside the ranks. */
export interface LineShape {
  /** Ranked classes of each image. */
  readonly ranks: number;
  /** Whether there are CLS and DIST. */
  readonly experts: boolean;
  readonly unknown: boolean;
  readonly set: boolean;
}

/** The first line of a file, if the format has one. */
export function headerOf(format: LineFormat, shape: LineShape): string | undefined {
  if (format === 'json-lines') return undefined;
  return format === 'csv' ? 'file,output,rank,class,probability' : wideHeader(shape);
}

/** The lines of one image. */
export function linesOf(format: LineFormat, prediction: Prediction, shape: LineShape): string[] {
  if (format === 'json-lines') return [visibleJson(prediction)];
  return (format === 'csv' ? rankRows(prediction) : [wideRow(prediction, shape)]).map(csvLine);
}

const csvLine = (cells: readonly (string | number)[]): string => cells.map(csvCell).join(',');

function rankRows(prediction: Prediction): (string | number)[][] {
  const { file, top, cls, dist } = prediction;
  const outputs = Object.entries({ prediction: top, cls, dist });
  const rows = outputs.flatMap(([output, ranked = []]) =>
    ranked.map(({ class: name, probability }, i) => [file, output, i + 1, name, probability]),
  );
  return [...rows, ...decisionRows(prediction)];
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

function wideHeader({ ranks, experts, unknown, set }: LineShape): string {
  const others = Array.from({ length: Math.max(0, ranks - 1) }, (_, i) => [`class_${i + 2}`, `probability_${i + 2}`]);
  return csvLine([
    ...['file', 'class', 'probability', 'margin'],
    ...others.flat(),
    ...(experts ? ['cls', 'cls_probability', 'dist', 'dist_probability'] : []),
    ...(unknown ? ['unknown'] : []),
    ...(set ? ['set'] : []),
  ]);
}

function wideRow({ file, top, cls, dist, unknown, set, margin }: Prediction, shape: LineShape): (string | number)[] {
  const pair = (ranked: Ranked | undefined): (string | number)[] => [ranked?.class ?? '', ranked?.probability ?? ''];
  const [first, ...others] = Array.from({ length: Math.max(1, shape.ranks) }, (_, i) => pair(top[i]));
  return [
    file,
    ...first!,
    margin,
    ...others.flat(),
    ...(shape.experts ? [...pair(cls?.[0]), ...pair(dist?.[0])] : []),
    ...(shape.unknown ? [String(unknown)] : []),
    ...(shape.set ? [(set ?? []).join('|')] : []),
  ];
}
