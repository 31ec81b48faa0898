/** Accuracies with confidence intervals, differences from the first run, and what the teacher says. */
import type { ResampleOptions } from '../../analysis/bootstrap.js';
import { type ComparedModel, measuredGroups } from '../../analysis/compared-runs.js';
import { type Comparison, compareRuns } from '../../analysis/comparison.js';
import type { ComparisonRow, Estimate } from '../../analysis/comparison-figures.js';
import type { ByGroup, TeacherAnalysis } from '../../analysis/run/analysis-file.js';
import { groupNames } from '../../data/groups.js';
import { accuracyNames } from '../../evaluation/class-figures.js';
import { columnsExplained, fewWarnings } from '../../evaluation/figure-text.js';
import type { Interval } from '../../evaluation/intervals.js';
import { accuracy, count } from '../../format.js';
import { outputNames } from '../../runs/predictions.js';
import { type Html, html } from '../html.js';
import { outputLabels } from '../palette.js';
import { headline, type ReportRun } from '../report-run.js';

export function table(head: readonly string[], rows: readonly (readonly (string | Html)[])[], label: string): Html {
  return html`<div class="scroll" role="region" aria-label="${label}" tabindex="0"><table>
<thead><tr>${head.map((cell) => html`<th scope="col">${cell}</th>`)}</tr></thead>
<tbody>${rows.map(([name, ...cells]) => html`<tr><th scope="row">${name}</th>${cells.map((cell) => html`<td>${cell}</td>`)}</tr>`)}</tbody>
</table></div>`;
}

/** Rows in a part of a long table. */
const partRows = 200;

/**
 * Returns a table in parts of equal columns, of which a browser lays out only those on the screen: a single table of
 * 8,142 rows takes it seconds, because the width of each column depends on all its cells.
 */
export function longTable(head: readonly string[], rows: readonly (readonly (string | Html)[])[], label: string): Html {
  if (rows.length <= partRows) return table(head, rows, label);
  const starts = Array.from({ length: Math.ceil(rows.length / partRows) }, (_, i) => i * partRows);
  const parts = starts.map((start) => {
    const part = rows.slice(start, start + partRows);
    return table(head, part, `${label}, ${start + 1} to ${start + part.length}`);
  });
  return html`<div class="long">${parts}</div>`;
}

/** Undefined when nothing was evaluated. */
export function accuracySection(runs: readonly ReportRun[], options: ResampleOptions): Html | undefined {
  const models = runs.flatMap(({ name, folder, config, predictions }): ComparedModel[] =>
    predictions === undefined
      ? []
      : [{ name, folder, config, predictions, groups: measuredGroups(predictions, config) }],
  );
  const comparison =
    models.length === 0
      ? undefined
      : compareRuns(
          models.map((model) => ({ name: model.name, models: [model] })),
          options,
        );
  const rows = [
    ...(comparison?.rows.map((row) => [rowName(row), ...accuracyNames.map((name) => estimate(row.figures[name]))]) ??
      []),
    ...plainRows(runs),
  ];
  if (rows.length === 0) return undefined;
  return html`${table(['', ...accuracyNames], rows, 'Accuracies')}
<p class="faint">In %; ${columnsExplained}.${comparison && ' Below each accuracy: its 95 % interval over test images of the same classes.'} Intervals do not include the spread between seeds.</p>
${warnings(runs, comparison)}
${comparison && differences(comparison)}`;
}

/** Returns warnings for rows of the table whose classes have few images. */
function warnings(runs: readonly ReportRun[], comparison: Comparison | undefined): Html[] {
  const plain = runs.flatMap((run) => (run.predictions === undefined ? (headline(run) ?? []) : []));
  const measured = [
    ...(comparison?.rows ?? []),
    ...plain.map(({ figures, split }) => ({ few: figures.avg.few, split })),
  ];
  const lines = measured.flatMap(({ few, split }) => fewWarnings([few && { few }], split, 'below them'));
  return [...new Set(lines)].map((line) => html`<p class="warning">${line}</p>`);
}

/** Runs of which single predictions are not known: with intervals where the evaluation has them. */
function plainRows(runs: readonly ReportRun[]): (string | Html)[][] {
  return runs.flatMap((run) => {
    const found = run.predictions === undefined ? headline(run) : undefined;
    if (found === undefined) return [];
    const { figures, split, epoch } = found;
    return outputNames.flatMap((output) => {
      const of = figures[output];
      if (of === undefined) return [];
      const label = figures.cls ? ` ${outputLabels[output]}` : '';
      return [
        [
          `${run.name}${label} (epoch ${epoch + 1}, ${split})`,
          ...accuracyNames.map((name) => percentCell(of[name], of.intervals?.[name])),
        ],
      ];
    });
  });
}

