/**
 * Runs side by side: accuracies with intervals from the bootstrap over test images, mean and standard deviation over seeds, and
 * differences between runs that saw the same images, which are surer than the figures themselves because both runs have
 * the same hard and easy images.
 */
import { defaultResamples, type ResampleOptions } from './bootstrap.js';
import { type Contender, imagesKey } from './compared-runs.js';
import type { ComparisonRow } from './comparison-figures.js';
import { Panel } from './comparison-panel.js';

export interface Comparison {
  /** The run that the others are compared with: the first. */
  readonly baseline: string;
  readonly resamples: number;
  readonly rows: readonly ComparisonRow[];
  /** Each minus the baseline, output by output, where both saw the same images. */
  readonly differences: readonly ComparisonRow[];
}

/** Compares at least one contender; the first is the baseline. The same call gives the same intervals. */
export function compareRuns(contenders: readonly Contender[], options: ResampleOptions = {}): Comparison {
  const [baseline] = contenders;
  if (baseline === undefined) throw new RangeError('compareRuns: expected a run, received none');
  const panels = panelsOf(contenders).map((panel) => new Panel(panel, options));
  const rows = contenders.flatMap((contender) => panels.find((panel) => panel.has(contender))!.rows(contender));
  const first = panels.find((panel) => panel.has(baseline))!;
  const others = contenders.slice(1).filter((contender) => first.has(contender));
  const differences = others.flatMap((contender) => first.differences(contender, baseline));
  return { baseline: baseline.name, resamples: options.resamples ?? defaultResamples, rows, differences };
}

/** Contenders that saw the same images. */
function panelsOf(contenders: readonly Contender[]): Contender[][] {
  const panels = new Map<string, Contender[]>();
  for (const contender of contenders) {
    const key = imagesKey(contender.models[0]!);
    panels.set(key, [...(panels.get(key) ?? []), contender]);
  }
  return [...panels.values()];
}
