/** An analysis in a dozen lines; `analysis.json` and the report have the rest. */
import type { Analysis, ByGroup } from '../analysis/run/analysis-file.js';
import { groupNames } from '../data/groups.js';
import { accuracyNames } from '../evaluation/class-figures.js';
import { accuracyCells, columnsExplained, fewWarnings } from '../evaluation/figure-text.js';
import { count } from '../format.js';
import { outputNames } from '../runs/predictions.js';
import { visible } from '../text/visible.js';
import { type Column, formatTable } from './table.js';

const parts = ['all', ...groupNames] as const;

/** Returns the figures of the training `name` in `folder` as text for a terminal. */
export function analysisText(analysis: Analysis, folder: string, name: string): string {
  const { data, checkpoint, outputs, notes } = analysis;
  const title = `${name} ${folder}: epoch ${checkpoint.epoch + 1}, ${count(data.images)} ${data.split} images`;
  const measured = outputNames.map((name) => outputs[name]?.accuracy);
  const shares = [...calibrationRows(analysis), ...expertRows(analysis), ...teacherRows(analysis)];
  return [
    ...[visible(title), '', formatTable(columnsOf(accuracyNames), accuracyRows(analysis)), '', `(${columnsExplained})`],
    ...fewWarnings(measured, data.split),
    ...['', 'Shares and means over images, for all classes and for each group:', ''],
    ...[formatTable(columnsOf(parts), shares), ''],
    ...otherLines(analysis),
    ...notes.map((note) => visible(`note: ${note}`)),
  ].join('\n');
}

const columnsOf = (titles: readonly string[]): Column[] =>
  ['', ...titles].map((title, i) => ({ title, align: i === 0 ? 'left' : 'right' }));

const percent = (value: number | null | undefined): string =>
  value === null || value === undefined ? '–' : (100 * value).toFixed(1);

function row<T>(name: string, of: ByGroup<T>, text: (value: T) => string): string[] {
  return [name, ...parts.map((part) => text(of[part]))];
}

function accuracyRows({ outputs, teacher }: Analysis): string[][] {
  const rows = namedOutputs({ outputs }).map(({ label, of }) => [`${label}accuracy, %`, ...accuracyCells(of.accuracy)]);
  const asked = (['clean', 'augmented', 'mixed'] as const).flatMap((view) => {
    const of = teacher?.accuracy[view];
    return of === undefined ? [] : [[`teacher on ${view} training images, %`, ...accuracyCells(of)]];
  });
  return [...rows, ...asked];
}

function namedOutputs({ outputs }: Pick<Analysis, 'outputs'>) {
  return outputNames.flatMap((name) => {
    const of = outputs[name];
    return of === undefined ? [] : [{ label: outputs.cls ? `${name.toUpperCase()} ` : '', of }];
  });
}

function calibrationRows(analysis: Analysis): string[][] {
  return namedOutputs(analysis).map(({ label, of }) =>
    row(`${label}calibration error, %`, of.calibration, ({ ece }) => percent(ece)),
  );
}

function expertRows({ experts, cosineDistance }: Analysis): string[][] {
  if (experts === undefined || cosineDistance === undefined) return [];
  const share =
    (name: 'agree' | 'clsAlone' | 'distAlone') => (counts: ByGroup<Record<typeof name | 'images', number>>['all']) =>
      counts.images === 0 ? '–' : percent(counts[name] / counts.images);
  return [
    row('CLS and DIST agree, %', experts, share('agree')),
    row('only CLS is right, %', experts, share('clsAlone')),
    row('only DIST is right, %', experts, share('distAlone')),
    row('cosine distance of CLS and DIST', cosineDistance, (value) => value?.toFixed(3) ?? '–'),
  ];
}

function teacherRows({ teacher }: Analysis): string[][] {
  if (teacher === undefined) return [];
  const views = (['clean', 'augmented', 'mixed'] as const).flatMap((view) => {
    const of = teacher[view];
    return of === undefined ? [] : [{ view, of }];
  });
  return views.map(({ view, of }) =>
    row(`teacher's entropy, ${view} images`, of, (value) => value?.entropy.toFixed(2) ?? '–'),
  );
}

function otherLines({ attention, sharpness, outputs }: Analysis): string[] {
  const correlation = outputs.avg.countCorrelation;
  return [
    ...(correlation === null
      ? []
      : [`rank correlation of accuracy and training images per class: ${correlation.toFixed(2)}`]),
    ...(attention === undefined
      ? []
      : [`attention distance by block, pixels: ${attention.raw.map((heads) => mean(heads).toFixed(1)).join(' ')}`]),
    ...(sharpness === undefined
      ? []
      : [
          `sharpness: loss ${sharpness.loss.toFixed(3)}, +${sharpness.samGap.toFixed(3)} at radius ${sharpness.rho}; largest eigenvalue ${sharpness.largestEigenvalue.toPrecision(3)}`,
        ]),
  ];
}

const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;
