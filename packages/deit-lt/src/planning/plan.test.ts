import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { plainColors } from '../cli/colors.js';
import { exampleData, exampleMachines, examplePlan } from '../cli/plan-page.js';
import { planText } from '../cli/plan-text.js';
import { type DatasetDescription, imbalanceRatio } from '../data/describe.js';
import { completeRecipe } from '../recipe/load.js';
import { modelOf } from '../tasks/model-of.js';
import { epochsWithin, evaluationEvery, fillingPair, pairOf, secondsOf, usualEpochs } from './epochs.js';
import { uncertaintyOf } from './expectation.js';
import { planFor } from './plan.js';
import { rungs } from './rungs.js';
import { corrected, estimatedSpeeds } from './speed.js';

const cpu = exampleMachines['2 cores']!;
const stamps = exampleData['stamps, 100 to 1,200 pixels']!.data;
const asked = { seconds: 360, goal: 'accuracy' } as const;

type Sizes = readonly (readonly [train: number, test: number | undefined])[];

/** Data of classes with so many images to train and to test. */
function described(...sizes: Sizes): DatasetDescription {
  const classes = sizes.map(([train, test], i) => ({ name: `class ${i}`, train, test }));
  const sum = (counts: readonly number[]): number => counts.reduce((all, each) => all + each, 0);
  const isTested = sizes.every(([, test]) => test !== undefined);
  return {
    ...stamps,
    classes,
    trainImages: sum(classes.map(({ train }) => train)),
    testImages: isTested ? sum(classes.map(({ test = 0 }) => test)) : undefined,
    imbalanceRatio: imbalanceRatio(classes.map(({ train }) => train)),
  };
}

