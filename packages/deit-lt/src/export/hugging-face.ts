/**
 * A folder as the Hugging Face Hub has it: transformers.js classifies images with it (`onnx/`), timm loads it
 * (`model.safetensors`, `architecture` and `model_args` of `config.json`), and a person reads its card.
 * https://huggingface.co/docs/transformers.js/custom_usage, https://huggingface.co/docs/timm/hf_hub
 */
import path from 'node:path';
import { cropsMiddle, resizedSide } from '../augment/evaluation-input.js';
import type { Classifier } from '../classifier/classifier.js';
import { toHuggingFace } from '../description/hugging-face.js';
import { VisionTransformer } from '../models/vit.js';
import { inputSize } from './onnx/model.js';
import { timmConfig, timmLayers } from './timm-config.js';
import { descriptionOf } from './weights.js';

/** `config.json`. */
export function modelConfig(classifier: Classifier): object {
  const { classNames, recipe, model } = classifier;
  const size = inputSize(classifier);
  const labels = Object.fromEntries(classNames.map((name, c) => [c, name]));
  const isTransformer = model instanceof VisionTransformer;
  return {
    // transformers.js chooses by these; of its convolutional classes any runs the graph as it is.
    model_type: isTransformer ? (model.distilled ? 'deit' : 'vit') : 'resnet',
    architectures: [
      isTransformer ? `${model.distilled ? 'DeiT' : 'ViT'}ForImageClassification` : 'ResNetForImageClassification',
    ],
    id2label: labels,
    label2id: Object.fromEntries(classNames.map((name, c) => [name, c])),
    num_channels: 3,
    image_size: size,
    ...toHuggingFace(descriptionOf(classifier, { imageSize: size })),
    // timm's
    ...timmConfig(classifier),
    pretrained_cfg: {
      input_size: [3, size, size],
      interpolation: recipe.filter,
      crop_pct: cropsMiddle(size) ? 224 / 256 : 1,
      mean: recipe.mean,
      std: recipe.std,
      num_classes: classNames.length,
      label_names: classNames,
      ...timmLayers(classifier),
    },
  };
}

/**
 * transformers.js filters (as a low-pass, without which shrunk images alias) by Lanczos alone, which is 1; its bilinear (2) and
 * bicubic (3) interpolate between four and sixteen pixels however much an image is shrunk.
 */
const resamplings = { nearest: 0, bilinear: 1, bicubic: 1 } as const;

/** `preprocessor_config.json`: our transform at evaluation. */
export function preprocessorConfig(classifier: Classifier): object {
  const { mean, std, filter } = classifier.recipe;
  const size = inputSize(classifier);
  const square = { height: size, width: size };
  const crops = cropsMiddle(size);
  return {
    image_processor_type: 'ViTImageProcessor',
    do_resize: true,
    size: crops ? { shortest_edge: resizedSide(size) } : square,
    resample: resamplings[filter],
    do_center_crop: crops,
    ...(crops && { crop_size: square }),
    do_rescale: true,
    rescale_factor: 1 / 255,
    do_normalize: true,
    image_mean: mean,
    image_std: std,
  };
}

/** Files of the folder, by their names in it. */
export const huggingFaceFiles = {
  config: 'config.json',
  preprocessor: 'preprocessor_config.json',
  weights: 'model.safetensors',
  card: 'README.md',
  onnx: {
    fp32: path.join('onnx', 'model.onnx'),
    fp16: path.join('onnx', 'model_fp16.onnx'),
    int8: path.join('onnx', 'model_quantized.onnx'),
  },
} as const;
