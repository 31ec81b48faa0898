/**
 * Head, mid and tail classes, by which long-tailed accuracy is reported: the published boundaries for the published
 * data sets, and for others the rule of Liu et al. ("Large-scale long-tailed recognition in an open world", CVPR 2019):
 * more than 100 training images, 20 to 100, fewer than 20.
 */
import { UserError } from '../errors.js';
import { suggest } from '../nearest.js';

export type Group = 'head' | 'mid' | 'tail';
export const groupNames: readonly Group[] = ['head', 'mid', 'tail'];

interface Preset {
  classes: number;
  /**
   * Index of the first mid class, with the classes sorted by count, largest first: head are those before `mid`, tail
   * those from `tail` on.
   */
  mid: number;
  tail: number;
  /** True for the class counts of the published training set. */
  matches: (largest: number, total: number) => boolean;
}

/** Boundaries as in the DeiT-LT paper's tables. */
const presets = {
  'cifar10-lt': { classes: 10, mid: 3, tail: 7, matches: (largest, total) => largest === 5000 && total < 50_000 },
  'cifar100-lt': { classes: 100, mid: 36, tail: 71, matches: (largest, total) => largest === 500 && total < 50_000 },
  'imagenet-lt': { classes: 1000, mid: 390, tail: 835, matches: (_, total) => total === 115_846 },
  'inaturalist-2018': { classes: 8142, mid: 842, tail: 4543, matches: (_, total) => total === 437_513 },
} satisfies Record<string, Preset>;

/**
 * A preset's name, `count` for the rule by number of images, or `auto`: the preset that fits the counts, else `count`.
 */
export type GroupKind = 'auto' | 'count' | keyof typeof presets;
export const groupKinds = ['auto', 'count', ...Object.keys(presets)] as GroupKind[];

/** Classes with more training images than this are head … */
export const manyImages = 100;
/** … and those with fewer than this are tail. */
export const fewImages = 20;

export interface Groups {
  /** The group of each class. */
  readonly of: readonly Group[];
  /** The rule that was used, never `auto`. */
  readonly kind: Exclude<GroupKind, 'auto'>;
  /** A warning about the groups, to be shown beside accuracies; absent if there is none. */
  readonly note?: string;
}

export interface GroupOptions {
  /** Default `auto`. */
  kind?: GroupKind;
}

/** Groups classes by `counts`, the training images of each. Throws `UserError` for an unknown or unfitting kind. */
export function groupsOf(counts: ArrayLike<number>, { kind = 'auto' }: GroupOptions = {}): Groups {
  if (!groupKinds.includes(kind))
    throw new UserError('RECIPE', `groups: unknown kind "${kind}"; ${suggest(kind, groupKinds)}`);
  const chosen = kind === 'auto' ? fittingKind(counts) : kind;
  if (chosen === 'count') return groupsByCount(counts);
  const preset: Preset = presets[chosen];
  if (preset.classes !== counts.length)
    throw new UserError(
      'DATA_CLASSES',
      `groups: "${chosen}" is for ${preset.classes} classes but the data has ${counts.length}; use "auto" or "count"`,
    );
  return { of: groupsByRank(counts, preset), kind: chosen };
}

/** The classes from the largest to the smallest; equal ones in label order. */
export function classesBySize(counts: ArrayLike<number>): number[] {
  return Array.from(counts, (_, c) => c).sort((a, b) => counts[b]! - counts[a]! || a - b);
}

function fittingKind(counts: ArrayLike<number>): Exclude<GroupKind, 'auto'> {
  const all = Array.from(counts);
  const largest = all.reduce((a, b) => Math.max(a, b), 0);
  const total = all.reduce((a, b) => a + b, 0);
  for (const [name, preset] of Object.entries(presets) as [keyof typeof presets, Preset][])
    if (preset.classes === all.length && preset.matches(largest, total)) return name;
  return 'count';
}

function groupsByRank(counts: ArrayLike<number>, { mid, tail }: Preset): Group[] {
  const groups: Group[] = Array.from(counts, () => 'head');
  classesBySize(counts).forEach((c, rank) => {
    if (rank >= mid) groups[c] = rank < tail ? 'mid' : 'tail';
  });
  return groups;
}

function groupsByCount(counts: ArrayLike<number>): Groups {
  const of = Array.from(counts, (n): Group => (n > manyImages ? 'head' : n < fewImages ? 'tail' : 'mid'));
  const note = noteOn(of);
  return { of, kind: 'count', ...(note !== undefined && { note }) };
}

function noteOn(groups: readonly Group[]): string | undefined {
  const missing = groupNames.filter((group) => !groups.includes(group));
  const rule = `head: more than ${manyImages} training images, mid: ${fewImages} to ${manyImages}, tail: fewer than ${fewImages}`;
  if (missing.length === 2)
    return `all classes are ${groups[0]} (${rule}), so the groups show nothing for this data set`;
  if (missing.length === 1) return `no class is ${missing[0]} (${rule})`;
  return undefined;
}
