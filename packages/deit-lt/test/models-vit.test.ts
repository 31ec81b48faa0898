/** The Vision Transformers against the reference's numbers, and what they promise beyond them. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import * as torch from '@deit-lt/torch';
import { UserError } from '../src/errors.js';
import { type ModelOutput, VisionTransformer } from '../src/models/index.js';
import { assertNear, Golden, goldenFolder } from './models-golden.js';

interface VitJson {
  config: {
    img_size: number | [height: number, width: number];
    patch_size: number;
    embed_dim: number;
    depth: number;
    num_heads: number;
    mlp_ratio: number;
    num_classes: number;
  };
  models: Record<'distilled' | 'plain', { parameter_names: string[]; num_parameters: number; interpolation: object }>;
}

const tiny = { imageSize: 32, patchSize: 8, embedDim: 32, depth: 2, numHeads: 4, numClasses: 10 };
const tolerance = { atol: 2e-5 };

const outputs = (output: ModelOutput): torch.Tensor[] => (Array.isArray(output) ? output : [output]);

/** The options that the golden network was made with. */
function shapeOf({ config }: VitJson) {
  const { img_size, patch_size, embed_dim, depth, num_heads, mlp_ratio, num_classes } = config;
  const width = { embedDim: embed_dim, numHeads: num_heads, mlpRatio: mlp_ratio, numClasses: num_classes };
  return { imageSize: img_size, patchSize: patch_size, depth, ...width };
}

suite('golden vision transformers', { skip: goldenFolder === undefined && 'no golden files' }, () => {
  for (const kind of goldenFolder === undefined ? [] : (['distilled', 'plain'] as const)) {
    const golden = new Golden<VitJson>('vit');
    const shape = shapeOf(golden.json);
    const model = new VisionTransformer({ ...shape, distilled: kind === 'distilled' });
    const logitKeys = kind === 'distilled' ? ['logits_cls', 'logits_dist'] : ['logits'];
    const at = (key: string): torch.Tensor => golden.at(`${kind}.${key}`);
    model.loadStateDict(golden.under(`${kind}.state.`));

    test(`${kind}: parameters have timm's names in timm's order`, () => {
      const { parameter_names: names, num_parameters: count } = golden.json.models[kind];
      assert.deepEqual(
        model.namedParameters().map(([name]) => name),
        names,
      );
      assert.equal(model.parameterCount(), count);
    });

    test(`${kind}: logits, and the gradient of every parameter`, () => {
      const logits = outputs(model.call(at('input')));
      logitKeys.forEach((key, i) => {
        assertNear(logits[i], at(key), tolerance, key);
      });
      const [first, ...rest] = logits.map((each) => each.square().mean()) as [torch.Tensor, ...torch.Tensor[]];
      rest.reduce((sum, each) => sum.add(each), first).backward();
      for (const [name, parameter] of model.namedParameters())
        assertNear(parameter.grad, at(`grad.${name}`), { relative: 5e-5, atol: 1e-8 }, name);
    });

    test(`${kind}: features and attention of every block`, () => {
      const { cls, dist, tokens } = model.forwardFeatures(at('input'));
      if (kind === 'plain') {
        assertNear(tokens, at('features_all_tokens'), tolerance, 'tokens');
        assert.equal(dist, null);
      } else {
        assertNear(cls, at('feat_cls'), tolerance, 'cls');
        assertNear(dist, at('feat_dist'), tolerance, 'dist');
      }
      const maps = model.attentionMaps(at('input'));
      assert.equal(maps.length, shape.depth);
      maps.forEach((map, i) => {
        assertNear(map, at(`attn.${i}`), tolerance, `attention of block ${i}`);
      });
    });

    test(`${kind}: forwardWithAttention() gives the logits, and the last block's attention of CLS to the patches`, () => {
      const { output, attention } = model.forwardWithAttention(at('input'));
      logitKeys.forEach((key, i) => {
        assertNear(outputs(output)[i], at(key), tolerance, key);
      });
      const last = at(`attn.${shape.depth - 1}`)
        .select(2, 0)
        .mean(1); // (B, N)
      const wanted = last.narrow(1, model.prefixTokens, last.size(1) - model.prefixTokens);
      assertNear(attention, wanted, tolerance, 'attention');
      assert.equal(attention.requiresGrad, false);
    });

    test(`${kind}: other input sizes`, () => {
      for (const size of Object.keys(golden.json.models[kind].interpolation)) {
        const input = at(`interp.${size}.input`);
        const positions = model.positionsFor(input.size(2), input.size(3));
        assertNear(positions, at(`interp.${size}.pos_embed`), { atol: 2e-6 }, `positions ${size}`);
        const logits = outputs(model.call(input));
        logitKeys.forEach((key, i) => {
          assertNear(logits[i], at(`interp.${size}.${key}`), tolerance, `${key} ${size}`);
        });
      }
    });
  }
});

