/** The network airbench94 against PyTorch, and everything that a model of it goes through: whitening, training, files, ONNX. */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, suite, test } from 'node:test';
import * as torch from '@deit-lt/torch';
import { openClassifier } from '../src/classifier/classifier.js';
import { exportHuggingFace } from '../src/export/export.js';
import { checkOnnx } from '../src/export/onnx/check.js';
import type { OnnxPrecision } from '../src/export/onnx/graph-builder.js';
import { onnxModel } from '../src/export/onnx/model.js';
import { exportSafetensors, exportTorch } from '../src/export/weights.js';
import { Airbench } from '../src/models/airbench.js';
import { createModel } from '../src/models/index.js';
import { whiteningFilters } from '../src/models/whitening.js';
import { loadRuntime } from '../src/onnx/runtime.js';
import { trainStudent, trainTeacher } from '../src/training/train.js';
import { fromPython, logitsInTimm, skipPython, skipTimm } from './helpers/python-torch.js';
import { assertNear } from './models-golden.js';
import { tinyDataset, tinyRecipe } from './training-tiny.js';

torch.setNumThreads(1);
const folder = mkdtempSync(path.join(os.tmpdir(), 'deit-lt-airbench-'));
after(() => rmSync(folder, { recursive: true }));
const runtime = await loadRuntime();
const version = '0.0.0';

/** A network with weights, gains and statistics that initial ones would not show; some gains are negative. */
function randomised(network: Airbench): Airbench {
  for (const [name, value] of network.stateDict())
    if (value.dtype === 'float32')
      torch.noGrad(() =>
        name.endsWith('running_var')
          ? value.copy_(torch.rand(value.shape).add(0.5))
          : value.add_(torch.randn(value.shape).mul(/norm.\.weight/.test(name) ? 1 : 0.1)),
      );
  return network;
}

/** The network in plain functions, with the names of our state dict. */
const program = `
F = torch.nn.functional
torch.set_default_dtype(torch.float64)
state = {name: torch.tensor(value) for name, value in given["state"].items()}
learned = [name for name in state if name.endswith("conv1.weight") or name.endswith("conv2.weight") or name.endswith("bias") or name == "head.weight"]
for name in learned: state[name].requires_grad_()
def network(x, training):
    x = F.gelu(F.conv2d(x, state["whiten.weight"], state["whiten.bias"]))
    for i in range(3):
        for k in (1, 2):
            x = F.conv2d(x, state[f"layers.{i}.conv{k}.weight"], padding=1)
            if k == 1: x = F.max_pool2d(x, 2)
            n = f"layers.{i}.norm{k}."
            mean, var = (None, None) if training else (state[n + "running_mean"], state[n + "running_var"])
            x = F.gelu(F.batch_norm(x, mean, var, state[n + "weight"], state[n + "bias"], training, eps=1e-12))
    return F.max_pool2d(x, x.shape[2:]).flatten(1) @ state["head.weight"].T / 9
images = torch.tensor(given["images"])
trained = network(images, True)
trained.square().mean().backward()
out = {
    "evaluated": network(images, False).tolist(), "trained": trained.tolist(),
    "gradients": {name: state[name].grad.tolist() for name in learned},
}`;

interface Peer {
  readonly evaluated: number[][];
  readonly trained: number[][];
  readonly gradients: Readonly<Record<string, number[]>>;
}

const double = (values: unknown): torch.Tensor => torch.tensor(values as number[], { dtype: 'float64' });

