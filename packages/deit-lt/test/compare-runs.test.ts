/** `deit-lt compare` on run folders whose predictions are made up, so that the figures are known. */
import assert from 'node:assert/strict';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { suite, type TestContext, test } from 'node:test';
import sharp from 'sharp';
import { bySeed, findModels, shortNames } from '../src/analysis/compared-runs.js';
import { type Comparison, compareRuns } from '../src/analysis/comparison.js';
import { comparisonCsv, comparisonLatex, comparisonMarkdown, comparisonText } from '../src/cli/comparison-formats.js';
import type { Dataset } from '../src/data/dataset.js';
import { hashOfImages, type Predictions, writePredictions } from '../src/runs/predictions.js';
import { type RunConfig, RunFolder } from '../src/runs/run-folder.js';
import { trainVit } from '../src/training/train.js';
import { assertClose } from './helpers/golden-files.js';
import { deitLt } from './helpers/standing-process.js';
import { temporaryFolder } from './helpers/temporary-folder.js';
import { tinyDataset, tinyRecipe } from './training-tiny.js';

const classNames = ['cat', 'dog', 'fox'];

interface MadeUp {
  readonly seed?: number;
  readonly kind?: RunConfig['kind'];
  readonly settings?: readonly string[];
  readonly names?: readonly string[];
  /** Of 40 images of each class, how many the prediction has right, and each expert if there are some. */
  readonly right: {
    readonly avg: readonly number[];
    readonly cls?: readonly number[];
    readonly dist?: readonly number[];
  };
  readonly file?: string;
}

/** A run folder; an image that is not right is taken for the next class. */
function makeRun(folder: string, { seed = 0, kind = 'vit', settings = [], names = classNames, ...of }: MadeUp): string {
  const groups = names.map((name) => (['head', 'mid', 'tail'] as const)[classNames.indexOf(name)]!);
  const config: RunConfig = {
    format: 'deit-lt run 1',
    kind,
    recipe: tinyRecipe(`seed=${seed}`, ...settings),
    data: { name: 'pets', classNames: names, trainCounts: [100, 30, 5], groups, fingerprint: '' },
    teacher: null,
    teacherSha256: null,
    command: [],
    environment: {},
    started: '',
  };
  const run = new RunFolder(folder);
  run.begin(config, false);
  // The images come in the order cat, dog, fox, whatever the model's numbers of these are.
  const labels = Int32Array.from({ length: 120 }, (_, i) => names.indexOf(classNames[Math.floor(i / 40)]!));
  const best = (right: readonly number[]) => ({
    perImage: 1,
    classes: labels.map((label, i) => (i % 40 < right[Math.floor(i / 40)]! ? label : (label + 1) % 3)),
  });
  const outputs = Object.fromEntries(Object.entries(of.right).map(([name, right]) => [name, best(right)]));
  writePredictions(run.predictionsFile, {
    split: 'test',
    checkpoint: 'best',
    epoch: 0,
    data: 'pets',
    imagesSha256: hashOfImages((i) => `${of.file ?? 'image'}${i}.png`, labels, names),
    labels,
    outputs: outputs as unknown as Predictions['outputs'],
  });
  return folder;
}

const compare = (...places: string[]): Comparison => compareRuns(bySeed(findModels(places).models), { resamples: 500 });
const values = (row: Comparison['rows'][number] | undefined) =>
  Object.values(row!.figures).map((estimate) => estimate && Number(estimate.value.toFixed(3)));

function folderIn(t: TestContext): (name: string) => string {
  const folder = temporaryFolder(t);
  return (name) => path.join(folder, name);
}

