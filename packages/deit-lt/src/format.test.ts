import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { durationWord, parseDuration, roughDuration } from './format.js';

suite('parseDuration()', () => {
  test('reads times with their units', () => {
    const read = ['90s', '30m', '8h', '1h30m', '1 h 30 min', '0.5h', '2d', '1D'].map(parseDuration);
    assert.deepEqual(read, [90, 1800, 28_800, 5400, 5400, 1800, 172_800, 86_400]);
  });

  test('reads nothing else', () => {
    for (const text of ['', '30', '0m', '-1h', '1e9h', 'm', 'soon', '1h30', '5 minutes of it', '1w'])
      assert.equal(parseDuration(text), undefined, text);
  });
});

suite('durationWord()', () => {
  test('writes what parseDuration() reads', () => {
    const words = ['30m', '8h', '1h30m', '1m30s', '45s', '48h', '0.5s'];
    assert.deepEqual(
      words.map((word) => durationWord(parseDuration(word)!)),
      words,
    );
  });
});

suite('roughDuration()', () => {
  test('has as many digits as an estimate deserves', () => {
    const rough = [0, 37.4, 59.6, 64, 125, 599, 1655, 3599, 3600, 3900, 28_800, 200_000].map(roughDuration);
    assert.deepEqual(rough, [
      '0 s',
      '37 s',
      '1 min',
      '1 min',
      '2 min 10 s',
      '10 min',
      '28 min',
      '1 h',
      '1 h',
      '1 h 05 min',
      '8 h',
      '2 d 7 h',
    ]);
  });
});
