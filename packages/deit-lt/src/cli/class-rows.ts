/** The classes of a training set from the largest to the smallest, as both histograms show them. */
import { classesBySize, type Group } from '../data/groups.js';

export interface ClassRow {
  readonly name: string;
  /** Training images; a mean when the row stands for several classes. */
  readonly train: number;
  readonly group: Group;
}

export function classRows(
  classes: readonly { readonly name: string; readonly train: number }[],
  groups: readonly Group[],
): ClassRow[] {
  const order = classesBySize(classes.map(({ train }) => train));
  return order.map((c) => ({ name: classes[c]!.name, train: classes[c]!.train, group: groups[c]! }));
}

/** Returns at most `limit` rows: beyond that, neighbours are one row with their mean, called `classes 1–34`. */
export function binned(rows: readonly ClassRow[], limit: number): readonly ClassRow[] {
  if (rows.length <= limit) return rows;
  return Array.from({ length: limit }, (_, bin) => {
    const start = Math.floor((bin * rows.length) / limit);
    const end = Math.floor(((bin + 1) * rows.length) / limit);
    const of = rows.slice(start, end);
    const mean = of.reduce((sum, { train }) => sum + train, 0) / of.length;
    return { name: `classes ${start + 1}–${end}`, train: mean, group: of[of.length >> 1]!.group };
  });
}
