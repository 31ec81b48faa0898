/**
 * Mixup (Zhang et al. 2018, arXiv 1710.09412) and CutMix (Yun et al. 2019, arXiv 1905.04899) with soft labels, as
 * timm's `Mixup`: an image is mixed with that at the mirrored place of the batch. In an odd batch the middle image's
 * partner is itself, so it is not mixed. Images can be mixed with those of another batch too, as GLMC does.
 */
import * as torch from '@deit-lt/torch';
import type { RandomStream } from '../random/stream.js';
import { Upload } from '../upload.js';
import type { Box } from './random-erasing.js';
import { atOnce } from './transform.js';

/** Mixing parameters of one image or a whole batch: `lambda` is the share of the image itself in its label. */
export type Mix =
  | { readonly kind: 'none'; readonly lambda: 1 }
  | { readonly kind: 'mixup'; readonly lambda: number }
  | { readonly kind: 'cutmix'; readonly lambda: number; readonly box: Box };

export interface DrawMixOptions {
  /** α of Mixup's Beta(α, α); 0: no Mixup. Default 0.8. */
  mixupAlpha?: number;
  /** α of CutMix's Beta(α, α); 0: no CutMix. Default 1. */
  cutmixAlpha?: number;
  /** Smallest and largest side of CutMix's box as shares of the image's, in place of Beta(α, α). Default none. */
  cutmixMinMax?: readonly [number, number] | undefined;
  /** Share of the draws that mix at all. Default 1. */
  probability?: number;
  /** Share of CutMix when both are on. Default 0.5. */
  switchProbability?: number;
  /** λ of a box that the image's border clips becomes the share that stays; boxes of `cutmixMinMax` always do so. Default true. */
  correctLambda?: boolean;
}

const unmixed: Mix = { kind: 'none', lambda: 1 };

/** Draws how images of `height` × `width` are mixed; the same numbers in the same order as timm. */
export function drawMix(
  height: number,
  width: number,
  random: Pick<RandomStream, 'chance' | 'beta' | 'int'>,
  options: DrawMixOptions = {},
): Mix {
  const { mixupAlpha = 0.8, cutmixAlpha = 1, cutmixMinMax, probability = 1, switchProbability = 0.5 } = options;
  const canCut = cutmixAlpha > 0 || cutmixMinMax !== undefined;
  if (!(mixupAlpha > 0 || canCut) || !random.chance(probability)) return unmixed;
  const cuts = canCut && (mixupAlpha <= 0 || random.chance(switchProbability));
  if (!cuts) return { kind: 'mixup', lambda: random.beta(mixupAlpha, mixupAlpha) };
  if (cutmixMinMax !== undefined) return cutmixOf(drawSizedBox(height, width, cutmixMinMax, random), height, width);
  const lambda = random.beta(cutmixAlpha, cutmixAlpha);
  const box = drawCutmixBox(height, width, lambda, random);
  return options.correctLambda === false ? { kind: 'cutmix', box, lambda } : cutmixOf(box, height, width);
}

/** CutMix with `box`: λ is the share of the image that stays. */
export function cutmixOf(box: Box, height: number, width: number): Mix {
  return { kind: 'cutmix', box, lambda: 1 - (box.height * box.width) / (height * width) };
}

type BoxRandom = Pick<RandomStream, 'int'>;

function drawCutmixBox(height: number, width: number, lambda: number, random: BoxRandom): Box {
  const centerY = random.int(height);
  return cutmixBox(height, width, lambda, centerY, random.int(width));
}

/**
 * The box of (1 − λ) of the area, with the image's shape, around a centre; clipped to the image. Odd sides are rounded down, as in
 * the published code and timm up to 1.0.28.
 */
export function cutmixBox(height: number, width: number, lambda: number, centerY: number, centerX: number): Box {
  const share = Math.sqrt(1 - lambda);
  const halfHeight = Math.floor(Math.trunc(height * share) / 2);
  const halfWidth = Math.floor(Math.trunc(width * share) / 2);
  const top = Math.max(0, centerY - halfHeight);
  const left = Math.max(0, centerX - halfWidth);
  return {
    top,
    left,
    height: Math.min(height, centerY + halfHeight) - top,
    width: Math.min(width, centerX + halfWidth) - left,
  };
}

/** A box inside the image, each side drawn from `minMax` of the image's. */
function drawSizedBox(height: number, width: number, minMax: readonly [number, number], random: BoxRandom): Box {
  const side = (whole: number): number => {
    const least = Math.trunc(whole * minMax[0]);
    return least + random.int(Math.max(1, Math.trunc(whole * minMax[1]) - least));
  };
  const box = { height: side(height), width: side(width) };
  return { ...box, top: random.int(height - box.height + 1), left: random.int(width - box.width + 1) };
}

/**
 * Mixes `images` `[B, C, H, W]` with `partners`, by default the same in mirrored order; `mixes` has one entry for the whole
 * batch or one for each image. Returns a new tensor.
 */
export function mixImages(images: torch.Tensor, mixes: readonly Mix[], partners?: torch.Tensor): torch.Tensor {
  return atOnce(images, ({ upload }) => {
    const mix = planMixImages(mixes, upload);
    return (own) => mix(own, partners);
  });
}

/** Plans what `mixImages` does. */
export function planMixImages(
  mixes: readonly Mix[],
  upload: Upload,
): (images: torch.Tensor, partners?: torch.Tensor) => torch.Tensor {
  const blend = planBlend(mixes, upload);
  return (images, partners) =>
    torch.tidy(() => {
      const others = partners ?? images.flip(0);
      const mixed = blend(images, others);
      mixes.forEach((mix, i) => {
        if (mix.kind === 'cutmix') pastePartners_(mixed, others, mix.box, mixes.length === 1 ? undefined : i);
      });
      return mixed;
    });
}