suite('Airbench', () => {
  for (const size of [
    [32, 32],
    [17, 24],
  ] as const)
    test(`has the logits and gradients of PyTorch for ${size.join(' × ')} pixels`, { skip: skipPython }, () => {
      torch.manualSeed(4);
      const network = randomised(new Airbench({ width: 4, numClasses: 5 })).to('float64');
      const images = torch.randn([3, 3, ...size], { dtype: 'float64' });
      const state = Object.fromEntries([...network.stateDict()].map(([name, value]) => [name, value.toArray()]));
      const { evaluated, trained, gradients } = fromPython<Peer>(program, { state, images: images.toArray() });
      assertNear(network.eval().call(images), double(evaluated), { atol: 1e-9 }, 'evaluation');
      const logits = network.train().call(images);
      assertNear(logits, double(trained), { atol: 1e-9 }, 'training');
      logits.square().mean().backward();
      const parameters = network.namedParameters();
      assert.deepEqual(parameters.map(([name]) => name).sort(), Object.keys(gradients).sort());
      for (const [name, parameter] of parameters)
        assertNear(parameter.grad!, double(gradients[name]), { atol: 1e-9 }, name);
    });

  test('does not learn the whitening and the gains of norms, but its state dict has them', () => {
    const network = new Airbench({ width: 4 });
    const learned = new Set(network.namedParameters().map(([name]) => name));
    const kept = [...network.stateDict().keys()].filter((name) => !learned.has(name));
    assert.ok(kept.includes('whiten.weight') && kept.includes('layers.2.norm2.weight'));
    assert.equal(kept.filter((name) => /weight$/.test(name)).length, 7);
    assert.ok(network.parameters().every(({ requiresGrad }) => requiresGrad));
  });

  test('has the parameters of the published network, 1.97 million with what is fixed', () => {
    const network = createModel('airbench94', { numClasses: 10 });
    assert.equal(network.parameterCount(), 1_971_352);
    const all = [...network.stateDict()].filter(([name]) => /weight$|bias$/.test(name));
    assert.equal(
      all.reduce((sum, [, value]) => sum + value.numel(), 0),
      1_972_792, // 288 weights of the whitening and 1,152 gains are not learned
    );
  });

  test('passes its input on at first: the first filters of a convolution are the identity', () => {
    const { conv1 } = new Airbench({ width: 8 }).layers.at(1);
    const xs = torch.randn([2, 8, 5, 5]);
    assertNear(conv1.call(xs).narrow(1, 0, 8), xs, { atol: 1e-6 });
    assert.ok(conv1.call(xs).narrow(1, 8, 24).std().toNumber() > 0.01);
  });

  test('refuses images that its poolings leave nothing of', () => {
    for (const imageSize of [8, [32, 8]] as const)
      assert.throws(() => createModel('airbench94', { numClasses: 10, imageSize }), {
        code: 'RECIPE',
        message: /at least 9 × 9 pixels; imageSize is (8|32 × 8)\./,
      });
    const smallest = createModel('airbench94', { numClasses: 3, imageSize: 9, width: 4 });
    assert.deepEqual((smallest.eval().call(torch.randn([1, 3, 9, 9])) as torch.Tensor).shape, [1, 3]);
  });

  test('has nearly the same gradients in bfloat16, and the same for images in either memory format', () => {
    torch.manualSeed(3);
    const network = new Airbench({ width: 8 });
    const images = torch.randn([16, 3, 32, 32]);
    const gradient = (bfloat16: boolean, input: torch.Tensor): torch.Tensor => {
      network.zeroGrad();
      const logits = torch.autocast('cpu', { enabled: bfloat16 }, () => network.call(input));
      assert.equal(logits.dtype, 'float32');
      logits.square().mean().backward();
      return network.head.weight.grad!.clone();
    };
    const float32 = gradient(false, images);
    assertNear(gradient(true, images), float32, { relative: 0.05 }, 'bfloat16');
    const last = images.contiguous({ memoryFormat: 'channels_last' });
    assertNear(gradient(false, last), float32, { relative: 1e-5 }, 'channels last');
  });
});

suite('whiteningFilters()', () => {
  /** Smooth images: neighbouring pixels are correlated, as in photographs. */
  const images = torch.nn.functional.interpolate(torch.randn([40, 3, 8, 8]), { size: 16, mode: 'bilinear' });

  test('decorrelates patches, with a variance of 1 where there is some', () => {
    const filters = whiteningFilters(images);
    assert.deepEqual(filters.shape, [24, 3, 2, 2]);
    assertNear(filters.narrow(0, 12, 12), filters.narrow(0, 0, 12).neg(), { atol: 0 });
    const answers = torch.nn.functional
      .conv2d(images, filters.narrow(0, 0, 12))
      .transpose(0, 1)
      .flatten(1);
    const moments = answers.matmul(answers.t()).div(answers.size(1));
    const variances = moments.diagonal();
    assertNear(moments.sub(torch.diag(variances)), torch.zeros([12, 12]), { atol: 1e-3 });
    assert.ok(variances.max().toNumber() < 1.001 && variances.amax().toNumber() > 0.99, `${variances}`);
  });

  test('are those of PyTorch but for the order of signs', { skip: skipPython }, () => {
    const theirs = fromPython<number[]>(
      `images = torch.tensor(given).double()
patches = images.unfold(2, 2, 1).unfold(3, 2, 1).permute(0, 2, 3, 1, 4, 5).reshape(-1, 12)
values, vectors = torch.linalg.eigh(patches.T @ patches / len(patches))
out = (vectors / (values + 5e-4).sqrt()).T.abs().tolist()`,
      images.toArray(),
    );
    assertNear(whiteningFilters(images).narrow(0, 0, 12).flatten(1).abs(), torch.tensor(theirs), { relative: 1e-4 });
  });
});

