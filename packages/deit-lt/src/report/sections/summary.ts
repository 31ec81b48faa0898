/** A card with the accuracies of each run. */

import { groupNames } from '../../data/groups.js';
import { type AccuracyName, accuracyNames } from '../../evaluation/class-figures.js';
import { columnsExplained, fewWarning } from '../../evaluation/figure-text.js';
import type { MetricsResult } from '../../evaluation/metrics.js';
import { accuracy, count } from '../../format.js';
import { whyFewerEpochs } from '../../recipe/fewer-epochs.js';
import { partOf } from '../../recipe/part.js';
import { trainingName } from '../../recipe/training-kind.js';
import { plainName } from '../../tasks/model-of.js';
import { type Html, html } from '../html.js';
import { runColor } from '../palette.js';
import { epochsOf, headline, type ReportRun } from '../report-run.js';
import { intervalText } from './tables.js';

export function summarySection(runs: readonly ReportRun[]): Html {
  return html`<section id="summary"><div class="cards">${runs.map(card)}</div></section>`;
}

function card(run: ReportRun): Html {
  const { name, place, config, records } = run;
  const { data } = config;
  const part = partOf(config);
  const images = data.trainCounts.reduce((a, b) => a + b, 0);
  const [largest, smallest] = [Math.max(...data.trainCounts), Math.min(...data.trainCounts.filter((n) => n > 0))];
  const epochs = epochsOf(run);
  const fewer = whyFewerEpochs(config);
  const seconds = records.reduce((sum, record) => sum + record.seconds, 0);
  return html`<div class="card" style="--run: ${runColor(place)}">
<h3>${name}</h3>
${figuresOf(run)}
<p>${capitalised(trainingName(config.kind, part.model.name))}: ${config.kind === 'vit' ? plainName(part.model.name) : part.model.name}, ${part.imageSize} pixels${records.length < epochs && html`; <b>${records.length} of ${epochs} epochs${fewer === undefined ? ' so far' : `, ${fewer}`}</b>`}${records.length >= epochs && `; ${epochs} epochs`}, ${hours(seconds)}.</p>
<p>${data.name}: ${count(images)} training images, ${count(data.classNames.length)} classes, from ${count(largest)} down to ${count(smallest)} images.</p>
${expertsLine(run)}
</div>`;
}

const capitalised = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

function figuresOf(run: ReportRun): Html {
  const found = headline(run);
  if (found === undefined) return html`<p class="faint">Not evaluated yet.</p>`;
  const { figures, split, epoch } = found;
  const of = (label: string, name: AccuracyName): Html => {
    const { [name]: value, few, intervals } = figures.avg;
    return html`<div><b>${accuracy(value)}</b>${few !== undefined && intervalText(intervals?.[name])}<span>${label}</span></div>`;
  };
  const { images, few } = figures.avg;
  return html`<div class="figures">${accuracyNames.map((name) => of(name, name))}</div>
<p class="faint">Accuracy in % on ${count(images)} ${split} images, after epoch ${epoch + 1}; ${columnsExplained}.</p>
${few !== undefined && html`<p class="warning">${fewWarning(few, split, 'below them')}</p>`}`;
}

/** Says whether CLS or DIST is better on each group. */
function expertsLine(run: ReportRun): Html | undefined {
  const figures = headline(run)?.figures;
  if (figures?.cls === undefined || figures.dist === undefined) return undefined;
  const { cls, dist } = figures;
  const leads = groupNames.flatMap((group) => {
    const lead = leadOf(cls, dist, group);
    return lead === undefined ? [] : [lead];
  });
  return leads.length === 0 ? undefined : html`<p>${sentence(leads.join('; '))}.</p>`;
}

function leadOf(cls: MetricsResult, dist: MetricsResult, group: (typeof groupNames)[number]): string | undefined {
  const [a, b] = [cls[group], dist[group]];
  if (a === null || b === null) return undefined;
  const gap = Math.abs(a - b);
  if (gap < 0.05) return `on ${group} classes CLS and DIST are equally good`;
  return `on ${group} classes ${a > b ? 'CLS' : 'DIST'} is ahead by ${gap.toFixed(1)}`;
}

const sentence = (text: string): string => `${text[0]!.toUpperCase()}${text.slice(1)}`;

function hours(seconds: number): string {
  if (seconds < 90) return `${Math.round(seconds)} s of training`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min of training`;
  return `${(seconds / 3600).toFixed(1)} h of training`;
}
