/** What a student needs of its teacher: the same classes, and its answers in the order of the data. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { suite, test } from 'node:test';
import * as torch from '@deit-lt/torch';
import { byClass, ClassMap } from '../src/by-class.js';
import { compareClassNames, teacherOrder } from '../src/classifier/class-names.js';
import { teacherLogits } from '../src/classifier/teacher-logits.js';
import type { Dataset } from '../src/data/dataset.js';
import { prepareData } from '../src/data/prepare-data.js';
import { RunFolder } from '../src/runs/run-folder.js';
import { saveTensors } from '../src/runs/save-tensors.js';
import { trainStudent, trainTeacher } from '../src/training/train.js';
import { temporaryFolder } from './helpers/temporary-folder.js';
import { tinyDataset, tinyRecipe } from './training-tiny.js';

/** The same images, their classes numbered from the other end. */
function reversed({ train, test: held, classNames, ...rest }: Dataset): Dataset {
  const turn = <T extends { labels: Int32Array }>(split: T): T => ({
    ...split,
    labels: split.labels.map((label) => 9 - label),
  });
  return { ...rest, classNames: classNames.toReversed(), train: turn(train), ...(held && { test: turn(held) }) };
}

const identity = { mean: [0, 0, 0], std: [1, 1, 1] } as const;

suite('compareClassNames()', () => {
  test('is null for equal orders, else gives the place of each class of the data', () => {
    assert.equal(compareClassNames(['a', 'b'], ['a', 'b'], 'm'), null);
    assert.deepEqual(compareClassNames(['a', 'b', 'c'], ['c', 'a', 'b'], 'm'), Int32Array.of(2, 0, 1));
  });

  test('names the classes that only one side has', () => {
    assert.throws(() => compareClassNames(['a', 'b'], ['a', 'c'], 'm.safetensors'), {
      code: 'DATA_CLASSES',
      message: 'the classes of m.safetensors are not those of the data: only the model has b; only the data has c.',
    });
    const many = Array.from({ length: 12 }, (_, i) => `c${i}`);
    assert.throws(() => compareClassNames([], many, 'm'), { message: /only the data has c0, .*c7 and 4 more\.$/ });
  });

  test('accepts names that several classes share only in one order', () => {
    assert.equal(compareClassNames(['a', 'b', 'a'], ['a', 'b', 'a'], 'm'), null);
    const message = /several classes of m or of the data have the same name/;
    assert.throws(() => compareClassNames(['a', 'b', 'a'], ['a', 'a', 'b'], 'm'), { code: 'DATA_CLASSES', message });
  });
});

suite('teacherOrder()', () => {
  const data = ['a', 'b', 'c', 'd'];
  const counts = (...numbers: number[]) => byClass(data, numbers);
  const classes = { teacher: ['0', '1', '2', '3'], data, trainCounts: counts(5, 9, 5, 7), file: 'm' };

  test('by count: class c of the data is the teacher’s of its rank, equal counts in label order', () => {
    assert.deepEqual(teacherOrder('count', classes).index, Int32Array.of(2, 0, 3, 1));
    assert.equal(teacherOrder('count', { ...classes, trainCounts: counts(4, 3, 3, 1) }).index, null);
  });

  test('by count uses the counts before images were set aside for validation', async () => {
    const labels = Int32Array.from({ length: 29 }, (_, i) => (i < 14 ? 0 : 1));
    const images = {
      kind: 'memory',
      length: 29,
      width: 1,
      height: 1,
      pixels: new Uint8Array(87),
      nameOf: String,
    } as const;
    const dataset = { name: 'two', classNames: ['small', 'large'], train: { images, labels } };
    const prepared = prepareData(dataset, tinyRecipe('data.imbalance=null', 'data.validation=0.1'));
    const { trainCounts, countsBefore, classNames } = prepared;
    assert.deepEqual(
      [trainCounts, countsBefore],
      [
        [13, 13],
        [14, 15],
      ],
    );
    const classesOf = { teacher: ['0', '1'], data: classNames, file: 'm', trainCounts: countsBefore };
    assert.deepEqual(teacherOrder('count', classesOf).index, Int32Array.of(1, 0));
    for (const split of [prepared.train, prepared.validation]) await split?.source[Symbol.asyncDispose]();
  });

  test('none: class c is class c; names: they must be the same', () => {
    assert.equal(teacherOrder('none', classes).index, null);
    assert.throws(() => teacherOrder('names', classes), { code: 'DATA_CLASSES' });
  });

  test('by count refuses counts of other classes than the data’s', () => {
    const trainCounts = byClass(['b', 'a', 'c', 'd'], [5, 9, 5, 7]);
    assert.throws(() => teacherOrder('count', { ...classes, trainCounts }), /internal: .* class 0 is "b" and "a"/);
  });

  test('needs as many classes', () => {
    const message =
      /m has 2 classes and the data have 4; student\.distillation\.mapTargets=count needs the same number/;
    assert.throws(() => teacherOrder('count', { ...classes, teacher: ['0', '1'] }), { code: 'DATA_CLASSES', message });
  });
});

