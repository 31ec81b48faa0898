import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { textWidth } from '../text/width.js';
import { binned, classRows } from './class-rows.js';
import { plainColors } from './colors.js';
import { histogram } from './histogram.js';
import { histogramSvg } from './histogram-svg.js';

const rows = classRows(
  [
    { name: 'cat', train: 8 },
    { name: 'a dog', train: 400 },
    { name: '猫 <&>', train: 100 },
  ],
  ['tail', 'head', 'mid'],
);

suite('histogram()', () => {
  test('draws a bar for each class, from the largest to the smallest', () => {
    assert.equal(
      histogram(rows, { width: 40, colors: plainColors }),
      [`a dog   400  head  ${'█'.repeat(21)}`, '猫 <&>  100  mid   █████▎', 'cat       8  tail  ▍'].join('\n'),
    );
  });

  test('is not wider than the terminal', () => {
    for (const line of histogram(rows, { width: 60, colors: plainColors }).split('\n'))
      assert.ok(textWidth(line) <= 60);
  });

  test('joins classes that have no row of their own', () => {
    const many = Array.from({ length: 1000 }, (_, i) => ({ name: `c${i}`, train: 1000 - i, group: 'head' as const }));
    const bins = binned(many, 40);
    assert.equal(bins.length, 40);
    assert.deepEqual([bins[0]!.name, bins[39]!.name], ['classes 1–25', 'classes 976–1000']);
    assert.equal(bins[0]!.train, 988);
  });
});

suite('histogramSvg()', () => {
  test('is an SVG document with a bar for each class and escaped names', () => {
    const svg = histogramSvg(rows, 'three & more');
    assert.match(svg, /^<svg [^>]*xmlns="http:\/\/www.w3.org\/2000\/svg"/);
    assert.equal(svg.match(/<rect /g)?.length, 3);
    assert.ok(svg.includes('猫 &lt;&amp;&gt;') && svg.includes('three &amp; more'));
  });

  test('draws thousands of classes as runs of equal ones', () => {
    const many = Array.from({ length: 8142 }, (_, i) => ({
      name: `c${i}`,
      train: i < 10 ? 1000 - i : 3,
      group: 'tail' as const,
    }));
    assert.equal(histogramSvg(many, 'many').match(/<rect /g)?.length, 11);
  });
});