/** `λ·x + (1 − λ)·partner` where the kind is Mixup, a copy elsewhere. */
function planBlend(
  mixes: readonly Mix[],
  upload: Upload,
): (images: torch.Tensor, partners: torch.Tensor) => torch.Tensor {
  if (mixes.every(({ kind }) => kind !== 'mixup')) return (images) => images.clone();
  const shares = mixes.map((mix) => (mix.kind === 'mixup' ? mix.lambda : 1));
  const [only] = shares;
  if (shares.length === 1) return (images, partners) => images.mul(only!).add_(partners, { alpha: 1 - only! });
  const sent = upload.perImage(shares);
  return (images, partners) => {
    const own = sent();
    return images.mul(own).addcmul_(partners, own.neg().add_(1));
  };
}

/** Puts the partners' `box` in its place, in image `only` or in all. */
function pastePartners_(mixed: torch.Tensor, partners: torch.Tensor, box: Box, only: number | undefined): void {
  const part = (batch: torch.Tensor): torch.Tensor =>
    (only === undefined ? batch : batch.narrow(0, only, 1))
      .narrow(2, box.top, box.height)
      .narrow(3, box.left, box.width);
  part(mixed).copy_(part(partners));
}

/** Targets `[B, numClasses]`, float32: 1 − s + s/C for the label and s/C for the others (s = `smoothing`, 0…1). */
export function smoothedOneHot(labels: Int32Array, numClasses: number, smoothing = 0): torch.Tensor {
  return mixTargets(labels, [unmixed], { numClasses, smoothing });
}

export interface MixTargetsOptions {
  numClasses: number;
  /** Label smoothing, 0…1. Default 0. */
  smoothing?: number;
  /** The partners' labels. Default: the labels in mirrored order. */
  partners?: Int32Array;
}

/** `λ · target + (1 − λ) · partner's target`, `[B, numClasses]`, float32 on the CPU; `mixes` as for `mixImages`. */
export function mixTargets(
  labels: Int32Array,
  mixes: readonly Mix[],
  { numClasses, smoothing = 0, partners = labels.toReversed() }: MixTargetsOptions,
): torch.Tensor {
  const targets = new Float32Array(labels.length * numClasses).fill(smoothing / numClasses);
  labels.forEach((label, i) => {
    const { lambda } = mixes.length === 1 ? mixes[0]! : mixes[i]!;
    targets[i * numClasses + label]! += (1 - smoothing) * lambda;
    targets[i * numClasses + partners[i]!]! += (1 - smoothing) * (1 - lambda);
  });
  return torch.tensor(targets, { shape: [labels.length, numClasses] });
}

export interface MixBatchOptions extends DrawMixOptions, Omit<MixTargetsOptions, 'partners'> {
  /** One draw for the whole batch, for each pair of partners, or for each image. Default batch. */
  mode?: 'batch' | 'pair' | 'elem';
  /** The stream of this batch. */
  random: RandomStream;
}

export interface MixedBatch {
  /** A new tensor, `[B, C, H, W]`. */
  images: torch.Tensor;
  /** `[B, numClasses]`, float32, on the images' device. */
  targets: torch.Tensor;
  /** Share of each image itself in its label; in modes other than batch, the mean. */
  lambda: number;
  /** `various` when the images of the batch were mixed in different ways. */
  kind: Mix['kind'] | 'various';
  /** One for the whole batch, or one for each image. */
  mixes: readonly Mix[];
}

/**
 * Draws how the batch is mixed and mixes `images` `[B, C, H, W]` and `labels` (length B, each in [0, numClasses)); an odd
 * batch's middle image stays unmixed. The defaults are DeiT's: Mixup 0.8 or CutMix 1.0, each for half of the batches.
 */
export function mixBatch(images: torch.Tensor, labels: Int32Array, options: MixBatchOptions): MixedBatch {
  return torch.tidy(() => {
    const upload = new Upload(images.device);
    const { mix } = planMixBatch(images, labels, options, upload);
    upload.send();
    return mix();
  });
}

/** Draws what `mixBatch` draws; its `mix` mixes, after `upload` was sent. */
export function planMixBatch(
  images: torch.Tensor,
  labels: Int32Array,
  options: MixBatchOptions,
  upload: Upload,
): { mixes: readonly Mix[]; mix: () => MixedBatch } {
  const [batch, , height, width] = images.shape as [number, number, number, number];
  const draw = (): Mix => drawMix(height, width, options.random, options);
  const mixes = drawAll(options.mode ?? 'batch', batch, draw);
  const kinds = new Set(mixes.map(({ kind }) => kind));
  const mixed = planMixImages(mixes, upload);
  const targets = upload.tensor(mixTargets(labels, mixes, options));
  const mix = (): MixedBatch => ({
    images: mixed(images),
    targets: targets(),
    lambda: mixes.reduce((sum, { lambda }) => sum + lambda, 0) / mixes.length,
    kind: kinds.size === 1 ? mixes[0]!.kind : 'various',
    mixes,
  });
  return { mixes, mix };
}

function drawAll(mode: 'batch' | 'pair' | 'elem', batch: number, draw: () => Mix): Mix[] {
  if (mode === 'batch') return [draw()];
  if (mode === 'elem') return Array.from({ length: batch }, draw);
  const pairs = Array.from({ length: Math.ceil(batch / 2) }, draw);
  return Array.from({ length: batch }, (_, i) => pairs[Math.min(i, batch - 1 - i)]!);
}
