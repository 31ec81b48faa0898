/**
 * Confidence and accuracy of a teacher on images. On clean, augmented and mixed images they show what the DeiT-LT
 * paper calls out-of-distribution distillation: the student learns from answers that are often wrong.
 */
import * as torch from '@deit-lt/torch';

export interface TeacherAnswers {
  /** The teacher's class of each image. */
  readonly predicted: Int32Array;
  /** `−Σ p·ln p` of each image's probabilities, in nats: 0 … ln C. */
  readonly entropy: Float32Array;
  /** The largest probability of each image. */
  readonly confidence: Float32Array;
}

/** Returns the teacher's predictions from logits `[N, C]`. Waits for the device. */
export function teacherAnswers(logits: torch.Tensor): TeacherAnswers {
  return torch.tidy(() => {
    const logs = logits.float().logSoftmax(1);
    const probabilities = logs.exp();
    return {
      predicted: logits.argmax(1).int().toTypedArray<'int32'>(),
      entropy: probabilities.mul(logs).sum(1).neg().toTypedArray<'float32'>(),
      confidence: probabilities.amax(1).toTypedArray<'float32'>(),
    };
  });
}

/** Means over images; shares are 0 … 1. */
export interface AnswerSummary {
  readonly images: number;
  readonly entropy: number;
  readonly confidence: number;
  /** Share of the images whose answer is the label; of a mixed image, the label with the larger share. */
  readonly right: number;
  /** The answer is the one that the teacher gives to the clean image. */
  readonly asWhenClean: number;
}

/** Summarises the images for which `takes` (default: all) is true; null if there is none. */
export function summarise(
  { predicted, entropy, confidence }: TeacherAnswers,
  { labels, clean }: { readonly labels: ArrayLike<number>; readonly clean: ArrayLike<number> },
  takes: (image: number) => boolean = () => true,
): AnswerSummary | null {
  const ids = Array.from(predicted, (_, i) => i).filter(takes);
  const mean = (of: (i: number) => number): number => ids.reduce((sum, i) => sum + of(i), 0) / ids.length;
  if (ids.length === 0) return null;
  return {
    images: ids.length,
    entropy: mean((i) => entropy[i]!),
    confidence: mean((i) => confidence[i]!),
    right: mean((i) => Number(predicted[i] === labels[i])),
    asWhenClean: mean((i) => Number(predicted[i] === clean[i])),
  };
}
