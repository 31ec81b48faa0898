/** The result of `deit-lt adapt` in tables. */
import type { AdaptationMeasures } from '../../classifier/adaptation.js';
import { type Html, html } from '../html.js';
import { classOrder, type ReportRun } from '../report-run.js';
import { longTable, table } from './tables.js';

/** Undefined for a run that was not adapted. */
export function adaptationSection(run: ReportRun): Html | undefined {
  const { adaptation, name } = run;
  if (adaptation === undefined) return undefined;
  const { fitted, test } = adaptation;
  const head = ['', 'images', 'accuracy', 'balanced', 'log loss', 'calibration error'];
  const rows = [...measureRows('fitted on', fitted), ...(test === null ? [] : measureRows('test', test))];
  return html`<h3>${name}</h3>
${table(head, rows, `Adapted predictions of ${name}`)}
<p class="faint">Accuracy and calibration error in %, by the class frequencies that the model is adapted to. Fitted on ${fitted.data}${test !== null && '; only the test images are new to it'}.</p>
${classTable(run)}`;
}

function measureRows(
  what: string,
  { before, after }: { before: AdaptationMeasures; after: AdaptationMeasures },
): string[][] {
  return [measureRow(`${what}, as trained`, before), measureRow(`${what}, adapted`, after)];
}

function measureRow(name: string, { images, accuracy, balanced, nll, ece }: AdaptationMeasures): string[] {
  return [name, String(images), accuracy.toFixed(1), balanced.toFixed(1), nll.toFixed(3), ece.toFixed(1)];
}

/** The rules by class. */
function classTable(run: ReportRun): Html {
  const { prior, unknown, conformal, fitted, classNames } = run.adaptation!;
  const share = (value: number): string => `${(100 * value).toFixed(1)} %`;
  const head = [
    'class',
    'images of the fit',
    'frequency',
    ...(unknown ? ['answered from'] : []),
    ...(conformal ? ['in the set from'] : []),
  ];
  const rows = classOrder(run).map((c) => [
    classNames[c]!,
    String(fitted.imagesPerClass[c]!),
    share(prior.shares[c]!),
    ...(unknown ? [unknown.thresholds[c]! > 1 ? 'never' : share(unknown.thresholds[c]!)] : []),
    ...(conformal ? [conformal.limits[c] === 0 ? 'always' : share(conformal.limits[c]!)] : []),
  ]);
  return html`<details><summary>Class by class</summary>${longTable(head, rows, 'Adapted predictions by class')}</details>`;
}