const rowName = ({ name, output, hasExperts }: ComparisonRow): string =>
  hasExperts ? `${name} ${outputLabels[output]}` : name;

const estimate = (of: Estimate | null): string | Html => percentCell(of?.value, of);

/** A figure in % with its interval below it. */
export function percentCell(value: number | null | undefined, interval: Interval | null | undefined): string | Html {
  return value === null || value === undefined ? '–' : html`${accuracy(value)}${intervalText(interval)}`;
}

/** Small, for below a figure; nothing when there is none. */
export function intervalText(interval: Interval | null | undefined): Html | null {
  return interval ? html`<small>${accuracy(interval.low)} – ${accuracy(interval.high)}</small>` : null;
}

function differences({ differences: rows, baseline, resamples }: Comparison): Html | undefined {
  if (rows.length === 0) return undefined;
  const signed = (x: number): string => (x < -0.05 ? `−${Math.abs(x).toFixed(1)}` : `+${Math.abs(x).toFixed(1)}`);
  const cell = (of: Estimate | null): string | Html => {
    if (of === null) return '–';
    const sure = of.low > 0 || of.high < 0;
    return html`${sure ? html`<b>${signed(of.value)}</b>` : signed(of.value)}<small class="pair">${signed(of.low)} … ${signed(of.high)}</small>`;
  };
  const cells = rows.map((row) => [rowName(row), ...accuracyNames.map((name) => cell(row.figures[name]))]);
  return html`<h3>Differences from ${baseline}, image by image (bootstrap, ${count(resamples)} resamples)</h3>${table(['', ...accuracyNames], cells, 'Differences')}
<p class="faint">Bold: the interval excludes 0.</p>`;
}

const views = ['clean', 'augmented', 'mixed'] as const;

/** The accuracy of each student's teacher on the student's images; undefined if none was analysed. */
export function teacherTable(runs: readonly ReportRun[]): Html | undefined {
  const asked = runs.flatMap(({ name, analysis }) =>
    analysis?.teacher === undefined ? [] : [{ name, teacher: analysis.teacher }],
  );
  if (asked.length === 0) return undefined;
  const head = ['', ...(['all', ...groupNames] as const)];
  const percent = (x: number): string => (100 * x).toFixed(1);
  const prefixOf = (name: string): string => (asked.length > 1 ? `${name}: ` : '');
  const right = asked.flatMap(({ name, teacher }) => {
    return views.flatMap((view) => {
      const of = teacher.accuracy[view];
      const cells = of && accuracyNames.map((figure) => accuracy(of[figure]));
      return cells === undefined ? [] : [[`${prefixOf(name)}accuracy, %: ${view}`, ...cells]];
    });
  });
  const rows = asked.flatMap(({ name, teacher }) => {
    const prefix = prefixOf(name);
    return [
      ...viewRows(teacher, `${prefix}same as for the clean image, %`, ({ asWhenClean }) => percent(asWhenClean)).slice(
        1,
      ),
      ...viewRows(teacher, `${prefix}entropy, nats`, ({ entropy }) => entropy.toFixed(2)),
    ];
  });
  return html`<h3>The teacher's predictions on the student's images</h3>${table(['', ...accuracyNames], right, 'Accuracy of the teacher')}
<p class="faint">${count(asked[0]!.teacher.images)} training images, the same number of each class as far as possible. For a mixed image, the class with the larger share counts as right.</p>
${table(head, rows, 'Predictions of the teacher')}
<p class="faint">Shares and means over the images of the group.</p>`;
}

function viewRows(
  teacher: TeacherAnalysis,
  label: string,
  text: (summary: NonNullable<TeacherAnalysis['clean']['all']>) => string,
): string[][] {
  return views.flatMap((view) => {
    const of: ByGroup<TeacherAnalysis['clean']['all']> | undefined = teacher[view];
    if (of === undefined) return [];
    const cells = (['all', ...groupNames] as const).map((group) => (of[group] === null ? '–' : text(of[group])));
    return [[`${label}: ${view}`, ...cells]];
  });
}
