/** How many images of a class are set aside to measure the accuracy. */

/** Returns `share` of `images`, rounded, but one at least; none of a class that has fewer than two. */
export function setAside(images: number, share: number): number {
  return images < 2 || share === 0 ? 0 : Math.max(1, Math.round(images * share));
}
