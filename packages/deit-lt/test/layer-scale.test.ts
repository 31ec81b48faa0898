/** LayerScale, with which DeiT-III trains: against a network without it that has the factors in its weights. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import * as torch from '@deit-lt/torch';
import { createModel, VisionTransformer } from '../src/models/index.js';

const shape = { imageSize: 16, patchSize: 8, embedDim: 16, depth: 2, numHeads: 2, numClasses: 3 };

suite('LayerScale', () => {
  test('multiplies what each branch adds, channel by channel', () => {
    torch.manualSeed(0);
    const scaled = new VisionTransformer({ ...shape, initValues: 0.1 }).eval();
    const plain = new VisionTransformer(shape).eval();
    torch.noGrad(() => {
      for (const [name, parameter] of scaled.namedParameters()) if (/gamma$/.test(name)) parameter.uniform_(-1, 1);
    });
    const state = new Map(scaled.stateDict());
    const into = (name: string, gamma: torch.Tensor): void => {
      for (const [key, factor] of [
        [`${name}.weight`, gamma.unsqueeze(1)],
        [`${name}.bias`, gamma],
      ] as const)
        state.set(key, state.get(key)!.mul(factor));
    };
    for (const block of ['blocks.0', 'blocks.1']) {
      into(`${block}.attn.proj`, state.get(`${block}.ls1.gamma`)!);
      into(`${block}.mlp.fc2`, state.get(`${block}.ls2.gamma`)!);
    }
    for (const name of state.keys()) if (name.endsWith('gamma')) state.delete(name);
    plain.loadStateDict(state);
    const images = torch.randn([2, 3, 16, 16]);
    const [a, b] = [scaled, plain].map((model) => torch.noGrad(() => model.call(images)) as torch.Tensor);
    assert.ok(a!.sub(b!).abs().max().toNumber() < 1e-5);
  });

  test('goes in DeiT-III with a constant drop path and a CLS token drawn like the positions', () => {
    torch.manualSeed(0);
    const drops = (name: string, options = {}): number[] => {
      const model = createModel(name, { numClasses: 3, dropPathRate: 0.2, device: 'meta', ...options });
      return [...(model as VisionTransformer).blocks].map(({ dropPathRate }) => dropPathRate);
    };
    const linear = Array.from({ length: 12 }, (_, i) => (0.2 * i) / 11);
    assert.deepEqual(drops('deit3_base_patch16_224'), Array<number>(12).fill(0.2));
    assert.deepEqual(drops('deit3_base_patch16_224', { constantDropPath: false }), linear);
    assert.deepEqual(drops('deit_base_patch16_224'), linear);
    const stdOf = (name: string): number =>
      (createModel(name, { numClasses: 3 }) as VisionTransformer).clsToken.std().toNumber();
    assert.ok(Math.abs(stdOf('deit3_small_patch16_224') - 0.02) < 0.003); // 384 draws: three standard errors are 0.0022
    assert.ok(stdOf('deit_tiny_patch16_224') < 1e-5);
  });

  test('is 1e-4 at first in DeiT-III, whose CLS token has no positional embedding', () => {
    const model = createModel('deit3_small_patch16_224', { numClasses: 3, device: 'meta' }) as VisionTransformer;
    assert.deepEqual(model.posEmbed.shape, [1, 196, 384]);
    assert.equal(model.blocks.at(0).ls1?.gamma.size(0), 384);
    const { ls2 } = new VisionTransformer({ ...shape, initValues: 1e-4 }).blocks.at(1);
    assert.ok(Math.abs(ls2!.gamma.mean().toNumber() - 1e-4) < 1e-9);
  });
});
