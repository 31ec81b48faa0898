/** `docs/recipe-values.md`: it is what the registries give, and has every option. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { recipeValuesPage } from '../src/cli/recipe-values-page.js';
import { readPage } from './helpers/pages.js';

suite('docs/recipe-values.md', () => {
  const page = readPage('docs/recipe-values.md');

  test('is what the registries give (node packages/deit-lt/scripts/recipe-values-page.mjs)', () => {
    assert.equal(page, recipeValuesPage());
  });

  test('has defaults, limits and meanings of options', () => {
    for (const row of [
      /^\| `repeated-augmentation` \| `repeats` \| `3` \| whole number > 0 and ≤ 1000 \| repeated augmentation/m,
      /^\| `cosine` \| `minLr` \| `0` \| number ≥ 0 and ≤ 1000 \| /m,
      /^\| `onnx` \| `precision` \| `"fp32"` \| `fp32`, `fp16`, `int8` \| /m,
      /^\| `square-root` \| \| \| \| no options \|$/m,
      /^\| every schedule \| `warmupEpochs` \| – \| number ≥ 0/m,
      /^\| `student\.ema` \| number ≥ 0 and < 1 or null \| /m,
    ])
      assert.match(page, row);
  });
});
