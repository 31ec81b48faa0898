/** Textures: patterns between two colours, drawn in colours of given hues. */
import type { RandomStream } from '../../random/stream.js';

/** Red, green and blue, 0…255. */
export type Colour = readonly [number, number, number];

/** Returns the share of the second colour at pixel (x, y), 0…1. */
export type Pattern = (x: number, y: number) => number;

/** Two colours and how they alternate. */
export interface Texture {
  readonly first: Colour;
  readonly second: Colour;
  readonly pattern: Pattern;
}

/** One colour. */
export function plain(colour: Colour): Texture {
  return { first: colour, second: colour, pattern: () => 0 };
}

/** A colour whose channels are not at the ends, so that light and noise do not clip them. */
export function drawColour(random: RandomStream): Colour {
  return [random.uniform(30, 225), random.uniform(30, 225), random.uniform(30, 225)];
}

/** A colour for the ground, of a hue 0…1: dark enough that something lighter can lie on it. */
export function drawDark(hue: number, random: RandomStream): Colour {
  const level = random.uniform(70, 140);
  return mixColour(tint(hue), level, random.uniform(0.3, 0.8));
}

/** A colour that is lighter than `colour` by about `distance` levels, most of it towards the hue 0…1. */
export function drawLighter(colour: Colour, hue: number, distance: number, random: RandomStream): Colour {
  const direction = mixColour(tint(hue), 1, random.uniform(0.3, 0.8));
  return moveColour(colour, direction, distance / Math.hypot(...direction));
}

/** The pure colour of a hue in turns, channels 0…1: red, green and blue at 0, 1/3 and 2/3. */
function tint(hue: number): Colour {
  const channel = (at: number): number => Math.min(1, Math.max(0, 2 - 6 * Math.abs(((hue - at + 1.5) % 1) - 0.5)));
  return [channel(0), channel(1 / 3), channel(2 / 3)];
}

/** A tint in which the other channels are raised: `saturation` 0 is grey, 1 the tint itself; the highest is `level`. */
function mixColour(tint: Colour, level: number, saturation: number): Colour {
  const at = (c: 0 | 1 | 2): number => level * (1 - saturation + saturation * tint[c]);
  return [at(0), at(1), at(2)];
}

/**
 * A colour at `distance` (Euclidean, in levels) from `colour` in a random direction, or in the opposite one where that
 * leads farther: channels stay in 5…250.
 */
export function drawColourNear(colour: Colour, distance: number, random: RandomStream): Colour {
  const direction: Colour = [random.normal(), random.normal(), random.normal()];
  const step = distance / (Math.hypot(...direction) || 1);
  const one = moveColour(colour, direction, step);
  const other = moveColour(colour, direction, -step);
  return squaredContrast(one, colour) >= squaredContrast(other, colour) ? one : other;
}

function moveColour(colour: Colour, direction: Colour, step: number): Colour {
  const at = (c: 0 | 1 | 2): number => Math.min(250, Math.max(5, colour[c] + step * direction[c]));
  return [at(0), at(1), at(2)];
}

function squaredContrast(a: Colour, b: Colour): number {
  return (a[0] - b[0]) ** 2 + (a[1] - b[1]) ** 2 + (a[2] - b[2]) ** 2;
}

/**
 * A texture around `colour` that varies by `contrast` levels, in pattern number `kind`; `size` is the image's side in
 * pixels.
 */
export function drawTexture(
  colour: Colour,
  contrast: number,
  size: number,
  random: RandomStream,
  kind = random.int(patternCount),
): Texture {
  const second = drawColourNear(colour, contrast, random);
  return { first: colour, second, pattern: patterns[kind]!(size, random) };
}

type DrawPattern = (size: number, random: RandomStream) => Pattern;

const gradient: DrawPattern = (size, random) => {
  const angle = random.uniform(0, 2 * Math.PI);
  const [dx, dy] = [Math.cos(angle) / size, Math.sin(angle) / size];
  return (x, y) => Math.min(1, Math.max(0, 0.5 + (x - size / 2) * dx + (y - size / 2) * dy));
};

const stripes: DrawPattern = (size, random) => {
  const angle = random.uniform(0, Math.PI);
  const frequency = (2 * Math.PI) / (size * random.uniform(0.1, 0.3));
  const [dx, dy] = [frequency * Math.cos(angle), frequency * Math.sin(angle)];
  const phase = random.uniform(0, 2 * Math.PI);
  return (x, y) => 0.5 + 0.5 * Math.sin(x * dx + y * dy + phase);
};

const checks: DrawPattern = (size, random) => {
  const across = stripes(size, random);
  const along = stripes(size, random);
  return (x, y) => (across(x, y) > 0.5 !== along(x, y) > 0.5 ? 1 : 0);
};

/** Random values on a grid, interpolated, in two grid sizes. */
const clouds: DrawPattern = (size, random) => {
  const coarse = lattice(size * random.uniform(0.2, 0.4), random);
  const fine = lattice(size * random.uniform(0.08, 0.16), random);
  return (x, y) => 0.65 * coarse(x, y) + 0.35 * fine(x, y);
};

const patterns = [gradient, stripes, checks, clouds];
export const patternCount = patterns.length;

function lattice(cell: number, random: RandomStream): Pattern {
  const side = 16; // cells in each direction before it repeats: more than a picture has
  const values = Float64Array.from({ length: side * side }, () => random.random());
  const at = (i: number, j: number): number => values[(j % side) * side + (i % side)]!;
  return (x, y) => {
    const i = Math.floor(x / cell);
    const j = Math.floor(y / cell);
    const u = ease(x / cell - i);
    const top = at(i, j) + (at(i + 1, j) - at(i, j)) * u;
    const bottom = at(i, j + 1) + (at(i + 1, j + 1) - at(i, j + 1)) * u;
    return top + (bottom - top) * ease(y / cell - j);
  };
}

const ease = (t: number): number => t * t * (3 - 2 * t);
