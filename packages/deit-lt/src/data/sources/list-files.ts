/**
 * List files, `path label` on each line, as ImageNet-LT and iNaturalist-2018 are published: `train.txt`, with
 * `val.txt` or `test.txt` beside it, or two lists with a comma between. Labels are numbers from 0, or names.
 */
import fs from 'node:fs';
import path from 'node:path';
import { UserError } from '../../errors.js';
import { suggest } from '../../nearest.js';
import type { Dataset } from '../dataset.js';
import { fileSplit } from '../file-split.js';
import { byCodePoints } from '../list-images.js';
import type { OpenContext, SourceKind } from '../open-options.js';

export const listFiles: SourceKind = {
  summary:
    'list files, "path label" on each line: train.txt (with test.txt or val.txt beside it), or train.txt,test.txt',
  async open(spec, context) {
    const lists = findLists(spec, context);
    if (lists === undefined) return undefined;
    return readLists(spec, lists, context.root);
  },
};

interface Lists {
  readonly train: string;
  readonly test: string | undefined;
}

function findLists(spec: string, { log }: OpenContext): Lists | undefined {
  if (isList(spec)) return { train: spec, test: besides(spec, log) };
  const [train, test, ...more] = spec.split(',').map((part) => part.trim());
  if (train === undefined || test === undefined || more.length > 0 || !isList(train)) return undefined;
  if (!isList(test)) throw new UserError('DATA_NOT_FOUND', `the list of test images ${test} does not exist`);
  return { train, test };
}

function isList(file: string): boolean {
  return /\.(txt|lst|list)$/i.test(file) && (fs.statSync(file, { throwIfNoEntry: false })?.isFile() ?? false);
}

/** `ImageNet_LT_test.txt` for `ImageNet_LT_train.txt`. */
function besides(train: string, log: (line: string) => void): string | undefined {
  const base = path.basename(train);
  if (!base.includes('train')) return undefined;
  const candidates = ['test', 'val', 'validation']
    .map((name) => path.join(path.dirname(train), base.replace('train', name)))
    .filter(isList);
  const [test, ...unused] = candidates;
  if (test !== undefined) log(`test images: ${test}${unused.length > 0 ? `; not used: ${unused.join(', ')}` : ''}`);
  return test;
}

interface Entry {
  readonly file: string;
  readonly label: string;
  /** `train.txt line 7`, for messages. */
  readonly where: string;
}

function readLists(spec: string, { train, test }: Lists, root: string | undefined): Dataset {
  const trainEntries = readList(train, root);
  const testEntries = test === undefined ? undefined : readList(test, root);
  const classes = findClasses(train, [...trainEntries, ...(testEntries ?? [])]);
  requireTrained(train, trainEntries, classes);
  const toSplit = (entries: readonly Entry[]): Dataset['train'] =>
    fileSplit(
      entries.map(({ file }) => file),
      entries.map((entry) => classes.labelOf(entry)),
    );
  const dataset = { name: spec, classNames: classes.names, train: toSplit(trainEntries) };
  return testEntries === undefined ? dataset : { ...dataset, test: toSplit(testEntries) };
}

function readList(list: string, root = path.dirname(list)): Entry[] {
  const lines = fs
    .readFileSync(list, 'utf8')
    .replace(/^\uFEFF/, '')
    .split('\n');
  const entries = lines.flatMap((line, i) => parseLine(line.trim(), `${list} line ${i + 1}`, root));
  if (entries.length === 0) throw new UserError('DATA_LAYOUT', `${list} names no images; expected lines "path label"`);
  requireSomeFile(list, root, entries);
  return entries;
}

/** The label is the last word: paths may have spaces. */
function parseLine(line: string, where: string, root: string): Entry[] {
  if (line === '' || line.startsWith('#')) return [];
  const words = /^(.*\S)\s+(\S+)$/.exec(line);
  if (words === null) throw new UserError('DATA_LAYOUT', `${where}: expected "path label", got "${line}"`);
  return [{ file: path.resolve(root, words[1]!), label: words[2]!, where }];
}

/** A wrong root is likelier than a hundred lost images: said once, before each is reported. */
function requireSomeFile(list: string, root: string, entries: readonly Entry[]): void {
  const step = Math.ceil(entries.length / 100);
  if (entries.some(({ file }, i) => i % step === 0 && fs.existsSync(file))) return;
  throw new UserError(
    'DATA_NOT_FOUND',
    `the images of ${list} are not in ${path.resolve(root)}: ${entries[0]!.file} does not exist; give their folder by --root`,
  );
}

interface Classes {
  readonly names: readonly string[];
  labelOf(entry: Entry): number;
}

/** Names are taken from `classes.txt` beside the list when it is there. */
function findClasses(list: string, entries: readonly Entry[]): Classes {
  const file = path.join(path.dirname(list), 'classes.txt');
  const given = fs.existsSync(file) ? readNames(file) : undefined;
  if (entries.every(({ label }) => /^-?\d+$/.test(label))) return numbered(entries, file, given);
  const names = given ?? [...new Set(entries.map(({ label }) => label))].sort(byCodePoints);
  const indices = new Map(names.map((name, index) => [name, index]));
  const labelOf = ({ label, where }: Entry): number => {
    const index = indices.get(label);
    if (index === undefined)
      throw new UserError('DATA_CLASSES', `${where}: class "${label}" is not in ${file}; ${suggest(label, names)}`);
    return index;
  };
  return { names, labelOf };
}

function readNames(file: string): string[] {
  const lines = fs
    .readFileSync(file, 'utf8')
    .replace(/^\uFEFF/, '')
    .split('\n');
  return lines.map((line) => line.trim()).filter((line) => line !== '' && !line.startsWith('#'));
}

function numbered(entries: readonly Entry[], file: string, given: readonly string[] | undefined): Classes {
  const highest = entries.reduce((most, { label }) => Math.max(most, Number(label)), 0);
  const numClasses = given?.length ?? highest + 1;
  if (given === undefined && numClasses > Math.max(1000, 10 * entries.length))
    throw new UserError('DATA_CLASSES', `label ${highest} in ${entries.length} lines: labels must count from 0`);
  const names = given ?? Array.from({ length: numClasses }, (_, i) => String(i));
  const labelOf = ({ label, where }: Entry): number => {
    const index = Number(label);
    if (index >= 0 && index < numClasses) return index;
    const expected = given === undefined ? 'labels count from 0' : `${file} has ${numClasses} classes, from 0`;
    throw new UserError('DATA_CLASSES', `${where}: label ${label} is not a class: ${expected}`);
  };
  return { names, labelOf };
}

function requireTrained(list: string, entries: readonly Entry[], { names, labelOf }: Classes): void {
  const seen = new Set(entries.map(labelOf));
  const missing = names.filter((_, label) => !seen.has(label));
  if (missing.length === 0) return;
  const shown = missing.slice(0, 10).join(', ') + (missing.length > 10 ? `, … (${missing.length})` : '');
  const hint = missing[0] === '0' ? '; labels count from 0, not from 1' : '';
  throw new UserError('DATA_CLASSES', `${list}: no training images of class ${shown}${hint}`);
}
