/**
 * The outlines of the ten classes as signed distances: negative inside, in a plane where each outline about fills the
 * circle of radius 1. Long-tailed subsets keep the first classes largest, so several later ones are an earlier one with
 * a part changed (ring and disc, arrow and triangle, crescent and disc, corner and square).
 */

/** Distance from (x, y) to the outline, negative inside. */
export type Outline = (x: number, y: number) => number;

/** All outlines lie in the circle of this radius. */
export const outlineReach = 1.2;

type Point = readonly [number, number];

function disc(radius: number): Outline {
  return (x, y) => Math.sqrt(x * x + y * y) - radius;
}

/** Distance to a polygon: to its nearest edge, with the sign by counting the edges that a ray to the right crosses. */
function polygon(points: readonly Point[]): Outline {
  const edges = points.map(([bx, by], i): Edge => {
    const [ax, ay] = points.at(i - 1)!;
    return { ax, ay, ex: bx - ax, ey: by - ay, squaredLength: (bx - ax) ** 2 + (by - ay) ** 2 };
  });
  const reach = Math.max(...points.map(([x, y]) => Math.sqrt(x * x + y * y)));
  return (x, y) => {
    const beyond = Math.sqrt(x * x + y * y) - reach;
    if (beyond > farAway) return beyond;
    let nearest = Number.POSITIVE_INFINITY;
    let inside = false;
    for (const edge of edges) {
      nearest = Math.min(nearest, squaredDistance(edge, x, y));
      if (crossesRay(edge, x, y)) inside = !inside;
    }
    return inside ? -Math.sqrt(nearest) : Math.sqrt(nearest);
  };
}

/** Larger distances than this are only estimated from below: more than a pixel of the smallest shapes. */
const farAway = 0.6;

/** An edge from (ax, ay) to (ax + ex, ay + ey). */
interface Edge {
  readonly ax: number;
  readonly ay: number;
  readonly ex: number;
  readonly ey: number;
  readonly squaredLength: number;
}

function squaredDistance({ ax, ay, ex, ey, squaredLength }: Edge, x: number, y: number): number {
  const along = Math.min(1, Math.max(0, ((x - ax) * ex + (y - ay) * ey) / squaredLength));
  const dx = x - ax - along * ex;
  const dy = y - ay - along * ey;
  return dx * dx + dy * dy;
}

function crossesRay({ ax, ay, ex, ey }: Edge, x: number, y: number): boolean {
  return ay > y !== ay + ey > y && x < ax + ((y - ay) / ey) * ex;
}

/** Half as wide and high as given. */
function box(halfWidth: number, halfHeight: number): Outline {
  return (x, y) => {
    const dx = Math.abs(x) - halfWidth;
    const dy = Math.abs(y) - halfHeight;
    if (dx <= 0 || dy <= 0) return Math.max(dx, dy);
    return Math.sqrt(dx * dx + dy * dy);
  };
}

/** Points on circles of the given radii in turn, the first at the top. */
function spokes(count: number, radii: readonly number[]): Point[] {
  return Array.from({ length: count }, (_, i) => {
    const angle = (2 * Math.PI * i) / count;
    const radius = radii[i % radii.length]!;
    return [radius * Math.sin(angle), -radius * Math.cos(angle)];
  });
}

const union =
  (one: Outline, other: Outline): Outline =>
  (x, y) =>
    Math.min(one(x, y), other(x, y));
const minus =
  (whole: Outline, hole: Outline): Outline =>
  (x, y) =>
    Math.max(whole(x, y), -hole(x, y));
const moved =
  (outline: Outline, dx: number, dy: number): Outline =>
  (x, y) =>
    outline(x - dx, y - dy);

/** The classes in label order. */
export const outlines = {
  disc: disc(0.8),
  square: box(0.7, 0.7),
  triangle: polygon(spokes(3, [1])),
  cross: union(box(0.9, 0.28), box(0.28, 0.9)),
  star: polygon(spokes(10, [1, 0.42])),
  ring: minus(disc(0.85), disc(0.42)),
  arrow: polygon([
    [0, -0.95],
    [0.75, -0.1],
    [0.26, -0.1],
    [0.26, 0.9],
    [-0.26, 0.9],
    [-0.26, -0.1],
    [-0.75, -0.1],
  ]),
  crescent: minus(disc(0.88), moved(disc(0.72), 0.42, 0)),
  corner: polygon([
    [-0.75, -0.8],
    [-0.15, -0.8],
    [-0.15, 0.2],
    [0.8, 0.2],
    [0.8, 0.8],
    [-0.75, 0.8],
  ]),
  bowtie: union(
    polygon([
      [-0.9, -0.7],
      [0.08, 0],
      [-0.9, 0.7],
    ]),
    polygon([
      [0.9, -0.7],
      [-0.08, 0],
      [0.9, 0.7],
    ]),
  ),
} satisfies Record<string, Outline>;

export type ShapeName = keyof typeof outlines;
export const shapeNames = Object.keys(outlines) as ShapeName[];
