import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import * as torch from '@deit-lt/torch';
import { loadRecipe } from '../recipe/load.js';
import { modelOf } from '../tasks/model-of.js';
import { inLayoutOf, placeOn } from './place-on.js';

function network(name: string, imageSize: number): torch.nn.Module<[torch.Tensor], torch.Tensor> {
  torch.manualSeed(1);
  const settings = [`teacher.model.name=${name}`, `teacher.imageSize=${imageSize}`];
  const { teacher } = loadRecipe('cifar10-lt-cpu', { settings });
  return modelOf('teacher', teacher, 5) as torch.nn.Module<[torch.Tensor], torch.Tensor>;
}

const isChannelsLast = (weight: torch.Tensor): boolean => weight.isContiguous({ memoryFormat: 'channels_last' });
const convolutions = (model: torch.nn.AnyModule): torch.Tensor[] => model.parameters().filter(({ ndim }) => ndim === 4);

/** Largest difference of two tensors in relation to the largest value. */
const apart = (a: torch.Tensor, b: torch.Tensor): number =>
  a.sub(b).abs().max().toNumber() / Math.max(b.abs().max().toNumber(), 1e-6);

suite('placeOn()', () => {
  for (const name of ['resnet32', 'regnety_004'])
    test(`${name} with channels-last weights has the same logits, gradients and state`, () =>
      torch.tidy(() => {
        const images = torch.randn([4, 3, 32, 32]).contiguous({ memoryFormat: 'channels_last' });
        const run = (model: torch.nn.Module<[torch.Tensor], torch.Tensor>) => {
          const logits = model.eval().call(images);
          logits.square().mean().backward();
          return { logits, model };
        };
        const expected = run(placeOn(network(name, 32), 'cpu', false));
        const actual = run(placeOn(network(name, 32), 'cpu', true));
        assert.ok(convolutions(actual.model).every(isChannelsLast));
        assert.ok(!convolutions(expected.model).every(isChannelsLast));
        assert.ok(apart(actual.logits, expected.logits) < 1e-4);
        const gradients = expected.model.parameters().map(({ grad }) => grad!);
        for (const [i, { grad }] of actual.model.parameters().entries())
          assert.ok(apart(grad!, gradients[i]!) < 1e-3, `gradient ${i}: ${apart(grad!, gradients[i]!)}`);
        const saved = [expected, actual].map(({ model }) => torch.safetensors.serialize(model.stateDict()));
        assert.equal(Buffer.compare(saved[0]!, saved[1]!), 0);
      }));

  test('a transformer, and networks on the CPU, keep their layout', () => {
    const { student } = loadRecipe('cifar10-lt-cpu');
    const vit = placeOn(modelOf('student', student, 5), 'cpu', true);
    const before = modelOf('student', student, 5);
    assert.deepEqual(
      convolutions(vit).map((weight) => weight.stride()),
      convolutions(before).map((weight) => weight.stride()),
    );
    assert.ok(!convolutions(placeOn(network('resnet32', 32), 'cpu')).every(isChannelsLast));
  });
});

suite('inLayoutOf()', () => {
  test('returns the values in the layout of another tensor', () => {
    const like = torch.randn([2, 3, 4, 5]).contiguous({ memoryFormat: 'channels_last' });
    const values = torch.randn([2, 3, 4, 5]);
    const result = inLayoutOf(like, values);
    assert.ok(isChannelsLast(result));
    assert.deepEqual(result.toArray(), values.toArray());
  });
});