suite('a teacher airbench94', () => {
  const settings = ['precision=float32', 'device=cpu'];
  const dataset = tinyDataset();
  const recipe = tinyRecipe(
    'teacher.model={ replace: true, name: airbench94, width: 8 }',
    'teacher.loss=balanced-softmax',
    'teacher.drw.epoch=null',
    'teacher.sam.rho=0',
    'teacher.optimizer={ name: muon, lr: 0.1, weightDecay: 0, unitRows: true, momentum: 0.6, rest: sgd, vectorRatio: 2, classifierRatio: 20 }',
    'student.epochs=1',
  );
  const run = path.join(folder, 'teacher');
  const images = torch.randn([2, 3, 16, 16]);

  before(async () => {
    await trainTeacher({ dataset, recipe, folder: run });
  });

  test('has whitened filters of the training images, and learns from the first epoch', async () => {
    using classifier = await openClassifier(run, { settings });
    const network = classifier.model as Airbench;
    const filters = network.whiten.weight.flatten(1);
    const [first, second] = [filters.narrow(0, 0, 12), filters.narrow(0, 12, 12)];
    assertNear(second, first.neg(), { atol: 0 });
    const products = first.matmul(first.t());
    const scale = products.diagonal().sqrt();
    assertNear(products.div(scale).div(scale.unsqueeze(1)), torch.eye(12), { atol: 1e-4 });
    const losses = readFileSync(path.join(run, 'metrics.jsonl'), 'utf8')
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as { loss: number }).loss);
    assert.ok(losses.at(-1)! < losses[0]!, `${losses}`);
  });

  test('teaches a student', async () => {
    const { folder: student } = await trainStudent({
      dataset,
      recipe,
      teacher: run,
      folder: path.join(folder, 'student'),
    });
    using classifier = await openClassifier(student, { settings });
    assert.equal(classifier.kind, 'student');
  });

  test('gives the same logits from each file', async () => {
    using classifier = await openClassifier(run, { settings });
    const wanted = classifier.logits(images).avg;
    for (const [name, write] of [
      ['ours.safetensors', exportSafetensors],
      ['ours.pth', exportTorch],
    ] as const) {
      write(path.join(folder, name), classifier);
      using again = await openClassifier(path.join(folder, name), { settings });
      assert.ok(again.model instanceof Airbench);
      assertNear(again.logits(images).avg, wanted, { atol: 1e-6 }, name);
    }
  });

  test('as an ONNX model gives the same logits', {
    skip: runtime === undefined && 'no onnxruntime-node here',
  }, async () => {
    using classifier = await openClassifier(run, { settings });
    const allow = async (allowed: Readonly<Record<OnnxPrecision, number>>): Promise<void> => {
      for (const precision of ['fp32', 'fp16', 'int8'] as const) {
        const bytes = onnxModel(classifier, { precision, version });
        const { difference } = await checkOnnx(runtime!, bytes, classifier, precision);
        assert.ok(difference <= allowed[precision], `${precision}: ${difference}`);
      }
    };
    await allow({ fp32: 1e-4, fp16: 2e-2, int8: 0.15 });
    randomised(classifier.model as Airbench); // gains of both signs
    await allow({ fp32: 1e-4, fp16: 2e-2, int8: 0.5 });
  });

  test('is read by timm with the code in its Hugging Face folder', { skip: skipTimm }, async () => {
    using classifier = await openClassifier(run, { settings });
    const hub = path.join(folder, 'hub');
    await exportHuggingFace(hub, classifier, { version });
    assert.ok(readdirSync(hub).includes('deit_lt_airbench94.py'));
    assert.match(
      readFileSync(path.join(hub, 'README.md'), 'utf8'),
      /timm does not have this network.*`import deit_lt_airbench94`/,
    );
    const theirs = logitsInTimm(hub, 'deit_lt_airbench94', images.toArray());
    assertNear(classifier.logits(images).avg.flatten(), torch.tensor(theirs), { atol: 1e-4 });
  });
});
