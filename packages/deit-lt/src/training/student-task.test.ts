/** What the student's task makes of a recipe: how the labels that CLS learns are smoothed and mixed. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import * as torch from '@deit-lt/torch';
import type { ImageModel } from '../models/model.js';
import { stream } from '../random/stream.js';
import { loadRecipe } from '../recipe/load.js';
import { StudentTask } from './student-task.js';

/** Knows class 0, whatever it sees. */
class Certain extends torch.nn.Module<[torch.Tensor], torch.Tensor> {
  forward(images: torch.Tensor): torch.Tensor {
    return torch.tensor([[2, 0, 0, 0]]).expand(images.size(0), -1);
  }
}

const all = Math.log(Math.exp(2) + 3);

/** The loss of one image of class 0 under `epoch` of a recipe that mixes nothing. */
function lossOf(epoch: number): number {
  const { student } = loadRecipe('cifar10-lt-cpu', {
    settings: ['student.mixing.probability=0', 'student.labelSmoothing=0.2', 'student.drw.epoch=10'],
  });
  const model = new Certain() as unknown as ImageModel;
  const task = new StudentTask({ model, recipe: student, trainCounts: new Int32Array(4).fill(1) });
  return torch.tidy(() => {
    const images = torch.zeros([2, 3, 4, 4]);
    const batch = { images, labels: new Int32Array(2), epoch, random: stream(0, 'mix') };
    return task.prepare(batch).loss().loss.toNumber();
  });
}

suite('StudentTask', () => {
  test('smooths labels as the recipe says', () => {
    assert.ok(Math.abs(lossOf(0) - (0.85 * (all - 2) + 0.15 * all)) < 1e-5);
  });

  test('smooths none while it re-weights', () => {
    assert.ok(Math.abs(lossOf(10) - (all - 2)) < 1e-5);
  });
});
