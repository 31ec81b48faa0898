/**
 * Trees and lists as of ImageNet-LT and iNaturalist-2018, without their images: class sizes of the published shape, made
 * of one small JPEG that all files are links to.
 */
import fs from 'node:fs';
import path from 'node:path';

interface Shape {
  readonly images: number;
  /** Class sizes by rank, between which they fall exponentially. */
  readonly points: readonly (readonly [rank: number, size: number])[];
}

/** Number of classes, largest and smallest class, images, and where 100 and 20 images are reached, as published. */
export const shapes = {
  'imagenet-lt': {
    images: 115_846,
    points: [
      [0, 1280],
      [389, 101],
      [834, 20],
      [999, 5],
    ],
  },
  'inaturalist-2018': {
    images: 437_513,
    points: [
      [0, 1000],
      [841, 101],
      [4542, 20],
      [8141, 2],
    ],
  },
} as const satisfies Record<string, Shape>;

/** Images per class from the largest to the smallest; exactly as many in all as published. */
export function publishedCounts(name: keyof typeof shapes): Int32Array {
  const { images, points }: Shape = shapes[name];
  const [classes, smallest] = [points.at(-1)![0] + 1, points.at(-1)![1]];
  const at = (bend: number) => Int32Array.from({ length: classes }, (_, rank) => sizeAt(points, rank, bend));
  let [low, high] = [0.05, 20]; // the curve between the points bends until the sum fits
  for (let step = 0; step < 60; step++) {
    const bend = (low + high) / 2;
    if (sum(at(bend)) > images) low = bend;
    else high = bend;
  }
  const counts = at(high);
  for (let rank = 1, rest = images - sum(counts); rest > 0; rank = (rank % (classes - 2)) + 1)
    if (counts[rank]! < counts[rank - 1]! && counts[rank]! >= smallest) {
      counts[rank]!++;
      rest--;
    }
  return counts;
}

function sizeAt(points: Shape['points'], rank: number, bend: number): number {
  const next = points.findIndex(([at]) => at >= rank);
  if (points[next]![0] === rank) return points[next]![1];
  const [[from, high], [to, low]] = [points[next - 1]!, points[next]!];
  const share = ((rank - from) / (to - from)) ** (1 / bend);
  return Math.floor(high * (low / high) ** share);
}

const sum = (counts: Int32Array): number => counts.reduce((a, b) => a + b, 0);

/** The label of the class of each rank: neither the order of the sizes nor the reverse. */
export function labelOfRank(rank: number, classes: number): number {
  return (rank * 7 + 3) % classes;
}

/** Calls `line(path, label)` for `counts[rank]` images of each class, class by class in label order. */
export function listImages(
  name: keyof typeof shapes,
  counts: Int32Array,
  line: (file: string, label: number) => void,
  tag = '',
): void {
  const rankOf = new Int32Array(counts.length);
  counts.forEach((_, rank) => {
    rankOf[labelOfRank(rank, counts.length)] = rank;
  });
  rankOf.forEach((rank, label) => {
    for (let i = 0; i < counts[rank]!; i++) line(pathOf(name, label, `${tag}${i}`), label);
  });
}

const kingdoms = ['Plantae', 'Insecta', 'Aves', 'Reptilia', 'Mammalia', 'Fungi'];

/** `train/n01440764/n01440764_18.JPEG`; `train_val2018/Plantae/7291/9f8e…….jpg`, 32 digits. */
function pathOf(name: keyof typeof shapes, label: number, image: string): string {
  if (name === 'imagenet-lt') {
    const synset = `n${String(1_440_764 + 7 * label).padStart(8, '0')}`;
    return `train/${synset}/${synset}_${image}.JPEG`;
  }
  const digits = Buffer.from(`${label}-${image}`).toString('hex').padStart(32, '0');
  return `train_val2018/${kingdoms[label % kingdoms.length]}/${label}/${digits}.jpg`;
}

/** Files of the same content: hard links of one file, of which a file system allows some ten thousand. */
export class LinkedFiles {
  readonly #folders = new Set<string>();
  #original = '';
  #links = 0;

  constructor(
    readonly root: string,
    readonly content: Uint8Array,
  ) {}

  /** Makes `file`, relative to the root. */
  add(file: string): void {
    const target = path.join(this.root, file);
    const folder = path.dirname(target);
    if (!this.#folders.has(folder)) fs.mkdirSync(folder, { recursive: true });
    this.#folders.add(folder);
    if (this.#links++ % 30_000 === 0) {
      fs.writeFileSync(target, this.content);
      this.#original = target;
    } else fs.linkSync(this.#original, target);
  }
}
