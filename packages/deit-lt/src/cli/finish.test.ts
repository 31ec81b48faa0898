import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { drawShapes } from '../data/shapes/index.js';
import { completeRecipe } from '../recipe/load.js';
import { plainColors } from './colors.js';
import type { CliContext } from './context.js';
import { finish } from './finish.js';
import type { Options } from './option-table.js';
import type { PreparedRun } from './training-run.js';

const dataset = drawShapes({ trainPerClass: 2, testPerClass: 1, size: 8 });

/** The lines after a training on `data` of which the share `validation` was set aside. */
function nextOf(data: string, validation: number): string {
  const lines: string[] = [];
  const context = { print: () => {}, note: (...more: string[]) => lines.push(...more), colors: plainColors };
  const recipe = completeRecipe({}, { settings: [`data.validation=${validation}`], where: 'test' });
  const training = { dataset, folder: 'runs/mine', recipe } as unknown as PreparedRun['training'];
  finish(context as unknown as CliContext, { training, options: { data } as Options }, {});
  return lines.join('\n');
}

suite('the list after a training', () => {
  test('names the commands that use the model', () => {
    const text = nextOf('photos', 0.1);
    for (const command of ['eval', 'predict', 'analyze', 'report', 'demo', 'serve'])
      assert.match(text, new RegExp(`deit-lt ${command} runs/mine`));
  });

  test('has an adaptation that can be made: on the images set aside, else on others', () => {
    assert.match(nextOf('photos', 0.1), /adapt runs\/mine --data photos +calibrates .* on the images set aside/);
    assert.match(nextOf('photos', 0), /adapt runs\/mine --calibration labelled-images +calibrates/);
    assert.doesNotMatch(nextOf('shapes', 0), /adapt/);
  });
});