suite('teacherLogits()', () => {
  const teacherOf = (imageSize: number, seen: torch.Tensor[], mean = [0.5, 0.4, 0.3], std = [0.5, 0.25, 0.2]) => ({
    recipe: { imageSize, mean: mean as [number, number, number], std: std as [number, number, number] },
    placement: { device: 'cpu' },
    classNames: ['x', 'y', 'z'],
    logits: (images: torch.Tensor) => {
      seen.push(torch.keep(images.clone()));
      return { avg: torch.tensor([[1, 2, 3]]) };
    },
    [Symbol.dispose]: () => {},
  });
  const student = (teacherInput: 'own' | 'published') => ({
    imageSize: 8,
    mean: [...identity.mean] as [number, number, number],
    std: [...identity.std] as [number, number, number],
    distillation: { type: 'hard' as const, alpha: 0.5, temperature: 1, teacherInput },
  });

  /** The data name the teacher's classes z, x, y. */
  const orderOf = (index: number[]) => new ClassMap(['z', 'x', 'y'], ['x', 'y', 'z'], Int32Array.from(index));

  test('refuses a map to the classes of another teacher', () => {
    const order = new ClassMap(['z', 'x', 'y'], ['x', 'z', 'y'], Int32Array.of(1, 0, 2));
    assert.throws(() => teacherLogits(teacherOf(8, []), { student: student('own'), order }), /internal: .*class 1/);
  });

  test('gives the logits in the order of the data', () => {
    using logits = teacherLogits(teacherOf(8, []), { student: student('own'), order: orderOf([2, 0, 1]) });
    using answer = logits.logits(torch.zeros([1, 3, 8, 8]));
    assert.deepEqual(answer.toArray(), [[3, 1, 2]]);
    assert.deepEqual(logits.classNames, ['z', 'x', 'y']);
  });

  test('gives the teacher its own normalisation, the published way the student’s', () => {
    const seen: torch.Tensor[] = [];
    for (const input of ['own', 'published'] as const) {
      using logits = teacherLogits(teacherOf(8, seen), { student: student(input), order: orderOf([0, 1, 2]) });
      logits.logits(torch.full([1, 3, 8, 8], 0.6));
    }
    const pixels = seen.map((images) => images.select(3, 0).select(2, 0).squeeze(0).toArray() as number[]);
    [0.2, 0.8, 1.5].forEach((expected, c) => {
      assert.ok(Math.abs(pixels[0]![c]! - expected) < 1e-6);
      assert.ok(Math.abs(pixels[1]![c]! - 0.6) < 1e-6);
    });
  });

  test('gives the teacher its own size, antialiased unless as published', () => {
    const seen: torch.Tensor[] = [];
    const stripes = torch.tensor([1, 0, 0, 0, 0, 0, 0, 0]).expand([1, 3, 8, 8]).contiguous();
    for (const input of ['own', 'published'] as const) {
      using logits = teacherLogits(teacherOf(2, seen, [0, 0, 0], [1, 1, 1]), {
        student: student(input),
        order: orderOf([0, 1, 2]),
      });
      logits.logits(stripes);
    }
    for (const images of seen) assert.deepEqual(images.shape, [1, 3, 2, 2]);
    const [own, published] = seen.map((images) => images.select(3, 0).abs().max().toNumber());
    assert.ok(own! > 0.1 && published! < 0.1, `${own}, ${published}`);
  });
});

