/** Finds the folders of the splits of a data set. */
import path from 'node:path';
import { UserError } from '../../errors.js';
import { suggest } from '../../nearest.js';
import { type FoundFolders, foldersIn } from '../list-images.js';
import type { OpenContext } from '../open-options.js';

const trainNames = ['train', 'training'];
/** When several are there, the first that has classes is the test split. */
const testNames = ['test', 'testing', 'val', 'valid', 'validation'];

/** One of the two at least. */
export interface SplitFolders {
  readonly train: string | undefined;
  readonly test: string | undefined;
}

/**
 * The folders of the splits in `spec`, in which `found` are; undefined when they are classes. What is not used is
 * logged. Throws UserError USAGE for a `testSplit` that does not exist, and DATA_LAYOUT for training on data with only
 * test images.
 */
export async function findSplits(
  spec: string,
  { names, broken }: FoundFolders,
  context: OpenContext,
): Promise<SplitFolders | undefined> {
  const named = (wanted: readonly string[]): string[] =>
    wanted.flatMap((name) => [...names, ...broken].filter((folder) => folder.toLowerCase() === name));
  const [train] = named(trainNames);
  const candidates = named(testNames);
  if (context.testSplit !== undefined) return chosen(spec, context.testSplit, { train, names, context });
  if (train === undefined && candidates.length === 0) return undefined;
  if (train === undefined && !context.evaluation)
    throw new UserError(
      'DATA_LAYOUT',
      `${spec} has a folder ${candidates[0]} but none named train: put the training images there`,
    );
  return { train, test: await firstWithClasses(spec, candidates, train, context) };
}

interface Choice {
  readonly train: string | undefined;
  readonly names: readonly string[];
  readonly context: OpenContext;
}

/** The folder that --test-split names. */
function chosen(spec: string, name: string, { train, names, context: { evaluation } }: Choice): SplitFolders {
  const test = names.find((folder) => folder === name) ?? names.find((folder) => folder.toLowerCase() === name);
  if (test === undefined)
    throw new UserError('USAGE', `--test-split ${name}: ${spec} has no such folder; ${suggest(name, names)}`);
  if (evaluation) return { train: test === train ? undefined : train, test };
  if (train === undefined || test === train)
    throw new UserError(
      'USAGE',
      `--test-split ${name}: ${spec} has no other folder with training images; expected one named train`,
    );
  return { train, test };
}

/**
 * The first of `candidates` that has a folder named as one of the training classes: competitions have a folder `test` of
 * images without labels. When there is none, the first that has folders: that its classes are others is then an error.
 */
async function firstWithClasses(
  spec: string,
  candidates: readonly string[],
  train: string | undefined,
  { reads, log }: OpenContext,
): Promise<string | undefined> {
  if (candidates.length === 0) return undefined;
  const foldersOf = async (name: string): Promise<readonly string[]> => {
    reads(path.join(spec, name));
    const { names, broken } = await foldersIn(path.join(spec, name));
    return [...names, ...broken];
  };
  const classes = train === undefined ? undefined : new Set(await foldersOf(train));
  const inside: { name: string; folders: readonly string[] }[] = [];
  for (const name of candidates) inside.push({ name, folders: await foldersOf(name) });
  const fits = inside.find(({ folders }) => folders.some((folder) => classes?.has(folder) ?? true));
  const taken = (fits ?? inside.find(({ folders }) => folders.length > 0))?.name;
  logTaken(spec, taken, inside, log);
  return taken;
}

function logTaken(
  spec: string,
  taken: string | undefined,
  inside: readonly { name: string; folders: readonly string[] }[],
  log: OpenContext['log'],
): void {
  const others = inside.filter(({ name }) => name !== taken);
  if (others.length === 0) return;
  const flat = others.filter(({ folders }) => folders.length === 0).map(({ name }) => name);
  const unused = `${others.map(({ name }) => name).join(', ')} is not used`;
  const why = flat.length === 0 ? '' : ` (no class folders in ${flat.join(', ')})`;
  const choice = taken === undefined || flat.length === others.length ? '' : '; --test-split chooses';
  log(
    `${spec}: ${taken === undefined ? 'there is no test split' : `${taken} is the test split`}; ${unused}${why}${choice}`,
  );
}
