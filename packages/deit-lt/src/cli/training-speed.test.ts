import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { drawShapes } from '../data/shapes/index.js';
import { chooseRecipe } from './choose-recipe.js';
import { trainingTime } from './training-speed.js';

suite('trainingTime()', () => {
  test('is epochs × images / speed, of teacher and student', async () => {
    const dataset = drawShapes({ trainPerClass: 2, testPerClass: 1 });
    const chosen = chooseRecipe({ recipe: 'quickstart', set: ['teacher.epochs=5', 'student.epochs=20'] }, dataset);
    assert.ok(chosen);
    const measure = async () => ({ imagesPerSecond: 100, teacherImagesPerSecond: 50 });
    assert.deepEqual(await trainingTime(chosen, dataset, { images: 1000, measure }), {
      recipe: 'quickstart',
      teacher: { imagesPerSecond: 50, epochs: 5, seconds: 100 },
      student: { imagesPerSecond: 100, epochs: 20, seconds: 200 },
    });
  });
});
