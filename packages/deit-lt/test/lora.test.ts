/**
 * Low-rank adaptation: outputs and updates are those of peft where it is installed, else of its formula in PyTorch; runs have one
 * matrix for each layer, and resume.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, suite, test } from 'node:test';
import * as torch from '@deit-lt/torch';
import { openClassifier } from '../src/classifier/classifier.js';
import { createModel, type ImageModel } from '../src/models/index.js';
import { addLora, mergedLora } from '../src/models/lora.js';
import { Ema } from '../src/optim/ema.js';
import { loadRecipe } from '../src/recipe/load.js';
import { RunFolder } from '../src/runs/run-folder.js';
import { limitLearning } from '../src/training/learn.js';
import { trainTeacher, trainVit } from '../src/training/train.js';
import { fromPython, skipTimm } from './helpers/python-torch.js';
import { temporaryFolder } from './helpers/temporary-folder.js';
import { atBatch, reporting, tinyDataset, tinyRecipe } from './training-tiny.js';

torch.setNumThreads(1);

const small = { numClasses: 3, imageSize: 32, patchSize: 8, embedDim: 32, depth: 2, numHeads: 2 };
const rank = 4;
const rate = 0.01;

/** timm's ViT with peft's LoRA of the same matrices: logits before and after three updates of SGD, and merged weights after them. */
const program = `import timm, math, safetensors.torch
at = lambda name: given["folder"] + "/" + name
state = safetensors.torch.load_file(at("in.safetensors"))
images, labels = state.pop("images"), torch.tensor([0, 1, 2, 1])
lora = {name: state.pop(name) for name in list(state) if ".lora_" in name}
model = timm.create_model("vit_tiny_patch16_224", pretrained=False, img_size=32, patch_size=8, embed_dim=32, depth=2, num_heads=2, num_classes=3)
model.load_state_dict(state)
targets = ["qkv", "proj", "fc1", "fc2"]
class Own(torch.nn.Module):
    def __init__(self, base, rank):
        super().__init__()
        self.base, self.a = base, torch.nn.Parameter(torch.empty(rank, base.in_features))
        self.b = torch.nn.Parameter(torch.zeros(base.out_features, rank))
    def forward(self, x): return self.base(x) + (x @ self.a.T) @ self.b.T
try:
    from peft import LoraConfig, get_peft_model
    model = get_peft_model(model, LoraConfig(r=given["rank"], lora_alpha=given["rank"], lora_dropout=0, target_modules=r"blocks\\..*\\.(qkv|proj|fc1|fc2)", modules_to_save=["head"]))
    by, core = "peft", model.base_model.model
    own = lambda name, key: core.get_submodule(name).get_submodule("lora_" + key).default.weight
except ImportError:
    by, core = "formula", model
    for p in model.parameters(): p.requires_grad_(False)
    for p in model.head.parameters(): p.requires_grad_(True)
    for block in model.blocks:
        for parent, key in [(block.attn, "qkv"), (block.attn, "proj"), (block.mlp, "fc1"), (block.mlp, "fc2")]:
            setattr(parent, key, Own(getattr(parent, key), given["rank"]))
    own = lambda name, key: getattr(core.get_submodule(name), key.lower())
with torch.no_grad():
    for name, value in lora.items():
        layer, key = name.rsplit(".lora_", 1)
        own(layer, key.upper()).copy_(value)
optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=given["rate"])
trained = sum(p.numel() for p in model.parameters() if p.requires_grad)
out = {"by": by, "trained": trained, "first": model(images).flatten().tolist()}
for _ in range(3):
    optimizer.zero_grad()
    torch.nn.functional.cross_entropy(model(images), labels).backward()
    optimizer.step()
out["last"] = model(images).flatten().tolist()
out["a"] = own("blocks.0.attn.qkv", "A").flatten().tolist()
out["b"] = own("blocks.1.mlp.fc2", "B").flatten().tolist()`;

interface Found {
  readonly by: string;
  readonly trained: number;
  readonly first: number[];
  readonly last: number[];
  readonly a: number[];
  readonly b: number[];
}

function assertClose(actual: torch.Tensor, expected: readonly number[], what: string): void {
  const difference = actual
    .flatten()
    .sub(torch.tensor([...expected]))
    .abs()
    .max()
    .toNumber();
  assert.ok(difference < 2e-5, `${what} differs by ${difference}`);
}

