/** `deit-lt plan`, and trainings without a recipe, as a user runs them, on a folder of drawn photographs. */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { before, suite, test } from 'node:test';
import sharp from 'sharp';
import { planPage } from '../src/cli/plan-page.js';
import { completeRecipe, loadRecipe } from '../src/recipe/load.js';
import { readRunConfig } from '../src/runs/run-folder.js';

import { readPage } from './helpers/pages.js';
import { programFolders } from './helpers/programs.js';
import { deitLt } from './helpers/standing-process.js';

const { folder } = programFolders();
const counts = { meadow: 30, sky: 12, sand: 4 };

/** Images of one colour each in `place`, the first of `width` pixels and each one wider. */
async function drawImages(place: string, width: number, height: number): Promise<void> {
  const colours = { meadow: '#3a7d2c', sky: '#87b5e0', sand: '#d8c08a' } as const;
  for (const [name, count] of Object.entries(counts)) {
    mkdirSync(path.join(folder, place, name), { recursive: true });
    for (let i = 0; i < count; i++) {
      const background = colours[name as keyof typeof colours];
      await sharp({ create: { width: width + i, height, channels: 3, background } }).toFile(
        path.join(folder, place, name, `${i}.png`),
      );
    }
  }
}

/** Lines that were broken to fit a terminal, as one. */
const onOneLine = (text: string): string => text.replace(/\n {2,15}(?=\S)/g, ' ').replace(/(?<=\S) {2,}/g, ' ');

const run = (words: string) => deitLt(words.split(' '), { cwd: folder });

