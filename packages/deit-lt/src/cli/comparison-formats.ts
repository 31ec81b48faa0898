/** A comparison of runs as text: for the terminal, Markdown, LaTeX, and CSV. */
import type { Comparison } from '../analysis/comparison.js';
import type { ComparisonRow, Estimate } from '../analysis/comparison-figures.js';
import { accuracyNames } from '../evaluation/class-figures.js';
import { columnsExplained, fewWarnings } from '../evaluation/figure-text.js';
import { count } from '../format.js';
import { csvCell, latexText, markdownText } from '../text/cells.js';
import { visible } from '../text/visible.js';
import { type Column, formatTable } from './table.js';

const outputNames = { cls: 'CLS', dist: 'DIST', avg: 'average' } as const;

/** The signs of a format's numbers. */
interface Signs {
  readonly plusMinus: string;
  readonly minus: string;
  readonly none: string;
  interval(low: string, high: string): string;
}

const plain: Signs = { plusMinus: '±', minus: '−', none: '–', interval: (low, high) => `[${low}, ${high}]` };
const tex: Signs = {
  plusMinus: '$\\pm$',
  minus: '$-$',
  none: '--',
  interval: (low, high) => `{\\scriptsize [${low}, ${high}]}`,
};

/** Lines under the tables. */
function notes({ rows }: Comparison): string[] {
  return [`(${columnsExplained})`, ...(['test', 'validation'] as const).flatMap((split) => warningsOn(split, rows))];
}

function warningsOn(split: 'test' | 'validation', rows: readonly ComparisonRow[]): string[] {
  const of = rows.filter((row) => row.split === split);
  return fewWarnings(of, split);
}

interface TextTable {
  readonly title: string;
  readonly rows: readonly (readonly string[])[];
}

const columns: readonly Column[] = ['', ...accuracyNames].map((title) => ({ title }));

/** Two tables: the figures, and the differences from the first run when there are others that saw the same images. */
function tables({ rows, differences, baseline, resamples }: Comparison, signs: Signs): TextTable[] {
  const several = rows.some(({ seeds }) => seeds.length > 1)
    ? `; ${signs.plusMinus} is the standard deviation over seeds`
    : '';
  const how = `95 % intervals over test images in brackets${several}`;
  return [
    { title: `Accuracy in %, ${how}`, rows: rows.map((row) => cells(row, (of) => figure(of, signs))) },
    ...(differences.length === 0
      ? []
      : [
          {
            title: `Difference from ${baseline}, image by image (bootstrap, ${count(resamples)} resamples); *: the interval excludes 0`,
            rows: differences.map((row) => cells(row, (of) => difference(of, signs))),
          },
        ]),
  ];
}

function cells(row: ComparisonRow, text: (estimate: Estimate | null) => string): string[] {
  return [rowName(row), ...accuracyNames.map((name) => text(row.figures[name]))];
}

function rowName({ name, output, hasExperts, seeds }: ComparisonRow): string {
  const several = seeds.length > 1 ? ` (${seeds.length} seeds)` : '';
  return `${name}${several}${hasExperts ? ` ${outputNames[output]}` : ''}`;
}

function figure(estimate: Estimate | null, signs: Signs): string {
  if (estimate === null) return signs.none;
  const { value, low, high, std } = estimate;
  if (std !== undefined) return `${digit(value)} ${signs.plusMinus} ${digit(std)}`;
  return `${digit(value)} ${signs.interval(digit(low), digit(high))}`;
}

function difference(estimate: Estimate | null, signs: Signs): string {
  if (estimate === null) return signs.none;
  const { value, low, high } = estimate;
  const signed = (x: number): string => `${Number(digit(x)) < 0 ? signs.minus : '+'}${digit(Math.abs(x))}`;
  const mark = low > 0 || high < 0 ? ' *' : '';
  return `${signed(value)} ${signs.interval(signed(low), signed(high))}${mark}`;
}

const digit = (x: number): string => x.toFixed(1);

export function comparisonText(comparison: Comparison): string {
  const parts = tables(comparison, plain).map(
    ({ title, rows }) => `${visible(title)}\n\n${formatTable(columns, rows)}`,
  );
  return [...parts, notes(comparison).map(visible).join('\n')].join('\n\n');
}

export function comparisonMarkdown(comparison: Comparison): string {
  const parts = tables(comparison, plain).map(
    ({ title, rows }) => `${markdownText(title)}\n\n${markdownTable(columns, rows)}`,
  );
  return [...parts, ...notes(comparison).map(markdownText)].join('\n\n');
}

/**
 * The same table as `formatTable` makes, in Markdown. The first cell of a row is a name, which may be foreign; figures
 * are ours.
 */
export function markdownTable(titles: readonly Column[], rows: readonly (readonly string[])[]): string {
  const line = ([name = '', ...words]: readonly string[]): string =>
    `| ${[markdownText(name), ...words].join(' | ')} |`;
  const rule = titles.map(({ align }) => (align === 'right' ? '---:' : '---'));
  return [line(titles.map(({ title }) => title)), line(rule), ...rows.map(line)].join('\n');
}

/** Tables for the package booktabs. */
export function comparisonLatex(comparison: Comparison): string {
  const comments = notes(comparison).map((note) => `% ${note}`);
  return [...tables(comparison, tex).map(latexTable), comments.join('\n')].join('\n\n');
}

function latexTable({ title, rows }: TextTable): string {
  const line = (words: readonly string[]): string => `  ${words.join(' & ')} \\\\`;
  return [
    `% ${visible(title)}`,
    `\\begin{tabular}{l${'c'.repeat(accuracyNames.length)}}`,
    '  \\toprule',
    line(columns.map(({ title: name }) => name)),
    '  \\midrule',
    ...rows.map(([name, ...values]) => line([latexText(name!), ...values])),
    '  \\bottomrule',
    '\\end{tabular}',
  ].join('\n');
}

const csvColumns = [
  ...['run', 'output', 'minus', 'figure', 'value', 'low', 'high', 'std', 'seeds', 'images'],
  ...['few_image_classes', 'fewest_images'],
] as const;

/**
 * A line for each figure, in %, with all digits; how many classes have few test images, and the fewest; of a difference
 * `minus` names the run that is taken away.
 */
export function comparisonCsv({ rows, differences, baseline }: Comparison): string[] {
  const lines = [...rows.flatMap((row) => csvLines(row, '')), ...differences.flatMap((row) => csvLines(row, baseline))];
  return [csvColumns.join(','), ...lines];
}

function csvLines({ name, output, seeds, images, few, figures }: ComparisonRow, minus: string): string[] {
  const fewCells = [few?.classes ?? 0, few?.fewest ?? ''];
  return accuracyNames.flatMap((figureName) => {
    const estimate = figures[figureName];
    if (estimate === null) return [];
    const { value, low, high, std = '' } = estimate;
    return [
      [name, output, minus, figureName, value, low, high, std, seeds.length, images, ...fewCells]
        .map(csvCell)
        .join(','),
    ];
  });
}
