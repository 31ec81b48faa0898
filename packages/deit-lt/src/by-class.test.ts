import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { byClass, ClassMap, requireSameOrder } from './by-class.js';

suite('byClass()', () => {
  test('is an array that carries its class names, which are neither compared nor written', () => {
    const counts = byClass(['a', 'b'], Int32Array.of(5, 3));
    assert.deepEqual(counts.classNames, ['a', 'b']);
    assert.deepEqual(counts, [5, 3]);
    assert.equal(JSON.stringify(counts), '[5,3]');
  });

  test('has a value for each class', () => {
    assert.throws(() => byClass(['a', 'b', 'c'], [1, 2]), /^Error: internal: 2 values for 3 classes$/);
  });
});

suite('requireSameOrder()', () => {
  test('names the first class that differs, or the numbers of classes', () => {
    requireSameOrder(['a', 'b'], ['a', 'b'], 'these');
    const permuted = /internal: the labels and the model have different class orders: class 1 is "b" and "c"/;
    assert.throws(() => requireSameOrder(['a', 'b', 'c'], ['a', 'c', 'b'], 'the labels and the model'), permuted);
    assert.throws(() => requireSameOrder(['a'], ['a', 'b'], 'these'), /internal: .*: 1 and 2$/);
  });
});

suite('ClassMap', () => {
  const [data, model] = [
    ['cat', 'dog', 'fox', 'owl'],
    ['fox', 'cat', 'owl', 'dog'],
  ];
  const map = new ClassMap(data, model, Int32Array.of(1, 3, 0, 2));

  test('moves labels and values to the same classes', () => {
    const labels = map.labels({ labels: Int32Array.of(0, 0, 1, 2, 3), classNames: data, more: 'kept' });
    assert.deepEqual(labels, { labels: Int32Array.of(1, 1, 3, 0, 2), classNames: model, more: 'kept' });
    const values = map.values(byClass(data, ['of cat', 'of dog', 'of fox', 'of owl']));
    assert.deepEqual(values, ['of fox', 'of cat', 'of owl', 'of dog']);
    assert.equal(values.classNames, model);
  });

  test('reports when nothing moves, and names the classes as `to` does', () => {
    const numbers = new ClassMap(['a', 'b'], ['0', '1'], Int32Array.of(0, 1));
    assert.equal(numbers.index, null);
    assert.deepEqual(numbers.values(byClass(['a', 'b'], [7, 8])).classNames, ['0', '1']);
  });

  test('refuses what is in another order already, and what gives two classes one number', () => {
    assert.throws(() => map.values(byClass(model, [1, 2, 3, 4])), /internal: values and their map/);
    assert.throws(() => map.labels({ labels: Int32Array.of(0), classNames: model }), /internal: labels and their map/);
    for (const index of [Int32Array.of(0, 0, 1, 2), Int32Array.of(0, 1, 2)])
      assert.throws(() => new ClassMap(data, model, index), /internal: a map of classes that is not one to one/);
    assert.throws(() => new ClassMap(data, ['a'], null), /internal: a map of classes that is not one to one/);
  });
});