suite('deit-lt plan', { timeout: 300_000 }, () => {
  before(() => drawImages('photos', 90, 70));

  test('explains input, networks, time and the smallest class, and warns', () => {
    const { status, stdout, stderr } = run('plan photos --time 10m --no-speed');
    assert.equal(status, 0, stderr);
    for (const part of [
      /^Plan for photos: 41 training images of 3 classes\n/,
      /images 90 to 119 \(typically \d+\) pixels wide, 70 high; files, which are decoded in every epoch/,
      /the largest is meadow with 30 images, the smallest sand with 4: 7\.5 times fewer/,
      /none; 5 images \(10 % of each class that has two or more, at least one\) are set aside to measure the accuracy/,
      /input size 96 × 96 pixels: /,
      /\d+ epochs \(passes over all training images\)/,
      /about [\d a-z]+ in all \(estimated, not measured\); within --time 10m;/,
      /smallest class sand, 4 images: too few to learn a class from/,
      /! few images: /,
      /! a class has fewer than 5 training images: sand \(4\)/,
    ])
      assert.match(onOneLine(stdout), part);
    assert.match(stderr, /To train it: deit-lt train --data photos --time 10m\n/);
    for (const line of stdout.split('\n').slice(2)) assert.ok(line.length <= 80, line);
  });

  test('writes a recipe file that is the plan, also with settings', () => {
    const plain = run('plan photos --time 10m --no-speed --save plan.yaml --json');
    assert.equal(plain.status, 0, plain.stderr);
    const { recipe: values, inputSize, measured } = JSON.parse(plain.stdout);
    assert.deepEqual([inputSize, measured], [96, false]);
    const recipe = completeRecipe(values, { where: 'plan' });
    assert.deepEqual(loadRecipe(path.join(folder, 'plan.yaml')), recipe);
    const limits = recipe.teacher.timeLimit! + recipe.student.timeLimit!;
    assert.ok(limits > 580 && limits < 600, String(limits));

    const set = [
      'student.model=deit_tiny_distilled_patch16_224',
      'teacher.augment={ replace: true, flip: true }',
      'seed=5',
    ];
    const own = deitLt(['plan', 'photos', '--no-speed', '--save', 'own.yml', '--set', ...set], { cwd: folder });
    assert.equal(own.status, 0, own.stderr);
    const saved = loadRecipe(path.join(folder, 'own.yml'));
    assert.equal(saved.student.model.name, 'deit_tiny_distilled_patch16_224');
    assert.deepEqual([Object.keys(saved.teacher.augment), saved.seed, saved.teacher.timeLimit], [['flip'], 5, null]);
    assert.match(
      readFileSync(path.join(folder, 'own.yml'), 'utf8'),
      /^# A plan of deit-lt for photos\. .*\n# Input size: /,
    );
  });

  for (const [words, message] of [
    ['plan photos --time 2s', /--time 2s: the shortest training of these data .* takes about \d+ s/],
    ['plan photos --time 30', /--time: expected a time with its unit, such as 30m, 8h, 1h30m or 90s, got "30"/],
    ['plan photos --save plan', /--save plan: the name of a recipe file ends in \.yaml/],
    ['plan photos --goal best', /--goal: expected one of accuracy, size, speed/],
    ['plan photos --no-speed --set student.epoch=1', /did you mean "epochs"/],
    [
      'plan photos --no-speed --set student.imageSize=30',
      /student\.imageSize 30 is not a multiple of student\.model\.patchSize \d+; choose a student\.model\.patchSize that divides it/,
    ],
    [
      'plan photos --no-speed --set student.model.numHeads=7',
      /student\.model\.numHeads 7 does not divide student\.model\.embedDim/,
    ],
    ['vit --data photos --from nowhere.pth', /--from/],
  ] as const)
    test(`refuses "${words}"`, () => {
      const { status, stderr } = run(`${words}${words.includes('--time 2s') ? ' --no-speed' : ''}`);
      assert.match(stderr, message);
      assert.ok(status === 1 || status === 2);
      assert.doesNotMatch(stderr, /\n {4}at |bug/);
    });

  test('is what train does without a recipe: it prints the plan, asks nobody, and trains it', async () => {
    await drawImages('icons', 24, 24); // one input size, so that little is measured
    const set = ['teacher.epochs=1', 'student.epochs=1', 'student.model.depth=1', 'teacher.model=resnet20'];
    const words = ['train', '--data', 'icons', '--time', '2m', '--out', 'run', '--set', ...set];
    const { status, stdout, stderr } = deitLt(words, { cwd: folder });
    assert.equal(status, 0, stderr);
    assert.ok(stderr.indexOf('Plan for icons') > 0 && stderr.indexOf('Plan for') < stderr.indexOf('teacher: resnet20'));
    assert.match(onOneLine(stderr), /\(from the speed of a few seconds on your images\)/);
    assert.match(onOneLine(stderr), /set by you teacher\.epochs=1 student\.epochs=1/);
    assert.match(stdout, /student average/);
    const { recipe } = readRunConfig(path.join(folder, 'run/student'));
    assert.match(recipe.description, /^planned for icons: /);
    assert.ok(recipe.student.timeLimit! > 30 && recipe.student.timeLimit! < 120);
    const again = deitLt([...words, '--resume'], { cwd: folder });
    assert.equal(again.status, 0, again.stderr);
    assert.doesNotMatch(again.stderr, /Plan for/, 'the run has its recipe');
  });

  test('--time with --recipe measures the one training of the command, and a resumed run keeps its time', async () => {
    await drawImages('icons', 24, 24);
    const set = [
      '--set',
      'data.imbalance=null',
      'data.groups=auto',
      'student.epochs=1',
      'student.model={replace: true, name: resnet20}',
    ];
    const words = ['vit', '--data', 'icons', '--recipe', 'quickstart', '--out', 'limited'];
    const first = deitLt([...words, '--time', '40s', ...set], { cwd: folder });
    assert.equal(first.status, 0, first.stderr);
    assert.match(first.stderr, /measuring the speed of this machine/);
    const limit = () => readRunConfig(path.join(folder, 'limited')).recipe.student.timeLimit;
    const given = limit()!;
    assert.ok(given <= 37 && given >= 10, `${given} s of 40: less the measurement, and the start`);
    for (const [time, note] of [
      [[], undefined],
      [['--time', '40s'], undefined],
      [['--time', '2m'], '--time 2m changes nothing: limited was begun with --time 40s, which a resumed run keeps'],
    ] as const) {
      const { status, stderr } = deitLt([...words, '--resume', ...time, ...set], { cwd: folder });
      assert.equal(status, 0, stderr);
      assert.doesNotMatch(stderr, /measuring the speed/);
      assert.equal(/^.*changes nothing.*$/m.exec(stderr)?.[0].replace(/^! /, ''), note);
    }
    assert.equal(limit(), given);
  });
});

suite('docs/plan.md', () => {
  test('is what the rules give (node packages/deit-lt/scripts/plan-page.mjs)', () => {
    assert.equal(readPage('docs/plan.md'), planPage(readPage('docs/plan-measured.md')));
  });
});
