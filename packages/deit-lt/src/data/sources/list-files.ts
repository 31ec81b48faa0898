/**
 * List files, `path label` on each line, as ImageNet-LT and iNaturalist-2018 are published: `train.txt`, with
 * `val.txt` or `test.txt` beside it, or two lists with a comma between. Labels are numbers from 0, or names. Between path
 * and label is a tab, or space.
 */
import fs from 'node:fs';
import path from 'node:path';
import { UserError } from '../../errors.js';
import { suggest } from '../../nearest.js';
import type { Dataset, ImageSplit } from '../dataset.js';
import { type PackedPaths, PathsBuilder } from '../file-paths.js';
import { fileSplit } from '../file-split.js';
import { GrowingInts } from '../growing.js';
import { linesOf } from '../lines.js';
import { byCodePoints, imageExtensions } from '../list-images.js';
import type { OpenContext, SourceKind } from '../open-options.js';
import { allOfList } from './all-of-list.js';
import { requireDistinct, requireName, requirePath } from './require-names.js';
import { requireSomeFile } from './require-some-file.js';
import { requireTrained } from './require-trained.js';
import { findSplitFiles, type SplitFiles } from './split-files.js';

export const listFiles: SourceKind = {
  summary:
    'list files, "path label" on each line: train.txt (with test.txt or val.txt beside it), or train.txt,test.txt',
  namesSplits: true,
  async open(spec, context) {
    const testNames = ['test', 'val', 'validation'];
    const lists = findSplitFiles(spec, { ...context, extensions: ['.txt', '.lst', '.list'], testNames });
    return lists && readLists(spec, lists, context);
  },
};

function readLists(spec: string, { train, test }: SplitFiles, context: OpenContext): Dataset {
  const { root, reads, evaluation } = context;
  const namesFile = path.join(path.dirname(train), 'classes.txt');
  reads(namesFile);
  const trainList = readList(train, root);
  const testList = test === undefined ? undefined : readList(test, root);
  const classes = findClasses(namesFile, testList === undefined ? [trainList] : [trainList, testList]);
  const dataset = { name: spec, classNames: classes.names, train: toSplit(trainList, classes) };
  if (!evaluation) requireTrained(train, dataset.train.labels, classes.names);
  if (testList !== undefined) return { ...dataset, test: toSplit(testList, classes) };
  return allOfList(train, dataset, context);
}

/** A word that stands for a class. */
interface Word {
  readonly text: string;
  /** `train.txt line 7`, the first that has it, for messages. */
  readonly where: string;
}

interface List {
  readonly paths: PackedPaths;
  /** For each image, an index of `words`. */
  readonly wordOf: GrowingInts;
  readonly words: readonly Word[];
}

function readList(list: string, root = path.dirname(list)): List {
  const builder = new PathsBuilder();
  const folders = new Map<string, number>();
  const words = new Map<string, Word & { index: number }>();
  const wordOf = new GrowingInts();
  let number = 0;
  for (const raw of linesOf(list)) {
    number++;
    const line = raw.trim();
    if (line === '' || line.startsWith('#')) continue;
    const where = `${list} line ${number}`;
    const { file, label } = parseLine(line) ?? refuse(line, where);
    requirePath(file, where);
    const cut = file.lastIndexOf('/') + 1;
    const folder = file.slice(0, cut);
    const at = folders.get(folder) ?? builder.folder(path.resolve(root, folder));
    folders.set(folder, at);
    builder.addIn(at, file.slice(cut));
    const word = words.get(label) ?? { text: requireName(label, where), where, index: words.size };
    words.set(label, word);
    wordOf.push(word.index);
  }
  if (builder.length === 0)
    throw new UserError('DATA_LAYOUT', `${list} contains no images; expected lines "path label"`);
  const paths = builder.finish();
  requireSomeFile(list, root, paths);
  return { paths, wordOf, words: [...words.values()] };
}

/** Start of the label if there is no tab: after a name with the extension of an image, else at the last word. */
const afterImage = new RegExp(`^(.*\\.(?:${imageExtensions.join('|')}))\\s+(\\S.*)$`, 'i');

/** A tab separates path and label, so that both may have spaces. Undefined when there is only one word. */
function parseLine(line: string): { file: string; label: string } | undefined {
  const tab = line.lastIndexOf('\t');
  if (tab >= 0) return { file: line.slice(0, tab).trimEnd(), label: line.slice(tab + 1).trimStart() };
  const [, file, label] = afterImage.exec(line) ?? /^(.*\S)\s+(\S+)$/.exec(line) ?? [];
  return file === undefined || label === undefined ? undefined : { file, label };
}

function refuse(line: string, where: string): never {
  const hint = /,/.test(line) ? '; put a space or a tab before the label, not a comma' : '';
  throw new UserError('DATA_LAYOUT', `${where}: expected "path label", got "${line.slice(0, 200)}"${hint}`);
}

function toSplit({ paths, wordOf, words }: List, { labelOf }: Classes): ImageSplit {
  const labels = words.map(labelOf);
  return fileSplit(
    paths,
    wordOf.toArray().map((word) => labels[word]!),
  );
}

interface Classes {
  readonly names: readonly string[];
  labelOf(word: Word): number;
}

/** Names are taken from `classes.txt` beside the list when it is there. */
function findClasses(file: string, lists: readonly List[]): Classes {
  const given = fs.existsSync(file) ? readNames(file) : undefined;
  const words = lists.flatMap((list) => list.words);
  if (words.every(({ text }) => /^-?\d+$/.test(text))) return numbered(lists, file, given);
  const names = given ?? [...new Set(words.map(({ text }) => text))].sort(byCodePoints);
  const indices = new Map(names.map((name, index) => [name, index]));
  const labelOf = ({ text, where }: Word): number => {
    const index = indices.get(text);
    if (index === undefined)
      throw new UserError('DATA_CLASSES', `${where}: class "${text}" is not in ${file}; ${suggest(text, names)}`);
    return index;
  };
  return { names, labelOf };
}

function readNames(file: string): string[] {
  const names = [...linesOf(file)].map((line) => line.trim()).filter((line) => line !== '' && !line.startsWith('#'));
  for (const name of names) requireName(name, file);
  return requireDistinct(names, file);
}

function numbered(lists: readonly List[], file: string, given: readonly string[] | undefined): Classes {
  const entries = lists.reduce((sum, { wordOf }) => sum + wordOf.length, 0);
  const words = lists.flatMap((list) => list.words);
  const highest = words.reduce((most, { text }) => Math.max(most, Number(text)), 0);
  const numClasses = given?.length ?? highest + 1;
  if (given === undefined && numClasses > Math.max(1000, 10 * entries))
    throw new UserError('DATA_CLASSES', `label ${highest} in ${entries} lines: labels must be numbered from 0`);
  const names = given ?? Array.from({ length: numClasses }, (_, i) => String(i));
  const labelOf = ({ text, where }: Word): number => {
    const index = Number(text);
    if (index >= 0 && index < numClasses) return index;
    const expected = given === undefined ? 'labels count from 0' : `${file} has ${numClasses} classes, from 0`;
    throw new UserError('DATA_CLASSES', `${where}: label ${text} is not a class: ${expected}`);
  };
  return { names, labelOf };
}
