/**
 * The first directory of a TIFF file, or of the Exif block of another file, which has the same form (TIFF 6.0;
 * BigTIFF). Read here, within bounds that are checked, because hostile files get this far; libvips is asked only about
 * files that have passed.
 */
import type { ByteView } from './byte-view.js';

/** One entry: `count` values of `type`, which begin at byte `at`. */
export interface TiffEntry {
  readonly type: number;
  readonly count: number;
  readonly at: number;
}

export interface TiffDirectory {
  /** Entries by tag. */
  readonly entries: ReadonlyMap<number, TiffEntry>;
  readonly littleEndian: boolean;
}

/** Bytes of a value, by type. */
const typeBytes: Readonly<Record<number, number>> = {
  1: 1, // BYTE
  2: 1, // ASCII
  3: 2, // SHORT
  4: 4, // LONG
  6: 1, // SBYTE
  7: 1, // UNDEFINED
  8: 2, // SSHORT
  9: 4, // SLONG
  13: 4, // IFD
  16: 8, // LONG8
};

/** undefined for what has no such directory. Entries behind the end of the view are left out. */
export function readDirectory(view: ByteView): TiffDirectory | undefined {
  const order = view.length < 8 ? '' : view.text(0, 2);
  if (order !== 'II' && order !== 'MM') return undefined;
  const littleEndian = order === 'II';
  const version = view.short(2, littleEndian);
  if (version !== 42 && version !== 43) return undefined;
  try {
    return { littleEndian, entries: readEntries(view, littleEndian, version === 43) };
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

function readEntries(view: ByteView, littleEndian: boolean, big: boolean): Map<number, TiffEntry> {
  const number = (at: number): number => (big ? longLong(view, at, littleEndian) : view.long(at, littleEndian));
  const directory = number(big ? 8 : 4);
  const count = big ? number(directory) : view.short(directory, littleEndian);
  const [head, size, inline] = big ? [8, 20, 8] : [2, 12, 4];
  const entries = new Map<number, TiffEntry>();
  for (let i = 0, at = directory + head; i < count && at + size <= view.length; i++, at += size) {
    const type = view.short(at + 2, littleEndian);
    const values = number(at + 4);
    const place = at + size - inline;
    const isInline = values * (typeBytes[type] ?? 8) <= inline;
    const tag = view.short(at, littleEndian);
    if (!entries.has(tag)) entries.set(tag, { type, count: values, at: isInline ? place : number(place) });
  }
  return entries;
}

function longLong(view: ByteView, at: number, littleEndian: boolean): number {
  const [first, second] = [view.long(at, littleEndian), view.long(at + 4, littleEndian)];
  return littleEndian ? first + second * 2 ** 32 : second + first * 2 ** 32;
}

/** Value `index` of a whole-number entry; undefined for other types. Throws `RangeError` beyond the end of the file. */
export function wholeNumber(
  view: ByteView,
  { littleEndian }: TiffDirectory,
  { type, count, at }: TiffEntry,
  index = 0,
): number | undefined {
  if (index >= count) return undefined;
  const place = at + index * (typeBytes[type] ?? 0);
  if (type === 3 || type === 8) return view.short(place, littleEndian);
  if (type === 4 || type === 9 || type === 13) return view.long(place, littleEndian);
  return type === 16 ? longLong(view, place, littleEndian) : undefined;
}
