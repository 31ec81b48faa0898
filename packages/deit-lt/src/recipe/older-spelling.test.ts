/** Recipes and run folders in the spelling of earlier versions, which had flat keys for samplers and schedules. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, suite, test } from 'node:test';
import { stringify } from 'yaml';
import { checkRecipe, loadRecipe, recipeNames } from './load.js';
import { completeOlder } from './older.js';
import type { Recipe, TrainingRecipe } from './schema.js';

const folder = mkdtempSync(path.join(os.tmpdir(), 'deit-lt-older-'));
after(() => rmSync(folder, { recursive: true }));

function file(name: string, text: string): string {
  const at = path.join(folder, name);
  writeFileSync(at, text);
  return at;
}

/** The part as version 0.2.0 wrote it into config.json and printed it. */
function formerPart<P extends TrainingRecipe>({ sampler, schedule, ...part }: P): object {
  const { name, repeats = 1, power = 0, beta = 0.9999 } = sampler;
  const all = { minLr: 0, cooldownEpochs: 0, milestones: [], factors: [] };
  return { ...part, sampler: name, repeats, samplerPower: power, samplerBeta: beta, schedule: { ...all, ...schedule } };
}

const former = (recipe: Recipe): Recipe =>
  ({ ...recipe, teacher: formerPart(recipe.teacher), student: formerPart(recipe.student) }) as unknown as Recipe;

/** The same, without the values that files and run folders of all versions have in common. */
function formerOrders(recipe: Recipe): object {
  const of = (part: object): object => {
    const { sampler, repeats, samplerPower, samplerBeta, schedule } = part as Record<string, unknown>;
    return { sampler, repeats, samplerPower, samplerBeta, schedule };
  };
  return { teacher: of(former(recipe).teacher), student: of(former(recipe).student) };
}

suite('the spelling of version 0.2.0', () => {
  test('of the recipes is refused as it is, and resolves to the same training in run folders and files', () => {
    for (const name of recipeNames().filter((each) => !/cifar100|-50/.test(each))) {
      const recipe = loadRecipe(name);
      assert.throws(() => checkRecipe(former(recipe), name), { code: 'RECIPE' });
      assert.deepEqual(completeOlder(former(recipe)), recipe);
      const { teacher, student } = loadRecipe(file(`${name}.yaml`, stringify(formerOrders(recipe))));
      assert.deepEqual([teacher.sampler, teacher.schedule], [recipe.teacher.sampler, recipe.teacher.schedule]);
      assert.deepEqual([student.sampler, student.schedule], [recipe.student.sampler, recipe.student.schedule]);
    }
  });

  test('has options of samplers that later files name, unless these give their own', () => {
    file('base.yaml', 'student: { samplerPower: 0.5, samplerBeta: 0.9, repeats: 4 }\n');
    const sampler = (text: string) => loadRecipe(file('next.yaml', `extends: base.yaml\n${text}`)).student.sampler;
    assert.deepEqual(sampler(''), { name: 'repeated-augmentation', repeats: 4 });
    assert.deepEqual(sampler('student: { sampler: class-balanced }'), { name: 'class-balanced', power: 0.5 });
    assert.deepEqual(sampler('student: { sampler: { name: class-balanced, power: 1 } }'), {
      name: 'class-balanced',
      power: 1,
    });
    assert.deepEqual(sampler('student: { sampler: shuffle, repeats: 2 }'), { name: 'shuffle' });
  });

  test('of --set means the option of the sampler', () => {
    const sampler = (...settings: string[]) => loadRecipe('default', { settings }).student.sampler;
    assert.deepEqual(sampler('student.repeats=2'), { name: 'repeated-augmentation', repeats: 2 });
    assert.deepEqual(sampler('student.samplerBeta=0.5', 'student.sampler=effective-number'), {
      name: 'effective-number',
      beta: 0.5,
    });
    assert.deepEqual(sampler('student.sampler=shuffle', 'student.repeats=1'), { name: 'shuffle' });
    assert.throws(() => sampler('student.sampler=shuffle', 'student.repeats=2'), {
      code: 'RECIPE',
      message: /student\.sampler\.repeats: the sampler "shuffle" has no option "repeats"/,
    });
  });

  test('clears the milestones of a schedule that has none', () => {
    const settings = ['teacher.schedule.name=cosine', 'teacher.schedule.milestones=[]', 'teacher.schedule.factors=[]'];
    const { stepping, ...schedule } = loadRecipe('default', { settings }).teacher.schedule;
    assert.deepEqual(schedule, { name: 'cosine', warmupEpochs: 5, warmupLr: 0, minLr: 0, cooldownEpochs: 0 });
    const text = 'teacher: { schedule: { name: cosine, milestones: [] } }';
    assert.deepEqual(loadRecipe(file('clears.yaml', text)).teacher.schedule, { ...schedule, stepping });
  });
});

suite('an option of another schedule or sampler', () => {
  test('is an error when it says something', () => {
    const load = (text: string) => () => loadRecipe(file('wrong.yaml', text));
    assert.throws(load('teacher: { schedule: { name: cosine, milestones: [3] } }'), {
      code: 'RECIPE',
      message: /teacher\.schedule\.milestones: the schedule "cosine" has no option "milestones"/,
    });
    assert.throws(load('teacher: { sampler: { name: shuffle, power: 1 } }'), {
      code: 'RECIPE',
      message: /the sampler "shuffle" has no option "power": it has no options/,
    });
  });
});
