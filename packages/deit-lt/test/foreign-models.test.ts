/** Models of other programs: what their files and folders say, what is beside the network, and weights that are not numbers. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, suite, test } from 'node:test';
import * as torch from '@deit-lt/torch';
import sharp from 'sharp';
import { openAnyClassifier } from '../src/classifier/any-classifier.js';
import { openClassifier } from '../src/classifier/classifier.js';
import { DeitLT } from '../src/deit-lt.js';
import { GraphBuilder } from '../src/export/onnx/graph-builder.js';
import { onnxModel } from '../src/export/onnx/model.js';
import { encodeModel } from '../src/export/onnx/proto.js';
import { createModel, type ModelOptions } from '../src/models/index.js';
import { loadRuntime } from '../src/onnx/runtime.js';
import { saveTensors } from '../src/runs/save-tensors.js';
import { type Savable, torchFilePieces } from '../src/torch-files/save.js';
import { trainVit } from '../src/training/train.js';
import { deitLt } from './cli-helpers.js';
import { temporaryFolder, write } from './helpers/temporary-folder.js';
import { tinyDataset, tinyRecipe } from './training-tiny.js';

torch.setNumThreads(1);
const folder = mkdtempSync(path.join(os.tmpdir(), 'deit-lt-foreign-'));
after(() => rmSync(folder, { recursive: true }));
const at = (...names: string[]): string => path.join(folder, ...names);
const skipOnnx = (await loadRuntime()) === undefined && 'no onnxruntime-node here';
const settings = ['device=cpu', 'precision=float32'];

const vit: Partial<ModelOptions> = { embedDim: 128, depth: 1, patchSize: 8 };

/** A state dict with random weights, whose names `rename` changes. */
function stateOf(
  name: string,
  options: Partial<ModelOptions>,
  rename: (name: string) => string = (each) => each,
): Map<string, torch.Tensor> {
  torch.manualSeed(1);
  const model = createModel(name, { numClasses: 3, ...options });
  return new Map([...model.stateDict()].map(([key, value]) => [rename(key), value]));
}

function savePth(file: string, state: ReadonlyMap<string, torch.Tensor>): string {
  write(file, Buffer.concat([...torchFilePieces(state)]));
  return file;
}

suite('an export of an earlier version', () => {
  test('has the names and the epoch of its file', async () => {
    const content = new Map<string, Savable>([
      ['model', stateOf('vit', vit)],
      ['epoch', 6],
      ['class_names', ['ant', 'bee', 'cat']],
      ['architecture', 'vit'],
    ]);
    write(at('older.pth'), Buffer.concat([...torchFilePieces(content)]));
    using pth = await openClassifier(at('older.pth'));
    assert.deepEqual([pth.classNames, pth.namesKnown, pth.epoch], [['ant', 'bee', 'cat'], true, 6]);
    const metadata = { format: 'pt', model: 'deit_tiny_patch16_224', classes: '["ant","bee","cat"]' };
    torch.safetensors.save(at('older.safetensors'), stateOf('deit_tiny_patch16_224', {}), { metadata });
    using other = await openClassifier(at('older.safetensors'));
    assert.deepEqual([other.classNames, other.epoch], [['ant', 'bee', 'cat'], null]);
    const hint = { settings: ['student.model.numHeads=4'] };
    await assert.rejects(openClassifier(at('older.safetensors'), hint), { code: 'RECIPE', message: /has 3/ });
  });
});

suite('a wrapped network', () => {
  const wraps: Record<string, readonly [(name: string) => string, extra: readonly string[]]> = {
    'averaged weights': [(name) => `module.${name}`, ['n_averaged']],
    'a Lightning module': [(name) => `model._orig_mod.${name}`, ['criterion.weight', 'loss_fn.prior']],
    'several cards around a training module': [
      (name) => `module.model.${name}`,
      ['module.criterion.weight', 'n_averaged'],
    ],
    'a backbone and its head beside it': [(name) => (/^head/.test(name) ? name : `backbone.${name}`), ['temperature']],
    'a student and its teacher': [(name) => `student.${name}`, ['teacher.conv1.weight', 'teacher.fc.bias']],
  };
  for (const [what, [rename, extra]] of Object.entries(wraps))
    for (const format of ['pth', 'safetensors'] as const)
      test(`${what}, .${format}: is read, and what is beside it is named`, async () => {
        const state = stateOf('vit', vit, rename);
        for (const name of extra) state.set(name, torch.ones([3]));
        const file = at(`${what}.${format}`);
        if (format === 'pth') savePth(file, state);
        else torch.safetensors.save(file, state);
        using found = await openClassifier(file, { settings: [...settings, 'student.model.numHeads=4'] });
        assert.match(found.notes!.join('\n'), /ignored, because the network has no such weights: /);
        for (const name of extra)
          assert.ok(
            found.notes!.some((note) => note.includes(name.replace('module.', ''))),
            name,
          );
        const wanted = stateOf('vit', vit);
        for (const [name, value] of found.model.stateDict()) assert.ok(torch.equal(value, wanted.get(name)!), name);
      });

  test('is refused for a tensor inside of the wrapper that the network does not have', async () => {
    const state = stateOf('vit', vit, (name) => `module.${name}`).set('module.blocks.0.gate.weight', torch.ones([3]));
    const message = /it has blocks\.0\.gate\.weight, which the network does not have/;
    await assert.rejects(openClassifier(savePth(at('gate.pth'), state)), { code: 'CHECKPOINT', message });
  });
});

