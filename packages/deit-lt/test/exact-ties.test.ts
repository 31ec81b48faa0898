/** The last layer in float32 under autocast: logits of two classes are not equal by rounding, in any family of networks. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import * as torch from '@deit-lt/torch';
import { canFold } from '../src/models/fold-batch-norm.js';
import { Glmc } from '../src/models/glmc.js';
import { createModel, fastInference, type ModelOptions, type ModelOutput } from '../src/models/index.js';
import { Paco } from '../src/models/paco.js';
import { studentOutputs } from '../src/tasks/student-task.js';

torch.setNumThreads(1);

const numClasses = 1000;
const tiny = { patchSize: 8, embedDim: 32, depth: 1, numHeads: 2 };

/** One network of each family, with images of a size that suits it. */
const networks: readonly [name: string, options: Omit<ModelOptions, 'numClasses'>, side: number][] = [
  ['deit', tiny, 16],
  ['vit', tiny, 16],
  ['vit', { ...tiny, initValues: 1 }, 16],
  ['resnet8', { width: 4 }, 8],
  ['resnet8', { width: 4, cosine: true }, 8],
  ['resnet18_cifar', { width: 4 }, 8],
  ['resnet18_cifar', { width: 4, cosine: true }, 8],
  ['regnety_004', {}, 32],
];

/** Rows of `logits` `[B, C]` in which the two largest numbers are equal. */
function ties(logits: torch.Tensor): number {
  return torch.tidy(() => {
    const [best] = logits.float().topk(2, 1);
    return best.select(1, 0).eq(best.select(1, 1)).sum().toNumber();
  });
}

const inBfloat16 = <R>(fn: () => R): R => torch.noGrad(() => torch.autocast('cpu', { dtype: 'bfloat16' }, fn));

const outputsOf = (output: ModelOutput): torch.Tensor[] =>
  Array.isArray(output) ? Object.values(studentOutputs(...output)) : [output];

function noise(shape: number[]): torch.Tensor {
  torch.manualSeed(1);
  return torch.randn(shape);
}

function made(name: string, options: Omit<ModelOptions, 'numClasses'>) {
  torch.manualSeed(0);
  return createModel(name, { ...options, numClasses });
}

suite('logits under bfloat16 autocast', () => {
  for (const [name, options, side] of networks) {
    const images = noise([400, 3, side, side]);
    const label = `${name}${options.cosine ? ', cosine' : ''}${options.initValues ? ', LayerScale' : ''}`;

    for (const mode of ['eval', 'train'] as const)
      test(`of ${label} in ${mode === 'eval' ? 'evaluation' : 'training'} are float32, without ties`, () => {
        const model = made(name, options)[mode]();
        for (const logits of outputsOf(inBfloat16(() => model.call(images)))) {
          assert.equal(logits.dtype, 'float32');
          assert.ok(ties(logits.bfloat16()) > 0, 'rounded to bfloat16 these logits have ties');
          assert.equal(ties(logits), 0);
        }
      });

    const network = made(name, options).eval();
    if (canFold(network))
      test(`of ${label}, folded, are float32, without ties`, () => {
        using infer = fastInference(network, { dtype: 'bfloat16' });
        const logits = infer(images);
        assert.equal(logits.dtype, 'float32');
        assert.equal(ties(logits), 0);
      });
  }

  test('of PaCo and GLMC, which look into the network, are float32 too', () => {
    const images = noise([16, 3, 8, 8]);
    const network = () => made('resnet8', { width: 4 });
    const paco = new Paco(network(), network(), { numClasses });
    const glmc = new Glmc(network());
    const { logits } = inBfloat16(() => paco.call(images));
    const { plain, balanced } = inBfloat16(() => glmc.call(images));
    assert.deepEqual(
      [logits, plain, balanced].map(({ dtype }) => dtype),
      ['float32', 'float32', 'float32'],
    );
  });

  test('teach the layers before them: gradients reach the first convolution', () => {
    const model = made('resnet8', { width: 4 }).train();
    const images = noise([4, 3, 8, 8]);
    const labels = torch.tensor([0, 1, 2, 3], { dtype: 'int64' });
    const logits = torch.autocast('cpu', { dtype: 'bfloat16' }, () => model.call(images)) as torch.Tensor;
    torch.nn.functional.crossEntropy(logits, labels).backward();
    for (const [parameter, { grad }] of model.namedParameters())
      assert.ok(grad !== null && grad.abs().sum().toNumber() > 0, parameter);
  });

  test('in float64 stay float64', () => {
    for (const [name, options, side] of networks.slice(1, 5)) {
      const model = made(name, options).eval().to('float64');
      const [logits] = outputsOf(torch.noGrad(() => model.call(torch.randn([2, 3, side, side]).double())));
      assert.equal(logits!.dtype, 'float64');
    }
  });
});
