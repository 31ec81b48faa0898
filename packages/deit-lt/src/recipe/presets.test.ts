/** Styles of augmentation and several views in recipes. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { UserError } from '../errors.js';
import { loadRecipe } from './load.js';

const studentOf = (...settings: string[]) => loadRecipe('default', { settings }).student;

const refuses = (settings: string[], message: RegExp): void => {
  assert.throws(
    () => studentOf(...settings),
    (error) => error instanceof UserError && message.test(error.message),
  );
};

suite('augment.preset', () => {
  test('takes the place of what the base recipe does, as entries', () => {
    const { augment } = studentOf('student.augment.preset=ldam');
    assert.deepEqual(augment, {
      simpleRandomCrop: { padding: 4, mode: 'zero' },
      flip: { probability: 0.5 },
    });
  });

  test('is changed by what is set after it', () => {
    const { augment } = studentOf('student.augment.preset=deit3', 'student.augment.simpleRandomCrop.mode=zero');
    assert.deepEqual(augment.simpleRandomCrop, { padding: 4, mode: 'zero' });
    assert.ok(augment.threeAugment);
  });

  test('lists those that exist', () => {
    refuses(['student.augment.preset=deit4'], /student\.augment\.preset: expected one of deit, deit3, ldam, eval/);
  });
});

suite('distillation.teacherAugment', () => {
  test('is a preset or entries, and off by default', () => {
    assert.equal(studentOf().distillation.teacherAugment, null);
    const { teacherAugment } = studentOf('student.distillation.teacherAugment.preset=eval').distillation;
    assert.deepEqual(teacherAugment, { centerCrop: { enlarge: 1 } });
  });
});

suite('multiCrop', () => {
  test('is off by default, and has the published numbers', () => {
    assert.equal(studentOf().multiCrop, null);
    assert.deepEqual(studentOf('student.multiCrop={}').multiCrop, {
      global: 2,
      local: 8,
      globalScale: [0.4, 1],
      localSize: 96,
      localScale: [0.05, 0.4],
      teacherViews: 'global',
    });
    assert.equal(studentOf('student.multiCrop.local=4').multiCrop?.local, 4);
  });

  test('does not go with a view of the teacher’s own', () => {
    refuses(['student.multiCrop={}', 'student.distillation.teacherAugment.preset=eval'], /set one to null/);
  });
});