suite('heads', () => {
  test('that no weight shows are reported as assumed, and a hint replaces them', async () => {
    const file = savePth(at('plain.pth'), stateOf('vit', vit));
    using found = await openClassifier(file);
    assert.match(found.notes!.join('\n'), /no weight shows the number of attention heads; assumed are 2 of width 64/);
    using hinted = await openClassifier(file, { settings: ['student.model.numHeads=4'] });
    assert.doesNotMatch(hinted.notes!.join('\n'), /heads/);
    assert.equal(hinted.recipe.model.numHeads, 4);
  });

  test('that do not divide the numbers of a token are refused with those that do', async () => {
    const file = savePth(at('narrow.pth'), stateOf('vit', { ...vit, embedDim: 96, numHeads: 3 }));
    const counts = /numHeads=N: 1, 2, 3, 4, 6, 8, 12/;
    await assert.rejects(openClassifier(file), { code: 'CHECKPOINT', message: counts });
    const options = { settings: ['student.model.numHeads=5'] };
    await assert.rejects(openClassifier(file, options), { code: 'CHECKPOINT', message: /5 does not divide 96/ });
  });
});

/** As timm's `save_for_hf` writes it. */
const timmConfig = {
  architecture: 'vit_tiny_patch16_224',
  num_classes: 3,
  model_args: { img_size: 32, patch_size: 8, embed_dim: 128, depth: 1, num_heads: 4 },
  pretrained_cfg: {
    input_size: [3, 40, 40],
    interpolation: 'bilinear',
    crop_pct: 0.9,
    mean: [0.5, 0.4, 0.3],
    std: [0.2, 0.2, 0.1],
    label_names: ['ant', 'bee', 'cat'],
  },
};

suite('a folder of timm', () => {
  const make = (name: string, config: object): string => {
    torch.safetensors.save(write2(at(name, 'model.safetensors')), stateOf('vit', vit), { metadata: { format: 'pt' } });
    write(at(name, 'config.json'), JSON.stringify(config));
    return at(name);
  };
  const write2 = (file: string): string => {
    write(file, '');
    return file;
  };

  test('is opened by itself or by its weights, as its config.json says', async () => {
    const hub = make('hub', timmConfig);
    for (const place of [hub, path.join(hub, 'model.safetensors')]) {
      using found = await openClassifier(place, { settings });
      const { mean, std, filter, imageSize, evalSize, model } = found.recipe;
      const { pretrained_cfg: given } = timmConfig;
      assert.deepEqual([mean, std, filter], [given.mean, given.std, 'bilinear']);
      assert.deepEqual([imageSize, evalSize, model.numHeads], [32, 40, 4]);
      assert.deepEqual([found.classNames, found.namesKnown], [given.label_names, true]);
      assert.deepEqual(found.epoch, null);
      assert.equal(found.notes!.length, 1);
      assert.match(found.notes![0]!, /crop_pct 0\.9; here the shorter side is resized to 45/);
    }
  });

  test('is not contradicted: other heads, other classes than weights, and what is no JSON', async () => {
    const hub = make('hub2', timmConfig);
    const refused = (options: object, message: RegExp, code: string) =>
      assert.rejects(openClassifier(hub, options), { code, message });
    await refused({ settings: ['student.model.numHeads=2'] }, /model\.safetensors has 4/, 'RECIPE');
    await refused({ settings: ['student.mean=[0,0,0]'] }, /has \[0\.5,0\.4,0\.3\]/, 'RECIPE');
    make('hub2', { ...timmConfig, pretrained_cfg: { ...timmConfig.pretrained_cfg, label_names: ['a', 'b'] } });
    await refused({}, /has 2 class names, but its classifier has 3/, 'CHECKPOINT');
    writeFileSync(path.join(hub, 'config.json'), '{"architecture":');
    await refused({}, /config\.json cannot be read/, 'CHECKPOINT');
  });

  test('of a published size has the heads of its name', async () => {
    const state = stateOf('deit_tiny_patch16_224', {});
    torch.safetensors.save(write2(at('tiny', 'model.safetensors')), state);
    write(at('tiny', 'config.json'), JSON.stringify({ architecture: 'deit_tiny_patch16_224.fb_in1k' }));
    const options = { settings: ['student.model.numHeads=4'] };
    await assert.rejects(openClassifier(at('tiny'), options), { code: 'RECIPE', message: /has 3/ });
    using found = await openClassifier(at('tiny'));
    assert.equal(found.recipe.model.name, 'deit_tiny_patch16_224');
  });

  test('with a run’s or another program’s config.json beside a file of another name is not such a folder', async () => {
    torch.safetensors.save(at('hub', 'other.safetensors'), stateOf('vit', vit));
    using found = await openClassifier(at('hub', 'other.safetensors'));
    assert.equal(found.namesKnown, false);
  });
});

