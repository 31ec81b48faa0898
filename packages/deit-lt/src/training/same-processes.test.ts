import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { prepareData } from '../data/prepare-data.js';
import { drawShapes } from '../data/shapes/index.js';
import { loadRecipe } from '../recipe/load.js';
import type { RunConfig } from '../runs/run-folder.js';
import { alone, type Processes } from './processes.js';
import { requireSameTraining, requireSameVersions } from './same-processes.js';

/** Two processes, of which the other has the facts of this one after `change`. */
function two(change: (facts: Record<string, unknown>) => void, rank = 0): Processes {
  const exchange = <T>(value: T): T[] => {
    const other = JSON.parse(JSON.stringify(value)) as T & Record<string, unknown>;
    change(other);
    return rank === 0 ? [value, other] : [other, value];
  };
  return { ...alone, rank, count: 2, exchange };
}

suite('requireSameVersions()', () => {
  test('accepts the same on other hosts', () => {
    requireSameVersions(two((facts) => Object.assign(facts, { host: 'far' })));
  });

  test('names the process and the versions', () => {
    const older = (facts: Record<string, unknown>): void =>
      void Object.assign(facts, { host: 'far', version: '0.0.1' });
    const message =
      /^process 1 of 2 \(from 0; on far\) differs from process 0 \(on .*\): deit-lt is 0\.0\.1, and \d+\.\d+\.\d+ there\./;
    assert.throws(() => requireSameVersions(two(older)), { code: 'USAGE', message });
    assert.throws(() => requireSameVersions(two(older, 1)), { name: 'LeaderFailed', exitCode: 2 });
    const pytorch = (facts: Record<string, unknown>): void => void Object.assign(facts, { pytorch: '1.0' });
    assert.throws(() => requireSameVersions(two(pytorch)), { message: /PyTorch is 1\.0, and \d/ });
    const buckets = (facts: Record<string, unknown>): void => void Object.assign(facts, { megabytes: '5' });
    assert.throws(() => requireSameVersions(two(buckets)), { message: /DEIT_LT_BUCKET_MB is 5, and not set there/ });
  });
});

suite('requireSameTraining()', () => {
  const recipe = loadRecipe('default');
  const data = prepareData(drawShapes({ trainPerClass: 4, testPerClass: 2, size: 8 }), recipe);
  const config = { kind: 'vit', recipe, teacherSha256: null } as unknown as RunConfig;
  const check = (change: (facts: Record<string, unknown>) => void): void =>
    requireSameTraining(two(change), config, data);

  test('accepts the same training, on another device', () => {
    check(() => {});
  });

  const different: readonly (readonly [string, unknown, RegExp])[] = [
    ['training', 'student', /what is trained is student, and vit there/],
    ['images', { test: '3 images (abc)' }, /the train split is not set, and \d+ images \(\w{12}\) there/],
    ['teacher', 'abc', /the teacher is abc, and null there/],
    ['plugins', ['abc'], /the modules of --plugin is abc/],
  ];
  for (const [name, value, message] of different)
    test(`refuses ${name}`, () => {
      assert.throws(() => check((facts) => Object.assign(facts, { [name]: value })), { code: 'USAGE', message });
    });
});
