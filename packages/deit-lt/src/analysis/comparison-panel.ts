/** Models that saw the same images, and what resampling those images does to their figures. */
import type { Group } from '../data/groups.js';
import { type OutputName, outputNames } from '../runs/predictions.js';
import {
  classSums,
  percentileInterval,
  type ResampleOptions,
  resampleFigures,
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
  /** What a hit in a class of the panel adds to a figure, in per cent. */
  readonly weights: Readonly<Record<FigureName, Float64Array>>;
}

/** In per cent; NaN for a group without images. */
type Accuracies = Readonly<Record<FigureName, number>>;

/** All outputs of contenders that saw the same images. */
export class Panel {
  readonly #series: readonly Series[];
  readonly #sampled: SampledValues;
  /** Of each series: each figure in every resample. */
  readonly #resampled: readonly Readonly<Record<FigureName, Float64Array>>[];

  constructor(contenders: readonly Contender[], options: ResampleOptions) {
    const { config, predictions } = contenders[0]!.models[0]!;
    const { classNames } = config.data;
    const { labels } = predictions;
    const numClasses = classNames.length;
    const counts = new Int32Array(numClasses);
    for (const label of labels) counts[label]!++;
    this.#series = contenders.flatMap((contender) => seriesOf(contender, classNames, counts));
    this.#sampled = { values: valuesOf(this.#series, labels.length), series: this.#series.length, labels, numClasses };
    this.#resampled = this.#resample(options);
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
        ...percentileInterval(this.#resampled[s]![figure]),
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
              ...percentileInterval(this.#resampled[s]![figure].map((x, r) => x - this.#resampled[b]![figure][r]!)),
            },
      );
      return [row];
    });
  }

  #resample(options: ResampleOptions): Record<FigureName, Float64Array>[] {
    const { length: figures } = figureNames;
    const weightOf = (c: number, s: number, f: number): number => this.#series[s]!.weights[figureNames[f]!]![c]!;
    const columns = resampleFigures(this.#sampled, { figures, weightOf }, options);
    return this.#series.map((_, s) => byFigure((_, f) => columns[s * figures + f]!));
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
    return weighted(this.#series[s]!, (c) => sums[c]!);
  }

  #accuracies(s: number, sums: Float64Array): Accuracies {
    const { length } = this.#series;
    return weighted(this.#series[s]!, (c) => sums[c * length + s]!);
  }
}

function byFigure<T>(of: (figure: FigureName, place: number) => T): Record<FigureName, T> {
  return Object.fromEntries(figureNames.map((name, place) => [name, of(name, place)])) as Record<FigureName, T>;
}

function weighted({ weights }: Series, sumOf: (c: number) => number): Accuracies {
  return byFigure((figure) => weights[figure].reduce((total, weight, c) => total + weight * sumOf(c), 0));
}

/** What a hit in a class counts for a figure; NaN in groups without images. */
function weightsOf(groups: readonly Group[], counts: Int32Array): Series['weights'] {
  const images = counts.reduce((a, b) => a + b, 0);
  return byFigure((figure) => {
    const takes = (c: number): boolean => counts[c]! > 0 && groups[c] === figure;
    const classes = groups.filter((_, c) => takes(c)).length;
    if (figure === 'overall') return Float64Array.from(counts, () => 100 / images);
    return Float64Array.from(counts, (count, c) => (classes === 0 ? Number.NaN : takes(c) ? 100 / classes / count : 0));
  });
}

function seriesOf(contender: Contender, classNames: readonly string[], counts: Int32Array): Series[] {
  const { config, predictions } = contender.models[0]!;
  const groupOf = new Map(config.data.classNames.map((name, c) => [name, config.data.groups[c]!]));
  const groups = classNames.map((name) => groupOf.get(name)!);
  const weights = weightsOf(groups, counts);
  return outputNames
    .filter((output) => predictions.outputs[output] !== undefined)
    .map((output) => ({ contender, output, groups, weights }));
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
