/**
 * Properties that are correlated with a class without determining it, as grass is with cows: a hue of the ground and
 * a material (hue and pattern) of the shape. A frequent class shares its ground with a rare one and its material with
 * others, so they help to begin and then mislead: whoever knows them alone takes rare classes for frequent ones.
 */
import type { RandomStream } from '../../random/stream.js';
import { type ShapeName, shapeNames } from './outlines.js';
import { patternCount } from './texture.js';

/** Probabilities that ground and material are the usual ones of the class; else they are drawn from all. */
const usualGround = 0.5;
const usualMaterial = 0.4;
/** Kinds of ground: class c has kind c mod 5, so that classes c and c + 5 share one. Kinds of material: c mod 4. */
const groundKinds = 5;
const materialKinds = patternCount;

export interface Habit {
  /** Hues in turns, 0…1 (red, green, blue at 0, 1/3, 2/3). */
  readonly groundHue: number;
  readonly shapeHue: number;
  /** Number of the shape's pattern. */
  readonly shapePattern: number;
}

/** Draws the surroundings of a `shape`. */
export function drawHabit(shape: ShapeName, random: RandomStream): Habit {
  const c = shapeNames.indexOf(shape);
  const ground = random.chance(usualGround) ? c % groundKinds : random.int(groundKinds);
  const material = random.chance(usualMaterial) ? c % materialKinds : random.int(materialKinds);
  return {
    groundHue: (ground + random.random()) / groundKinds,
    shapeHue: (material + random.random()) / materialKinds,
    shapePattern: material,
  };
}
