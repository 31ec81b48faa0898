/** Checks the files of a split that have changed since the last check, and stores the results. */
import type { BadFile } from '../bad-file.js';
import { forEachBounded } from '../decode/bounded.js';
import { loadSharp, whyUnreadable, withDecoded } from '../decode/decode.js';
import type { DecodePool } from '../decode/decode-pool.js';
import type { PackedPaths } from '../file-paths.js';
import type { Progress } from '../open-options.js';
import { examineFiles, type FilesToExamine, found } from './examine.js';
import { type FileFacts, type IndexedSplit, levels } from './file-index.js';
import { printsOf, samePrint, settledBefore, unsettled } from './stamps.js';

export interface CheckSplitOptions {
  readonly pool: DecodePool;
  /** Decode files completely instead of reading their headers. */
  readonly decode: boolean;
  /** Name of the progress. */
  readonly what: string;
  readonly onProgress?: ((progress: Progress) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface CheckedSplit {
  readonly split: IndexedSplit;
  /** Number of files whose fingerprints were read; 0 when `prior` is still valid. */
  readonly looked: number;
  /** Number of these files that were new or had changed, and were read. */
  readonly read: number;
  /** The signal's reason, when it stopped the work; `split` marks the files that were not checked. */
  readonly stopped?: { readonly reason: unknown };
}

/** Number of files in a thread's task; for fewer files no thread is started. */
const examinedTogether = 256;

/**
 * Returns the split of `paths` and `labels` with the check of each file: cached results of `prior` where they are valid, and new
 * checks of the files whose folder has changed since, that were bad, or that were checked less thoroughly.
 */
export async function checkSplit(
  listed: Listed,
  prior: IndexedSplit | undefined,
  options: CheckSplitOptions,
): Promise<CheckedSplit> {
  const { paths } = listed;
  const { folders } = paths.parts;
  const folderPrints = await printsOf(folders.length, (i) => folders[i]!, options.signal);
  const split = { ...uncheckedSplit(listed, prior), folderPrints };
  const ids = await doubtful(split, prior, options);
  const counts = { looked: ids.length, read: 0 };
  try {
    if (ids.length > 0) await examine(split, ids, options, (read) => (counts.read += read));
    return { split, ...counts };
  } catch (reason) {
    if (options.signal?.aborted !== true) throw reason;
    return { split, ...counts, stopped: { reason } };
  }
}

type Listed = Pick<IndexedSplit, 'paths' | 'labels'>;

/** A split whose files are being checked. */
interface GrowingSplit extends IndexedSplit {
  readonly bad: Map<number, BadFile>;
}

/** The state of a split whose files have not been checked. */
export function uncheckedSplit({ paths, labels }: Listed, prior: IndexedSplit | undefined): GrowingSplit {
  const folderPrints = new Float64Array(paths.parts.folders.length).fill(unsettled);
  const facts = prior === undefined ? noFacts(paths.length) : carried(paths, prior);
  return { paths, labels, folderPrints, facts, bad: stillBad(paths, facts, prior) };
}

/** The files that were bad, by their numbers now. */
function stillBad(paths: PackedPaths, { levels: seen }: FileFacts, prior: IndexedSplit | undefined) {
  const before = new Map(Array.from(prior?.bad.values() ?? [], (file) => [file.path, file]));
  const bad = new Map<number, BadFile>();
  if (before.size === 0) return bad;
  seen.forEach((level, id) => {
    const file = level === levels.none ? before.get(paths.get(id)) : undefined;
    if (file !== undefined) bad.set(id, file);
  });
  return bad;
}

function noFacts(count: number): FileFacts {
  return {
    prints: new Float64Array(count).fill(unsettled),
    sizes: new Int32Array(2 * count),
    levels: new Uint8Array(count),
  };
}

/** The facts of the files `paths`, by folder and name; none of those that are new. */
function carried(paths: PackedPaths, prior: IndexedSplit): FileFacts {
  if (paths === prior.paths) return prior.facts;
  const facts = noFacts(paths.length);
  const before = byFolder(prior.paths);
  for (const [folder, ids] of byFolder(paths)) {
    const known = new Map(Array.from(before.get(folder) ?? [], (id) => [prior.paths.nameIn(id), id]));
    for (const id of ids) copyFacts(prior.facts, known.get(paths.nameIn(id)), facts, id);
  }
  return facts;
}

/** The files of each folder; one array of numbers that the folders share. */
function byFolder({ parts: { folders, folderOf } }: PackedPaths): Map<string, Int32Array> {
  const ends = new Int32Array(folders.length);
  for (const folder of folderOf) ends[folder]!++;
  for (let i = 1; i < ends.length; i++) ends[i]! += ends[i - 1]!;
  const starts = ends.map((_, i) => (i === 0 ? 0 : ends[i - 1]!));
  const next = starts.slice();
  const ids = new Int32Array(folderOf.length);
  folderOf.forEach((folder, id) => {
    ids[next[folder]!++] = id;
  });
  return new Map(folders.map((folder, i) => [folder, ids.subarray(starts[i], ends[i])]));
}

function copyFacts(from: FileFacts, source: number | undefined, to: FileFacts, target: number): void {
  if (source === undefined) return;
  for (const name of ['prints', 'levels'] as const) to[name][target] = from[name][source]!;
  for (const side of [0, 1]) to.sizes[2 * target + side] = from.sizes[2 * source + side]!;
}

/**
 * Returns the files to check: all files when a sample of the others has changed in place, which the folders' times do not show.
 */
async function doubtful(
  split: IndexedSplit,
  prior: IndexedSplit | undefined,
  { decode, signal }: CheckSplitOptions,
): Promise<Int32Array> {
  const { paths, folderPrints, facts } = split;
  const { folders, folderOf } = paths.parts;
  const before = new Map(prior?.paths.parts.folders.map((folder, i) => [folder, prior.folderPrints[i]!]));
  const isChanged = folders.map((folder, i) => !samePrint(folderPrints[i]!, before.get(folder) ?? unsettled));
  const enough = decode ? levels.decoded : levels.header;
  const isDoubtful = (id: number): boolean =>
    facts.levels[id]! < enough || facts.prints[id] === unsettled || isChanged[folderOf[id]!] === true;
  const all = Int32Array.from(folderOf.keys());
  const trusted = all.filter((id) => !isDoubtful(id));
  return (await sampleDiffers(split, trusted, signal)) ? all : all.filter(isDoubtful);
}

const sampledFiles = 1000;

/** Returns whether one of a thousand of the files `ids`, evenly over all, has changed. */
async function sampleDiffers(
  { paths, facts }: IndexedSplit,
  ids: Int32Array,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const looked = Math.min(ids.length, sampledFiles);
  const sample = Array.from({ length: looked }, (_, i) => ids[Math.floor((i * ids.length) / looked)]!);
  const prints = await printsOf(looked, (i) => paths.get(sample[i]!), signal);
  return sample.some((id, i) => !samePrint(facts.prints[id]!, prints[i]!));
}

async function examine(
  split: GrowingSplit,
  ids: Int32Array,
  options: CheckSplitOptions,
  onRead: (files: number) => void,
): Promise<void> {
  const { pool, decode, what, onProgress, signal } = options;
  await loadSharp(); // a decoder that is not installed is not a fault of the images
  const look = ids.length > examinedTogether ? (files: FilesToExamine) => pool.examine(files) : examineFiles;
  const suspects: number[] = [];
  const parts = Math.ceil(ids.length / examinedTogether);
  let done = 0;
  const examinePart = async (part: number): Promise<void> => {
    const own = ids.subarray(part * examinedTogether, (part + 1) * examinedTogether);
    const seen = await examineTogether(split, own, decode, look);
    suspects.push(...seen.suspects);
    onRead(seen.read);
    done += own.length;
    onProgress?.({ what, done, total: ids.length });
  };
  await forEachBounded(parts, examinePart, { limit: 2 * pool.threads, signal });
  for (const id of suspects.sort((a, b) => a - b)) {
    signal?.throwIfAborted();
    await settle(split, id);
  }
}

/** Returns the suspects among `ids`, and how many of them were read. */
async function examineTogether(
  { paths, facts, bad }: GrowingSplit,
  ids: Int32Array,
  decode: boolean,
  look: typeof examineFiles,
): Promise<{ suspects: number[]; read: number }> {
  const enough = decode ? levels.decoded : levels.header;
  const prints = Float64Array.from(ids, (id) => (facts.levels[id]! < enough ? unsettled : facts.prints[id]!));
  const files = Array.from(ids, (id) => paths.get(id));
  const seen = await look({ files, prints, settledBefore: settledBefore(), decode });
  const suspects: number[] = [];
  ids.forEach((id, i) => {
    const mayBeSame = [unsettled, seen.prints[i]].includes(facts.prints[id]);
    facts.prints[id] = seen.prints[i]!;
    if (seen.states[i] === found.unchanged) return;
    facts.sizes.set(seen.sizes.subarray(2 * i, 2 * i + 2), 2 * id);
    const wasBad = bad.has(id) && mayBeSame && !decode; // its header may be whole where decoding found damage
    const isGood = seen.states[i] === found.good && !wasBad;
    facts.levels[id] = isGood ? enough : levels.none;
    if (isGood) bad.delete(id);
    else suspects.push(id);
  });
  return { suspects, read: seen.states.reduce((sum, state) => sum + (state === found.unchanged ? 0 : 1), 0) };
}

/** Decodes a suspect while no other file is. */
async function settle({ paths, facts, bad }: GrowingSplit, id: number): Promise<void> {
  const file = paths.get(id);
  bad.delete(id); // if it still is, it comes after those of lower numbers
  try {
    await withDecoded(file, {}, ({ width, height }) => facts.sizes.set([width, height], 2 * id));
    facts.levels[id] = levels.decoded;
  } catch (error) {
    bad.set(id, { path: file, reason: await whyUnreadable(file, error) });
  }
}
