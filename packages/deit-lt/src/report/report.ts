/** A report of runs as one HTML document that needs nothing else: no network, no scripts. */

import type { ResampleOptions } from '../analysis/bootstrap.js';
import { count } from '../format.js';
import { analyzingCommand, evaluatingCommand } from '../runs/recorded-data.js';
import type { Figure } from './figure.js';
import { adaptedCalibrationFigure, coverageFigure } from './figures/adaptation.js';
import { agreementFigure, calibrationFigure } from './figures/agreement.js';
import { classBarsFigure } from './figures/class-bars.js';
import { confusionFigure } from './figures/confusion.js';
import { accuracyFigure, expertsFigure, lossFigures } from './figures/curves.js';
import { attentionFigure, divergenceFigure, rankFigure } from './figures/paper.js';
import { Html, html } from './html.js';
import type { ReportRun } from './report-run.js';
import { adaptationSection } from './sections/adaptation.js';
import { confusedSection, gallerySection } from './sections/images.js';
import { classesSection, settingsSection } from './sections/settings.js';
import { summarySection } from './sections/summary.js';
import { accuracySection, teacherTable } from './sections/tables.js';
import { styleSheet } from './style.js';

export interface Report {
  /** The whole document. */
  readonly html: string;
  /** All that is drawn, in order. */
  readonly figures: readonly Figure[];
  /** Missing parts, and the commands that add them. */
  readonly notes: readonly string[];
}

/** A section of a report. */
export interface ReportSection {
  readonly id: string;
  readonly title: string;
  readonly body: Html;
}

export interface ReportSections extends Pick<Report, 'figures' | 'notes'> {
  /** Those that the runs have something for, in order. */
  readonly sections: readonly ReportSection[];
}

/**
 * Makes the report of one or more runs; the others are compared with the first. `options` are those of the intervals.
 */
export async function makeReport(runs: readonly ReportRun[], options: ResampleOptions = {}): Promise<Report> {
  const { sections, figures, notes } = await reportSections(runs, options);
  return { html: page(runs, sections, notes), figures, notes };
}

/** The parts of a report, for pages that show them otherwise. */
export async function reportSections(
  runs: readonly ReportRun[],
  options: ResampleOptions = {},
): Promise<ReportSections> {
  const figures: Figure[] = [];
  const grid = (...found: readonly (Figure | undefined)[]): Html | undefined => {
    const there = found.filter((figure) => figure !== undefined);
    figures.push(...there);
    return there.length === 0 ? undefined : html`<div class="figures-grid">${there.map(figureHtml)}</div>`;
  };
  const sections: { id: string; title: string; body: Html | undefined }[] = [
    { id: 'accuracy', title: 'Accuracy', body: accuracySection(runs, options) },
    {
      id: 'curves',
      title: 'Training',
      body: grid(...lossFigures(runs), accuracyFigure(runs), ...runs.map(expertsFigure)),
    },
    {
      id: 'classes',
      title: 'Classes, from the largest to the smallest',
      body: both(grid(...runs.map(classBarsFigure)), parts(runs.map(classesSection))),
    },
    {
      id: 'paper',
      title: 'Figures as in the paper',
      body: grid(divergenceFigure(runs), attentionFigure(runs), rankFigure(runs)),
    },
    {
      id: 'experts',
      title: 'Experts, teacher, calibration',
      body: both(
        grid(...runs.map(agreementFigure), ...runs.map(calibrationFigure)),
        teacherTable(runs),
        sharpnessOf(runs),
      ),
    },
    {
      id: 'adaptation',
      title: 'Adapted predictions',
      body: both(
        grid(...runs.map(adaptedCalibrationFigure), ...runs.map(coverageFigure)),
        parts(runs.map(adaptationSection)),
      ),
    },
    { id: 'confusion', title: 'Confusion', body: grid(...runs.map(confusionFigure)) },
    { id: 'confused', title: 'Most confused tail classes', body: parts(runs.map(confusedSection)) },
    { id: 'gallery', title: 'Attention maps', body: parts(await Promise.all(runs.map(gallerySection))) },
    { id: 'settings', title: 'Recipe and command', body: parts(runs.map(settingsSection)) },
  ];
  const there = sections.filter((section): section is ReportSection => section.body !== undefined);
  return { sections: there, figures, notes: runs.flatMap(notesOf) };
}

function page(runs: readonly ReportRun[], sections: readonly ReportSection[], notes: readonly string[]): string {
  const title = `DeiT-LT: ${runs.map(({ name }) => name).join(', ')}`;
  const document = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<style>${new Html(styleSheet())}</style>
</head>
<body>
<header><h1>${title}</h1><nav aria-label="Sections">${sections.map((link) => html`<a href="#${link.id}">${link.title}</a>`)}</nav></header>
<main>
${summarySection(runs)}
${notes.map((note) => html`<p class="faint">${note}</p>`)}
${sections.map(({ id, title: of, body }) => html`<section id="${id}"><h2>${of}</h2>${body}</section>`)}
</main>
</body>
</html>
`;
  return document.text;
}

function figureHtml({ id, title, svg, caption }: Figure): Html {
  return html`<figure id="${id}"><b>${title}</b>${new Html(svg)}<figcaption>${caption}</figcaption></figure>`;
}

function both(...found: readonly (Html | undefined)[]): Html | undefined {
  return parts(found);
}

/** One after the other; undefined when there is none. */
function parts(found: readonly (Html | undefined)[]): Html | undefined {
  const there = found.filter((part) => part !== undefined);
  return there.length === 0 ? undefined : html`${there}`;
}

function sharpnessOf(runs: readonly ReportRun[]): Html | undefined {
  return parts(
    runs.map(({ name, analysis }) => {
      const sharpness = analysis?.sharpness;
      if (sharpness === undefined) return undefined;
      const { images, loss, samGap, rho, largestEigenvalue } = sharpness;
      return html`<p>Sharpness of ${name}: on ${count(images)} training images the loss is ${loss.toFixed(3)} and increases by ${samGap.toFixed(3)} at the SAM perturbation of radius ${rho}; the Hessian's largest eigenvalue is ${largestEigenvalue.toPrecision(3)}.</p>`;
    }),
  );
}

function notesOf(run: ReportRun): string[] {
  const { name, folder, analysis, predictions, evaluation, notes } = run;
  return [
    ...notes,
    ...(analysis === undefined
      ? [`${name} was not analysed: attention, ranks and images are missing (${analyzingCommand(folder, run.config)}).`]
      : analysis.notes.map((note) => `${name}: ${note}`)),
    ...(predictions === undefined && evaluation !== undefined
      ? [
          `${name} has no predictions for single images, so its accuracies have no intervals (${evaluatingCommand(folder, run.config)}).`,
        ]
      : []),
  ];
}