suite('compareRuns()', () => {
  test('has the figures of every output with intervals around them', (t) => {
    const right = { cls: [40, 20, 0], dist: [10, 20, 30], avg: [36, 30, 20] };
    const { rows, differences } = compare(makeRun(folderIn(t)('a'), { kind: 'student', right }));
    assert.deepEqual(
      rows.map(({ output }) => output),
      ['cls', 'dist', 'avg'],
    );
    assert.deepEqual(values(rows[2]), [71.667, 71.667, 90, 75, 50]);
    assert.deepEqual(differences, []);
    const { head, tail } = rows[2]!.figures;
    // A binomial of 40 with p = 0.5: 95 % lie in 14 … 26.
    assert.ok(Math.abs(tail!.low - 35) <= 2.5 && Math.abs(tail!.high - 65) <= 2.5, `${tail!.low} … ${tail!.high}`);
    assert.ok(head!.low < 90 && head!.high > 90 && head!.std === undefined);
  });

  test('subtracts the first run image by image, so that images that both classify correctly do not count', (t) => {
    const at = folderIn(t);
    const first = makeRun(at('a'), { right: { avg: [20, 20, 20] } });
    const other = makeRun(at('b'), { settings: ['student.epochs=4'], right: { avg: [22, 20, 30] } });
    const { rows, differences, baseline } = compare(first, other);
    assert.equal(baseline, 'a');
    assert.deepEqual(values(differences[0]), [10, 10, 5, 0, 25]);
    const { mid, tail } = differences[0]!.figures;
    assert.deepEqual(mid, { value: 0, low: 0, high: 0 }, 'the same images are right');
    assert.ok(tail!.low > 0 && tail!.high - tail!.low < 2 * (rows[1]!.figures.tail!.high - rows[1]!.figures.tail!.low));
  });

  test('makes one row of runs that differ only in their seed', (t) => {
    const at = folderIn(t);
    const [a, b] = [0, 1].map((seed) => makeRun(at(`s${seed}`), { seed, right: { avg: [20 + 4 * seed, 20, 20] } }));
    const other = makeRun(at('other'), { seed: 2, settings: ['student.epochs=4'], right: { avg: [20, 20, 20] } });
    const { rows } = compare(a!, b!, other);
    assert.deepEqual(
      rows.map(({ name, seeds }) => [name, seeds]),
      [
        ['s0', [0, 1]],
        ['other', [2]],
      ],
    );
    assert.deepEqual(values(rows[0]), [51.667, 51.667, 55, 50, 50]);
    assert.ok(Math.abs(rows[0]!.figures.head!.std! - Math.SQRT1_2 * 10) < 1e-9);
    assert.equal(rows[0]!.figures.mid!.std, 0);
  });

  test('compares by the names of classes, whatever their numbers', (t) => {
    const at = folderIn(t);
    const a = makeRun(at('a'), { right: { avg: [40, 20, 10] } });
    const b = makeRun(at('b'), { names: ['fox', 'cat', 'dog'], right: { avg: [40, 20, 10] } });
    const { rows, differences } = compare(a, b);
    assert.deepEqual(values(rows[1]), values(rows[0]));
    assert.deepEqual(values(differences[0]), [0, 0, 0, 0, 0]);
  });

  test('has no differences between runs that saw other images', (t) => {
    const at = folderIn(t);
    const a = makeRun(at('a'), { right: { avg: [40, 20, 10] } });
    const { rows, differences } = compare(a, makeRun(at('b'), { file: 'photo', right: { avg: [40, 20, 11] } }));
    assert.deepEqual([rows.length, differences.length], [2, 0]);
  });

  test('does not mark a difference that rests on a single image of each class, and warns', (t) => {
    const names = Array.from({ length: 9 }, (_, c) => `class ${c}`);
    const groups = names.map((_, c) => (['head', 'mid', 'tail'] as const)[Math.floor(c / 3)]!);
    const labels = Int32Array.from(names, (_, c) => c);
    const at = folderIn(t);
    /** Right about the classes in `right`. */
    const run = (name: string, right: readonly number[], ...settings: string[]): string => {
      const folder = makeRun(at(name), { settings, right: { avg: [1, 1, 1] } });
      const classes = labels.map((label) => (right.includes(label) ? label : (label + 1) % 9));
      const of = { split: 'test', checkpoint: 'best', epoch: 0, data: 'pets', imagesSha256: 'x', labels } as const;
      const outputs = { avg: { perImage: 1, classes } };
      writePredictions(new RunFolder(folder).predictionsFile, { ...of, outputs, classes: { names, groups } });
      return folder;
    };
    const comparison = compare(run('a', [0, 3, 6]), run('b', [0, 1, 3, 6], 'student.epochs=4'));
    const [difference] = comparison.differences;
    const { balanced, head } = difference!.figures;
    assertClose(balanced!.value, 100 / 9, { atol: 1e-9 }, 'balanced');
    assert.ok(balanced!.low <= 0 && balanced!.high > 100 / 9, JSON.stringify(balanced));
    for (const { low } of [balanced!, head!])
      assert.ok(low === 0 || Math.abs(low) > 1e-9, `${low} is a difference of nothing but rounding`);
    assert.ok(head!.low <= 0, JSON.stringify(head));
    const text = comparisonText(comparison);
    assert.ok(!text.replace(/; \*: the interval.*/, '').includes('*'), text);
    assert.match(text, /Warning: 9 of 9 classes have fewer than 20 test images \(the fewest: 1\)/);
    assert.match(comparisonCsv(comparison).join('\n'), /^b,avg,,balanced,.*,9,1$/m);
  });
});

