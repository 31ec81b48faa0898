/** Models that saw the same images, and what resampling those images does to their figures. */
import { type ByClass, byClass, isSameOrder } from '../by-class.js';
import { type Group, groupNames } from '../data/groups.js';
import {
  type Accuracies,
  type AccuracyName,
  accuraciesOf,
  accuracyNames,
  type ClassTallies,
  classShares,
  fewImagesOf,
  intervalsOf,
  talliesOf,
} from '../evaluation/class-figures.js';
import { fewTestImages } from '../evaluation/intervals.js';
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
import type { ComparisonRow, Estimate, Estimates } from './comparison-figures.js';

/** An output of a contender: a column of the values that are resampled. */
interface Series {
  readonly contender: Contender;
  readonly output: OutputName;
  /** Groups in the panel's order of classes. */
  readonly groups: ByClass<Group>;
}

/** All outputs of contenders that saw the same images, by the class numbers of the first. */
export class Panel {
  readonly #series: readonly Series[];
  readonly #sampled: SampledValues;
  /** Test images of each class. */
  readonly #images: ByClass<number>;
  /** For each series, each accuracy in every resample. */
  readonly #resampled: readonly Readonly<Record<AccuracyName, Float64Array>>[];

  constructor(contenders: readonly Contender[], options: ResampleOptions) {
    const { predictions, groups } = contenders[0]!.models[0]!;
    const { labels } = predictions;
    const { classNames } = groups;
    this.#images = talliesOf({ labels, classNames }, labels).images;
    this.#series = contenders.flatMap((contender) => seriesOf(contender, classNames));
    this.#sampled = {
      values: valuesOf(this.#series, labels.length),
      series: this.#series.length,
      labels,
      numClasses: classNames.length,
      strata: strataOf(this.#images, groups),
    };
    this.#resampled = this.#resample(options);
  }

  has(contender: Contender): boolean {
    return this.#series.some((series) => series.contender === contender);
  }

  rows(contender: Contender): ComparisonRow[] {
    const sums = classSums(this.#sampled);
    return this.#of(contender).map((s) => {
      const { groups } = this.#series[s]!;
      const tallies = this.#tallies(s, sums);
      const values = accuraciesOf(tallies, groups);
      const intervals = intervalsOf(tallies, groups);
      const single = contender.models.map((model) => this.#accuraciesOf(model, s));
      return this.#row(s, (figure) =>
        values[figure] === null
          ? null
          : single.length === 1
            ? { value: values[figure], ...intervals[figure]! }
            : {
                value: values[figure],
                ...within(0, percentileInterval(this.#resampled[s]![figure])),
                std: standardDeviation(single.map((of) => of[figure]!)),
              },
      );
    });
  }

  /** Compares the outputs that both have, and the groups that have the same classes in both. */
  differences(contender: Contender, baseline: Contender): ComparisonRow[] {
    const sums = classSums(this.#sampled);
    return this.#of(contender).flatMap((s) => {
      const b = this.#of(baseline).find((other) => this.#series[other]!.output === this.#series[s]!.output);
      if (b === undefined) return [];
      const [value, base] = [s, b].map((of) => accuraciesOf(this.#tallies(of, sums), this.#series[of]!.groups));
      const alike = this.#series[s]!.groups.every((group, c) => group === this.#series[b]!.groups[c]);
      const row = this.#row(s, (figure) => {
        const isOfGroup = (groupNames as readonly string[]).includes(figure);
        const [a, of] = [value![figure], base![figure]];
        if (a === null || of === null || (isOfGroup && !alike)) return null;
        const drawn = this.#resampled[s]![figure].map((x, r) => withoutRounding(x - this.#resampled[b]![figure][r]!));
        return { value: a - of, ...within(-100, percentileInterval(drawn)) };
      });
      return [row];
    });
  }

  #resample(options: ResampleOptions): Record<AccuracyName, Float64Array>[] {
    const { length: figures } = accuracyNames;
    const weights = this.#series.map(({ groups }) =>
      accuracyNames.map((name) => hitWeights(name, this.#images, groups)),
    );
    const weightOf = (c: number, s: number, f: number): number => weights[s]![f]![c]!;
    const columns = resampleFigures(this.#sampled, { figures, weightOf }, options);
    return this.#series.map((_, s) => byFigure((f) => columns[s * figures + f]!));
  }

  #of(contender: Contender): number[] {
    return this.#series.flatMap((series, s) => (series.contender === contender ? [s] : []));
  }

  #row(s: number, estimate: (figure: AccuracyName) => Estimate | null): ComparisonRow {
    const { contender, output } = this.#series[s]!;
    const { name, models } = contender;
    const few = fewImagesOf(this.#images);
    return {
      name,
      output,
      hasExperts: models[0]!.predictions.outputs.cls !== undefined,
      seeds: models.map(({ config }) => config.recipe.seed),
      split: models[0]!.predictions.split,
      images: this.#sampled.labels.length,
      ...(few && { few }),
      figures: Object.fromEntries(accuracyNames.map((figure) => [figure, estimate(figure)])) as unknown as Estimates,
    };
  }

  /** One model of a series. */
  #accuraciesOf(model: ComparedModel, s: number): Accuracies {
    const { output, groups } = this.#series[s]!;
    const sums = classSums({ ...this.#sampled, values: hitsOf(model, output), series: 1 });
    return accuraciesOf({ images: this.#images, hits: byClass(groups.classNames, sums) }, groups);
  }

  /** Hits are means over the contender's models. */
  #tallies(s: number, sums: Float64Array): ClassTallies {
    const { length } = this.#series;
    const hits = this.#images.map((_, c) => sums[c * length + s]!);
    return { images: this.#images, hits: byClass(this.#images.classNames, hits) };
  }
}

function byFigure<T>(of: (place: number) => T): Record<AccuracyName, T> {
  return Object.fromEntries(accuracyNames.map((name, place) => [name, of(place)])) as Record<AccuracyName, T>;
}

/** Sums of the same hits in another order differ by rounding; a difference of one image is far larger. */
function withoutRounding(difference: number): number {
  return Math.abs(difference) < 1e-9 ? 0 : difference;
}

/** Residuals of resampling may lead out of what an accuracy, or a difference of two, can be. */
function within(least: number, { low, high }: { low: number; high: number }): { low: number; high: number } {
  return { low: Math.max(least, low), high: Math.min(100, high) };
}

/** Increase of an accuracy by one hit in each class, in %; NaN for an accuracy without images. */
function hitWeights(name: AccuracyName, images: ByClass<number>, groups: ByClass<Group>): number[] {
  const shares = classShares(name, images, groups);
  return images.map((n, c) => (shares === null ? Number.NaN : n === 0 ? 0 : (100 * shares[c]!) / n));
}

/** Classes with few images lend each other their spread: those of the same group. */
function strataOf(images: ByClass<number>, groups: ByClass<Group>): (number | null)[] {
  return images.map((n, c) => (n < fewTestImages ? groupNames.indexOf(groups[c]!) : null));
}

function seriesOf(contender: Contender, classNames: readonly string[]): Series[] {
  const { predictions, groups: own } = contender.models[0]!;
  const groups = isSameOrder(own.classNames, classNames) ? own : byNames(own, classNames);
  return outputNames
    .filter((output) => predictions.outputs[output] !== undefined)
    .map((output) => ({ contender, output, groups }));
}

/** The same values in another order of the same classes. */
function byNames<T>(values: ByClass<T>, classNames: readonly string[]): ByClass<T> {
  const byName = new Map(values.classNames.map((name, c) => [name, values[c]!]));
  const found = classNames.flatMap((name) => (byName.has(name) ? [byName.get(name)!] : []));
  return byClass(classNames, found);
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
