/** The most likely classes by logits, as accuracy and top-5 accuracy count them. */
import * as torch from '@deit-lt/torch';

/**
 * The `count` best classes of each row of `logits` `[B, C]`: B · `count` class numbers, best first. The first of a row is
 * the prediction, `argmax`. Waits for the device.
 */
export function bestClasses(logits: torch.Tensor, count: number): Int32Array {
  return orderedRanks(
    torch.tidy(() => ranksOf(logits, count).toTypedArray<'int32'>()),
    count,
  );
}

/** The part of `bestClasses` that a device does, without a wait: `[B, 1 + count]`, int32, `argmax` before `topk`. */
export function ranksOf(logits: torch.Tensor, count: number): torch.Tensor {
  return torch.tidy(() => torch.noGrad(() => torch.cat([logits.argmax(1, true), logits.topk(count, 1)[1]], 1).int()));
}

/** The other part: the values of `ranksOf` to those of `bestClasses`. */
export function orderedRanks(ranks: Int32Array, count: number): Int32Array {
  const rows = ranks.length / (1 + count);
  const best = new Int32Array(rows * count);
  for (let i = 0; i < rows; i++) {
    const row = best.subarray(i * count, (i + 1) * count);
    row.set(ranks.subarray(i * (1 + count) + 1, (i + 1) * (1 + count)));
    moveToFront(row, ranks[i * (1 + count)]!);
  }
  return best;
}

/** Among equal logits, `argmax` takes the first class and `topk` any. */
function moveToFront(row: Int32Array, prediction: number): void {
  const at = row.indexOf(prediction);
  row[at < 0 ? row.length - 1 : at] = row[0]!;
  row[0] = prediction;
}
