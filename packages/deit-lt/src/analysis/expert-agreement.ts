/** Counts the images on which CLS and DIST of a student agree, and on which only one of them is right. */

export interface ExpertAnswers {
  readonly labels: ArrayLike<number>;
  /** Predicted class of each image. */
  readonly cls: ArrayLike<number>;
  readonly dist: ArrayLike<number>;
}

/** Counts of images. `bothRight + clsAlone + distAlone + bothWrong = images`. */
export interface ExpertAgreement {
  readonly images: number;
  /** Both say the same, right or wrong. */
  readonly agree: number;
  readonly bothRight: number;
  readonly clsAlone: number;
  readonly distAlone: number;
  readonly bothWrong: number;
}

/** Counts the images for which `takes` (default: all) is true. */
export function expertAgreement(
  { labels, cls, dist }: ExpertAnswers,
  takes: (image: number) => boolean = () => true,
): ExpertAgreement {
  const counts = { images: 0, agree: 0, bothRight: 0, clsAlone: 0, distAlone: 0, bothWrong: 0 };
  for (let i = 0; i < labels.length; i++) {
    if (!takes(i)) continue;
    const [byCls, byDist] = [cls[i] === labels[i], dist[i] === labels[i]];
    counts.images++;
    if (cls[i] === dist[i]) counts.agree++;
    counts[byCls ? (byDist ? 'bothRight' : 'clsAlone') : byDist ? 'distAlone' : 'bothWrong']++;
  }
  return counts;
}