suite('findModels()', () => {
  test('takes the models of a folder of runs in their usual order, and names them shortly', (t) => {
    const at = folderIn(t);
    for (const kind of ['student', 'teacher', 'vit'] as const)
      makeRun(at(`run/${kind}`), { kind, right: { avg: [1, 2, 3] } });
    assert.deepEqual(
      findModels([at('run')]).models.map(({ name }) => name),
      ['teacher', 'vit', 'student'],
    );
    assert.deepEqual(shortNames(['/a/b/x/student', '/a/b/y/student']), ['x/student', 'y/student']);
    assert.deepEqual(shortNames(['/a/b']), ['b']);
  });

  test('passes over a config.json of another program, and names one that is damaged', (t) => {
    const at = folderIn(t);
    makeRun(at('run/student'), { kind: 'student', right: { avg: [1, 2, 3] } });
    mkdirSync(at('run/hub'));
    writeFileSync(at('run/hub/config.json'), '{"model_type":"deit"}');
    assert.deepEqual(
      findModels([at('run')]).models.map(({ name }) => name),
      ['student'],
    );
    writeFileSync(at('run/hub/config.json'), '{"format":');
    assert.deepEqual(findModels([at('run')]).missing, [at('run/hub')]);
  });

  test('explains what to do about folders without runs or predictions', (t) => {
    const at = folderIn(t);
    assert.throws(() => findModels([at('none')]), {
      code: 'RUN_FOLDER',
      message: /none does not exist; expected a run folder/,
    });
    mkdirSync(at('old'));
    writeFileSync(at('old/config.json'), '{"format":"deit-lt run 1"}');
    assert.throws(() => findModels([at('old')]), { code: 'RUN_FOLDER', message: /eval .*old --data DATA --save/ });
    mkdirSync(at('old/checkpoints'), { recursive: true });
    for (const [name, message] of [
      ['old/checkpoints/best.safetensors', /That of this file is .*old$/],
      ['weights.pth', /deit-lt import .*weights\.pth --out RUN/],
      ['model.onnx', /is an ONNX model, which only eval/],
    ] as const) {
      writeFileSync(at(name), '');
      assert.throws(() => findModels([at(name)]), { code: name.endsWith('x') ? 'CHECKPOINT' : 'RUN_FOLDER', message });
    }
  });
});