suite('LoRA', () => {
  suite('beside its formula in PyTorch, or peft', { skip: skipTimm }, () => {
    let model: ImageModel;
    let images: torch.Tensor;
    let theirs: Found;

    const folder = mkdtempSync(path.join(os.tmpdir(), 'deit-lt-lora-'));
    after(() => rmSync(folder, { recursive: true }));

    before(() => {
      torch.manualSeed(3);
      model = createModel('vit', small);
      limitLearning(model, `lora:${rank}`, 'student');
      torch.noGrad(() => {
        for (const [name, parameter] of model.namedParameters())
          if (!name.startsWith('norm')) torch.nn.init.normal_(parameter, { std: 0.2 });
      });
      images = torch.randn([4, 3, 32, 32]);
      torch.safetensors.save(path.join(folder, 'in.safetensors'), new Map([...model.stateDict(), ['images', images]]));
      theirs = fromPython<Found>(program, { folder, rank, rate });
    });

    test('has the same outputs, updates and number of trained parameters', (t) => {
      t.diagnostic(`compared with ${theirs.by}`);
      assert.equal(model.parameterCount({ trainableOnly: true }), theirs.trained);
      const optimizer = new torch.optim.SGD(
        model.parameters().filter(({ requiresGrad }) => requiresGrad),
        { lr: rate },
      );
      model.eval();
      torch.tidy(() => {
        assertClose(model.call(images) as torch.Tensor, theirs.first, 'logits at first');
        for (let i = 0; i < 3; i++) {
          optimizer.zeroGrad();
          const labels = torch.tensor([0, 1, 2, 1], { dtype: 'int64' });
          torch.nn.functional.crossEntropy(model.call(images) as torch.Tensor, labels).backward();
          optimizer.step();
        }
        assertClose(model.call(images) as torch.Tensor, theirs.last, 'logits after three updates');
        const state = model.stateDict();
        assertClose(state.get('blocks.0.attn.qkv.lora_a')!, theirs.a, 'A');
        assertClose(state.get('blocks.1.mlp.fc2.lora_b')!, theirs.b, 'B');
        using plain = createModel('vit', small);
        plain.loadStateDict(mergedLora(state));
        assertClose(plain.eval().call(images) as torch.Tensor, theirs.last, 'logits of merged weights');
      });
    });
  });

  test('begins as the network that it is put into, and its average merges to that of the layers', () =>
    torch.tidy(() => {
      torch.manualSeed(1);
      using model = createModel('deit', small);
      model.eval();
      const images = torch.randn([2, 3, 32, 32]);
      const logits = (): torch.Tensor => torch.cat(torch.noGrad(() => model.call(images)) as torch.Tensor[]);
      const before = logits();
      limitLearning(model, 'lora:2', 'student');
      assert.ok(torch.allclose(before, logits(), { atol: 1e-6 }));
      const ema = new Ema(model, { decay: 0.5 });
      const layer = 'blocks.0.mlp.fc1';
      const [a, b] = [model.stateDict().get(`${layer}.lora_a`)!, model.stateDict().get(`${layer}.lora_b`)!];
      b.fill_(2);
      ema.update(); // the average of 0 and 2
      const merged = mergedLora(ema.stateDict().tensors);
      const expected = model.stateDict().get(`${layer}.weight`)!.add(torch.onesLike(b).matmul(a));
      assert.ok(torch.allclose(merged.get(`${layer}.weight`)!, expected, { atol: 1e-6 }));
      assert.equal(merged.size, model.stateDict().size - 16);
      ema.dispose();
    }));

  test('trains its matrices, the classifiers and the DIST token: 1.7 % of DeiT-S at rank 4', () => {
    using model = createModel('deit_small_distilled_patch16_224', { numClasses: 100, device: 'meta' });
    const all = model.parameterCount();
    limitLearning(model, 'lora:4', 'student');
    const trained = model.namedParameters().filter(([, { requiresGrad }]) => requiresGrad);
    assert.deepEqual(
      [...new Set(trained.map(([name]) => name.replace(/^blocks\.\d+\./, '')))].sort(),
      ['attn.proj', 'attn.qkv', 'mlp.fc1', 'mlp.fc2']
        .flatMap((name) => [`${name}.lora_a`, `${name}.lora_b`])
        .concat(['dist_token', 'head.bias', 'head.weight', 'head_dist.bias', 'head_dist.weight'])
        .sort(),
    );
    const share = model.parameterCount({ trainableOnly: true }) / all;
    assert.ok(share > 0.0165 && share < 0.0175, `${share}`);
  });

  test('refuses networks without blocks, ranks above the width, and other ranks', () => {
    using cnn = createModel('resnet20', { numClasses: 3 });
    assert.throws(() => addLora(cnn, 4, 'teacher'), {
      code: 'RECIPE',
      message: /teacher\.learn is "lora:4".*set it to all/,
    });
    using vit = createModel('vit', small);
    assert.throws(() => addLora(vit, 33, 'student'), { code: 'RECIPE', message: /have 32 numbers; set a rank below/ });
    for (const value of ['lora:0', 'lora:-1', 'lora:1.5', 'lora:', 'lora'])
      assert.throws(() => loadRecipe('default', { settings: [`student.learn=${value}`] }), {
        code: 'RECIPE',
        message: /expected .*"lora:RANK", such as lora:8/,
      });
  });
});

