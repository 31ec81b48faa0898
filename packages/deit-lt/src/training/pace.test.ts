import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { Pace, type PaceOptions } from './pace.js';

const options: PaceOptions = {
  limit: 100,
  epochs: 10,
  batches: 20,
  accumulation: 1,
  evaluationCost: 0,
  evaluateEvery: 10,
};

/** Trains by a clock that `secondsAt` gives for each batch; returns the pace, the batches and the seconds. */
function trained(given: Partial<PaceOptions>, secondsOf: (done: number, pace: Pace) => number) {
  const pace = new Pace({ ...options, ...given });
  const places: number[] = [];
  let [done, seconds] = [0, 0];
  while (done < pace.total) {
    const { epoch, batch, batches } = pace.placeAt(done);
    places.push(epoch + batch / batches);
    seconds += secondsOf(done, pace);
    done++;
    pace.look(done, seconds);
  }
  return { pace, done, seconds, places };
}

suite('Pace', () => {
  test('is that of the recipe without a limit, and with time to spare', () => {
    for (const [limit, each] of [
      [null, 100],
      [100, 0.4],
    ] as const) {
      const { pace, done, places } = trained({ limit }, () => each);
      assert.deepEqual([done, pace.isShortened, pace.saved, pace.epochs], [200, false, undefined, 10]);
      assert.deepEqual(pace.placeAt(37), { epoch: 1, batch: 17, batches: 20 });
      assert.deepEqual(
        places,
        Array.from({ length: 200 }, (_, i) => Math.floor(i / 20) + (i % 20) / 20),
      );
    }
  });

  test('ends in time on a machine that is slower, and the schedules end with it', () => {
    for (const slow of [0.6, 1, 3, 9]) {
      const { pace, done, seconds, places } = trained({}, () => slow);
      assert.ok(pace.isShortened);
      assert.ok(seconds <= 100 + slow, `${slow}: ${seconds} s`);
      assert.ok(seconds > 85, `${slow}: ${seconds} s`);
      assert.deepEqual(
        places,
        places.toSorted((a, b) => a - b),
      );
      assert.ok(places.at(-1)! > 10 - 25 / done, `${slow}: ends at ${places.at(-1)} of 10, ${done} batches`);
    }
  });

  test('takes the epochs back when the machine was slow for a while only', () => {
    const { pace, done, seconds } = trained({}, (batch) => (batch >= 20 && batch < 30 ? 3 : 0.3));
    assert.ok(done > 190, `${done} batches`);
    assert.ok(seconds <= 101 && pace.placeAt(done - 1).epoch === 9);
  });

  test('ends in time when the machine becomes slow late', () => {
    const { seconds, places } = trained({}, (batch) => (batch < 100 ? 0.45 : 1.5));
    assert.ok(seconds <= 102, `${seconds} s`);
    assert.ok(places.at(-1)! > 9.4, `ends at ${places.at(-1)}`);
  });

  test('knows that epochs with SAM cost more', () => {
    const costOf = (epoch: number): number => (epoch >= 5 ? 2 : 1);
    const { pace, done, seconds } = trained({ costOf }, (batch, pace) => 0.6 * costOf(pace.placeAt(batch).epoch));
    assert.ok(pace.isShortened && seconds <= 102 && seconds > 85, `${seconds} s, ${done} batches`);
    const first = pace.saved!;
    assert.ok(first.total > 80 && first.total < 130);
  });

  test('leaves time for the evaluations at the end', () => {
    const { seconds } = trained({ evaluationCost: 10 }, () => 0.6);
    assert.ok(seconds <= 90 && seconds > 75, `${seconds} s`);
  });

  test('ends between two updates', () => {
    for (const slow of [0.7, 1.1, 2.3]) {
      const { done } = trained({ accumulation: 4 }, () => slow);
      assert.equal((done % 20) % 4, 0);
    }
  });

  test('resumes from its saved state', () => {
    const { pace, done } = trained({}, () => 1);
    const again = new Pace({ ...options, saved: pace.saved });
    assert.equal(again.total, pace.total);
    for (let i = pace.saved!.from; i < done; i++) assert.deepEqual(again.placeAt(i), pace.placeAt(i));
  });
});