suite('formats of a comparison', () => {
  const tables = (t: TestContext): Comparison => {
    const at = folderIn(t);
    const right = { cls: [40, 20, 0], dist: [10, 20, 30], avg: [36, 30, 20] };
    const seeds = [0, 1].map((seed) => makeRun(at(`a_${seed}`), { seed, kind: 'student', right }));
    return compare(...seeds, makeRun(at('b'), { right: { avg: [20, 30, 40] } }));
  };

  test('Markdown and terminal have a table of figures and one of differences', (t) => {
    const comparison = tables(t);
    const markdown = comparisonMarkdown(comparison);
    assert.match(
      markdown,
      /^\| {2}\| balanced \| overall \| head \| mid \| tail \|\n\| --- \| --- \| --- \| --- \| --- \| --- \|$/m,
    );
    assert.match(
      markdown,
      /^\| a_0 \(2 seeds\) CLS \| 50\.0 ± 0\.0 \| 50\.0 ± 0\.0 \| 100\.0 ± 0\.0 \| 50\.0 ± 0\.0 \| 0\.0 ± 0\.0 \|$/m,
    );
    assert.match(
      markdown,
      /^\| b \| \+3\.3 \[.*\] \| \+3\.3 \[.*\] \| −40\.0 \[−.*, −.*\] \* \| \+0\.0 \[\+0\.0, \+0\.0\] \| \+50\.0 \[/m,
    );
    assert.match(comparisonText(comparison), /^b +75\.0 \[\d+\.\d, \d+\.\d\]/m);
  });

  test('LaTeX escapes its special characters', (t) => {
    const latex = comparisonLatex(tables(t));
    assert.match(
      latex,
      /\\begin\{tabular\}\{lccccc\}\n {2}\\toprule\n {2} & balanced & overall & head & mid & tail \\\\/,
    );
    assert.match(latex, /^ {2}a\\_0 \(2 seeds\) average & 71\.7 \$\\pm\$ 0\.0 &/m);
    assert.match(latex, /^ {2}b & \+3\.3 \{\\scriptsize \[/m);
  });

  test('CSV has a line for each figure', (t) => {
    const [head, first, ...lines] = comparisonCsv(tables(t));
    assert.equal(head, 'run,output,minus,figure,value,low,high,std,seeds,images,few_image_classes,fewest_images');
    assert.match(first!, /^a_0,cls,,balanced,50,.*,0,2,120,0,$/);
    assert.equal(lines.length + 1, 4 * 5 + 5, 'four rows and one difference');
    assert.ok(lines.some((line) => line.startsWith('b,avg,a_0,tail,50,')));
  });
});

suite('deit-lt compare', () => {
  test('compares runs, and eval --save makes what an older one lacks', async (t) => {
    const at = folderIn(t);
    const dataset = tinyDataset();
    await trainVit({ dataset, recipe: tinyRecipe('student.epochs=1'), folder: at('run') });
    await writeImages(at('images'), dataset);
    const { predictionsFile, evaluationFile } = new RunFolder(at('run'));
    for (const file of [predictionsFile, evaluationFile]) rmSync(file);
    assert.match(deitLt(['compare', at('run')]).stderr, /no predictions\.safetensors.* --save/);
    const measured = deitLt(['eval', at('run'), '--data', at('images'), '--save', '--json']);
    assert.equal(measured.status, 0, measured.stderr);
    const { status, stdout, stderr } = deitLt(['compare', at('run'), '--json']);
    assert.equal(status, 0, stderr);
    const { rows } = JSON.parse(stdout) as Comparison;
    assert.equal(rows[0]!.images, 30);
    assert.ok(Math.abs(rows[0]!.figures.overall!.value - JSON.parse(measured.stdout).avg.overall) < 1e-9);
  });

  test('does not take two formats, nor eval another checkpoint to keep', () => {
    assert.match(deitLt(['compare', 'run', '--json', '--format', 'csv']).stderr, /exclude each other/);
    const { status, stderr } = deitLt(['eval', 'run', '--data', 'shapes', '--save', '--which', 'last']);
    assert.equal(status, 2);
    assert.match(stderr, /--save stores the accuracy of the best checkpoint/);
  });
});

/** The images of `dataset` as files, to be read by name. */
async function writeImages(folder: string, { train, test: tested, classNames: names }: Dataset): Promise<void> {
  for (const [split, { images, labels }] of Object.entries({ train, test: tested! })) {
    if (images.kind !== 'memory') throw new Error('expected drawn images');
    const { width, height, pixels } = images;
    const raw = { width, height, channels: 3 } as const;
    for (const [i, label] of labels.entries()) {
      const place = path.join(folder, split, names[label]!);
      mkdirSync(place, { recursive: true });
      const bytes = pixels.subarray(i * width * height * 3, (i + 1) * width * height * 3);
      await sharp(bytes, { raw })
        .png()
        .toFile(path.join(place, `${i}.png`));
    }
  }
}
