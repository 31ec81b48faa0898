/** Losses that are read late add up to the same, and one that is not finite is found with its place. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import * as torch from '@deit-lt/torch';
import { UserError } from '../errors.js';
import { Readback } from '../readback.js';
import { EpochSums } from './epoch-sums.js';
import { LossReader } from './loss-values.js';
import { alone } from './processes.js';

const options = {
  task: { kind: 'student' },
  run: { hasCheckpoint: () => false },
  recipe: { optimizer: { lr: 0.004 } },
  processes: alone,
} as unknown as ConstructorParameters<typeof LossReader>[0];

const empty = (): EpochSums => EpochSums.restore({ batch: 0, sums: null });

/** Adds batches of 4 images with these losses, every second with a gradient norm. */
function addAll(reader: LossReader, losses: readonly number[]): void {
  for (const [batch, loss] of losses.entries())
    torch.tidy(() => {
      const parts = { cls: torch.tensor(loss / 3), dist: torch.tensor(batch) };
      reader.add([{ loss: torch.tensor(loss), parts }], { epoch: 2, batch, images: 4 });
      reader.addGradNorm(batch % 2 === 1 ? torch.tensor(loss * 10) : undefined);
    });
}

suite('LossReader', () => {
  const losses = Array.from({ length: 37 }, (_, i) => 1 / (i + 1));

  test('adds up the same late as at once', () => {
    const [now, late] = [empty(), empty()];
    addAll(new LossReader(options, now), losses);
    using reader = new LossReader(options, late, new Readback(true));
    addAll(reader, losses);
    assert.ok(late.images < now.images, 'some are not read yet');
    reader.flush();
    assert.deepEqual(late.save(1), now.save(1));
    assert.equal(reader.gradNorm, Math.fround(10 * losses[35]!));
  });

  test('names the epoch and the batch of a loss that is not finite, also when it is found late', () => {
    const wrong = losses.with(33, Number.NaN);
    const isFault = (error: unknown): boolean =>
      error instanceof UserError &&
      error.code === 'NOT_FINITE' &&
      /became NaN in epoch 3, batch 34/.test(error.message);
    const sums = empty();
    using late = new LossReader(options, sums, new Readback(true));
    assert.throws(() => {
      addAll(late, wrong);
      late.flush();
    }, isFault);
    assert.equal(sums.images, 4 * 33);
    assert.throws(() => addAll(new LossReader(options, empty()), wrong), isFault);
  });
});
