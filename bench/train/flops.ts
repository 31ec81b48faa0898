/**
 * Arithmetic that a training step cannot do without, per image: two operations for each product of a convolution or
 * matrix product. A backward pass counts as two forward passes (the first layer's is one). Norms, activations, softmax and the optimizer are not counted.
 */
import type { Recipe } from '#deit-lt/recipe/schema.js';
import type { Kind } from './trainer.js';

/**
 * Of the step of a kind. Teachers with SAM go forward and backward twice, PaCo's keys once forward, GLMC has two mixtures of
 * each image; the student's teacher goes forward.
 */
export function stepFlops(kind: Kind, recipe: Recipe, numClasses: number): number {
  const { imageSize, sam } = recipe.teacher;
  const sameSize = kind === 'student' && recipe.student.distillation.teacherInput === 'same-size';
  const forward = resnet32Flops(sameSize ? recipe.student.imageSize : imageSize, numClasses);
  if (kind === 'student') return 3 * deitFlops(recipe.student, numClasses) + forward;
  const passes = (sam.rho > 0 ? 2 : 1) * 3 * forward;
  if (kind === 'paco') return passes + forward;
  return kind === 'glmc' ? 2 * passes : passes;
}

/** A forward pass of the CIFAR ResNet-32: 11 convolutions at full size, then two stages, each half as large and twice as wide. */
function resnet32Flops(side: number, numClasses: number): number {
  const conv = (cIn: number, cOut: number, size: number): number => 9 * cIn * cOut * size ** 2;
  const stage = (cIn: number, cOut: number, size: number): number => conv(cIn, cOut, size) + 9 * conv(cOut, cOut, size);
  const products = conv(3, 16, side) + stage(16, 16, side) + stage(16, 32, side / 2) + stage(32, 64, side / 4);
  return 2 * (products + 64 * numClasses);
}

/** A forward pass of a distilled ViT; of the last block only the two tokens that the heads look at. */
function deitFlops({ model, imageSize }: Recipe['student'], numClasses: number): number {
  const { patchSize = 4, embedDim: dim = 192, depth = 12, mlpRatio = 4 } = model;
  const patches = (imageSize / patchSize) ** 2;
  const length = patches + 2;
  const block = (queries: number): number =>
    2 * length * dim ** 2 + // keys and values
    2 * queries * dim ** 2 + // queries and projection
    2 * queries * length * dim + // attention
    2 * mlpRatio * queries * dim ** 2;
  const products = patches * 3 * patchSize ** 2 * dim + (depth - 1) * block(length) + block(2) + 2 * dim * numClasses;
  return 2 * products;
}
