/** A trained model as an ONNX model: which graph, which inputs and outputs. */
import * as torch from '@deit-lt/torch';
import type { Classifier } from '../../classifier/classifier.js';
import { logitScale } from '../../classifier/logit-scale.js';
import type { AppliedAdaptation } from '../../description/applied-adaptation.js';
import { toMetadata } from '../../description/formats.js';
import { UserError } from '../../errors.js';
import { Airbench } from '../../models/airbench.js';
import { canFold } from '../../models/fold-network.js';
import { VisionTransformer } from '../../models/vit.js';
import type { OutputName } from '../../runs/predictions.js';
import { descriptionOf } from '../weights.js';
import { airbenchGraph } from './airbench.js';
import { convolutionalGraph } from './convolutional.js';
import { GraphBuilder, type OnnxPrecision, type Value } from './graph-builder.js';
import { encodeModel, type OnnxModel } from './proto.js';
import { transformerGraph } from './transformer.js';

export interface OnnxOptions {
  /** Default `fp32`. */
  readonly precision?: OnnxPrecision;
  /** Transformers: whether there is an output `attentions`, `[batch, depth, heads, N, N]`. Default false. */
  readonly attention?: boolean;
  /** Version of this program, for the file. */
  readonly version: string;
}

/** Outputs that a model may have, in their order in the file. */
export const outputNames = ['logits', 'logits_cls', 'logits_dist', 'attentions'] as const;

/**
 * The `.onnx` file of a model: input `pixel_values` `[batch, 3, S, S]`, normalised; outputs `logits` `[batch, C]` and, of a
 * student, `logits_cls` and `logits_dist`, of which `logits` is the mean, or what the model's adaptation makes of them. Throws UserError USAGE for attention of a network
 * that has none.
 */
export function onnxModel(
  classifier: Classifier,
  { precision = 'fp32', attention = false, version }: OnnxOptions,
): Uint8Array {
  const graph = new GraphBuilder(precision);
  const size = inputSize(classifier);
  const images = graph.input('pixel_values', ['batch', 3, size, size]);
  torch.noGrad(() => addOutputs(graph, images, classifier, attention));
  return encodeModel(graph.build('deit-lt', version, metadataOf(classifier)));
}

/** Side of the input at evaluation. */
export function inputSize({ recipe }: Classifier): number {
  return recipe.evalSize ?? recipe.imageSize;
}

function addOutputs(
  graph: GraphBuilder,
  images: string,
  { model, recipe, classNames, ...rest }: Classifier,
  attention: boolean,
): void {
  const { adaptation } = rest;
  const scale = logitScale({ recipe, ...rest });
  const logits = ['batch', classNames.length];
  if (model instanceof VisionTransformer) {
    const imageSize = recipe.evalSize ?? recipe.imageSize;
    const { cls, dist, attentions } = transformerGraph(graph, images, model, { imageSize, attention });
    const outputs = dist === null ? { avg: cls } : { cls, dist };
    graph.output('logits', adaptation ? adapted(graph, outputs, adaptation, scale) : meanOf(graph, cls, dist), logits);
    if (dist !== null) graph.output('logits_cls', cls, logits);
    if (dist !== null) graph.output('logits_dist', dist, logits);
    if (attentions !== null)
      graph.output('attentions', attentions, ['batch', model.blocks.length, 'heads', 'tokens', 'tokens']);
    return;
  }
  if (attention)
    throw new UserError('USAGE', `--attention needs a transformer; ${rest.file} is a ${recipe.model.name}.`);
  const avg = convolutionalLogits(graph, images, model);
  if (avg === null) throw new UserError('CHECKPOINT', `${rest.file}: ${recipe.model.name} cannot be exported to ONNX.`);
  graph.output('logits', adaptation ? adapted(graph, { avg }, adaptation, scale) : avg, logits);
}

/** The logits of a CNN; null for one without a graph, such as a plugin's. */
function convolutionalLogits(graph: GraphBuilder, images: Value, model: Classifier['model']): Value | null {
  if (model instanceof Airbench) return airbenchGraph(graph, images, model);
  return canFold(model) ? convolutionalGraph(graph, images, model) : null;
}

function meanOf(graph: GraphBuilder, cls: Value, dist: Value | null): Value {
  return dist === null ? cls : graph.op('Mul', [graph.op('Add', [cls, dist]), graph.number(0.5, { exact: true })]);
}

/** As `adaptedLogits`. */
function adapted(
  graph: GraphBuilder,
  logits: Partial<Record<OutputName, Value>>,
  { outputs, weights, bias }: AppliedAdaptation,
  scale: number,
): Value {
  const terms = outputs.map((name, k) => graph.op('Mul', [logits[name]!, graph.number(weights[k]!, { exact: true })]));
  const sum = terms.reduce((all, term) => graph.op('Add', [all, term]));
  const shift = torch.tidy(() =>
    graph.weight('adaptation.bias', torch.tensor(bias.map((value) => value / scale)), { exact: true }),
  );
  return graph.op('Add', [sum, shift]);
}

/** The metadata that a reader of the file needs. */
function metadataOf(classifier: Classifier): OnnxModel['metadata'] {
  const { classNames, recipe, kind, epoch, background } = classifier;
  const { mean, std, model } = recipe;
  return {
    classes: JSON.stringify(classNames),
    model: model.name,
    kind,
    ...(epoch !== null && { epoch: String(epoch) }),
    mean: JSON.stringify(mean),
    std: JSON.stringify(std),
    background: JSON.stringify(background),
    logit_scale: String(logitScale(classifier)),
    ...toMetadata(descriptionOf(classifier, { adapted: true })),
  };
}
