/** The settings that make a recipe's network the one of a file, for messages. */
import type { ImageModel } from '../models/model.js';
import { createModel, modelNames } from '../models/registry.js';
import { VisionTransformer } from '../models/vit.js';
import type { RecognisedModel } from '../published/family.js';
import { shellLine } from '../shell-line.js';

/** Returns the word after `--set` for a shell: `student.model=resnet50`, or a name with its options. */
export function settingsFor(theirs: RecognisedModel['model'], part: 'teacher' | 'student', model: ImageModel): string {
  const { name, cosine: _, ...options } = wantsDist(model) ? withDist(theirs) : theirs;
  const given = Object.entries(options);
  if (given.length === 0) return `${part}.model=${name}`;
  const pairs = given.map(([option, value]) => `${option}: ${value === undefined ? 'N' : JSON.stringify(value)}`);
  const setting = shellLine([`${part}.model={ replace: true, name: ${name}, ${pairs.join(', ')} }`]);
  const unknown = given.some(([, value]) => value === undefined);
  return unknown
    ? `${setting}, with the number of heads that it was trained with, which no weight shows, for N`
    : setting;
}

const wantsDist = (model: ImageModel): boolean => model instanceof VisionTransformer && model.distilled;

/** The network of that size with a DIST token; where no name has one, `deit` with its sizes. */
function withDist(theirs: RecognisedModel['model']): RecognisedModel['model'] {
  const { name, ...options } = theirs;
  if (name === 'vit') return { name: 'deit', ...options };
  const distilled = name.replace(/^(deit|vit)_(tiny|small|base|large)_patch/, 'deit_$2_distilled_patch');
  return modelNames().includes(distilled) && distilled !== name ? { ...theirs, name: distilled } : asFree(theirs);
}

/** DeiT-III has no name with DIST. */
function asFree(theirs: RecognisedModel['model']): RecognisedModel['model'] {
  if (!theirs.name.startsWith('deit3_')) return theirs;
  using network = createModel(theirs.name, { numClasses: 1, device: 'meta' });
  if (!(network instanceof VisionTransformer)) return theirs;
  const { embedDim, blocks, patchEmbed } = network;
  const numHeads = [...blocks][0]!.attn.numHeads;
  return { name: 'deit', patchSize: patchEmbed.patchSize, embedDim, depth: blocks.length, numHeads, initValues: 1e-4 };
}