suite('weights that are not finite', () => {
  /** `state` with one number of tensor `name` replaced. */
  function damaged(value: number, name = 'blocks.0.mlp.fc1.weight'): Map<string, torch.Tensor> {
    const state = stateOf('vit', vit);
    torch.noGrad(() => state.get(name)!.view([-1]).narrow(0, 7, 1).fill_(value));
    return state;
  }
  const message = /blocks\.0\.mlp\.fc1\.weight contain NaN or infinity/;
  for (const value of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
    test(`${value} in .safetensors and .pth is refused by the tensor's name`, async () => {
      torch.safetensors.save(at('bad.safetensors'), damaged(value));
      await assert.rejects(openClassifier(at('bad.safetensors')), { code: 'CHECKPOINT', message });
      await assert.rejects(openClassifier(savePth(at('bad.pth'), damaged(value))), { code: 'CHECKPOINT', message });
    });

    test(`${value} in ONNX of each precision is refused by the tensor's name`, { skip: skipOnnx }, async () => {
      torch.safetensors.save(at('good.safetensors'), stateOf('vit', vit));
      using model = await openClassifier(at('good.safetensors'), { settings });
      const { weight } = [
        ...(model.model as unknown as { blocks: Iterable<{ mlp: { fc1: torch.nn.Linear } }> }).blocks,
      ][0]!.mlp.fc1;
      torch.noGrad(() => weight.view([-1]).narrow(0, 7, 1).fill_(value));
      for (const precision of ['fp32', 'fp16'] as const) {
        writeFileSync(at('bad.onnx'), onnxModel(model, { precision, version: '0' }));
        await assert.rejects(openAnyClassifier(at('bad.onnx')), { code: 'CHECKPOINT', message });
      }
    });
  }

  test('in what is not an initializer of an ONNX model show in its logits', { skip: skipOnnx }, async () => {
    const graph = new GraphBuilder('fp32');
    const images = graph.input('images', ['n', 3, 8, 8]);
    const means = graph.op('ReduceMean', [images], { axes: { ints: [2, 3] }, keepdims: { int: 0 } });
    graph.output('logits', graph.op('Div', [means, means]), ['n', 3]);
    writeFileSync(at('zero.onnx'), encodeModel(graph.build('zero', '0', {})));
    const refused = { code: 'CHECKPOINT', message: /zero\.onnx returns NaN or infinity for a black image/ };
    await assert.rejects(openAnyClassifier(at('zero.onnx')), refused);
  });

  test('logits that overflow are not probabilities', async () => {
    const state = stateOf('vit', vit);
    torch.noGrad(() => state.get('head.bias')!.fill_(3e38));
    torch.noGrad(() => state.get('norm.bias')!.fill_(3e38));
    torch.safetensors.save(at('overflow.safetensors'), state);
    using loaded = await DeitLT.load(at('overflow.safetensors'), { settings });
    const photo = await sharp(Buffer.alloc(64 * 48 * 3, 99), { raw: { width: 64, height: 48, channels: 3 } })
      .png()
      .toBuffer();
    await assert.rejects(loaded.classify(photo), {
      code: 'CHECKPOINT',
      message: /returns NaN instead of probabilities/,
    });
  });

  test('numbers whose sum is beyond float32 are numbers', async () => {
    const state = stateOf('vit', vit);
    torch.noGrad(() => state.get('blocks.0.mlp.fc1.weight')!.fill_(3e38));
    torch.safetensors.save(at('large.safetensors'), state);
    using found = await openClassifier(at('large.safetensors'));
    assert.equal(found.classNames.length, 3);
  });

  test('in the checkpoint of a run: predict, import and --from refuse them with exit code 1', async (t) => {
    const recipe = tinyRecipe('student.epochs=1', 'student.drw.epoch=null');
    const run = path.join(temporaryFolder(t), 'run');
    await trainVit({ dataset: tinyDataset(), recipe, folder: run });
    const file = path.join(run, 'checkpoints', 'best.safetensors');
    const { metadata, tensors } = readAll(file);
    torch.noGrad(() => tensors.get('norm.weight')!.fill_(Number.NaN));
    saveTensors(file, tensors, metadata);
    const { status, stderr } = deitLt(['predict', run, file]);
    assert.equal(status, 1);
    assert.match(stderr, /best\.safetensors: the weights norm\.weight contain NaN or infinity/);
    const from = { dataset: tinyDataset(), recipe, folder: `${run}-2`, from: run };
    await assert.rejects(trainVit(from), { code: 'CHECKPOINT', message: /norm\.weight/ });
  });
});

function readAll(file: string) {
  using opened = torch.safetensors.open(file);
  return { metadata: { ...opened.metadata }, tensors: new Map(opened.names.map((name) => [name, opened.get(name)])) };
}