suite('a training of low-rank matrices', { timeout: 120_000 }, () => {
  const settings = ['student.epochs=2', 'data.validation=0', 'evaluation.select=last'];

  function best(folder: string): Map<string, torch.Tensor> {
    return torch.safetensors.load(new RunFolder(folder).checkpoint('best'));
  }

  for (const weights of ['raw', 'ema'])
    test(`has a result of plain weights (${weights}), resumes to the same, and opens from the last checkpoint`, async (t) => {
      const at = (name: string): string => path.join(folder, name);
      const folder = temporaryFolder(t);
      const dataset = tinyDataset();
      const first = tinyRecipe(...settings, 'student.epochs=1');
      await trainVit({ dataset, recipe: first, folder: at('first') });
      const recipe = tinyRecipe(
        ...settings,
        'student.learn=lora:3',
        `student.weights=${weights}`,
        `student.from=${at('first')}`,
        'student.layerDecay=0.7',
      );
      const { evaluation } = await trainVit({ dataset, recipe, folder: at('whole') });
      const [before, after] = [best(at('first')), best(at('whole'))];
      assert.deepEqual([...after.keys()], [...before.keys()]);
      const changed = [...before.keys()].filter((name) => !torch.equal(before.get(name)!, after.get(name)!));
      assert.ok(
        changed.every((name) => /^blocks\.\d\.(attn\.(qkv|proj)|mlp\.fc[12])\.weight$|^head\./.test(name)),
        changed.join(),
      );
      assert.equal(changed.length, 2 * 4 + 2);

      const stop = new AbortController();
      const stopped = { dataset, recipe, folder: at('stopped') };
      const reporter = atBatch(1, 2, () => stop.abort());
      await assert.rejects(trainVit({ ...stopped, reporter, signal: stop.signal }), { code: 'INTERRUPTED' });
      using _ = await openClassifier(at('stopped'), { which: 'last' });
      await trainVit({ ...stopped, resume: true });
      for (const [name, value] of best(at('stopped'))) assert.ok(torch.equal(value, after.get(name)!), name);

      using last = await openClassifier(at('whole'), { which: 'last' });
      for (const [name, value] of last.model.stateDict())
        assert.ok(torch.allclose(value, after.get(name)!, { atol: 1e-6 }), name);
      const again = await trainVit({ dataset, recipe, folder: at('whole'), resume: true });
      assert.equal(again.evaluation?.avg.overall, evaluation?.avg.overall);
    });

  test('says how many parameters it trains, and refuses a CNN before anything is written', async (t) => {
    const folder = temporaryFolder(t);
    const dataset = tinyDataset();
    const starts: (number | undefined)[] = [];
    const reporter = reporting({ start: ({ trainedParameters }) => void starts.push(trainedParameters) });
    await trainVit({ dataset, recipe: tinyRecipe(...settings), folder: path.join(folder, 'first') });
    const recipe = tinyRecipe(...settings, 'student.learn=lora:1', `student.from=${path.join(folder, 'first')}`);
    await trainVit({ dataset, recipe, folder: path.join(folder, 'second'), reporter });
    // A and B of 32 → 96, 32 → 32, 32 → 128 and 128 → 32 in two blocks, and a classifier of ten classes.
    assert.deepEqual(starts, [2 * (128 + 64 + 160 + 160) + 330]);
    const cnn = ['teacher.epochs=1', 'teacher.model.width=4'];
    await trainTeacher({ dataset, recipe: tinyRecipe(...settings, ...cnn), folder: path.join(folder, 'cnn') });
    const wrong = tinyRecipe(...settings, ...cnn, 'teacher.learn=lora:1', `teacher.from=${path.join(folder, 'cnn')}`);
    await assert.rejects(trainTeacher({ dataset, recipe: wrong, folder: path.join(folder, 'none') }), {
      code: 'RECIPE',
      message: /this network has none; set it to all, biases or classifier\.$/,
    });
    assert.equal(new RunFolder(path.join(folder, 'none')).hasCheckpoint('last'), false);
  });
});
