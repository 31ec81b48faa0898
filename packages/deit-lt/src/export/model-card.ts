/** The card of an exported model: what it is, how it is used, what was measured. */

import path from 'node:path';
import type { Classifier } from '../classifier/classifier.js';
import { accuracyNames } from '../evaluation/class-figures.js';
import type { EvaluationResult } from '../evaluation/evaluate.js';
import { accuracyCells, columnsExplained, fewWarning } from '../evaluation/figure-text.js';
import type { FinalEvaluation, StartingWeights } from '../runs/run-folder.js';
import { markdownText } from '../text/cells.js';
import { type OnnxCheck, precisionNames } from './onnx/check.js';
import type { OnnxPrecision } from './onnx/graph-builder.js';
import { inputSize } from './onnx/model.js';
import { timmCodeOf } from './timm-code.js';

export interface CardFacts {
  readonly classifier: Classifier;
  /** Name of the training data. */
  readonly dataName: string;
  /** The weights that its training began with; absent when they were random or are unknown. */
  readonly from?: StartingWeights;
  /** Undefined when nothing was measured. */
  readonly evaluation: FinalEvaluation | undefined;
  /** Check of each ONNX model in the folder; undefined if it could not be run. */
  readonly checks: ReadonlyMap<OnnxPrecision, OnnxCheck | undefined>;
}

/** `README.md` of the folder. */
export function modelCard(facts: CardFacts): string {
  const { classifier, dataName } = facts;
  const { recipe, classNames, kind } = classifier;
  const size = inputSize(classifier);
  const what = {
    student: 'A transformer with two experts (DeiT-LT)',
    vit: 'A Vision Transformer',
    teacher: 'A convolutional network',
  }[kind];
  return `---
library_name: transformers.js
pipeline_tag: image-classification
tags: [image-classification, long-tailed, deit-lt, onnx]
---

# ${markdownText(recipe.model.name)} for ${classNames.length} classes

${what} for images of ${size} × ${size} pixels, trained on ${markdownText(dataName)} with [DeiT-LT](https://arxiv.org/abs/2404.02900) in TypeScript.${startedFrom(facts.from)}

## Use

\`\`\`js
import { pipeline } from '@huggingface/transformers';
const classify = await pipeline('image-classification', 'PATH/OF/THIS/FOLDER');
console.log(await classify('photo.jpg'));
\`\`\`

${usageOfOutputs(facts)}${usageOfAdaptation(facts)}${usageOfWeights(facts)}

## Images of other sizes

${usageOfImages(facts)}

## Measured

${measured(facts)}

${checked(facts)}
`;
}

/** The first weights, behind all runs that began with each other: their licence holds for this model, too. */
function startedFrom(from: StartingWeights | undefined): string {
  if (from === undefined) return '';
  let first = from;
  while (first.from !== undefined) first = first.from;
  const { model, source, licence, sha256 } = first;
  const of = model === undefined ? '' : ` of ${markdownText(model)}`;
  const name = path.basename(first.path).replaceAll('`', '');
  const file = path.extname(name) === '' ? '' : ` in \`${name}\``; // the name of a folder says nothing elsewhere
  const origin = source === undefined ? '' : `, from ${markdownText(source)}`;
  const terms =
    licence === undefined ? 'No file beside them states a licence' : `Their licence is ${markdownText(licence)}`;
  return `

The training began with the weights${of}${file} (SHA-256 ${sha256.slice(0, 16)}…)${origin}. ${terms}; its terms may hold for this model, too.`;
}

function usageOfOutputs({ classifier: { kind, adaptation } }: CardFacts): string {
  if (kind !== 'student') return '';
  const prediction = adaptation ? '`logits`, made of both, which' : '`logits`, their mean, which';
  return `The ONNX models have three outputs: \`logits_cls\`, the expert on large classes, \`logits_dist\`, the expert on small ones, and ${prediction} is the prediction.\n\n`;
}

