/**
 * One picture: a textured shape on a textured ground among small distractors, partly covered, unevenly lit, blurred and
 * noisy. The outline is the class; the ground's hue and the shape's material go with it often (habits.ts); all else is
 * drawn alike for all classes.
 */
import type { RandomStream } from '../../random/stream.js';
import { Canvas } from './canvas.js';
import { drawHabit } from './habits.js';
import { type Outline, outlines, type ShapeName } from './outlines.js';
import { drawPose, type PoseRanges } from './pose.js';
import { type Colour, drawColour, drawDark, drawLighter, drawTexture, plain } from './texture.js';

/** Difficulty of the pictures. Chosen by eye and by the accuracy of a small network; see docs/shapes.md. */
const shapePose: PoseRanges = { radius: [0.28, 0.42], offset: 0.08, turn: 0.6, shear: 0.2, stretch: 0.4 };
const smallPose: PoseRanges = { radius: [0.04, 0.11], offset: 0.5, turn: Math.PI, shear: 0.3, stretch: 1 };
const coverPose: PoseRanges = { radius: [0.06, 0.1], offset: 0.25, turn: Math.PI, shear: 0.3, stretch: 1 };
/** Approximate colour distance of the shape from the ground, in levels (Euclidean). */
const shapeContrast = [80, 160] as const;
const textureContrast = [5, 45] as const;
const distractors = 3;
const coveredShare = 0.3;
const light = 0.3;
const blurredShare = 0.3;
const noise = [2, 8] as const;

const specks: readonly Outline[] = [outlines.disc, outlines.square, outlines.triangle];
/** A bar across the picture. */
const bar: Outline = (x, y) => Math.max(Math.abs(y) - 0.8, Math.abs(x) - 12);
/** Beyond its corners, as its distance there is the larger of two. */
const barReach = 13;

/** Draws the picture of a `shape`: `size · size · 3` bytes, row by row, RGB. */
export function drawScene(shape: ShapeName, size: number, random: RandomStream): Uint8ClampedArray {
  const canvas = new Canvas(size);
  const { groundHue, shapeHue, shapePattern } = drawHabit(shape, random);
  const ground = drawDark(groundHue, random);
  const figure = drawLighter(ground, shapeHue, random.uniform(...shapeContrast), random);
  canvas.cover(drawTexture(ground, random.uniform(...textureContrast), size, random));
  for (let i = random.int(distractors + 1); i > 0; i--) drawSpeck(canvas, smallPose, ground, figure, random);
  const texture = drawTexture(figure, random.uniform(...textureContrast), size, random, shapePattern);
  canvas.paint(outlines[shape], drawPose(size, shapePose, random), texture);
  if (random.chance(coveredShare)) drawCover(canvas, ground, figure, random);
  canvas.light(random.uniform(0, 2 * Math.PI), random.uniform(0, light));
  if (random.chance(blurredShare)) canvas.blur();
  return canvas.develop(random.uniform(...noise), random);
}

/** A small shape in a colour of its own, or in that of the ground or the figure. */
function drawSpeck(canvas: Canvas, ranges: PoseRanges, ground: Colour, figure: Colour, random: RandomStream): void {
  const colour = [drawColour(random), figure, ground][random.int(3)]!;
  const outline = specks[random.int(specks.length)]!;
  canvas.paint(outline, drawPose(canvas.size, ranges, random), plain(colour));
}

/** Something in front of the shape: a bar or some specks. */
function drawCover(canvas: Canvas, ground: Colour, figure: Colour, random: RandomStream): void {
  if (random.chance(0.5)) {
    const colour = random.chance(0.5) ? ground : drawColour(random);
    canvas.paint(bar, drawPose(canvas.size, coverPose, random), plain(colour), barReach);
  } else for (let i = 0; i < 3; i++) drawSpeck(canvas, coverPose, ground, figure, random);
}
