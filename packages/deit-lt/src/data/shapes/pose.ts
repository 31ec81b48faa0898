/** The pose of a shape in the image: place, size, rotation, stretch and shear. */
import type { RandomStream } from '../../random/stream.js';

/** Maps pixels to the plane of the outlines: `u = a·(x − cx) + b·(y − cy)`, `v = c·(x − cx) + d·(y − cy)`. */
export interface Pose {
  readonly centre: readonly [number, number];
  readonly matrix: readonly [number, number, number, number];
  /** Approximate number of pixels of a unit of the outline's plane. */
  readonly radius: number;
}

export interface PoseRanges {
  /** Radius, as a share of the image's side. */
  readonly radius: readonly [number, number];
  /** Largest distance of the centre from the middle, as a share of the image's side. */
  readonly offset: number;
  /** Largest turn to either side, in radians. */
  readonly turn: number;
  /** Largest shear and largest stretch beyond 1. */
  readonly shear: number;
  readonly stretch: number;
}

/** Draws a pose for an image of `size` pixels. */
export function drawPose(
  size: number,
  { radius, offset, turn, shear, stretch }: PoseRanges,
  random: RandomStream,
): Pose {
  const r = size * random.uniform(...radius);
  const centre = [drawCentre(size, offset, random), drawCentre(size, offset, random)] as const;
  const angle = random.uniform(-turn, turn);
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  const skew = random.uniform(-shear, shear);
  const wide = Math.sqrt(1 + random.uniform(0, stretch));
  // undo, in the reverse order: scale, rotate, shear, stretch
  const [a, b, c, d] = [cos / r, sin / r, -sin / r, cos / r];
  return { centre, radius: r, matrix: [(a + skew * c) / wide, (b + skew * d) / wide, c * wide, d * wide] };
}

function drawCentre(size: number, offset: number, random: RandomStream): number {
  return size * (0.5 + random.uniform(-offset, offset));
}