suite('planFor()', () => {
  for (const name of Object.keys(exampleData))
    for (const machine of Object.keys(exampleMachines))
      test(`gives "${name}" on ${machine} a recipe that is complete and within its time`, () => {
        const { seconds: given } = exampleData[name]!;
        const plan = examplePlan(name, machine);
        const recipe = completeRecipe({ ...plan.values }, { where: 'plan' });
        assert.equal(recipe.student.epochs, plan.epochs.student);
        assert.equal(recipe.teacher.epochs, plan.epochs.teacher);
        assert.ok(
          recipe.student.drw.epoch! < recipe.student.epochs && recipe.teacher.drw.epoch! < recipe.teacher.epochs,
        );
        if (given === null) assert.equal(recipe.teacher.timeLimit, null);
        else {
          assert.ok(plan.seconds.total <= given, `${plan.seconds.total} of ${given} s`);
          const limits = recipe.teacher.timeLimit! + recipe.student.timeLimit!;
          assert.ok(limits <= given - 6 && limits >= given - 9, `${limits} of ${given} s`);
        }
      });

  test('enlarges images at most by half', () => {
    const sides = (side: number): number => {
      const spread = { min: side, median: side, max: side };
      const data = { ...stamps, imageSizes: { width: spread, height: spread, looked: 800 } };
      return planFor(data, cpu, { seconds: 864_000, goal: 'accuracy' }).rung.size;
    };
    assert.deepEqual([10, 32, 43, 64, 86, 1000].map(sides), [32, 32, 64, 96, 128, 128]);
  });

  test('takes larger inputs for more time, until more brings nothing', () => {
    const sizes = [100, 1000, 10_000, 100_000].map((seconds) => planFor(stamps, cpu, { ...asked, seconds }).rung.size);
    assert.deepEqual(
      sizes,
      sizes.toSorted((a, b) => a - b),
    );
    assert.ok(sizes.at(-1)! > sizes[0]!, String(sizes));
    const [day, week] = [86_400, 604_800].map((seconds) => planFor(stamps, cpu, { ...asked, seconds }));
    assert.deepEqual(day!.epochs, week!.epochs);
  });

  test('has a smaller student for size, and a smaller input too for speed', () => {
    const plans = (['accuracy', 'size', 'speed'] as const).map((goal) => planFor(stamps, cpu, { seconds: 7200, goal }));
    const [accuracy, size, speed] = plans as [(typeof plans)[0], (typeof plans)[0], (typeof plans)[0]];
    assert.ok(size.student.millions < accuracy.student.millions);
    assert.equal(size.rung.size, accuracy.rung.size);
    assert.ok(speed.rung.size < accuracy.rung.size);
  });

  test('says before the training that the data or the time are too little', () => {
    const codes = (plan: ReturnType<typeof planFor>): string[] => plan.warnings.map(({ code }) => code);
    assert.deepEqual(codes(examplePlan('stamps, 100 to 1,200 pixels', '2 cores')).slice(0, 2), [
      'few-images',
      'tiny-class',
    ]);
    const short = planFor(stamps, cpu, { ...asked, seconds: 60 });
    assert.equal(codes(short)[0], 'little-time');
    assert.match(short.warnings[0]!.text, /in 1 min the teacher has \d+ epochs .* \(--time \d+m; /);
    assert.deepEqual(codes(examplePlan('no tail', '2 cores')), ['balanced']);
    assert.ok(codes(examplePlan('a thousand kinds of photographs', '2 cores')).includes('long'));
  });

  test('refuses a time in which nothing can be trained, with the time that would do', () => {
    const refusal = (seconds: number): string => {
      try {
        planFor(stamps, cpu, { ...asked, seconds });
        return '';
      } catch (error) {
        return (error as Error).message;
      }
    };
    const message = refusal(3);
    assert.match(message, /^--time 3s: the shortest training .* takes about (\d+) s/);
    const least = Number(/about (\d+) s/.exec(message)![1]);
    assert.equal(refusal(least + 1), '');
  });

  test('offers fewer images for a time that is too short, only so many as then fit', () => {
    const refusal = (data: DatasetDescription, seconds: number, limit: number | null = null): string => {
      try {
        planFor(data, cpu, { ...asked, seconds, limit });
        return '';
      } catch (error) {
        return (error as Error).message;
      }
    };
    const many = described(...new Array<readonly [number, number]>(10).fill([20_000, 10]));
    const message = refusal(many, 30);
    const offered = Number(/or fewer images \(--set data\.limit=(\d+)\)/.exec(message)?.[1]);
    assert.ok(offered >= 100 && offered < 200_000, message);
    assert.equal(refusal(many, 30, offered), '');
    assert.match(refusal(described([96, 10], [96, 10]), 3), /on this machine\. Give at least that\.$/);
  });

  test('names the input size to which the usual epochs of a longer time belong', () => {
    const plan = planFor(stamps, cpu, { ...asked, seconds: 60 });
    const { size } = plan.rung;
    assert.ok(plan.warnings[0]!.text.includes(`At ${size} × ${size} pixels, the usual ${plan.usualEpochs} and `));
  });

  test('names up to three classes whose accuracy nothing measures', () => {
    const untested = (data: DatasetDescription): string | undefined =>
      planFor(data, cpu, asked).warnings.find(({ code }) => code === 'untested-class')?.text;
    assert.equal(untested(described([50, 10], [50, 1], [0, 0])), undefined);
    assert.equal(
      untested(described([50, 10], [50, 0])),
      'a class has no test image: class 1. Nothing measures its accuracy.',
    );
    assert.equal(
      untested(described([50, 10], [9, 0], [8, 0], [7, 0], [6, 0])),
      '4 classes have no test image: class 1, class 2, class 3 and 1 more. Nothing measures their accuracy.',
    );
    assert.equal(
      untested(described([50, undefined], [1, undefined])),
      'a class has only one image, which is trained on: class 1. Nothing measures its accuracy.',
    );
    assert.equal(untested(described([1, undefined], [1, undefined])), undefined, 'the warning no-test says it');
  });

  test('follows the measurements instead of its estimate', () => {
    const estimate = planFor(stamps, cpu, asked);
    const slow = { teacher: 40, teacherSam: 20, student: 30, memoryBytes: 1e9 };
    const plan = planFor(stamps, cpu, asked, { measured: new Map([[estimate.speedKey, slow]]) });
    assert.ok(plan.rung.size <= estimate.rung.size && plan.seconds.total <= 360);
    assert.ok(plan.epochs.teacher < estimate.epochs.teacher);
    if (plan.speedKey === estimate.speedKey) assert.deepEqual([plan.isMeasured, plan.memoryBytes], [true, 1e9]);
  });

  test('gives all of the time to the one training of a command', () => {
    const both = planFor(stamps, cpu, asked);
    const teacher = planFor(stamps, cpu, { ...asked, trains: ['teacher'] });
    assert.ok(teacher.rung.size > both.rung.size || teacher.epochs.teacher > both.epochs.teacher);
    const withVit = planFor(stamps, cpu, { ...asked, trains: ['teacher', 'vit', 'student'] });
    assert.ok(withVit.seconds.total <= 360 && withVit.epochs.student < both.epochs.student);
  });

  test('sets a tenth of the images aside when there are no test images', () => {
    const { images, validation } = planFor({ ...stamps, testImages: undefined }, cpu, asked);
    assert.ok(Math.abs(images - 0.9 * stamps.trainImages) < stamps.classes.length / 2);
    assert.equal(validation, 0.1);
  });
});

suite('planText()', () => {
  const textOf = (...classes: Sizes): string => {
    const data = described(...classes);
    return planText(planFor(data, cpu, asked), data, { width: 10_000, colors: plainColors });
  };

  test('counts the images that are set aside as the training does', () => {
    const none = /tests +none, and no class has two images, .*: there are no images to measure the accuracy with\n/;
    assert.match(textOf([1, undefined], [1, undefined]), none);
    assert.match(textOf([1, undefined], [1, undefined]), /the accuracy cannot be measured\. Add images\./);
    assert.match(textOf([2, undefined], [1, undefined]), /none; 1 image \(.*\) is set aside to measure the accuracy/);
    assert.match(textOf([3, undefined], [3, undefined]), /none; 2 images \(.*\) are set aside to measure the accuracy/);
    assert.match(textOf([50, 1], [50, 0]), /1 image, which is not trained on; it measures the accuracy/);
  });

  test('counts the threads where they are fewer than the cores', () => {
    const data = described([50, 5], [50, 5]);
    const text = (threads: number): string =>
      planText(planFor(data, { ...cpu, threads }, asked), data, { width: 10_000, colors: plainColors });
    assert.match(text(2), /the processor, 2 cores, in/);
    assert.match(text(1), /the processor, 1 thread for the networks on 2 cores \(OMP_NUM_THREADS\), in/);
    const speedOf = (threads: number): number =>
      estimatedSpeeds({ ...cpu, threads }, rungs[0]!, { pixels: 1, inMemory: true }).student;
    assert.ok(Math.abs(speedOf(2) / speedOf(1) - 2) < 1e-9);
  });

  test('compares the classes in words, and has no plural of one', () => {
    assert.match(textOf([20, 5], [20, 5]), /with 20 images, the smallest class \d with as many\n/);
    assert.match(textOf([50, 5], [49, 5]), /with 50 images, the smallest class 1 with 49: nearly as many\n/);
    assert.match(textOf([40, 5], [20, 5]), /with 20: 2\.0 times fewer\n/);
    assert.match(textOf([40, 5], [0, 5]), /with none\n/);
    assert.match(textOf([10, 5], [10, 5]), /, 1 update in an epoch\n/);
    assert.match(textOf([500, 5], [500, 5]), /, \d+ updates in an epoch\n/);
  });
});

suite('the table of rules', () => {
  for (const { machine, size, teacher, student, small, published } of rungs)
    test(`has the sizes of its networks: ${machine} ${size}`, { skip: published !== undefined && 'published' }, () => {
      for (const [part, network] of [
        ['teacher', teacher],
        ['student', student],
        ['student', small],
      ] as const) {
        const values = { [part]: { model: network.model, imageSize: size } };
        const model = modelOf(part, completeRecipe(values, { where: 'rung' })[part], 1);
        const millions = model.parameters().reduce((sum, each) => sum + each.numel(), 0) / 1e6;
        for (const parameter of model.parameters()) parameter.dispose();
        assert.ok(Math.abs(millions / network.millions - 1) < 0.03, `${network.title}: ${millions} million`);
      }
    });
});

suite('evaluationEvery()', () => {
  test('evaluates often where an evaluation is cheap, and at least five times', () => {
    const every = (student: number, images: number, evaluated: number): number =>
      evaluationEvery({ teacher: 1, student }, { images, evaluated });
    assert.deepEqual(
      [2, 5, 60, 60, 60].map((student, i) => every(student, 1000, [250, 250, 250, 0, 4000][i]!)),
      [1, 1, 5, 1, 12],
    );
    assert.equal(every(1200, 1000, 10), 24, 'at most fifty lines');
    for (const student of [1, 3, 40, 250, 1400])
      for (const evaluated of [0, 10, 300, 100_000]) {
        const each = every(student, 2000, evaluated);
        assert.ok(Number.isInteger(each) && each >= 1 && each <= Math.max(1, student), `${student} ${evaluated}`);
        assert.ok(Math.ceil(student / each) >= Math.min(student, 5), `${student} ${evaluated}: every ${each}`);
      }
  });

  test('is in the recipe of a plan, whose time counts the evaluations', () => {
    const { values, epochs, images } = planFor(stamps, cpu, asked);
    const evaluated = stamps.testImages!;
    const every = evaluationEvery(epochs, { images, evaluated });
    assert.equal(completeRecipe({ ...values }, { where: 'plan' }).evaluation.every, every);
    const speeds = { teacher: 100, teacherSam: 50, student: 100 };
    const timed = { images: 1000, evaluated: 500, speeds, sam: false, trains: ['student'] } as const;
    const { student } = secondsOf({ teacher: 2, student: 60 }, timed);
    assert.ok(Math.abs(student - (1.04 * 600 + (7 * 500) / 250 + 3)) < 1e-9, `${student}`); // every 10 epochs, and the result
  });
});

suite('the time of a plan', () => {
  const speeds = { teacher: 100, teacherSam: 50, student: 100 };
  const training = { images: 1000, evaluated: 0, speeds, sam: true, trains: ['teacher', 'student'] } as const;

  test('is images × epochs / speed, with SAM in the second half', () => {
    const { teacher, student, total } = secondsOf({ teacher: 10, student: 20 }, training);
    assert.ok(Math.abs(teacher - (1.04 * (5 * 10 + 5 * 20) + 3)) < 1e-9);
    assert.ok(Math.abs(student - (1.04 * 200 + 3)) < 1e-9);
    assert.equal(total, teacher + student);
  });

  test('counts once that large files are decoded before there are copies of them', () => {
    const { teacher, student, total } = secondsOf({ teacher: 10, student: 20 }, { ...training, firstRead: 100 });
    const plain = secondsOf({ teacher: 10, student: 20 }, training);
    assert.deepEqual([teacher, student, total], [plain.teacher + 100, plain.student, plain.total + 100]);
    const readOf = (side: number): number => {
      const spread = { min: side, median: side, max: side };
      const data = { ...stamps, imageSizes: { width: spread, height: spread, looked: 800 } };
      const { seconds, epochs, images, speeds: own, rung } = planFor(data, cpu, asked);
      const sam = rung.teacher.training === 'ldam';
      const timed = {
        images,
        evaluated: stamps.testImages!,
        speeds: own,
        sam,
        trains: ['teacher', 'student'],
      } as const;
      return (seconds.teacher - secondsOf(epochs, timed).teacher) / images;
    };
    assert.equal(readOf(150), 0); // not large
    assert.ok(Math.abs(readOf(3000) / ((3000 ** 2 * 12e-9) / 2) - 1) < 1e-6, 'two cores decode');
  });

  test('is filled by the largest number of epochs that fits', () => {
    const found = epochsWithin(500, 1000, training);
    assert.ok(secondsOf(pairOf(found), training).total <= 500);
    assert.ok(secondsOf(pairOf(found + 1), training).total > 500);
    assert.equal(epochsWithin(1, 1000, training), 0);
    assert.equal(epochsWithin(1e9, 7, training), 7);
  });

  test('has more epochs of the student where the next of the teacher does not fit', () => {
    const teacher = epochsWithin(100, 1000, training);
    const { student } = fillingPair(100, teacher, training);
    assert.ok(student > pairOf(teacher).student && student <= 3.5 * teacher);
    assert.ok(secondsOf({ teacher, student }, training).total <= 100);
    assert.deepEqual(fillingPair(1e9, 10, training), { teacher: 10, student: 35 });
    assert.deepEqual(fillingPair(1, 10, training), pairOf(10));
  });

  test('has more epochs for fewer images', () => {
    assert.deepEqual([100, 5000, 12_406, 1e6].map(usualEpochs), [100, 60, 24, 24]);
  });

  test('of other networks is corrected by the measurements', () => {
    const [rung, other] = [rungs[0]!, rungs[1]!];
    const images = { pixels: 1e4, inMemory: false };
    const estimate = estimatedSpeeds(cpu, rung, images);
    const measured = { teacher: estimate.teacher / 2, teacherSam: estimate.teacherSam / 3, student: estimate.student };
    const next = corrected(estimatedSpeeds(cpu, other, images), [{ estimated: estimate, measured }]);
    const plain = estimatedSpeeds(cpu, other, images);
    for (const [part, factor] of [
      ['teacher', 2],
      ['teacherSam', 3],
      ['student', 1],
    ] as const)
      assert.ok(Math.abs(plain[part] / next[part] - factor) < 1e-9, part);
  });
});

suite('uncertaintyOf()', () => {
  test("is half of Wilson's interval at 50 %, in points", () => {
    assert.ok(Math.abs(uncertaintyOf(100) - 9.62) < 0.02); // 0.4038 … 0.5962
    assert.ok(uncertaintyOf(5) > 30);
  });
});
