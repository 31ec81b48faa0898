/** Describes an adaptation in words and tables. */
import { leastForCoverage } from '../adaptation/conformal.js';
import { fewestPredictions } from '../adaptation/thresholds.js';
import type { Adaptation, AdaptationMeasures } from '../classifier/adaptation.js';
import type { AppliedAdaptation } from '../description/applied-adaptation.js';
import { images as imagesText } from '../format.js';
import { visible } from '../text/visible.js';
import { formatTable } from './table.js';

/** One line: the prior, and the rules of the answers. */
export function ruleWords({ prior, unknown, conformal }: AppliedAdaptation): string {
  const words = [priorWords(prior)];
  if (unknown?.rule === 'precision') words.push(`"unknown" below a precision of ${percent(unknown.value)}`);
  if (unknown?.rule === 'error-cost') words.push(`"unknown" where an error costs ${unknown.value} times as much`);
  if (conformal) words.push(`sets with a coverage of ${percent(conformal.coverage)}`);
  return words.join(', ');
}

function priorWords({ from, source, shares }: Adaptation['prior']): string {
  const occurring = shares.filter((share) => share > 0).length;
  const some = occurring < shares.length ? `, ${occurring} of ${shares.length} classes` : '';
  if (from === 'uniform') return `all classes alike${some}`;
  if (from === 'training') return `class frequencies as in training${some}`;
  return visible(`class frequencies ${from === 'file' ? 'of' : 'estimated from'} ${source ?? ''}${some}`);
}

const percent = (share: number): string => `${Number((100 * share).toFixed(1))} %`;

/** The whole result, for a person. */
export function adaptationText(adaptation: Adaptation): string {
  const { fitted, test } = adaptation;
  const parts = [
    `Adapted to ${ruleWords(adaptation)}.`,
    fitText(adaptation),
    measuresTable(`${imagesText(fitted.after.images)} that it was fitted on (${visible(fitted.data)})`, fitted),
    ...(test === null ? [] : [measuresTable(imagesText(test.after.images).replace(/images?/, 'test $&'), test)]),
    measuresExplained,
    ...estimateText(adaptation),
    ...unknownText(adaptation),
    ...conformalText(adaptation),
  ];
  return parts.join('\n\n');
}

const measuresExplained =
  '(balanced: mean over the classes that occur; accuracy, log loss and calibration error: each class weighted by the frequency that is assumed)';

const outputWords = { avg: 'the output', cls: 'CLS', dist: 'DIST' } as const;

function fitText({ outputs, weights, adjustment }: Adaptation): string {
  const terms = outputs.map((name, k) => `${weights[k]!.toFixed(3)} × ${outputWords[name]}`).join(' + ');
  const sign = adjustment < 0 ? '+' : '−';
  return `logits = ${terms} ${sign} ${Math.abs(adjustment).toFixed(3)} × log(share of the class in training)`;
}

function measuresTable(title: string, { before, after }: Pick<Adaptation['fitted'], 'before' | 'after'>): string {
  const row = (name: string, { accuracy, balanced, nll, ece }: AdaptationMeasures): string[] => [
    name,
    accuracy.toFixed(1),
    balanced.toFixed(1),
    nll.toFixed(3),
    ece.toFixed(1),
  ];
  const titles = ['', 'accuracy', 'balanced', 'log loss', 'calibration error'];
  const columns = titles.map((title, i) => ({ title, align: i === 0 ? 'left' : 'right' }) as const);
  return `${title}\n${formatTable(columns, [row('as trained', before), row('adapted', after)])}`;
}

/** An estimate from few calibration images of a class can be far off; a line says so where it shows. */
function estimateText({ prior, classNames, fitted }: Adaptation): string[] {
  if (prior.from !== 'estimated') return [];
  const largest = classNames
    .map((name, c) => ({ name, share: prior.shares[c]! }))
    .sort((a, b) => b.share - a.share)
    .slice(0, 8);
  return [
    `Estimated frequencies: ${largest.map(({ name, share }) => visible(`${name} ${percent(share)}`)).join(', ')}${classNames.length > 8 ? ', …' : ''}`,
    ...(doubtful(prior.shares, fitted.imagesPerClass)
      ? [
          'This estimate is doubtful: classes of which the fit had few images got a large share, or others got none. Look at the images of the folder: are all of classes of the model? Or give the frequencies by --prior.',
        ]
      : []),
  ];
}

const fewImages = 10;

/** Whether a class with few images of the fit got a third of the shares or more, or a class got almost none. */
function doubtful(shares: readonly number[], images: readonly number[]): boolean {
  const least = 0.02 / shares.length;
  return shares.some((share, c) => (share > 1 / 3 && images[c]! < fewImages) || share < least);
}

function unknownText({ unknown, classNames, prior }: Adaptation): string[] {
  if (unknown === null) return [];
  const { coverage, risk, thresholds, own } = unknown;
  const never = classNames.filter((_, c) => thresholds[c]! > 1 && prior.shares[c]! > 0);
  const shared = own.filter((is, c) => !is && prior.shares[c]! > 0).length;
  const wrong = risk === null ? '' : `; ${percent(risk)} of the other answers are wrong`;
  return [
    [
      `"unknown": ${percent(1 - coverage)} of the images it was fitted on${wrong}.`,
      ...(unknown.rule === 'precision' && shared > 0
        ? [
            `${shared} of ${classNames.length} classes ${shared === 1 ? 'was' : 'were'} predicted fewer than ${fewestPredictions} times, too rarely for an own threshold, and ${shared === 1 ? 'has' : 'have'} that of all classes together.`,
          ]
        : []),
      ...(never.length > 0
        ? [
            visible(
              `No threshold reaches the precision for ${never.length === 1 ? 'one class, which is' : `${never.length} classes, which are`} never answered: ${never.slice(0, 8).join(', ')}${never.length > 8 ? ', …' : ''}.`,
            ),
          ]
        : []),
    ].join('\n'),
  ];
}

function conformalText({ conformal, fitted, prior }: Adaptation): string[] {
  if (conformal === null) return [];
  const { coverage, always, meanSize } = conformal;
  const needed = leastForCoverage(coverage);
  return [
    [
      `Sets: ${meanSize.toFixed(1)} classes on average. For images like those it was fitted on, the set contains the true class of ${percent(coverage)} of the images of each class.`,
      ...(always > 0
        ? [
            `${always} ${always === 1 ? 'class has' : 'classes have'} fewer than ${needed} of these images, too few to leave ${always === 1 ? 'it' : 'them'} out with that promise: ${always === 1 ? 'it is' : 'they are'} in every set (fewest: ${Math.min(...fitted.imagesPerClass.filter((_, c) => prior.shares[c]! > 0))}).`,
          ]
        : []),
    ].join('\n'),
  ];
}
