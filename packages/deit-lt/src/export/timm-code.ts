/**
 * Python code that timm needs for networks that its registry does not have: transformers with a convolutional stem, and
 * airbench94. A folder for the Hugging Face Hub contains it beside the weights.
 */
import { Airbench } from '../models/airbench.js';
import { AirbenchPatchEmbed } from '../models/airbench-patch-embed.js';
import { ConvPatchEmbed } from '../models/conv-patch-embed.js';
import type { ImageModel } from '../models/model.js';
import { VisionTransformer } from '../models/vit.js';
import {
  airbenchArchitecture,
  airbenchCode,
  airbenchStemArchitecture,
  airbenchStemCode,
} from './timm-airbench-code.js';
import { stemArchitecture, stemCode } from './timm-stem-code.js';

/** A file of Python code that registers a model in timm. */
export interface TimmCode {
  /** Name of the model in timm, and of the file without `.py`. */
  readonly architecture: string;
  /** The parts that timm lacks, for the model card. */
  readonly lacks: string;
  /** Name of the first layer with weights, for other numbers of channels. */
  readonly firstLayer: string;
  readonly code: string;
}

const airbench: TimmCode = {
  architecture: airbenchArchitecture,
  lacks: 'timm does not have this network',
  firstLayer: 'whiten',
  code: airbenchCode,
};

const lacks = 'timm has no model with this convolutional stem';

const convStem: TimmCode = {
  architecture: stemArchitecture,
  lacks,
  firstLayer: 'patch_embed.backbone.0.conv',
  code: stemCode,
};

const airbenchStem: TimmCode = {
  architecture: airbenchStemArchitecture,
  lacks,
  firstLayer: 'patch_embed.backbone.whiten',
  code: airbenchStemCode,
};

/** Returns the code that timm needs for a model; null for models that timm has. */
export function timmCodeOf(model: ImageModel): TimmCode | null {
  if (model instanceof Airbench) return airbench;
  if (!(model instanceof VisionTransformer)) return null;
  if (model.patchEmbed instanceof ConvPatchEmbed) return convStem;
  return model.patchEmbed instanceof AirbenchPatchEmbed ? airbenchStem : null;
}
