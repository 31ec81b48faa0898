/** The description of the model for the demo page: `model.json` beside `model.onnx`. */
import path from 'node:path';
import type { InputSpec } from '../augment/evaluation-input.js';
import { rulesOf } from '../classifier/adapted-logits.js';
import type { Classifier } from '../classifier/classifier.js';
import { logitScale } from '../classifier/logit-scale.js';
import type { Group } from '../data/groups.js';
import type { DecisionRules } from '../evaluation/ranking.js';
import { VisionTransformer } from '../models/vit.js';
import type { TrainingKind } from '../recipe/training-kind.js';
import { inputSize } from './onnx/model.js';

export interface PageModel {
  /** Version of this program. */
  readonly version: string;
  /** The run's folder or the checkpoint's file, without the way to it. */
  readonly name: string;
  readonly kind: TrainingKind;
  /** Name in the recipe: `deit`, `resnet32`. */
  readonly architecture: string;
  /** Size of `model.onnx` in bytes. */
  readonly size: number;
  readonly input: InputSpec;
  /** Classes in the order of the outputs. */
  readonly classes: readonly PageClass[];
  /** Logit scale (inverse temperature): factor of the logits before the softmax. */
  readonly logitScale: number;
  /** Rules of an adapted model's answers, by class; absent for other models. */
  readonly rules?: DecisionRules;
  /** Whether there are `logits_cls` and `logits_dist`. */
  readonly experts: boolean;
  /** Shape of the output `attentions`; null for a network that has none. */
  readonly attention: PageAttention | null;
}

export interface PageClass {
  readonly name: string;
  /** Training images and what they make of the class; absent where that is not known. */
  readonly trained?: { readonly images: number; readonly group: Group };
}

export interface PageAttention {
  readonly depth: number;
  readonly heads: number;
  /** Patches down and across. */
  readonly grid: readonly [rows: number, columns: number];
  /** Tokens before those of the patches: CLS, and DIST when there are experts. */
  readonly prefixTokens: number;
}

/** `run` is what the user named the model by. */
export function pageModel(
  classifier: Classifier,
  { run, version, size }: { run: string; version: string; size: number },
): PageModel {
  const { kind, model, recipe } = classifier;
  const { mean, std, filter } = recipe;
  const isTransformer = model instanceof VisionTransformer;
  return {
    version,
    name: path.basename(path.resolve(run)),
    kind,
    architecture: recipe.model.name,
    size,
    input: { size: inputSize(classifier), mean, std, filter, background: classifier.background },
    classes: pageClasses(classifier),
    logitScale: logitScale(classifier),
    ...(classifier.adaptation !== undefined && { rules: rulesOf(classifier) }),
    experts: isTransformer && model.distilled,
    attention: isTransformer ? attentionOf(model, inputSize(classifier)) : null,
  };
}

function pageClasses({ classNames, trainCounts, groups }: Classifier): PageClass[] {
  const isKnown = trainCounts.some((count) => count > 0);
  return classNames.map((name, c) => ({
    name,
    ...(isKnown && { trained: { images: trainCounts[c]!, group: groups[c]! } }),
  }));
}

function attentionOf({ blocks, patchEmbed, prefixTokens }: VisionTransformer, size: number): PageAttention {
  const [block] = [...blocks];
  const grid = patchEmbed.gridOf(size, size);
  return { depth: blocks.length, heads: block!.attn.numHeads, grid, prefixTokens };
}
