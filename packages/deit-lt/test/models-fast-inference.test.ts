/** The folded network against the module that it was made from. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import * as torch from '@deit-lt/torch';
import { fastInference, ResNetCifar } from '../src/models/index.js';
import { assertNear, Golden, goldenFolder, resNetLike } from './models-golden.js';

/** A network whose statistics are those of noise, and whose features a few steps have told apart. */
function trained(cosine: boolean): ResNetCifar {
  torch.manualSeed(0);
  const network = new ResNetCifar(2, { cosine });
  const optimizer = new torch.optim.SGD(network.parameters(), { lr: 0.02, momentum: 0.9 });
  for (let step = 0; step < 30; step++) {
    torch.tidy(() => {
      const { images, labels } = batch(32);
      const logits = network.call(images).mul(cosine ? 30 : 1);
      optimizer.zeroGrad();
      torch.nn.functional.crossEntropy(logits, labels).backward();
      optimizer.step();
    });
  }
  return network.eval();
}

/** Noise around a colour for each of ten classes. */
function batch(size: number): { images: torch.Tensor; labels: torch.Tensor } {
  const labels = torch.randint(0, 10, [size]);
  const colours = torch.stack(
    [labels.float().div(4.5).sub(1), labels.remainder(3).sub(1), labels.remainder(4).sub(1.5)],
    1,
  );
  return { images: colours.reshape(size, 3, 1, 1).add(torch.randn([size, 3, 16, 16]).mul(0.4)), labels };
}

function logitsOf(network: ResNetCifar, images: torch.Tensor): torch.Tensor {
  return torch.noGrad(() => network.call(images));
}

suite('fastInference()', () => {
  for (const cosine of [false, true]) {
    const kind = cosine ? 'cosine' : 'linear';
    const network = trained(cosine);

    test(`${kind}: float32 logits are the module's in evaluation`, () => {
      const { images } = batch(64);
      const expected = logitsOf(network, images);
      using infer = fastInference(network, { dtype: 'float32' });
      assertNear(infer(images), expected, { atol: 1e-4 });
      assertNear(infer(images.contiguous({ memoryFormat: 'channels_last' })), expected, { atol: 1e-4 });
    });

    test(`${kind}: bfloat16 predicts the same`, () => {
      const { images, labels } = batch(500);
      const expected = logitsOf(network, images).argmax(1);
      assert.ok(expected.eq(labels).float().mean().toNumber() > 0.6, 'the network of this test has learned something');
      using infer = fastInference(network, { dtype: 'bfloat16' });
      const logits = infer(images);
      assert.equal(logits.dtype, 'float32');
      const agreement = logits.argmax(1).eq(expected).float().mean().toNumber();
      assert.ok(agreement >= 0.97, `${agreement} agree`);
    });
  }

  test('leaves the network as it was, records nothing and ignores autocast', () => {
    const network = new ResNetCifar(1).train();
    const before = network.bn1.runningMean!.clone();
    using infer = fastInference(network, { dtype: 'float32' });
    const images = torch.randn([2, 3, 8, 8]);
    const logits = infer(images);
    assert.ok(network.training && !logits.requiresGrad);
    assert.ok(torch.equal(network.bn1.runningMean!, before));
    assert.ok(
      torch.equal(
        torch.autocast('cpu', {}, () => infer(images)),
        logits,
      ),
    );
  });

  test('is a copy: it does not follow the network', () => {
    const network = new ResNetCifar(1).eval();
    const images = torch.randn([2, 3, 8, 8]);
    using infer = fastInference(network, { dtype: 'float32' });
    const before = infer(images);
    torch.noGrad(() => {
      for (const parameter of network.parameters()) parameter.zero_();
    });
    assert.ok(torch.equal(infer(images), before));
  });

  test('works inside a scope that is opened and closed around it, and not after dispose', () => {
    const network = new ResNetCifar(1).eval();
    const images = torch.randn([2, 3, 8, 8]);
    const infer = torch.tidy(() => fastInference(network));
    assert.deepEqual(infer(images).shape, [2, 10]);
    infer.dispose();
    assert.throws(() => infer(images), /released/);
    assert.deepEqual(network.call(images).shape, [2, 10]);
  });

  for (const topic of ['resnet', 'resnet_norm'])
    test(`golden ${topic}`, { skip: goldenFolder === undefined && 'no golden files' }, () => {
      const golden = new Golden<{ use_norm: boolean }>(topic);
      const state = golden.under('state.');
      const network = resNetLike((name) => state.get(name)?.shape, golden.json.use_norm);
      network.loadStateDict(state);
      using infer = fastInference(network, { dtype: 'float32' });
      assertNear(infer(golden.at('input')), golden.at('eval.logits'), { relative: 2e-5 });
    });
});