/** Makes a teacher that sees one class in all images. */
function alwaysAnswer(file: string, label: number): void {
  using opened = torch.safetensors.open(file);
  const tensors = torch.safetensors.load(file);
  tensors.get('linear.bias')!.select(0, label).fill_(1e4);
  saveTensors(file, tensors, opened.metadata);
}

/** The classes that were predicted at all. */
function classesIn(confusion: readonly (readonly number[])[]): number[] {
  return confusion.map((_, c) => c).filter((c) => confusion.some((row) => row[c]! > 0));
}

suite('a teacher for a student', () => {
  test('may have been trained with another order of the classes', async (t) => {
    const folder = temporaryFolder(t);
    const settings = ['model.cosine=false', 'loss.name=cross-entropy', 'epochs=1'].map((pair) => `teacher.${pair}`);
    const learning = ['distillation.alpha=1', 'accumulation=1', 'drw.epoch=null', 'ema=null', 'weights=raw'];
    const recipe = tinyRecipe(...settings, ...learning.map((pair) => `student.${pair}`), 'data.imbalance=null');
    const dataset = tinyDataset();
    const teacher = path.join(folder, 'teacher');
    await trainTeacher({ dataset, recipe, folder: teacher });
    alwaysAnswer(new RunFolder(teacher).checkpoint('best'), 2);
    const predicted = async (data: Dataset, name: string): Promise<number[]> => {
      const { evaluation } = await trainStudent({ dataset: data, recipe, folder: path.join(folder, name), teacher });
      return classesIn(evaluation!.dist!.confusion!);
    };
    assert.deepEqual(await predicted(dataset, 'same'), [2]);
    assert.deepEqual(await predicted(reversed(dataset), 'turned'), [7]);
  });

  test('must have the same classes', async (t) => {
    const folder = temporaryFolder(t);
    const options = {
      dataset: tinyDataset(),
      recipe: tinyRecipe('teacher.epochs=1'),
      folder: path.join(folder, 'teacher'),
    };
    await trainTeacher(options);
    const dataset = { ...options.dataset, classNames: options.dataset.classNames.with(3, 'zebra') };
    const student = { ...options, dataset, folder: path.join(folder, 'student'), teacher: options.folder };
    await assert.rejects(trainStudent(student), {
      code: 'DATA_CLASSES',
      message: new RegExp(
        `^the classes of .*best\\.safetensors are not .*only the model has ${options.dataset.classNames[3]}; only the data has zebra`,
      ),
    });
    assert.ok(!existsSync(student.folder));
  });

  test('that comes from elsewhere is not trained', async (t) => {
    const folder = temporaryFolder(t);
    const options = { dataset: tinyDataset(), recipe: tinyRecipe('teacher.external=true') };
    await assert.rejects(trainTeacher({ ...options, folder: path.join(folder, 't') }), {
      code: 'RECIPE',
      message: /deit-lt student --teacher RUN/,
    });
    assert.ok(!existsSync(path.join(folder, 't')));
  });

  test('must exist, and must not be a student', async (t) => {
    const folder = temporaryFolder(t);
    const recipe = tinyRecipe('teacher.epochs=1', 'student.epochs=1');
    const options = { dataset: tinyDataset(), recipe };
    const into = (name: string): string => path.join(folder, name);
    await assert.rejects(trainStudent({ ...options, folder: into('s'), teacher: into('none') }), {
      code: 'RUN_FOLDER',
      message: /none does not exist/,
    });
    await trainTeacher({ ...options, folder: into('t') });
    await trainStudent({ ...options, folder: into('s'), teacher: into('t') });
    await assert.rejects(trainStudent({ ...options, folder: into('s2'), teacher: into('s') }), {
      code: 'CHECKPOINT',
      message: /is a student, not a teacher.*--teacher/,
    });
  });
});