suite('VisionTransformer', () => {
  const images = torch.randn([3, 3, 32, 32]);

  test('logits come from the same features as those of all tokens', () => {
    const model = new VisionTransformer({ ...tiny, distilled: true }).eval();
    const { cls, dist } = model.forwardFeatures(images);
    const few = model.prefixFeatures(images);
    assert.deepEqual(few.shape, [3, 2, tiny.embedDim]);
    assertNear(few.select(1, 0), cls, { atol: 1e-5 }, 'cls');
    assertNear(few.select(1, 1), dist!, { atol: 1e-5 }, 'dist');
    assertNear(outputs(model.forwardHead(few))[1], outputs(model.call(images))[1]!, { atol: 1e-6 }, 'logits');
  });

  test('the last of the block outputs, normed, are the features', () => {
    const model = new VisionTransformer({ ...tiny, distilled: true }).eval();
    const blocks = model.blockTokens(images);
    assert.equal(blocks.length, tiny.depth);
    assertNear(model.norm.call(blocks.at(-1)!), model.forwardFeatures(images).tokens, { atol: 1e-6 });
  });

  test('attention rows sum to one', () => {
    const model = new VisionTransformer(tiny);
    for (const map of model.attentionMaps(images)) assertNear(map.sum(-1), torch.ones([3, 4, 17]), { atol: 1e-5 });
  });

  test('takes images that are not square, and cuts off what is not a whole patch', () => {
    const model = new VisionTransformer({ ...tiny, imageSize: [24, 40] }).eval();
    assert.deepEqual(model.grid, [3, 5]);
    assert.deepEqual(model.posEmbed.shape, [1, 16, 32]);
    const wide = torch.randn([1, 3, 27, 45]);
    const cut = wide.narrow(2, 0, 24).narrow(3, 0, 40);
    assertNear(outputs(model.call(wide))[0], outputs(model.call(cut))[0]!, { atol: 1e-6 });
  });

  test('has no attention dropout, dropout or drop path in evaluation, and all of them in training', () => {
    for (const rates of [{ dropRate: 0.5 }, { attnDropRate: 0.5 }, { dropPathRate: 0.5 }]) {
      const model = new VisionTransformer({ ...tiny, ...rates });
      const run = (): torch.Tensor => torch.noGrad(() => outputs(model.call(images))[0]!);
      const differs = (): boolean => !torch.equal(run(), run());
      torch.manualSeed(1);
      assert.ok(differs(), `${Object.keys(rates)}: training`);
      model.eval();
      assert.ok(!differs(), `${Object.keys(rates)}: evaluation`);
    }
  });

  test('drop path grows linearly over the blocks', () => {
    const model = new VisionTransformer({ ...tiny, depth: 12, dropPathRate: 0.1 });
    const rates = [...model.blocks].map((block) => block.dropPathRate);
    rates.forEach((rate, i) => {
      assert.ok(Math.abs(rate - (0.1 * i) / 11) < 1e-12);
    });
  });

  test('is initialised as timm does', () => {
    torch.manualSeed(0);
    const model = new VisionTransformer({ ...tiny, embedDim: 192, numHeads: 3, distilled: true });
    const std = (tensor: torch.Tensor): number => tensor.detach().std().toNumber();
    for (const name of ['pos_embed', 'dist_token', 'blocks.0.attn.qkv.weight', 'head.weight']) {
      const spread = std(model.stateDict().get(name)!);
      assert.ok(Math.abs(spread - 0.02) < 0.003, `${name}: ${spread}`);
    }
    assert.ok(std(model.clsToken) < 2e-6);
    for (const [name, parameter] of model.namedParameters())
      if (name.endsWith('bias') && !name.startsWith('patch_embed'))
        assert.equal(parameter.detach().abs().max().toNumber(), 0, name);
  });

  test('trains under bfloat16 autocast to nearly the same gradients', () => {
    torch.manualSeed(0);
    const model = new VisionTransformer({ ...tiny, distilled: true });
    const gradient = (precision: boolean): torch.Tensor => {
      model.zeroGrad();
      const logits = torch.autocast('cpu', { enabled: precision }, () => outputs(model.call(images)));
      logits[0]!.float().square().mean().add(logits[1]!.float().square().mean()).backward();
      return model.patchEmbed.proj.weight.grad!.clone();
    };
    assertNear(gradient(true), gradient(false), { relative: 0.05 });
  });

  test('refuses sizes that do not go together', () => {
    const refuses = (options: object, message: RegExp): void => {
      assert.throws(
        () => new VisionTransformer({ ...tiny, ...options }),
        (error) => error instanceof UserError && error.code === 'RECIPE' && message.test(error.message),
      );
    };
    refuses({ patchSize: 5 }, /imageSize 32 is not a multiple of patchSize 5/);
    refuses({ numHeads: 5 }, /numHeads 5 does not divide embedDim 32/);
    assert.throws(() => new VisionTransformer(tiny).call(torch.zeros([1, 3, 4, 32])), /smaller than a patch/);
  });
});
