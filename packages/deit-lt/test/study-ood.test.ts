/** `deit-lt study ood`: its arms, what a teacher is asked, and a whole study in small. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { suite, test } from 'node:test';
import { loadRecipe } from '../src/recipe/load.js';
import { oodFigure } from '../src/report/figures/ood.js';
import { checkStudy, withStudent, withTeacher } from '../src/studies/ood/arms.js';
import { type OodStudy, runOodStudy } from '../src/studies/ood/study.js';
import { deitLt } from './cli-helpers.js';
import { temporaryFolder } from './helpers/temporary-folder.js';
import { recording, tinyDataset, tinyRecipe } from './training-tiny.js';

const recipe = loadRecipe('cifar10-lt-cpu-ood');

suite('the arms of the study', () => {
  test('differ only in augmentation and mixing', () => {
    const strong = withTeacher(recipe, 'strong');
    assert.deepEqual(strong.teacher, { ...recipe.teacher, augment: recipe.student.augment });
    assert.deepEqual(withTeacher(recipe, 'weak'), recipe);
    const { student } = recipe;
    assert.deepEqual(withStudent(strong, 'mixed', recipe), strong);
    assert.deepEqual(withStudent(strong, 'strong', recipe).student, {
      ...student,
      mixing: { ...student.mixing, probability: 0 },
    });
    assert.deepEqual(withStudent(strong, 'weak', recipe).student.augment, recipe.teacher.augment);
  });

  test('need a recipe in which they differ', () => {
    checkStudy(recipe);
    for (const [setting, message] of [
      ['student.mixing.probability=0', /no images are mixed/],
      ['student.distillation.teacherAugment={ preset: eval }', /images of its own/],
      ['teacher.external=true', /does not train its teacher/],
      ['student.distillation.type=none', /nothing is distilled/],
    ] as const)
      assert.throws(() => checkStudy(loadRecipe('cifar10-lt-cpu-ood', { settings: [setting] })), {
        code: 'RECIPE',
        message,
      });
  });
});

suite('runOodStudy()', () => {
  test('trains eight models, evaluates the teachers, and repeats nothing when it resumes', async (t) => {
    const folder = temporaryFolder(t);
    const small = ['teacher.model.width=4', 'teacher.epochs=1', 'student.epochs=1', 'teacher.sam.rho=0'];
    const options = {
      dataset: tinyDataset(),
      recipe: tinyRecipe(...small, 'student.ema=null', 'student.weights=raw'),
      folder,
    };
    const reporter = recording();
    const study = await runOodStudy({ ...options, reporter });
    assert.equal(reporter.records.length, 8);
    assert.deepEqual(
      study.students.map(({ teacher, style }) => `${style} of ${teacher}`),
      ['weak', 'strong'].flatMap((teacher) => ['weak', 'strong', 'mixed'].map((style) => `${style} of ${teacher}`)),
    );
    for (const { teacherView, accuracy, imagesPerSecond, seconds } of study.students) {
      assert.ok(teacherView.accuracy >= 0 && teacherView.accuracy <= 100);
      assert.ok(teacherView.entropy > 0 && teacherView.entropy <= Math.log(10) + 1e-6, `${teacherView.entropy}`);
      assert.ok(accuracy?.cls && accuracy.dist && accuracy.avg);
      assert.ok(imagesPerSecond > 0 && seconds > 0);
    }
    const [, strong, mixed] = study.students;
    assert.notEqual(strong!.teacherView.entropy, mixed!.teacherView.entropy);
    assert.deepEqual(JSON.parse(readFileSync(path.join(folder, 'ood.json'), 'utf8')), study);

    const again = recording();
    const resumed = await runOodStudy({ ...options, resume: true, reporter: again });
    assert.equal(again.records.length, 0);
    assert.deepEqual(resumed, study);
    figureShows(study);
  });
});

function figureShows(study: OodStudy): void {
  const { svg, alt } = oodFigure(study)!;
  assert.equal(svg.match(/<circle/g)?.length, 6);
  assert.match(alt, /strong \+ mixing, \d\.\d\d nats: \d+\.\d and \d+\.\d %/);
  assert.equal(oodFigure({ ...study, students: [] }), undefined);
}

test('deit-lt study lists its studies', () => {
  const { status, stderr } = deitLt(['study', 'odd', '--data', 'shapes']);
  assert.equal(status, 2);
  assert.match(stderr, /expected "ood" or "ladder", received "odd"/);
});
