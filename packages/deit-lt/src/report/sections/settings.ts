/** The section on reproducing a run: command, recipe, environment; and its classes one by one. */
import { stringify } from 'yaml';
import { intervalsByClass, talliesIn } from '../../evaluation/class-figures.js';
import { fewWarnings, withInterval } from '../../evaluation/figure-text.js';
import { fewTestImages } from '../../evaluation/intervals.js';
import { count } from '../../format.js';
import { outputNames } from '../../runs/predictions.js';
import { shellLine } from '../../shell-line.js';
import { type Html, html, preformatted } from '../html.js';
import { outputLabels } from '../palette.js';
import { classOrder, figuresByOutput, type ReportRun, splitOf } from '../report-run.js';
import { longTable, table } from './tables.js';

export function settingsSection(run: ReportRun): Html {
  const { name, config } = run;
  const { command, recipe, environment, started, teacher } = config;
  const facts = Object.entries({ started, ...environment, ...(teacher && { teacher }) }).map(([key, value]) => [
    key,
    String(value),
  ]);
  return html`<h3>${name}</h3>
${command.length > 0 ? html`<pre>${shellLine(command)}</pre>` : html`<p>It was trained from a program. The recipe below and the same images reproduce it.</p>`}
<details><summary>Recipe, all values</summary><pre>${preformatted(stringify(recipe))}</pre></details>
<details><summary>Environment</summary>${table(['', ''], facts, 'Environment')}</details>`;
}

/** Undefined for a run that was not evaluated. */
export function classesSection(run: ReportRun): Html | undefined {
  const figures = figuresByOutput(run);
  const outputs = outputNames.filter((output) => figures[output] !== undefined);
  if (outputs.length === 0) return undefined;
  const { classNames, trainCounts, groups } = run.config.data;
  const intervals = outputs.map((output) => {
    const tallies = talliesIn(figures[output]!, classNames);
    return tallies && intervalsByClass(tallies);
  });
  const tested = figures[outputs[0]!]!.imagesPerClass;
  const rows = classOrder(run).map((c) => [
    classNames[c]!,
    groups[c] ?? '',
    `${count(trainCounts[c]!)}${tested === undefined ? '' : ` / ${count(tested[c]!)}`}`,
    ...outputs.map((output, o) => {
      const isFew = tested !== undefined && tested[c]! < fewTestImages;
      return withInterval(figures[output]!.perClass[c], isFew ? intervals[o]?.[c] : null);
    }),
  ]);
  const head = [
    'class',
    'group',
    `training ${tested === undefined ? '' : `/ ${splitOf(run)} `}images`,
    ...outputs.map((output) => (outputs.length > 1 ? outputLabels[output] : '%')),
  ];
  const label = `Classes of ${run.name}`;
  return html`<details class="noprint"><summary>${run.name}: ${count(rows.length)} classes</summary>${fewWarnings(Object.values(figures), splitOf(run)).map((warning) => html`<p class="faint">${warning}</p>`)}${longTable(head, rows, label)}</details>`;
}
