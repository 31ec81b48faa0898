/** Models that saw the same images, and what resampling those images does to their figures. */
import type { Group } from '../data/groups.js';
import { type OutputName, outputNames } from '../training/predictions.js';
import {
  classSums,
  percentileInterval,
  type ResampleOptions,
  resampleClasses,
  type SampledValues,
  standardDeviation,
} from './bootstrap.js';
import type { ComparedModel, Contender } from './compared-runs.js';
import {
  type ComparisonRow,
  type Estimate,
  type Estimates,
  type FigureName,
  figureNames,
} from './comparison-figures.js';

/** An output of a contender: a column of the values that are resampled. */
interface Series {
  readonly contender: Contender;
  readonly output: OutputName;
  /** The group of each class of the panel. */
  readonly groups: readonly Group[];
}

/** In per cent; NaN for a group without images. */
type Accuracies = Readonly<Record<FigureName, number>>;

/** All outputs of contenders that saw the same images. */
export class Panel {
  readonly #series: readonly Series[];
  readonly #sampled: SampledValues;
  readonly #counts: Int32Array;
  /** Of each series: its figures in each resample. */
  readonly #resampled: readonly Accuracies[][];

  constructor(contenders: readonly Contender[], options: ResampleOptions) {
    const { config, predictions } = contenders[0]!.models[0]!;
    const { classNames } = config.data;
    const { labels } = predictions;
    this.#series = contenders.flatMap((contender) => seriesOf(contender, classNames));
    const numClasses = classNames.length;
    this.#sampled = { values: valuesOf(this.#series, labels.length), series: this.#series.length, labels, numClasses };
    this.#counts = new Int32Array(numClasses);
    for (const label of labels) this.#counts[label]!++;
    this.#resampled = this.#series.map(() => []);
    resampleClasses(this.#sampled, options, (sums) => {
      this.#resampled.forEach((of, s) => void of.push(this.#accuracies(s, sums)));
    });
  }

  has(contender: Contender): boolean {
    return this.#series.some((series) => series.contender === contender);
  }

  rows(contender: Contender): ComparisonRow[] {
    const sums = classSums(this.#sampled);
    return this.#of(contender).map((s) => {
      const values = this.#accuracies(s, sums);
      const single = contender.models.map((model) => this.#accuraciesOf(model, s));
      return this.#row(s, (figure) => ({
        value: values[figure],
        ...percentileInterval(this.#resampled[s]!.map((of) => of[figure])),
        ...(single.length > 1 && { std: standardDeviation(single.map((of) => of[figure])) }),
      }));
    });
  }

  /** Of the outputs that both have; of the groups, where both have the same classes in them. */
  differences(contender: Contender, baseline: Contender): ComparisonRow[] {
    const sums = classSums(this.#sampled);
    return this.#of(contender).flatMap((s) => {
      const b = this.#of(baseline).find((other) => this.#series[other]!.output === this.#series[s]!.output);
      if (b === undefined) return [];
      const [value, base] = [s, b].map((of) => this.#accuracies(of, sums));
      const alike = this.#series[s]!.groups.every((group, c) => group === this.#series[b]!.groups[c]);
      const row = this.#row(s, (figure) =>
        figure !== 'overall' && !alike
          ? null
          : {
              value: value![figure] - base![figure],
              ...percentileInterval(this.#resampled[s]!.map((of, r) => of[figure] - this.#resampled[b]![r]![figure])),
            },
      );
      return [row];
    });
  }

  #of(contender: Contender): number[] {
    return this.#series.flatMap((series, s) => (series.contender === contender ? [s] : []));
  }

  #row(s: number, estimate: (figure: FigureName) => Estimate | null): ComparisonRow {
    const { contender, output } = this.#series[s]!;
    const { name, models } = contender;
    const figures = figureNames.map((figure) => {
      const found = estimate(figure);
      return [figure, found === null || Number.isNaN(found.value) ? null : found];
    });
    return {
      name,
      output,
      hasExperts: models[0]!.predictions.outputs.cls !== undefined,
      seeds: models.map(({ config }) => config.recipe.seed),
      images: this.#sampled.labels.length,
      figures: Object.fromEntries(figures) as unknown as Estimates,
    };
  }

  /** Of one model of a series. */
  #accuraciesOf(model: ComparedModel, s: number): Accuracies {
    const values = hitsOf(model, this.#series[s]!.output);
    const sums = classSums({ ...this.#sampled, values, series: 1 });
    return this.#means(this.#series[s]!.groups, (c) => sums[c]!);
  }

  #accuracies(s: number, sums: Float64Array): Accuracies {
    const { length } = this.#series;
    return this.#means(this.#series[s]!.groups, (c) => sums[c * length + s]!);
  }

  #means(groups: readonly Group[], sumOf: (c: number) => number): Accuracies {
    const totals = { head: 0, mid: 0, tail: 0 };
    const classes = { head: 0, mid: 0, tail: 0 };
    let hits = 0;
    this.#counts.forEach((count, c) => {
      if (count === 0) return;
      hits += sumOf(c);
      totals[groups[c]!] += sumOf(c) / count;
      classes[groups[c]!]++;
    });
    const mean = (group: Group): number => (100 * totals[group]) / classes[group];
    const overall = (100 * hits) / this.#sampled.labels.length;
    return { overall, head: mean('head'), mid: mean('mid'), tail: mean('tail') };
  }
}

function seriesOf(contender: Contender, classNames: readonly string[]): Series[] {
  const { config, predictions } = contender.models[0]!;
  const groupOf = new Map(config.data.classNames.map((name, c) => [name, config.data.groups[c]!]));
  const groups = classNames.map((name) => groupOf.get(name)!);
  return outputNames
    .filter((output) => predictions.outputs[output] !== undefined)
    .map((output) => ({ contender, output, groups }));
}

/** Row by row: how many of the contender's models were right. */
function valuesOf(series: readonly Series[], images: number): Float32Array {
  const values = new Float32Array(images * series.length);
  series.forEach(({ contender, output }, s) => {
    for (const model of contender.models)
      hitsOf(model, output).forEach((hit, i) => {
        values[i * series.length + s]! += hit / contender.models.length;
      });
  });
  return values;
}

/** 1 for each image that the output was right about. */
function hitsOf({ predictions: { labels, outputs } }: ComparedModel, output: OutputName): Float32Array {
  const { perImage, classes } = outputs[output]!;
  return Float32Array.from(labels, (label, i) => (classes[i * perImage] === label ? 1 : 0));
}
