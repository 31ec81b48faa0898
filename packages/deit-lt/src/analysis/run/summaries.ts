/** Computes the values of `analysis.json` from the results of a pass. */
import * as torch from '@deit-lt/torch';
import { type Group, groupNames } from '../../data/groups.js';
import { figuresOf, talliesOf } from '../../evaluation/class-figures.js';
import type { VisionTransformer } from '../../models/vit.js';
import type { OutputName } from '../../runs/predictions.js';
import { calibrationOf } from '../calibration.js';
import { expertAgreement } from '../expert-agreement.js';
import { entropyRank, type FeatureMoments, rankOf, singularValuesOf } from '../feature-rank.js';
import { rankCorrelation } from '../rank-correlation.js';
import {
  type Analysis,
  type AttentionAnalysis,
  byGroup,
  type OutputAnalysis,
  type RankEntry,
} from './analysis-file.js';
import { geometryOf } from './block-measures.js';
import type { PassState } from './pass-state.js';
import type { Subject } from './subject.js';

/** Undefined when the model has no such output. */
export function outputAnalysis(
  output: OutputName,
  state: PassState,
  { evaluated, groups, trainCounts }: Pick<Subject, 'evaluated' | 'groups' | 'trainCounts'>,
): OutputAnalysis | undefined {
  const [predicted, confidence] = [state.numbers(`predicted.${output}`), state.numbers(`confidence.${output}`)];
  if (predicted === undefined || confidence === undefined) return undefined;
  const { labels } = evaluated;
  const accuracy = figuresOf(talliesOf(evaluated, predicted), groups);
  return {
    accuracy,
    calibration: byGroup(groups, (takes) => {
      const ids = idsOf(labels, takes);
      const correct = ids.map((i) => predicted[i] === labels[i]);
      return calibrationOf({ confidence: ids.map((i) => confidence[i]!), correct });
    }),
    countCorrelation: rankCorrelation(trainCounts, accuracy.perClass),
  };
}

function idsOf(labels: Int32Array, takes: (label: number) => boolean): number[] {
  return Array.from(labels, (_, i) => i).filter((i) => takes(labels[i]!));
}

/** Measures that only a student has. */
export function expertFigures(
  state: PassState,
  { groups, evaluated: { labels } }: Subject,
): Pick<Analysis, 'experts' | 'cosineDistance'> {
  const [cls, dist, cosine] = ['predicted.cls', 'predicted.dist', 'cosine'].map((name) => state.numbers(name));
  if (cls === undefined || dist === undefined || cosine === undefined) return {};
  return {
    experts: byGroup(groups, (takes) => expertAgreement({ labels, cls, dist }, (i) => takes(labels[i]!))),
    cosineDistance: byGroup(groups, (takes) => {
      const ids = idsOf(labels, takes);
      return ids.length === 0 ? null : ids.reduce((sum, i) => sum + 1 - cosine[i]!, 0) / ids.length;
    }),
  };
}

/** Measures that only a transformer has. */
export function transformerFigures(
  model: VisionTransformer,
  state: PassState,
  { classifier: { recipe } }: Subject,
): { attention: AttentionAnalysis; ranks: RankEntry[] } {
  const size = recipe.evalSize ?? recipe.imageSize;
  const { grid, patchSize } = geometryOf(model, size);
  const blocks = Array.from({ length: model.blocks.length }, (_, block) => block);
  const means = blocks.map((block) => torch.tidy(() => meanDistances(state, block)));
  return {
    attention: { patchSize, grid, raw: means.map(([raw]) => raw!), renormalised: means.map(([, whole]) => whole!) },
    ranks: blocks.flatMap((block) => torch.tidy(() => ranksOf(state, block, model.prefixTokens))),
  };
}

function meanDistances(state: PassState, block: number): number[][] {
  return state.sum(`distance.${block}`)!.div(state.images).toArray() as number[][];
}

function ranksOf(state: PassState, block: number, prefixTokens: number): RankEntry[] {
  const tokens = (['cls', 'dist'] as const).slice(0, prefixTokens);
  return tokens.flatMap((token, index) => {
    const parts = groupNames.flatMap((group) => {
      const moments = momentsAt(state, group, [block, index]);
      return moments === undefined ? [] : [[group, moments] as const];
    });
    const all = parts.map(([, moments]) => moments).reduce(added);
    return [['all', all] as const, ...parts].map(([group, moments]) => rankEntry(moments, { block, token, group }));
  });
}

function momentsAt(state: PassState, group: Group, [block, token]: [number, number]): FeatureMoments | undefined {
  const [count, sum, products] = ['count', 'sum', 'products'].map((of) => state.sum(`${of}.${group}`));
  if (count === undefined || sum === undefined || products === undefined) return undefined;
  const of = (all: torch.Tensor): torch.Tensor => all.select(0, block).select(0, token);
  return { count: count.toNumber(), sum: of(sum), products: of(products) };
}

function added(a: FeatureMoments, b: FeatureMoments): FeatureMoments {
  return { count: a.count + b.count, sum: a.sum.add(b.sum), products: a.products.add(b.products) };
}

function rankEntry(
  moments: FeatureMoments,
  of: { block: number; token: 'cls' | 'dist'; group: 'all' | Group },
): RankEntry {
  const values = singularValuesOf(moments);
  return { ...of, images: moments.count, rank: rankOf(values), entropyRank: entropyRank(values) };
}
