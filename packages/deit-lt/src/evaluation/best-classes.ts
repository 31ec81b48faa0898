/** The most likely classes by logits, as accuracy and top-5 accuracy count them. */
import * as torch from '@deit-lt/torch';

/**
 * The `count` best classes of each row of `logits` `[B, C]`: B · `count` class numbers, best first. The first of a row is
 * the prediction, `argmax`. Waits for the device.
 */
export function bestClasses(logits: torch.Tensor, count: number): Int32Array {
  const { predicted, best } = torch.tidy(() =>
    torch.noGrad(() => ({
      predicted: logits.argmax(1).int().toTypedArray<'int32'>(),
      best: logits.topk(count, 1)[1].int().toTypedArray<'int32'>(), // (B, count)
    })),
  );
  for (const [i, prediction] of predicted.entries()) moveToFront(best.subarray(i * count, (i + 1) * count), prediction);
  return best;
}

/** Among equal logits, `argmax` takes the first class and `topk` any. */
function moveToFront(row: Int32Array, prediction: number): void {
  const at = row.indexOf(prediction);
  row[at < 0 ? row.length - 1 : at] = row[0]!;
  row[0] = prediction;
}
