/** Runs an exported ONNX model beside the model that it came from, on real images, and says how near it is. */
import * as torch from '@deit-lt/torch';
import { adaptedLogits, excluded } from '../../classifier/adapted-logits.js';
import type { Classifier } from '../../classifier/classifier.js';
import { logitScale } from '../../classifier/logit-scale.js';
import { Loader } from '../../data/loader.js';
import { openPixels } from '../../data/open-pixels.js';
import { drawShapes } from '../../data/shapes/index.js';
import { UserError } from '../../errors.js';
import type { Runtime } from '../../onnx/runtime.js';
import { studentOutputs } from '../../tasks/student-task.js';
import type { OnnxPrecision } from './graph-builder.js';

export interface OnnxCheck {
  readonly images: number;
  /** Largest difference of a logit over the largest logit. */
  readonly difference: number;
  /** Share of the images for which the most likely class is the same. */
  readonly sameClass: number;
}

export const precisionNames: Readonly<Record<OnnxPrecision, string>> = {
  fp32: 'ONNX float32',
  fp16: 'ONNX float16',
  int8: 'ONNX 8 bits',
};

/**
 * The largest difference that is allowed. With 8 bits, predicted classes may change, but larger differences mean that
 * the model is broken.
 */
const tolerances: Readonly<Record<OnnxPrecision, number>> = { fp32: 1e-4, fp16: 3e-2, int8: 0.5 };

const imageCount = 16;

/**
 * The exported model against ours in float32, on 16 drawn images seen as at evaluation. Throws UserError CHECKPOINT when they
 * differ by more than `precision` explains.
 */
export async function checkOnnx(
  runtime: Runtime,
  bytes: Uint8Array,
  classifier: Classifier,
  precision: OnnxPrecision,
): Promise<OnnxCheck> {
  using images = await drawnImages(classifier);
  const wanted = expected(classifier, images);
  const session = await runtime.InferenceSession.create(bytes, { logSeverityLevel: 3 });
  try {
    const feeds = { pixel_values: new runtime.Tensor('float32', images.cpu().toTypedArray(), images.shape) };
    const found = await session.run(feeds);
    const check = compare(found, wanted, excluded / logitScale(classifier) / 2);
    if (check.difference <= tolerances[precision]) return check;
    throw new UserError(
      'CHECKPOINT',
      `${classifier.file}: its ONNX model in ${precision} differs from the original by ${(100 * check.difference).toPrecision(2)} % of the largest logit (at most ${100 * tolerances[precision]} % is allowed), so it was not written.`,
    );
  } finally {
    await session.release();
  }
}

/** `[16, 3, S, S]`, on the model's device. */
async function drawnImages({ pipeline, placement }: Classifier): Promise<torch.Tensor> {
  const { train } = drawShapes({ trainPerClass: 2, testPerClass: 1 });
  await using source = openPixels(train.images);
  const ids = Int32Array.from({ length: imageCount }, (_, i) => i);
  const loader = new Loader({
    source,
    labels: train.labels,
    pipeline,
    ids,
    batchSize: imageCount,
    device: placement.device,
  });
  for await (const batch of loader) return batch.images;
  throw new Error('internal: a loader without a batch');
}

function expected(classifier: Classifier, images: torch.Tensor): ReadonlyMap<string, Float32Array> {
  const { model, adaptation } = classifier;
  return torch.tidy(() => {
    const output = torch.noGrad(() => model.call(images));
    const raw = Array.isArray(output) ? studentOutputs(output[0], output[1]) : { avg: output };
    const { avg, cls, dist } = adaptation ? adaptedLogits(raw, adaptation, logitScale(classifier)) : raw;
    const named = { logits: avg, ...(cls && { logits_cls: cls }), ...(dist && { logits_dist: dist }) };
    return new Map(Object.entries(named).map(([name, values]) => [name, values.toTypedArray<'float32'>()]));
  });
}

/** `least`: smaller logits are of classes that do not occur; they would hide every difference. */
function compare(
  found: Readonly<Record<string, { data: Float32Array }>>,
  wanted: ReadonlyMap<string, Float32Array>,
  least: number,
): OnnxCheck {
  let difference = 0;
  for (const [name, values] of wanted) {
    const actual = found[name]!.data;
    const largest = values.reduce((most, value) => Math.max(most, value < least ? 0 : Math.abs(value)), 1e-3);
    // An infinity or NaN must not pass as near.
    const off = values.reduce((most, value, i) => {
      if (!Number.isFinite(actual[i])) return Infinity;
      return value < least && actual[i]! < least ? most : Math.max(most, Math.abs(actual[i]! - value));
    }, 0);
    difference = Math.max(difference, off / largest);
  }
  const best = (values: Float32Array): number[] => bestClasses(values, values.length / imageCount);
  const ours = best(wanted.get('logits')!);
  const same = best(found.logits!.data).filter((each, i) => each === ours[i]).length;
  return { images: imageCount, difference, sameClass: same / imageCount };
}

function bestClasses(logits: Float32Array, classes: number): number[] {
  return Array.from({ length: imageCount }, (_, i) => {
    const row = logits.subarray(i * classes, (i + 1) * classes);
    return row.indexOf(row.reduce((most, value) => Math.max(most, value), Number.NEGATIVE_INFINITY));
  });
}
