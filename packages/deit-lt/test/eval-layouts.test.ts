/** `deit-lt eval` on all the ways in which test images lie on a disk. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, suite, test } from 'node:test';
import * as torch from '@deit-lt/torch';
import { parseWords } from '../src/cli/program.js';
import { createModel } from '../src/models/index.js';
import type { Reporter } from '../src/runs/reporter.js';
import { writeTree } from './helpers/images.js';
import { temporaryFolder, write } from './helpers/temporary-folder.js';

torch.setNumThreads(1);

interface Figures {
  readonly images: number;
  readonly classes: readonly string[];
  readonly avg: {
    readonly overall: number;
    readonly head: number | null;
    readonly perClass: readonly (number | null)[];
  };
}

/** Runs a command here; a process of its own for each would take most of the time. */
async function run(...words: string[]): Promise<{ figures: Figures; notes: string }> {
  const notes: string[] = [];
  let printed: unknown;
  const parsed = parseWords(words, { writeOut: () => {}, writeErr: () => {} })!;
  const { run: command } = await parsed.spec.load();
  const note = (line: string): void => void notes.push(line);
  await command({
    ...parsed,
    context: {
      print: () => {},
      printJson: (value: unknown) => {
        printed = value;
      },
      note,
      signal: new AbortController().signal,
      reporter: async () => ({ note, progress: () => {} }) as unknown as Reporter,
    } as unknown as Parameters<typeof command>[0]['context'],
    parse: () => undefined,
  });
  return { figures: printed as Figures, notes: notes.join('\n') };
}

const root = fs.mkdtempSync(path.join(process.env.TMPDIR ?? '/tmp', 'deit-lt-layouts-'));
const data = path.join(root, 'data');
const model = path.join(root, 'model.safetensors');
const trained = path.join(root, 'run');
const settings = ['--set', 'precision=float32', 'device=cpu'];
const evaluate = (place: string, which: string, ...words: string[]) =>
  run('eval', which, '--data', place, '--json', ...words);

before(async () => {
  torch.manualSeed(3);
  using made = createModel('deit', { numClasses: 3, embedDim: 64, depth: 1 });
  torch.tidy(() => torch.noGrad(() => made.parameters().forEach((each) => void each.mul_(5)))); // opinions that differ
  torch.safetensors.save(model, made.stateDict());
  await writeTree(data, { train: { a: 3, b: 2, c: 1 }, test: { a: 3, b: 4, c: 2 }, val: { a: 1, b: 1, c: 1 } });
  await run('import', model, '--data', data, '--out', trained, ...settings);
});
after(() => fs.rmSync(root, { recursive: true }));

suite('deit-lt eval', () => {
  test('gives the same figures for a test folder beside train, without train, as class folders, and as lists', async (t) => {
    const [alone, lists] = [temporaryFolder(t), temporaryFolder(t)];
    const whole = await evaluate(data, trained);
    assert.equal(whole.figures.images, 9);
    fs.symlinkSync(path.join(data, 'test'), path.join(alone, 'test'));
    const lines = ['a', 'b', 'c'].flatMap((name) =>
      fs.readdirSync(path.join(data, 'test', name)).map((file) => `test/${name}/${file}\t${name}`),
    );
    write(path.join(lists, 'some.txt'), `${lines.join('\n')}\n`);
    const places: [string, string[], RegExp][] = [
      [alone, [], /^weights: [^\n]*$/],
      [path.join(data, 'test'), [], /has no test folder: all its 9 images are used/],
      [path.join(lists, 'some.txt'), ['--root', data], /all 9 images of .*some\.txt are used/],
    ];
    for (const [place, words, said] of places) {
      const { figures, notes } = await evaluate(place, trained, ...words);
      assert.deepEqual(figures, whole.figures, place);
      assert.match(notes, said);
    }
  });

  test('--test-split chooses, and a flat folder of unlabelled images gives way', async (t) => {
    assert.equal((await evaluate(data, trained, '--test-split', 'val')).figures.images, 3);
    const kaggle = temporaryFolder(t);
    for (const name of ['train', 'val']) fs.symlinkSync(path.join(data, name), path.join(kaggle, name));
    fs.cpSync(path.join(data, 'test/a'), path.join(kaggle, 'test'), { recursive: true });
    const { figures, notes } = await evaluate(kaggle, trained);
    assert.equal(figures.images, 3);
    assert.match(notes, /val is the test split; test is not used \(no class folders in test\)/);
    await assert.rejects(evaluate(kaggle, trained, '--test-split', 'test'), { message: /test has no folders/ });
    await assert.rejects(evaluate(path.join(kaggle, 'train'), trained, '--test-split', 'x'), { code: 'USAGE' });
  });

  test('accepts test images of some of the classes, and names those that are missing', async (t) => {
    const part = temporaryFolder(t);
    for (const name of ['a', 'c']) fs.symlinkSync(path.join(data, 'test', name), path.join(part, name));
    const { figures, notes } = await evaluate(part, trained);
    const all = (await evaluate(data, trained)).figures;
    assert.deepEqual(figures.avg.perClass, [all.avg.perClass[0], null, all.avg.perClass[2]]);
    assert.match(notes, /no images of 1 of the model's 3 classes: b/);
    fs.symlinkSync(path.join(data, 'test/b'), path.join(part, 'owl'));
    await assert.rejects(evaluate(part, trained), { code: 'DATA_CLASSES', message: /only the data has owl/ });
  });

  test('makes up no groups for a model and data without training images', async () => {
    const { figures, notes } = await evaluate(path.join(data, 'test'), model, ...settings);
    assert.deepEqual([figures.images, figures.avg.head], [9, null]);
    assert.match(notes, /there are no figures for head, mid and tail: neither the model nor the data have/);
  });
});