/** Undefined rules need no words. */
function usageOfAdaptation({ classifier: { adaptation } }: CardFacts): string {
  if (adaptation === undefined) return '';
  const { prior, unknown, conformal } = adaptation;
  const from = {
    uniform: 'all classes occur alike',
    training: 'classes occur as often as in training',
    file: 'classes occur as often as its user said',
    estimated: 'classes occur as often as was estimated from unlabelled images',
  }[prior.from];
  const occurring = prior.shares.filter((share) => share > 0).length;
  const some =
    occurring < prior.shares.length ? `, that only ${occurring} of the ${prior.shares.length} classes occur` : '';
  const rules = [
    ...(unknown ? ['thresholds by class, below which the answer is "unknown" (`unknown.thresholds`)'] : []),
    ...(conformal
      ? [
          `limits by class of conformal sets with a coverage of ${Number((100 * conformal.coverage).toFixed(1))} % (\`conformal.limits\`)`,
        ]
      : []),
  ];
  const more =
    rules.length === 0
      ? ''
      : ` The metadata of the ONNX models have ${rules.join(', and ')}, for the reader to apply to the probabilities.`;
  return `The logits of the ONNX models are adapted: they assume that ${from}${some}, and their probabilities are calibrated on held-out images. \`model.safetensors\` has the weights as they were trained.${more}\n\n`;
}

/** transformers.js has no bicubic (or bilinear) filter with a low-pass. */
function usageOfImages({ classifier }: CardFacts): string {
  const { filter } = classifier.recipe;
  const size = inputSize(classifier);
  if (filter === 'nearest')
    return `The model was evaluated on images that were resized to ${size} × ${size} pixels by the nearest pixel.`;
  return `The model was evaluated on images that were shrunk by a ${filter} filter with a low-pass, as Pillow does. transformers.js shrinks them in Node by a Lanczos filter (\`resample: 1\`) instead of ${filter}, in a browser by the canvas, whatever \`resample\` says. Probabilities differ a little, in a browser more, and of images between two classes the predicted class may change. Images of ${size} × ${size} pixels are used as they are where nothing is cropped.`;
}

/** The CIFAR ResNets are of LDAM's and PaCo's authors; timm has no cosine classifier. */
function usageOfWeights({ classifier: { recipe, model } }: CardFacts): string {
  const needed = timmCodeOf(model);
  if (needed !== null)
    return `\`model.safetensors\` has timm's names, but ${needed.lacks}. \`${needed.architecture}.py\` in this folder registers it: append the folder to \`sys.path\`, \`import ${needed.architecture}\`, then \`timm.create_model("local-dir:PATH/OF/THIS/FOLDER", pretrained=True)\`. transformers for Python has other names and does not load it.`;
  if (!/^(deit|vit|regnety|resnext|resnet(18|34|50|101|152)$)/.test(recipe.model.name))
    return '`model.safetensors` has the names of the published CIFAR networks, which neither timm nor transformers for Python has.';
  const names = "`model.safetensors` has timm's names. transformers for Python has other names and does not load it.";
  if (recipe.model.cosine !== true) return names;
  return `${names} The classifier is a cosine classifier (\`fc.weight\` is [features, classes], without a bias; logits are cosines), which timm does not have: timm loads the network only with a new classifier, by \`num_classes\` of another number of classes.`;
}

function measured(facts: CardFacts): string {
  const { evaluation } = facts;
  if (evaluation === undefined)
    return 'Nothing: the run has no evaluation (`deit-lt eval RUN --data DATA --save` makes it).';
  const { split, avg } = evaluation;
  const what = facts.classifier.adaptation ? 'Accuracy of the model as it was trained, in %,' : 'Accuracy in %';
  const rows = rowsOf(evaluation).map(([name, metrics]) => `| ${[name, ...accuracyCells(metrics)].join(' | ')} |`);
  const warning = fewWarning(avg.few, split);
  return `${what} on ${avg.images} ${split} images (${columnsExplained}).

| | ${accuracyNames.join(' | ')} |
| ---${' | ---'.repeat(accuracyNames.length)} |
${rows.join('\n')}${warning === undefined ? '' : `\n\n${warning}`}`;
}

function rowsOf({ avg, cls, dist }: EvaluationResult): [string, EvaluationResult['avg']][] {
  return cls === undefined || dist === undefined
    ? [['model', avg]]
    : [
        ['CLS', cls],
        ['DIST', dist],
        ['average', avg],
      ];
}

function checked({ checks }: CardFacts): string {
  const lines = [...checks].map(([precision, check]) =>
    check === undefined
      ? `- ${precisionNames[precision]}: not run`
      : `- ${precisionNames[precision]}: largest difference ${(100 * check.difference).toPrecision(2)} % of the largest logit, the same class for ${Math.round(check.sameClass * check.images)} of ${check.images}`,
  );
  return `The ONNX models against the original in float32, on drawn images:\n\n${lines.join('\n')}`;
}
